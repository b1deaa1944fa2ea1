"""The corpus is sound in itself: enough cases, each named once, its own expectations within its own bytes."""

from __future__ import annotations

import json

import pytest

from corpus.build import CASES, expected_count
from corpus.case import Case

CODES = {"MALFORMED", "NOT_UTF8", "NOT_AN_OBJECT", "DUPLICATE_KEY", "TOO_DEEP", "TOO_LARGE", "NUMBER_RANGE"}


def test_at_least_two_hundred_and_every_code() -> None:
    assert len(CASES) >= 220
    assert {code for case in CASES for r in case.rejects for code in r.codes} == CODES | {"TRUNCATED_STREAM"}
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_expectations_fit_the_bytes(case: Case) -> None:
    numbers = [reject.no for reject in case.rejects]
    assert numbers == sorted(set(numbers))
    assert all(1 <= no <= expected_count(case) + len(numbers) for no in numbers)
    if case.text is not None:
        text = case.text()
        for reject in case.rejects:
            assert reject.offset is None or 0 <= reject.offset < len(text)


@pytest.mark.parametrize("case", [c for c in CASES if c.name.startswith("not JSON")], ids=lambda c: c.name)
def test_what_is_called_not_json_is_refused_by_a_strict_parser(case: Case) -> None:
    line = case.content().split(b"\n")[1]
    with pytest.raises(ValueError):
        json.loads(line.decode("utf-8"))


@pytest.mark.parametrize("case", [c for c in CASES if c.name.startswith("good: ")], ids=lambda c: c.name)
def test_what_is_called_good_is_what_a_strict_parser_gives(case: Case) -> None:
    assert isinstance(case.records, list)
    assert json.loads(case.content().split(b"\n")[1]) == case.records[1]
