"""Whenever the verdict is "compatible", a real reader reads real data: fastavro writes with the old schema and reads
with the new one. The other way round the verdict may be stricter, but not by much: see `test_verdicts_are_not_all_no`.
"""

from __future__ import annotations

import io
import json
from typing import Any

from fastavro import schemaless_reader, schemaless_writer
from fastavro.schema import parse_schema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glulam.schemas.formats import canonical, conflict

PRIMITIVES = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
LETTERS = "abcde"
DEFAULTS: dict[str, Any] = {
    "null": None, "boolean": True, "int": 1, "long": 2, "float": 0.5, "double": 0.25, "bytes": "b", "string": "s",
}  # fmt: skip


class Maker:
    """Draws schemas and variations of them. Names are numbered, so that each is declared once."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw

    def pick(self, *choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))

    def type(self, depth: int, place: str) -> Any:
        kind = self.pick(
            *PRIMITIVES, *(("record", "enum", "fixed", "array", "map", "union") if depth else ())
        )
        if kind in PRIMITIVES:
            return kind
        if kind == "array":
            return {"type": "array", "items": self.type(depth - 1, place + "i")}
        if kind == "map":
            return {"type": "map", "values": self.type(depth - 1, place + "v")}
        if kind == "union":
            chosen = self.draw(st.lists(st.sampled_from(PRIMITIVES), min_size=1, max_size=3, unique=True))
            return [*chosen, self.named(depth - 1, place + "u")] if self.pick(True, False) else chosen
        return self.named(depth, place)

    def named(self, depth: int, place: str) -> Any:
        kind, name = self.pick("record", "enum", "fixed"), f"N{place}"
        if kind == "enum":
            symbols = self.draw(st.lists(st.sampled_from(LETTERS), min_size=1, max_size=3, unique=True))
            return {"type": "enum", "name": name, "symbols": symbols}
        if kind == "fixed":
            return {"type": "fixed", "name": name, "size": self.pick(1, 2)}
        names = self.draw(st.lists(st.sampled_from(LETTERS), max_size=3, unique=True))
        fields = [self.field(letter, self.type(max(depth - 1, 0), place + letter)) for letter in names]
        if self.pick(True, False):
            fields.append({"name": "next", "type": ["null", name], "default": None})
        return {"type": "record", "name": name, "fields": fields}

    def field(self, name: str, type_: Any) -> dict[str, Any]:
        made = {"name": name, "type": type_}
        if isinstance(type_, str) and type_ in DEFAULTS and self.pick(True, False):
            made["default"] = DEFAULTS[type_]
        return made

    def varied(self, schema: Any, place: str = "M") -> Any:
        """The same schema with a change in some places, of the kinds that people make."""
        if isinstance(schema, list):
            kept = [self.varied(branch, place) for branch in schema if isinstance(branch, dict)]
            plain = [b for b in schema if isinstance(b, str)]
            more = self.draw(st.lists(st.sampled_from(PRIMITIVES), max_size=2))
            mixed = [*dict.fromkeys([*plain, *more])] if self.pick(True, False) else plain
            return self.draw(st.permutations([*mixed, *kept]))
        if isinstance(schema, str):
            if schema not in PRIMITIVES or self.pick(True, True, False):
                return schema
            other = self.pick(*PRIMITIVES, "int", "long", "float", "double", "bytes", "string")
            return self.pick(other, [schema], [other, schema] if other != schema else [schema])
        kind = schema["type"]
        if kind in ("array", "map"):
            inner = "items" if kind == "array" else "values"
            return {**schema, inner: self.varied(schema[inner], place + "x")}
        if kind == "fixed":
            return {**schema, "size": self.pick(schema["size"], schema["size"], 3)}
        if kind == "enum":
            return self.varied_enum(schema)
        return self.varied_record(schema, place)

    def varied_enum(self, schema: dict[str, Any]) -> Any:
        symbols = self.draw(st.lists(st.sampled_from(LETTERS), min_size=1, max_size=5, unique=True))
        chosen = self.pick(schema["symbols"], symbols)
        return {**schema, "symbols": chosen, **({"default": chosen[0]} if self.pick(True, False) else {})}

    def varied_record(self, schema: dict[str, Any], place: str) -> Any:
        fields = []
        for found in schema["fields"]:
            change = self.pick("keep", "keep", "type", "drop", "rename")
            if change == "drop" or (change != "keep" and found["name"] == "next"):
                continue
            if change == "type":
                found = self.field(found["name"], self.varied(found["type"], place + found["name"]))
            elif change == "rename":
                found = {**found, "name": found["name"] + "2", "aliases": [found["name"]]}
            fields.append(found)
        if self.pick(True, False):
            fields.append(self.field("new", self.pick(*PRIMITIVES)))
        name = self.pick(schema["name"], schema["name"], "Other" + schema["name"])
        text = json.dumps(fields)
        if f'"{schema["name"]}"' in text:
            name = schema["name"]
        aliases = {"aliases": [schema["name"]]} if name != schema["name"] and self.pick(True, False) else {}
        return {**schema, "name": name, "fields": self.draw(st.permutations(fields)), **aliases}


def data(draw: Any, schema: Any, named: dict[str, Any], depth: int = 3) -> Any:
    """A value that the schema can write."""
    if isinstance(schema, list):
        branches = schema if depth else [b for b in schema if b == "null"] or schema
        return data(draw, draw(st.sampled_from(branches)), named, depth)
    if isinstance(schema, str) and schema in named:
        return data(draw, named[schema], named, depth - 1)
    if isinstance(schema, str):
        values: dict[str, Any] = {
            "null": st.none(),
            "boolean": st.booleans(),
            "int": st.integers(-(2**31), 2**31 - 1),
            "long": st.integers(-(2**63), 2**63 - 1),
            "float": st.floats(width=32, allow_nan=False),
            "double": st.floats(allow_nan=False),
            "bytes": st.text(max_size=3).map(str.encode),  # promoted to string they have to be UTF-8
            "string": st.text(max_size=3),
        }
        return draw(values[schema])
    kind = schema["type"]
    if kind == "array":
        return [data(draw, schema["items"], named, depth) for _ in range(draw(st.integers(0, 2)))]
    if kind == "map":
        return {k: data(draw, schema["values"], named, depth) for k in draw(st.sets(st.sampled_from("xy")))}
    named[schema["name"]] = schema
    if kind == "enum":
        return draw(st.sampled_from(schema["symbols"]))
    if kind == "fixed":
        return draw(st.binary(min_size=schema["size"], max_size=schema["size"]))
    return {f["name"]: data(draw, f["type"], named, depth) for f in schema["fields"]}


def is_compatible(old: Any, new: Any) -> bool:
    return conflict("AVRO", "BACKWARD", canonical("AVRO", json.dumps(new)), [(1, form(old))]) is None


def form(schema: Any) -> bytes:
    return canonical("AVRO", json.dumps(schema))


@st.composite
def evolutions(draw: Any) -> tuple[Any, Any, list[Any]]:
    maker = Maker(draw)
    old = maker.type(3, "M")
    new = maker.varied(old)
    return old, new, [data(draw, old, {}) for _ in range(3)]


@settings(max_examples=800, deadline=None, suppress_health_check=list(HealthCheck))
@given(evolutions())
def test_what_is_called_compatible_can_be_read(evolution: tuple[Any, Any, list[Any]]) -> None:
    old, new, values = evolution
    if not is_compatible(old, new):
        return
    for value in values:
        file = io.BytesIO()
        schemaless_writer(file, parse_schema(old), value)
        file.seek(0)
        schemaless_reader(file, parse_schema(old), parse_schema(new))


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_schema_reads_itself(source: st.DataObject) -> None:
    schema = Maker(source.draw).type(3, "M")
    assert is_compatible(schema, schema)


def test_verdicts_are_not_all_no() -> None:
    """The property above would hold for a checker that refuses everything: count both verdicts."""
    verdicts: list[bool] = []

    @settings(max_examples=200, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(evolutions())
    def count(evolution: tuple[Any, Any, list[Any]]) -> None:
        verdicts.append(is_compatible(*evolution[:2]))

    count()
    assert 0.15 < sum(verdicts) / len(verdicts) < 0.95
