"""The reader against every hostile file, and the invariants that hold for all of them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from corpus.build import CASES, write
from corpus.case import RAW_KEPT, Case
from glulam.model.errors import UnreadableFile
from glulam.records.reader import read_all
from glulam.records.strict import BigInteger
from glulam.records.values import ReadLimits, Reject

INT64 = range(-(2**63), 2**63)


def same(found: object, expected: object) -> bool:
    """Equal in value and in type: 1 is not 1.0, and -0.0 is not 0.0."""
    if isinstance(found, BigInteger):
        return isinstance(expected, int) and expected not in INT64 and found.text == str(expected)
    if isinstance(found, float) and isinstance(expected, float):
        return repr(float(found)) == repr(expected)
    if type(found) is not type(expected):
        return False
    if isinstance(found, dict) and isinstance(expected, dict):
        return list(found) == list(expected) and all(same(found[key], expected[key]) for key in expected)
    if isinstance(found, list) and isinstance(expected, list):
        return len(found) == len(expected) and all(map(same, found, expected))
    return found == expected


def read(case: Case, folder: Path) -> tuple[list[tuple[int, dict[str, Any]]], list[Reject]]:
    return read_all(write(case, folder), ReadLimits(**asdict(case.limits)))


@pytest.mark.parametrize("case", [c for c in CASES if c.unreadable], ids=lambda c: c.name)
def test_unreadable_files_fail(case: Case, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile):
        read(case, tmp_path)


@pytest.mark.parametrize("case", [c for c in CASES if not c.unreadable], ids=lambda c: c.name)
def test_records_and_rejects(case: Case, tmp_path: Path) -> None:
    records, rejects = read(case, tmp_path)
    _check_rejects(case, rejects)
    if isinstance(case.records, int):
        assert len(records) == case.records
    else:
        assert len(records) == len(case.records), [value for _, value in records[:5]]
        for (_, found), expected in zip(records, case.records, strict=True):
            assert same(found, expected), f"found {found!r}, expected {expected!r}"
    everyone = [no for no, _ in records] + [reject.record_no for reject in rejects]
    assert sorted(everyone) == list(range(1, len(everyone) + 1)), "each number once, none left out"
    assert [no for no, _ in records] == sorted(no for no, _ in records)


def _check_rejects(case: Case, rejects: list[Reject]) -> None:
    found = [(r.record_no, r.code, r.line, r.offset, r.length, r.detail) for r in rejects]
    assert len(rejects) == len(case.rejects), found
    text = case.text() if case.text is not None else None
    for reject, expected in zip(sorted(rejects, key=lambda r: r.record_no), case.rejects, strict=True):
        assert reject.record_no == expected.no, found
        assert reject.code in expected.codes, found
        assert expected.line in (None, reject.line), found
        assert expected.offset in (None, reject.offset), found
        assert expected.length in (None, reject.length), found
        assert reject.detail, "a reject says why"
        if text is not None:
            whole = text[reject.offset : reject.offset + reject.length]
            assert len(whole) == reject.length, "the reject lies within the file"
            assert reject.raw == (whole[:RAW_KEPT] if reject.code == "TOO_LARGE" else whole)
