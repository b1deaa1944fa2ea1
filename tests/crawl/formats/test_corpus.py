"""Every file of the corpus, by itself and all at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from glulam.crawl.classify import Classifiers, LookOptions, look, look_many
from glulam.crawl.findings import FileFinding
from tests.crawl.formats import binary_cases, json_cases, log_cases, text_cases
from tests.crawl.formats.case import Case, check, local_file

CASES = [*json_cases.CASES, *text_cases.CASES, *log_cases.CASES, *binary_cases.CASES]


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_a_file_says_what_a_careful_person_would(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(case.content)
    check(case, look(local_file(path), Classifiers(), LookOptions()))


def test_all_at_once_is_the_same_as_one_by_one(tmp_path: Path) -> None:
    by_name = {}
    for number, case in enumerate(CASES):
        path = tmp_path / f"{number:03}"
        path.write_bytes(case.content)
        by_name[path.name] = case
    files = [local_file(path) for path in sorted(tmp_path.iterdir())]
    found = {f.uri.key: f for f in look_many(files, Classifiers(), LookOptions(), threads=2)}
    assert found.keys() == by_name.keys()
    for name, case in by_name.items():
        check(case, found[name])


def test_a_sample_reads_no_more_records(tmp_path: Path) -> None:
    for number, case in enumerate(case for case in CASES if case.classification):
        path = tmp_path / str(number)
        path.write_bytes(case.content)
        found = look(local_file(path), Classifiers(), LookOptions(sample_records=1))
        if isinstance(found, FileFinding) and found.classification not in ("parquet", "orc", "avro"):
            assert found.records <= 1, case.name
            assert found.complete == (case.records <= 1) or not case.certain, case.name


def test_a_case_can_fail(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(b'{"a":1}')
    wrong = Case(name="wrong", content=b"", classification="json", columns={"a": "string"}, records=1)
    with pytest.raises(AssertionError):
        check(wrong, look(local_file(path), Classifiers(), LookOptions()))
