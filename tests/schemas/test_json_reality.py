"""Whenever the verdict is "compatible", what a validator accepts under the old schema it accepts under the new one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator, Draft7Validator

from glulam.schemas.formats import canonical, conflict

NAMES = ("a", "b", "xa")
TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
SCALARS = st.sampled_from([None, True, False, 0, 1, 2, 3, 1.0, 1.5, -1, "", "a", "ab", "xab"])
QUIET = list(HealthCheck)

NUMBER_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
SIZES = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
COMBINED = ("allOf", "anyOf", "oneOf")
SUBSCHEMAS = ("additionalProperties", "additionalItems", "contains", "not", "if", "then", "else")
OTHERS = ("enum", "const", "pattern", "items", "uniqueItems", "properties", "patternProperties", "required")
INSIDE = ("items", "properties", "patternProperties", "additionalProperties", "additionalItems", "contains")
RARE = ("dependencies", "propertyNames")
KEYWORDS = (
    ("type",) * 6
    + ("properties", "patternProperties", "additionalProperties") * 3
    + NUMBER_BOUNDS
    + SIZES
    + COMBINED
    + SUBSCHEMAS
    + OTHERS
    + RARE
)
DRAFT_7_ONLY = {
    "exclusiveMinimum",
    "exclusiveMaximum",
    "contains",
    "if",
    "then",
    "else",
    "const",
    "propertyNames",
}

SMALL = [None, True, 1, 2.0, 1.5, "", "ab", "xab", [], {}, [1], {"a": 1}, {"a": "b", "xa": None}]
INSTANCES: list[Any] = [
    *[None, True, False, 0, 1, 2, 3, 4, 1.0, 1.5, -1, "", "a", "ab", "xab", "more", "xabc"],
    *[{}, *({name: value} for name in NAMES for value in SMALL)],
    *({"a": one, "b": other} for one in SMALL for other in SMALL),
    *({"a": value, "xa": value, "b": 1} for value in SMALL),
    *[[], [1, 2, 3, 4], [1, 1, 1], ["a", "b"], *([one] for one in SMALL)],
    *([one, other] for one in SMALL for other in SMALL),
]


class Maker:
    """Draws schemas of a few keywords (with many they have no instances), and variations of them."""

    def __init__(self, draw: Any, *, draft_4: bool = False) -> None:
        self.draw = draw
        self.draft_4 = draft_4
        self.keywords = [k for k in KEYWORDS if not (draft_4 and k in DRAFT_7_ONLY)]

    def pick(self, *choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))

    def some(self, strategy: Any, most: int = 2, least: int = 1) -> list[Any]:
        return self.draw(st.lists(strategy, min_size=least, max_size=most, unique_by=json.dumps))

    def document(self) -> dict[str, Any]:
        definition = self.keyworded(2, ())
        return {"definitions": {"d": definition}, **self.keyworded(3, ("#/definitions/d",))}

    def schema(self, depth: int, references: Sequence[str]) -> Any:
        """references: where it may lead to; a schema that leads to itself without going inside has no meaning."""
        what = self.pick("keywords", "keywords", "keywords", "reference", "boolean")
        if what == "reference" and references:
            return {"$ref": self.pick(*references)}
        if what == "boolean" and not self.draft_4:
            return self.pick(True, False)
        return self.keyworded(depth, references)

    def keyworded(self, depth: int, references: Sequence[str] = ()) -> dict[str, Any]:
        if depth == 0:
            return {"type": self.pick(*TYPES)}
        return {
            key: self.value(key, depth - 1, references)
            for key in self.some(st.sampled_from(self.keywords), 3)
        }

    def value(self, key: str, depth: int, references: Sequence[str]) -> Any:
        if key in INSIDE:
            references = ("#", "#/definitions/d")
        if key in NUMBER_BOUNDS or key in SIZES:
            return self.pick(1, 2, 3)
        if key in COMBINED:
            return [self.schema(depth, references) for _ in range(self.pick(1, 2))]
        if key in ("additionalProperties", "additionalItems"):
            return self.pick(True, False, self.schema(depth, references))
        if key in SUBSCHEMAS:
            return self.schema(depth, references)
        if key == "items":
            return self.pick(
                self.schema(depth, references),
                [self.schema(depth, references), self.schema(depth, references)],
            )
        if key == "properties":
            return {name: self.schema(depth, references) for name in self.some(st.sampled_from(NAMES), 2, 0)}
        if key == "patternProperties":
            return {self.pick("^x", "a"): self.schema(depth, references)}
        if key == "dependencies":
            return {self.pick(*NAMES): self.pick(self.schema(depth, references), [self.pick(*NAMES)])}
        plain = {
            "type": st.sampled_from(TYPES)
            | st.lists(st.sampled_from(TYPES), min_size=1, max_size=3, unique=True),
            "enum": st.lists(SCALARS, min_size=1, max_size=3, unique_by=json.dumps),
            "const": SCALARS,
            "pattern": st.sampled_from(["^a", "x"]),
            "uniqueItems": st.booleans(),
            "required": st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True),
            "propertyNames": st.sampled_from([{"maxLength": 1}, {"enum": ["a"]}]),
        }
        return self.draw(plain[key])

    def varied(self, schema: Any) -> Any:
        """The schema with keywords dropped, numbers moved and alternatives added here and there."""
        if not isinstance(schema, dict):
            return schema
        changed: dict[str, Any] = {}
        for key, value in schema.items():
            change = self.pick("keep", "keep", "vary", "vary", "drop")
            if change != "drop" or key in ("definitions", "$ref"):
                changed[key] = self.varied_value(key, value) if change == "vary" else value
        if self.pick(True, False, False):
            changed = {**self.keyworded(1), **changed}
        if self.pick(True, False, False, False):
            changed = {"definitions": changed.pop("definitions", {}), "anyOf": [changed, {"type": "null"}]}
        return changed

    def varied_value(self, key: str, value: Any) -> Any:
        if key in ("properties", "patternProperties", "definitions"):
            return {name: self.varied(inner) for name, inner in value.items()}
        if key in COMBINED:
            return [self.varied(inner) for inner in value]
        if key == "type":
            return list(dict.fromkeys([*([value] if isinstance(value, str) else value), self.pick(*TYPES)]))
        if key == "enum":
            return [*value, "more"] if "more" not in value else value
        if key in NUMBER_BOUNDS or key in SIZES:
            return max(value + self.pick(-1, 0, 1), 1)
        return self.varied(value) if key in SUBSCHEMAS or key == "items" else value


def is_compatible(old: Any, new: Any) -> bool:
    old_form, new_form = (canonical("JSON", json.dumps(schema)) for schema in (old, new))
    return conflict("JSON", "BACKWARD", new_form, [(1, old_form)]) is None


def readable(schema: Any) -> Any:
    """Without `additionalItems` beside `items` that are no list, where it means nothing: jsonschema fails on it."""
    if isinstance(schema, list):
        return [readable(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    pointless = not isinstance(schema.get("items"), list)
    return {k: readable(v) for k, v in schema.items() if not (pointless and k == "additionalItems")}


@st.composite
def evolutions(draw: Any) -> tuple[Any, Any]:
    maker = Maker(draw)
    old = maker.document()
    new = maker.varied(old) if maker.pick(True, True, True, False) else maker.document()
    return (old, new) if maker.pick(True, True, False) else (new, old)


@settings(max_examples=700, deadline=None, suppress_health_check=QUIET)
@given(evolutions())
def test_what_was_accepted_is_accepted(evolution: tuple[Any, Any]) -> None:
    old, new = evolution
    if not is_compatible(old, new):
        return
    taken = [value for value in INSTANCES if Draft7Validator(readable(old)).is_valid(value)]
    assert [value for value in taken if not Draft7Validator(readable(new)).is_valid(value)] == []


@settings(max_examples=200, deadline=None, suppress_health_check=QUIET)
@given(st.data())
def test_from_draft_4_to_draft_7(source: st.DataObject) -> None:
    maker = Maker(source.draw, draft_4=True)
    old = {"$schema": "http://json-schema.org/draft-04/schema#", **maker.document()}
    new = maker.varied({k: v for k, v in old.items() if k != "$schema"})
    if not is_compatible(old, new):
        return
    taken = [value for value in INSTANCES if Draft4Validator(old).is_valid(value)]
    assert [value for value in taken if not Draft7Validator(readable(new)).is_valid(value)] == []


def test_verdicts_are_not_all_no() -> None:
    """The properties above would hold for a checker that refuses everything: count both verdicts."""
    verdicts: list[bool] = []

    @settings(max_examples=200, deadline=None, database=None, suppress_health_check=QUIET)
    @given(evolutions())
    def count(evolution: tuple[Any, Any]) -> None:
        verdicts.append(is_compatible(*evolution))

    count()
    assert 0.15 < sum(verdicts) / len(verdicts) < 0.95
