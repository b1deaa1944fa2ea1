"""The rules of schema resolution, case by case; test_avro_reality.py holds the verdicts against a reader."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from glulam.model.errors import InvalidInput
from glulam.schemas.formats import canonical, conflict


def record(*fields: Any, name: str = "R", **more: Any) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": list(fields), **more}


def field(name: str, type_: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": type_, **more}


def enum(*symbols: str, **more: Any) -> dict[str, Any]:
    return {"type": "enum", "name": "E", "symbols": list(symbols), **more}


def fixed(size: int, name: str = "F") -> dict[str, Any]:
    return {"type": "fixed", "name": name, "size": size}


def verdict(old: Any, new: Any, mode: str = "BACKWARD") -> str | None:
    forms = [canonical("AVRO", json.dumps(definition)) for definition in (old, new)]
    return conflict("AVRO", mode, forms[1], [(1, forms[0])])


LIST = record(field("v", "int"), field("next", ["null", "R"], default=None))

READABLE: list[tuple[Any, Any]] = [
    ("int", "long"),
    ("int", "double"),
    ("long", "float"),
    ("float", "double"),
    ("string", "bytes"),
    ("bytes", "string"),
    ("int", ["null", "int"]),
    ("int", ["string", "double"]),
    (["int", "long"], "double"),
    (["null", "int"], ["long", "null"]),
    ({"type": "array", "items": "int"}, {"type": "array", "items": "double"}),
    ({"type": "map", "values": "int"}, {"type": "map", "values": ["null", "long"]}),
    (enum("A"), enum("B", "A")),
    (enum("A", "C"), enum("A", default="A")),
    (fixed(4), fixed(4)),
    (fixed(4, "a.F"), fixed(4, "b.F")),
    (fixed(4, "Old"), {**fixed(4, "New"), "aliases": ["Old"]}),
    (record(field("a", "int")), record()),
    (record(), record(field("a", "int", default=0))),
    (record(field("a", "int")), record(field("b", "long", aliases=["a"]))),
    (record(name="x.R"), record(name="y.R")),
    (record(name="Old"), record(name="New", aliases=["Old"])),
    (LIST, LIST),
    ({"type": "int", "logicalType": "date"}, {"type": "int"}),
    ([record(name="a.X"), record(field("n", "int"), name="b.X")],) * 2,
]
UNREADABLE: list[tuple[Any, Any, str]] = [
    ("long", "int", "the reader expects int, the writer has long"),
    ("double", "float", "expects float"),
    ("string", "int", "expects int"),
    (["null", "int"], "int", "the writer has null"),
    ("string", ["null", "int"], "no branch of the reader's union takes the writer's string"),
    ({"type": "array", "items": "long"}, {"type": "array", "items": "int"}, "/items"),
    ({"type": "map", "values": "long"}, {"type": "map", "values": "int"}, "/values"),
    (enum("A", "B"), enum("A"), "neither B nor a default"),
    (fixed(4), fixed(5), r"fixed F\(5\)"),
    (record(name="Old"), record(name="New"), "record New"),
    (record(), record(field("a", "int")), "/a: the reader's field has no default"),
    (record(field("a", record(field("b", "string"), name="S"))),
     record(field("a", record(field("b", "int"), name="S"))), "/a/b: the reader expects int"),
    (record(field("a", "int"), field("b", "int")), record(field("a", "int", aliases=["b"])), "more than one"),
    (LIST, record(field("v", "int"), field("next", ["null", record(field("z", "int"), name="S")], default=None)),
     "/next: no branch"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), READABLE)
def test_readable(old: Any, new: Any) -> None:
    assert verdict(old, new) is None


@pytest.mark.parametrize(("old", "new", "why"), UNREADABLE)
def test_unreadable(old: Any, new: Any, why: str) -> None:
    reason = verdict(old, new)
    assert reason is not None
    assert reason.startswith("the new version cannot read data of version 1: /")
    assert re.search(why, reason), reason
    forward = verdict(new, old, "FORWARD")
    assert forward is not None
    assert re.search(why, forward)


def test_full_asks_for_both_directions() -> None:
    old, new = record(), record(field("a", "int"))
    assert verdict(new, old) is None
    assert "cannot read data of the new version" in (verdict(new, old, "FULL") or "")
    assert verdict(old, record(field("a", "int", default=1)), "FULL") is None


INVALID: list[tuple[Any, str]] = [
    ("strin", "no type is called 'strin'"),
    (5, "expected a type, found 5"),
    ({"items": "int"}, "expected the name of a type, found None"),
    ({"type": "array"}, "'items' is missing"),
    (record(field("a", "integer")), "/fields/0/type: no type is called 'integer'"),
    (record(field("a", "int"), field("a", "int")), "/fields/1: the field 'a' is there twice"),
    (record(field("a-b", "int")), "/fields/0/name"),
    (record(field("a", "int", default="x")), "/fields/0/default: the default 'x'"),
    (record(field("a", "int", default=True)), "the default True"),
    (record(field("a", "int", default=2**31)), "the default 2147483648"),
    (record(field("a", ["null", "int"], default="x")), "the default 'x'"),
    (record(field("a", fixed(2), default="x")), "the default 'x'"),
    (record(field("a", record(field("b", "int"), name="S"), default={})), "the default {}"),
    ({"type": "record", "name": "R"}, "'fields' is missing"),
    ({"type": "record", "fields": []}, "expected a name"),
    (record(name="a-b"), "'a-b' cannot be the name"),
    (record(name="int"), "'int' cannot be the name"),
    (record(field("a", record(name="R"))), "R is declared twice"),
    (record(aliases="x"), "/aliases"),
    (enum("A", "A"), "a symbol is there twice"),
    (enum("A", default="B"), "'B' is not one of the symbols"),
    (enum("A-"), "/symbols"),
    (fixed(-1), "/size"),
    (["int", "int"], "nor int twice"),
    (["null", ["int"]], "a union may not hold a union"),
    ([fixed(1), fixed(1)], "F is declared twice"),
]


@pytest.mark.parametrize(("definition", "why"), INVALID)
def test_invalid(definition: Any, why: str) -> None:
    with pytest.raises(InvalidInput) as error:
        canonical("AVRO", json.dumps(definition))
    assert str(error.value).startswith("Schema definition of AVRO data format is invalid: ")
    assert why in str(error.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "not JSON"),
        ("[" * 50_000, "levels deep"),
        ('{"type":"array","items":' * 5_000 + '"int"' + "}" * 5_000, "levels deep"),
        ('{"type":"int","x":NaN}', "NaN"),
        ('{"type":"int","x":1e999}', "1e999"),
        ('"int"\0', "code 0"),
        ('"\ud800"', "surrogates not allowed"),
    ],
)
def test_texts_that_are_no_definition(text: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        canonical("AVRO", text)


def test_spelling_does_not_matter_but_content_does() -> None:
    plain = canonical("AVRO", '{"type": "record", "name": "R", "fields": []}')
    assert canonical("AVRO", '{"fields":[],\n"name":"R","type":"record"}') == plain
    assert canonical("AVRO", '{"type": "record", "name": "R", "fields": [], "doc": "x"}') != plain


def test_names_of_an_enclosing_namespace_and_forward_references() -> None:
    inner = record(field("self", ["null", "S"]), field("outer", ["null", "a.R"]), name="S")
    canonical("AVRO", json.dumps(record(field("s", inner), field("t", "a.S"), name="R", namespace="a")))
    with pytest.raises(InvalidInput, match="no type is called 'S'"):
        canonical("AVRO", json.dumps(record(field("t", "S"), field("s", inner))))
