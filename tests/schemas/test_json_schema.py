"""JSON Schema: verdicts case by case, each with its place and rule; test_json_reality.py holds them against a validator."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from glulam.model.errors import InvalidInput
from glulam.schemas.formats import canonical, conflict

DRAFT_4 = {"$schema": "http://json-schema.org/draft-04/schema#"}
DRAFT_6 = {"$schema": "http://json-schema.org/draft-06/schema#"}


def verdict(old: Any, new: Any, mode: str = "BACKWARD") -> str | None:
    forms = [canonical("JSON", json.dumps(definition)) for definition in (old, new)]
    return conflict("JSON", mode, forms[1], [(7, forms[0])])


def obj(required: tuple[str, ...] = (), closed: bool = False, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        **({"required": list(required)} if required else {}),
        **({"additionalProperties": False} if closed else {}),
    }


S, I, N = {"type": "string"}, {"type": "integer"}, {"type": "number"}  # noqa: E741
TREE = {"definitions": {"t": obj(v=I, next={"$ref": "#/definitions/t"})}, "$ref": "#/definitions/t"}
WIDE_TREE = {"definitions": {"w": obj(v=N, next={"$ref": "#/definitions/w"})}, "$ref": "#/definitions/w"}
CIRCLE = obj(kind={"const": "circle"}, r=N, required=("kind",))
SQUARE = obj(kind={"const": "square"}, a=N, required=("kind",))

ACCEPTED: list[tuple[Any, Any]] = [
    (S, True),
    (S, {}),
    (False, S),
    (I, N),
    (I, {"type": ["integer", "null"]}),
    (I, {"anyOf": [S, N]}),
    ({"type": ["string", "null"]}, {"anyOf": [S, {"type": "null"}]}),
    ({"anyOf": [S, {"type": "null"}]}, {"type": ["string", "null"]}),
    ({"oneOf": [S, I]}, {"anyOf": [N, S]}),
    ({"allOf": [I, {"minimum": 3}]}, {"type": "integer", "minimum": 2}),
    ({"enum": ["a", "b"]}, {"enum": ["a", "b", "c"]}),
    ({"enum": ["a", 1]}, {"type": ["string", "integer"]}),
    ({"const": "a"}, {"type": "string", "maxLength": 1}),
    ({"type": "boolean"}, {"enum": [True, False, None]}),
    ({"minimum": 5}, {"minimum": 5}),
    ({"exclusiveMinimum": 5}, {"minimum": 5}),
    ({"type": "integer", "multipleOf": 6}, {"multipleOf": 3}),
    (I, {"multipleOf": 1}),
    ({"multipleOf": 0.3}, {"multipleOf": 0.1}),
    ({"maxLength": 3, "minLength": 2}, {"maxLength": 4, "minLength": 1}),
    ({"type": "string", "format": "date", "pattern": "x"}, {"format": "date", "pattern": "x"}),
    (obj(a=S), obj(a={"type": ["string", "null"]})),
    (obj(a=S, required=("a",)), obj(a=S)),
    (obj(a=S, b=S), obj(a=S)),
    (obj(a=S, closed=True), obj(a=S, b=I)),
    (obj(a=S, closed=True), obj(a=S, b=I, closed=True)),
    (obj(closed=True), {"maxProperties": 0}),
    (obj(required=("a", "b")), {"minProperties": 2}),
    ({"additionalProperties": I}, {"properties": {"x": N}}),
    ({"patternProperties": {"^x": I}, "additionalProperties": False}, {"additionalProperties": N}),
    ({"patternProperties": {"^x": I}}, {"patternProperties": {"^x": N}}),
    ({"propertyNames": {"maxLength": 3}}, {"propertyNames": {"maxLength": 4}}),
    ({"dependencies": {"a": ["b", "c"]}}, {"dependencies": {"a": ["b"]}}),
    ({"dependencies": {"a": obj(b=I)}}, {"dependencies": {"a": obj(b=N)}}),
    ({"items": I, "maxItems": 3}, {"items": N, "maxItems": 4}),
    ({"items": [I, S]}, {"items": [N, S]}),
    ({"items": [I], "additionalItems": False}, {"maxItems": 5, "items": [N, S]} | {"maxItems": None}),
    ({"uniqueItems": True}, {"uniqueItems": True}),
    ({"contains": I}, {"contains": N}),
    (TREE, WIDE_TREE),
    ({"oneOf": [CIRCLE]}, {"oneOf": [CIRCLE, SQUARE]}),
    ({"oneOf": [CIRCLE, SQUARE]}, {"oneOf": [SQUARE, CIRCLE]}),
    ({"not": N}, {"not": I}),
    (S, {"not": I}),
    ({"if": S, "then": {"minLength": 1}}, {"if": S, "then": {"minLength": 1}}),
    (I, {"if": S, "then": {"multipleOf": 1}}),
    ({**DRAFT_4, "minimum": 1, "exclusiveMinimum": True}, {"exclusiveMinimum": 1}),
    ({**DRAFT_4, "type": "integer"}, {**DRAFT_6, "type": "integer"}),
    ({"$id": "http://x/y", "definitions": {"a": {"$id": "#a", **I}}, "items": {"$ref": "#a"}}, {"items": N}),
]
ACCEPTED = [(old, {k: v for k, v in new.items() if v is not None} if isinstance(new, dict) else new)
            for old, new in ACCEPTED]  # fmt: skip

REFUSED: list[tuple[Any, Any, str]] = [
    (True, S, "/: type: expected string"),
    (N, I, "/: type: expected integer; fraction was accepted"),
    (S, False, "/: nothing is accepted"),
    ({"enum": ["a", "b"]}, {"enum": ["a"]}, "/: 'b' is not accepted any more"),
    (S, {"enum": ["a"]}, "/: enum: values outside"),
    ({"minimum": 5}, {"minimum": 6}, "/: minimum: it is tighter"),
    ({"minimum": 5}, {"exclusiveMinimum": 5}, "/: minimum"),
    ({"maximum": 5}, {"maximum": 4}, "/: maximum"),
    (N, {"multipleOf": 1}, "/: multipleOf"),
    ({"maxLength": 3}, {"maxLength": 2}, "/: maxLength"),
    ({"minLength": 3}, {"minLength": 4}, "/: minLength"),
    (S, {"pattern": "x"}, "/: pattern: 'x' was not asked for"),
    (S, {"format": "date"}, "/: format"),
    (obj(a=S), obj(a=S, b=I), "/b: type"),
    (obj(a=S), obj(a=S, closed=True), r"/\*: nothing is accepted"),
    (obj(a=S, b=S, closed=True), obj(a=S, closed=True), "/b: nothing"),
    (obj(a=S), obj(a=S, required=("a",)), "/: required: objects without 'a'"),
    (obj(a=obj(b=S)), obj(a=obj(b=I)), "/a/b: type"),
    ({"patternProperties": {"^x": I}}, {"patternProperties": {"^x": S}}, "/"),
    ({"additionalProperties": I}, {"patternProperties": {"^x": S}}, "/"),
    (obj(), {"minProperties": 1}, "/: minProperties"),
    (obj(), {"maxProperties": 1}, "/: maxProperties"),
    ({"propertyNames": {"maxLength": 3}}, {"propertyNames": {"maxLength": 2}}, "/propertyNames"),
    ({}, {"dependencies": {"a": ["b"]}}, "/: dependencies"),
    ({"items": N}, {"items": I}, "/items: type"),
    ({"items": [S]}, {"items": [S, S]}, "/items/1: type"),
    ({"maxItems": 3}, {"maxItems": 2}, "/: maxItems"),
    ({}, {"uniqueItems": True}, "/: uniqueItems"),
    ({}, {"contains": I}, "/: contains"),
    (WIDE_TREE, TREE, "/v: type"),
    ({"anyOf": [S, I]}, S, "/: type"),
    ({"oneOf": [CIRCLE, SQUARE]}, {"oneOf": [CIRCLE]}, "/: no branch of oneOf"),
    (I, {"oneOf": [I, N]}, "/: more than one branch of oneOf"),
    ({"not": I}, {"not": N}, "/: not"),
    ({}, {"if": S, "then": {"minLength": 1}}, "/: minLength"),
    ({**DRAFT_6, "type": "integer"}, {**DRAFT_4, "type": "integer"}, "whole was accepted"),
    (S, {"$ref": "#"}, "leads to itself"),
    (S, {"allOf": [{"$ref": "#"}]}, "circle"),
]


@pytest.mark.parametrize(("old", "new"), ACCEPTED)
def test_accepted(old: Any, new: Any) -> None:
    assert verdict(old, new) is None


@pytest.mark.parametrize(("old", "new", "why"), REFUSED)
def test_refused(old: Any, new: Any, why: str) -> None:
    reason = verdict(old, new)
    assert reason is not None
    assert re.search(why, reason), reason


def test_a_schema_that_grows_exponentially_in_cases_is_given_up() -> None:
    old = {"allOf": [{"anyOf": [obj(**{f"{n}{m}": I}) for m in range(4)]} for n in range(12)]}
    assert "too entangled" in (verdict(old, {"oneOf": [obj(z=S), obj(y=S)]}) or "")


@pytest.mark.parametrize(
    ("definition", "why"),
    [
        (5, "expected a schema"),
        ({"type": "strin"}, "/type"),
        ({"properties": {"a": {"minimum": "x"}}}, "/properties/a/minimum"),
        ({"$schema": "https://json-schema.org/draft/2020-12/schema"}, r"/\$schema: expected draft-04"),
        ({**DRAFT_4, "exclusiveMinimum": 1}, "draft-04"),
        ({"$ref": "#/definitions/no"}, "leads nowhere"),
        ({"items": {"$ref": "http://example.com/x.json"}}, "not fetched"),
        ({"items": {"$ref": "file:///etc/passwd"}}, "not fetched"),
    ],
)
def test_invalid(definition: Any, why: str) -> None:
    with pytest.raises(InvalidInput, match=why) as error:
        canonical("JSON", json.dumps(definition))
    assert str(error.value).startswith("Schema definition of JSON data format is invalid: ")
