"""Event patterns: each operator where it matches, where it does not, and where it is no pattern at all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glulam.events.prefixes import watched
from glulam.model.errors import InvalidEventPattern
from glulam.model.event_patterns import parse_pattern
from glulam.model.uri import S3Uri
from sqsserver import bridge_event

EVENT = bridge_event("raw", "in/2024/a b.JSON", size=2048, etag="e1") | {
    "detail": {
        "bucket": {"name": "raw"}, "object": {"key": "in/2024/a b.JSON", "size": 2048}, "source-ip-address": "10.0.0.5",
        "tags": ["red", "blue"], "none": None, "empty": "", "yes": True, "price": 1.5, "nested": {},
        "lines": [{"sku": "a", "n": 1}, {"sku": "b", "n": 2}],
    }
}  # fmt: skip


def _matches(pattern: Any) -> bool:
    return parse_pattern(json.dumps(pattern)).matches(EVENT)


@pytest.mark.parametrize(
    "leaf",
    [
        ("object", "key", ["x", "in/2024/a b.JSON"]), ("object", "key", [{"prefix": "in/"}]),
        ("object", "key", [{"suffix": ".JSON"}]),
        ("object", "key", [{"suffix": {"equals-ignore-case": ".json"}}]),
        ("object", "key", [{"prefix": {"equals-ignore-case": "IN/"}}]),
        ("object", "key", [{"anything-but": "x"}]), ("object", "key", [{"anything-but": ["x", "y"]}]),
        ("object", "key", [{"anything-but": {"prefix": "out/"}}]),
        ("object", "key", [{"anything-but": {"suffix": [".csv", ".xml"]}}]),
        ("object", "key", [{"anything-but": {"wildcard": "*/lib/*"}}]), ("object", "key", [{"wildcard": "in/*/*.JSON"}]),
        ("object", "key", [{"wildcard": "*"}]), ("object", "key", [{"equals-ignore-case": "IN/2024/A B.json"}]),
        ("object", "key", [{"exists": True}]), ("object", "missing", [{"exists": False}]), ("object", "size", [2048]),
        ("object", "missing", ["x", {"exists": False}]), ("object", "size", [{"numeric": [">", 0, "<=", 2048]}]),
        ("object", "size", [{"numeric": ["=", 2048]}]), ("object", "size", [{"anything-but": [1, 2]}]), ("price", [1.5]),
        ("source-ip-address", [{"cidr": "10.0.0.0/24"}]), ("tags", ["blue"]), ("tags", [{"prefix": "r"}]), ("none", [None]),
        ("empty", [""]), ("yes", [True]), ("lines", "sku", ["b"]), ("nobody", "inside", [{"exists": False}]),
    ],
)  # fmt: skip
def test_matches(leaf: tuple[Any, ...]) -> None:
    assert _matches({"detail": _nested(leaf)})


@pytest.mark.parametrize(
    "leaf",
    [
        ("object", "key", ["x"]), ("object", "key", [{"prefix": "out/"}]), ("object", "key", [{"suffix": ".json"}]),
        ("object", "key", [{"anything-but": "in/2024/a b.JSON"}]), ("object", "key", [{"anything-but": {"prefix": "in/"}}]),
        ("object", "key", [{"anything-but": {"equals-ignore-case": ["in/2024/A B.json"]}}]),
        ("object", "key", [{"wildcard": "in/*.csv"}]),
        ("object", "key", [{"wildcard": "in/\\*"}]), ("object", "key", [{"exists": False}]),
        ("object", "missing", [{"exists": True}]),
        ("object", "missing", [{"anything-but": "x"}]), ("object", "size", ["2048"]), ("object", "size", [2048.0]),
        ("object", "size", [{"numeric": [">", 2048]}]), ("object", "key", [{"numeric": [">", 0]}]), ("yes", [1]),
        ("yes", ["true"]),
        ("source-ip-address", [{"cidr": "10.0.1.0/24"}]), ("object", "key", [{"cidr": "10.0.1.0/24"}]), ("tags", ["green"]),
        ("none", [""]), ("none", [{"prefix": "x"}]), ("lines", "sku", ["c"]), ("object", [{"exists": True}]),
        ("yes", [{"numeric": ["=", 1]}]),
    ],
)  # fmt: skip
def test_does_not_match(leaf: tuple[Any, ...]) -> None:
    assert not _matches({"detail": _nested(leaf)})


def _nested(leaf: tuple[Any, ...]) -> Any:
    return leaf[0] if len(leaf) == 1 else {leaf[0]: _nested(leaf[1:])}


def test_all_members_and_one_of_or() -> None:
    small, right = {"object": {"size": [{"numeric": ["<", 10]}]}}, {"bucket": {"name": ["raw"]}}
    assert _matches({"source": ["aws.s3"], "detail": right})
    assert not _matches({"source": ["aws.ec2"], "detail": right})
    assert _matches({"detail": {"$or": [small, right]}})
    assert not _matches({"detail": {"$or": [small, {"bucket": {"name": ["x"]}}]}})
    assert not _matches({"detail": {"$or": [small, right], "price": [2]}})
    assert _matches({"$or": [{"source": ["x"]}, {"source": ["aws.s3"], "detail": right}]})
    assert not _matches({"detail": {"lines": {"sku": ["a"], "n": [2]}}})  # of one element


@pytest.mark.parametrize(
    "text",
    [
        '{"a": ' * 500 + "[1]" + "}" * 500, '{"$or": [' * 300 + '{"a": [1]}' + "]}" * 300, "[" * 4000,
        "", "[]", "{}", "x", '{"source": "aws.s3"}', '{"source": []}', '{"detail": {}}', '{"a": [["b"]]}',
        '{"a": [{"like": "x"}]}',
        '{"a": [{"prefix": "x", "suffix": "y"}]}', '{"a": [{"prefix": 1}]}', '{"a": [{"prefix": ""}]}',
        '{"a": [{"numeric": [">"]}]}',
        '{"a": [{"numeric": ["~", 1]}]}',
        '{"a": [{"numeric": ["<", 5, ">", 1]}]}', '{"a": [{"numeric": [">", 5, "<", 1]}]}',
        '{"a": [{"numeric": [">", "1"]}]}', '{"a": [{"exists": 1}]}',
        '{"a": [{"wildcard": "a**b"}]}',
        '{"a": [{"wildcard": "a\\\\b"}]}', '{"a": [{"cidr": "x"}]}', '{"a": [{"anything-but": []}]}',
        '{"a": [{"anything-but": {"cidr": "x"}}]}',
        '{"a": [{"anything-but": [{"prefix": "x"}]}]}', '{"$or": []}', '{"$or": [1]}', '{"a": ["' + "x" * 4096 + '"]}',
        '{"a": 1}',
        json.dumps({"detail": {"a": {"$or": [{"x": [n]} for n in range(40)]}, "b": {"$or": [{"x": [n]} for n in range(40)]}}}),
    ],
)  # fmt: skip
def test_no_patterns(text: str) -> None:
    with pytest.raises(InvalidEventPattern, match=r"^Event pattern is not valid. Reason: "):
        parse_pattern(text)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3), max_leaves=8,
)  # fmt: skip


@given(values)
def test_whatever_an_event_holds_is_matched_or_not(value: Any) -> None:
    pattern = parse_pattern(
        '{"a": {"b": [1, "x", {"prefix": "p"}, {"numeric": [">", 1]}, {"anything-but": "q"}, {"cidr": "::/0"}]}}'
    )
    for event in ({"a": value}, {"a": {"b": value}}):
        assert pattern.matches(event) in (True, False)


@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        ({"bucket": {"name": ["raw"]}}, ["raw/"]),
        ({"bucket": {"name": ["raw", "b2"]}, "object": {"key": [{"prefix": "in/"}]}}, ["b2/in/", "raw/in/"]),
        ({"bucket": {"name": ["raw"]}, "object": {"key": [{"prefix": "in/"}, {"prefix": "in/a/"}, "x/y.json"]}},
         ["raw/in/", "raw/x/y.json"]),
        ({"bucket": {"name": ["raw"]}, "object": {"key": [{"wildcard": "in/*/a.json"}]}}, ["raw/in/"]),
        ({"bucket": {"name": ["raw"]}, "object": {"key": [{"suffix": ".json"}]}}, ["raw/"]),
        ({"$or": [{"bucket": {"name": ["a"]}, "object": {"key": [{"prefix": "p"}]}}, {"bucket": {"name": ["b"]}}]},
         ["a/p", "b/"]),
        ({"bucket": {"name": [{"prefix": "r"}]}}, []),
        ({"object": {"key": [{"prefix": "in/"}]}}, []),
    ],
)  # fmt: skip
def test_what_has_to_be_watched(detail: dict[str, Any], expected: list[str]) -> None:
    pattern = parse_pattern(json.dumps({"source": ["aws.s3"], "detail": detail}))
    assert watched([pattern]) == [S3Uri(*place.split("/", 1)) for place in expected]


@pytest.mark.parametrize("more", [{"source": ["aws.glue"]}, {"detail-type": ["Glue Job State Change"]}])
def test_rules_of_other_events_watch_nothing(more: dict[str, Any]) -> None:
    assert watched([parse_pattern(json.dumps({"detail": {"bucket": {"name": ["raw"]}}, **more}))]) == []
