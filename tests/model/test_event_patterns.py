"""What EventBridge's documentation says of patterns, as cases: pattern, event, whether it matches."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glulam.model.errors import InvalidInput
from glulam.model.event_patterns import check, matches

EVENT: dict[str, Any] = {
    "source": "aws.glue",
    "detail-type": "Glue Job State Change",
    "resources": ["arn:a", "arn:b"],
    "detail": {
        "jobName": "Orders", "state": "FAILED", "attempt": 2, "share": 0.5, "late": True, "none": None, "ip": "10.0.0.33",
        "empty": [], "path": "raw/a*b/x.json", "files": [{"name": "a", "size": 1}, {"name": "b", "size": 20_000_000_000}],
        "deep": {"er": {"value": "x"}},
    },
}  # fmt: skip


def detail(**fields: Any) -> dict[str, Any]:
    return {"detail": fields}


CASES: list[tuple[dict[str, Any], bool]] = [
    ({"source": ["aws.glue"]}, True),
    ({"source": ["glulam", "aws.glue"], "detail-type": ["Glue Job State Change"]}, True),
    ({"source": ["aws.glue"], "detail-type": ["another"]}, False),
    ({"resources": ["arn:b"]}, True),
    ({"resources": ["arn:c"]}, False),
    (detail(state=["STOPPED"]), False),
    (detail(attempt=[2]), True),
    (detail(attempt=[2.0]), True),
    (detail(attempt=["2"]), False),
    (detail(late=[True]), True),
    (detail(late=[1]), False),
    (detail(attempt=[True]), False),
    (detail(none=[None]), True),
    (detail(missing=[None]), False),
    (detail(deep={"er": {"value": ["x"]}}), True),
    (detail(deep={"er": {"value": ["y"]}}), False),
    (detail(state={"inner": ["x"]}), False),
    (detail(state={"inner": [{"exists": False}]}), True),
    (detail(state=[{"prefix": "FA"}]), True),
    (detail(state=[{"prefix": "fa"}]), False),
    (detail(state=[{"prefix": {"equals-ignore-case": "fa"}}]), True),
    (detail(state=[{"suffix": "LED"}]), True),
    (detail(state=[{"suffix": {"equals-ignore-case": "led"}}]), True),
    (detail(attempt=[{"prefix": "2"}]), False),
    (detail(state=[{"equals-ignore-case": "failed"}]), True),
    (detail(state=[{"anything-but": "FAILED"}]), False),
    (detail(state=[{"anything-but": ["A", "B"]}]), True),
    (detail(attempt=[{"anything-but": [1, 3]}]), True),
    (detail(attempt=[{"anything-but": 2}]), False),
    (detail(attempt=[{"anything-but": "2"}]), True),
    (detail(missing=[{"anything-but": "x"}]), False),
    (detail(state=[{"anything-but": {"prefix": "F"}}]), False),
    (detail(state=[{"anything-but": {"prefix": ["X", "F"]}}]), False),
    (detail(state=[{"anything-but": {"suffix": "X"}}]), True),
    (detail(state=[{"anything-but": {"equals-ignore-case": ["failed"]}}]), False),
    (detail(state=[{"anything-but": {"wildcard": "F*D"}}]), False),
    (detail(share=[{"numeric": [">", 0.4]}]), True),
    (detail(share=[{"numeric": [">", 0, "<=", 0.5]}]), True),
    (detail(share=[{"numeric": ["<", 0.5]}]), False),
    (detail(state=[{"numeric": [">", 0]}]), False),
    (detail(late=[{"numeric": [">", 0]}]), False),
    (detail(attempt=[{"numeric": ["=", 2]}]), True),
    (detail(state=[{"exists": True}]), True),
    (detail(missing=[{"exists": True}]), False),
    (detail(missing=[{"exists": False}]), True),
    (detail(deep=[{"exists": True}]), False),
    (detail(deep=[{"exists": False}]), True),
    (detail(empty=[{"exists": False}]), True),
    (detail(state=[{"exists": False}, "FAILED"]), True),
    (detail(path=[{"wildcard": "raw/*.json"}]), True),
    (detail(path=[{"wildcard": "*"}]), True),
    (detail(path=[{"wildcard": "raw/a\\*b/*"}]), True),
    (detail(path=[{"wildcard": "raw/a\\*c/*"}]), False),
    (detail(path=[{"wildcard": "raw/*/x.json*json"}]), False),
    (detail(ip=[{"cidr": "10.0.0.0/24"}]), True),
    (detail(ip=[{"cidr": "10.0.1.0/24"}]), False),
    (detail(state=[{"cidr": "10.0.0.0/24"}]), False),
    (detail(files={"name": ["b"], "size": [{"numeric": [">", 10_000_000_000]}]}), True),
    (detail(files={"name": ["a"], "size": [{"numeric": [">", 10]}]}), False),
    ({"$or": [{"source": ["x"]}, {"detail": {"state": ["FAILED"]}}]}, True),
    ({"$or": [{"source": ["x"]}, {"detail": {"state": ["STOPPED"]}}]}, False),
    ({"source": ["x"], "$or": [{"source": ["aws.glue"]}, {"source": ["y"]}]}, False),
    (detail(**{"$or": [{"state": ["X"]}, {"attempt": [{"numeric": [">=", 2]}]}]}), True),
]


@pytest.mark.parametrize(("pattern", "expected"), CASES)
def test_matches(pattern: dict[str, Any], expected: bool) -> None:
    check(pattern)
    assert matches(pattern, EVENT) is expected


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ([], "expected an object"),
        ({}, "empty objects"),
        ({"detail": {}}, "event pattern, detail: empty objects"),
        ({"source": "aws.glue"}, "source: expected a list of values or an object"),
        ({"source": []}, "empty lists"),
        ({"source": [["a"]]}, "expected strings, numbers"),
        ({"detail": {"a": [{"like": "x"}]}}, "detail.a: 'like' is no matcher"),
        ({"a": [{"prefix": "x", "suffix": "y"}]}, "one key"),
        ({"a": [{}]}, "one key in a matcher, found none"),
        ({"a": [{"prefix": 1}]}, "expected a string"),
        ({"a": [{"prefix": {"suffix": "x"}}]}, "prefix: expected a string or equals-ignore-case"),
        ({"a": [{"exists": "yes"}]}, "true or false"),
        ({"a": [{"numeric": [">"]}]}, "numeric: expected"),
        ({"a": [{"numeric": [">", "1"]}]}, "numeric: expected"),
        ({"a": [{"numeric": ["<", 5, ">", 1]}]}, "lower limit first"),
        ({"a": [{"numeric": [">", 5, "<", 1]}]}, "lower limit first"),
        ({"a": [{"numeric": [[], 5]}]}, "numeric: expected"),
        ({"a": [{"anything-but": ["x", 1]}]}, "strings only or numbers only"),
        ({"a": [{"anything-but": []}]}, "anything-but: expected"),
        ({"a": [{"anything-but": {"numeric": [">", 1]}}]}, "cannot be excluded"),
        ({"a": [{"wildcard": "a**b"}]}, "two \\* in a row"),
        ({"a": [{"wildcard": "a\\b"}]}, "backslash"),
        ({"a": [{"cidr": "10.0.0.0/99"}]}, "cidr"),
        ({"$or": [{"a": ["x"]}]}, "at least two"),
        ({"$or": {"a": ["x"]}}, "at least two"),
        ({"$or": [{"a": ["x"]}, {"b": "y"}]}, r"\$or\[1\].b"),
    ],
)
def test_what_is_no_pattern_is_refused_by_name(pattern: object, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        check(pattern)


@given(
    st.lists(st.sampled_from(["a", "b", "ab", "\\*", "\\\\", "*"]), max_size=8), st.text("ab*\\", max_size=10)
)
def test_wildcards_match_as_a_regular_expression_does(pieces: list[str], value: str) -> None:
    kept = [p for i, p in enumerate(pieces) if not (p == "*" and i and pieces[i - 1] == "*")]
    expression = "".join(".*" if p == "*" else re.escape(p[1:] if p[0] == "\\" else p) for p in kept)
    pattern = {"a": [{"wildcard": "".join(kept)}]}
    check(pattern)
    assert matches(pattern, {"a": value}) is bool(re.fullmatch(expression, value, re.DOTALL))
