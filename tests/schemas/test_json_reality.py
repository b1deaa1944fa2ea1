"""Whenever the verdict is "compatible", what a validator accepts under the old schema it accepts under the new one."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator, Draft7Validator

from glulam.schemas.formats import canonical, conflict

NAMES = ("a", "b", "xa")
TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
SCALARS = st.sampled_from([None, True, False, 0, 1, 2, 3, 1.0, 1.5, -1, "", "a", "ab", "xab"])
QUIET = list(HealthCheck)

values = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=6,
)
small = st.integers(0, 3)


def _keywords(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    some = st.lists(inner, min_size=1, max_size=2)
    members = st.dictionaries(st.sampled_from(NAMES), inner, max_size=2)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(TYPES) | st.lists(st.sampled_from(TYPES), min_size=1, max_size=3, unique=True),
            "enum": st.lists(SCALARS, min_size=1, max_size=3),
            "minimum": small, "maximum": small, "multipleOf": st.sampled_from([1, 2, 3]),
            "minLength": small, "maxLength": small, "pattern": st.sampled_from(["^a", "x"]),
            "items": inner | some, "additionalItems": inner | st.booleans(),
            "minItems": small, "maxItems": small, "uniqueItems": st.booleans(),
            "properties": members, "additionalProperties": inner | st.booleans(),
            "patternProperties": st.dictionaries(st.sampled_from(["^x", "a"]), inner, max_size=1),
            "required": st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True),
            "minProperties": small, "maxProperties": small,
            "dependencies": st.dictionaries(
                st.sampled_from(NAMES), inner | st.lists(st.sampled_from(NAMES), min_size=1, unique=True), max_size=1
            ),
            "allOf": some, "anyOf": some, "oneOf": some, "not": inner,
        },
    )  # fmt: skip


def _with_newer(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    newer = st.fixed_dictionaries(
        {},
        optional={
            "const": SCALARS, "contains": inner, "propertyNames": st.sampled_from([{"maxLength": 1}, {"enum": ["a"]}]),
            "exclusiveMinimum": small, "exclusiveMaximum": small, "if": inner, "then": inner, "else": inner,
        },
    )  # fmt: skip
    return st.builds(lambda a, b: {**a, **b}, _keywords(inner), newer)


REFERENCES = st.sampled_from([{"$ref": "#/definitions/d"}, {"$ref": "#"}])


def schemas(keywords: Any = _with_newer, booleans: bool = True) -> st.SearchStrategy[Any]:
    """A few keywords, most often one or two: schemas with many have no instances."""
    leaves = st.booleans() | keywords(st.just({})) if booleans else keywords(st.just({}))
    trees = st.recursive(leaves.map(_few) | leaves.map(_few) | REFERENCES, lambda inner: keywords(inner).map(_few), max_leaves=4)
    return st.builds(
        lambda d, root: {"definitions": {"d": d}, **root},
        trees.filter(lambda d: not isinstance(d, dict) or "$ref" not in d),
        trees.filter(lambda t: isinstance(t, dict) and "$ref" not in t),
    )


def _few(schema: Any) -> Any:
    return dict(list(schema.items())[-3:]) if isinstance(schema, dict) else schema


@st.composite
def varied(draw: Any, schema: Any) -> Any:
    """The schema with keywords dropped, numbers moved and names added here and there."""
    if not isinstance(schema, dict):
        return draw(st.sampled_from([schema, schema, {}])) if isinstance(schema, bool) else schema
    changed: dict[str, Any] = {}
    for key, value in schema.items():
        change = draw(st.sampled_from(["keep", "keep", "vary", "vary", "drop"]))
        if change == "drop" and key not in ("definitions", "$ref"):
            continue
        if change == "vary":
            value = draw(_varied_value(key, value))
        changed[key] = value
    if draw(st.integers(0, 4)) == 0:
        changed = {"anyOf": [changed, {"type": "null"}], "definitions": changed.pop("definitions", {})}
    return changed


@st.composite
def _varied_value(draw: Any, key: str, value: Any) -> Any:
    if isinstance(value, bool) and key != "uniqueItems":
        return draw(varied(value))
    if key in ("properties", "patternProperties", "definitions"):
        return {name: draw(varied(inner)) for name, inner in value.items()}
    if key in ("allOf", "anyOf", "oneOf"):
        return [draw(varied(inner)) for inner in value]
    if key == "type":
        return list(dict.fromkeys([*([value] if isinstance(value, str) else value), draw(st.sampled_from(TYPES))]))
    if key == "enum":
        return [*value, draw(SCALARS)]
    if key != "const" and isinstance(value, int) and not isinstance(value, bool):
        return max(value + draw(st.integers(-1, 1)), 1)
    return draw(varied(value)) if isinstance(value, dict) and key != "dependencies" else value


def is_compatible(old: Any, new: Any) -> bool:
    old_form, new_form = (canonical("JSON", json.dumps(schema)) for schema in (old, new))
    return conflict("JSON", "BACKWARD", new_form, [(1, old_form)]) is None


def accepts(validator: Any, schema: Any, value: Any) -> bool | None:
    """None where the validator does not come to an end (a schema that refers to itself without going inside)."""
    try:
        return bool(validator(schema).is_valid(value))
    except RecursionError:
        return None


@st.composite
def evolutions(draw: Any) -> tuple[Any, Any]:
    old = draw(schemas())
    return old, draw(varied(old) | schemas())


@settings(max_examples=600, deadline=None, suppress_health_check=QUIET)
@given(evolutions(), st.lists(values, min_size=20, max_size=20))
def test_what_was_accepted_is_accepted(evolution: tuple[Any, Any], instances: list[Any]) -> None:
    old, new = evolution
    if not is_compatible(old, new):
        return
    for instance in instances:
        if accepts(Draft7Validator, old, instance):
            assert accepts(Draft7Validator, new, instance) is not False, instance


@settings(max_examples=200, deadline=None, suppress_health_check=QUIET)
@given(schemas(_keywords, booleans=False), st.data(), st.lists(values, min_size=20, max_size=20))
def test_from_draft_4_to_draft_7(old: Any, source: st.DataObject, instances: list[Any]) -> None:
    new = source.draw(varied(old))
    old = {"$schema": "http://json-schema.org/draft-04/schema#", **old}
    if not Draft4Validator.META_SCHEMA or not _is_draft_4(old) or not is_compatible(old, new):
        return
    for instance in instances:
        if accepts(Draft4Validator, old, instance):
            assert accepts(Draft7Validator, new, instance) is not False, instance


def _is_draft_4(schema: Any) -> bool:
    return bool(Draft4Validator(Draft4Validator.META_SCHEMA).is_valid(schema))


def test_verdicts_are_not_all_no() -> None:
    """The properties above would hold for a checker that refuses everything: count both verdicts."""
    verdicts: list[bool] = []

    @settings(max_examples=200, deadline=None, database=None, suppress_health_check=QUIET)
    @given(evolutions())
    def count(evolution: tuple[Any, Any]) -> None:
        verdicts.append(is_compatible(*evolution))

    count()
    assert 0.15 < sum(verdicts) / len(verdicts) < 0.95
