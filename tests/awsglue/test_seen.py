"""Looking at many values at once says what looking at each one says."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from awsglue.seen import Seen, kind_of, look, look_at_all
from awsglue.sources.json_glance import glance

NUMBERS = st.sampled_from(
    [0, -(2**31), 2**31 - 1, 2**31, -(2**63), 2**63, 10**38, 0.5, 9.2e18, -9.3e18, 1e300]
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.integers() | st.floats(allow_nan=False) | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)


@given(st.lists(st.dictionaries(st.sampled_from("abcd"), VALUES, max_size=4), max_size=8))
@example([{"a": 1}, {"a": 2**40}, {"a": 0.5}])
@example([{"a": None}, {"b": []}, {"a": {}}, {"b": [1, "x"]}])
def test_columns_say_what_values_say(records: list[dict[str, Any]]) -> None:
    one: Seen = {"struct": {}}
    for record in records:
        look(record, one)
    many: Seen = {"struct": {}}
    look_at_all(records, many)
    assert kind_of(many) == kind_of(one)
    assert _huge(many) == _huge(one)
    assert list(many["struct"]) == list(one["struct"]), "fields in the order in which they came"


def _huge(seen: Seen) -> Any:
    """Where floats stand that may be integers."""
    inside = {name: _huge(below) for name, below in seen.get("struct", {}).items()}
    return "huge" in seen, inside, _huge(seen["array"]) if "array" in seen else None


@given(st.lists(st.dictionaries(st.sampled_from("abcd"), VALUES, max_size=4), min_size=1, max_size=8))
@example([{"a": 1}, {"a": 2}, {"b": [1, 2], "c": {"a": True}}])
@example([{"a": 1.0}, {"a": 2.5}])
@example([{"a": 1}, {"a": 2.5}])
def test_a_glance_says_the_same_or_nothing(records: list[dict[str, Any]]) -> None:
    texts = [json.dumps(record) for record in records]
    glanced: Seen = {"struct": {}}
    if glance(pa.array(texts, pa.string()), glanced):
        one: Seen = {"struct": {}}
        for text in texts:
            look(orjson.loads(text), one)
        assert kind_of(glanced) == kind_of(one)
        assert _huge(glanced) == _huge(one)
    else:
        assert glanced == {"struct": {}}


TELLS = [
    [
        '{"id": 1, "x": 1.0, "tags": ["a"], "at": {"lat": 2.5}, "on": true, "no": null, "day": "2024-01-01"}',
        '{"id": 2}',
    ],
    ['{"x": 1e5, "b": 4000000000}', '{"x": 2.0}'],
    ["{}", '{"a": []}', '{"a": [{}]}'],
]
CANNOT_TELL = [
    ['{"a": 1}{"a": 2}', '{"a": 3}'], ['{"a": 1}{"a":', "2}"], ["[1]"], ['{"a": 1}', "oops"], ['{"a": NaN}'], ['{"a": 1'],
    ['{"a": 1}', '{"a": "x"}'], ['{"a": 1}', '{"a": 2.5}'], ['{"a": [1, 2.5]}'], ['{"a": 1, "a": 2}'], ["{'a': 1}"],
    ['{"a": 1} x'], ['{"a": 12345678901234567890}'], ['{"\\u0061": 1}', '{"a": 2.0}'], ['{"a": 1e999}'], ["{} {}", "{}"],
    ['{"a": "x\n{}"}'],
]  # fmt: skip


@pytest.mark.parametrize("texts", TELLS)
def test_a_glance_is_enough(texts: list[str]) -> None:
    glanced: Seen = {"struct": {}}
    assert glance(pa.array(texts), glanced)
    one: Seen = {"struct": {}}
    for text in texts:
        look(orjson.loads(text), one)
    assert kind_of(glanced) == kind_of(one)
    assert list(glanced["struct"]) == list(one["struct"])


@pytest.mark.parametrize("texts", CANNOT_TELL)
def test_a_glance_does_not_guess(texts: list[str]) -> None:
    glanced: Seen = {"struct": {}}
    assert not glance(pa.array(texts), glanced)
    assert glanced == {"struct": {}}
