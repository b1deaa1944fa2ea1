"""The fast path may only say what the strict parser says: property tests over hostile lines, and what it must accept."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glulam.infer.arrow import schema_of
from glulam.infer.resolve import SchemaPolicy, resolve
from glulam.infer.shape import Shape
from glulam.infer.types import Struct, parse_type
from glulam.records.conform import Conformer
from glulam.records.strict import decode
from glulam.records.tokens import count_tokens, mark_nulls
from glulam.records.values import BadRecord
from glulam.records.verify import FastParser, Verified, fast_part

SCHEMA = parse_type(
    "struct<i:bigint,d:double,s:string,b:boolean,o:struct<x:bigint,y:string,z:struct<w:double>>,"
    "ai:array<bigint>,as:array<string>,ao:array<struct<t:bigint,v:double>>,aa:array<array<double>>>"
)
assert isinstance(SCHEMA, Struct)
PARSER = FastParser()


def parse(lines: list[bytes], schema: Struct = SCHEMA) -> Verified:
    buffer = b"\n".join(lines) + b"\n"
    offsets = np.concatenate(
        (np.zeros(1, np.int64), np.flatnonzero(np.frombuffer(buffer, np.uint8) == 10) + 1)
    )
    tokens = count_tokens(buffer, offsets)
    marked = mark_nulls(buffer, tokens)
    texts = pa.StringArray.from_buffers(
        len(lines), pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(marked)
    )
    eligible = np.array([line.startswith(b"{") for line in lines])
    return PARSER.parse(texts, tokens, eligible, fast_part(schema))


def strict(line: bytes, schema: Struct = SCHEMA) -> dict[str, Any] | None:
    """What the strict parser makes of the line, or None when it rejects or rescues anything."""
    try:
        row, rescued = Conformer(schema, SchemaPolicy()).conform(decode(line, 100))
    except BadRecord:
        return None
    return None if rescued else row


def same(found: dict[str, Any], expected: dict[str, Any], schema: Struct) -> bool:
    table = pa.Table.from_pylist([expected], schema=schema_of(schema))
    return repr(found) == repr(table.to_pylist()[0])


NUMBERS = st.one_of(
    st.integers(-(2**66), 2**66),
    st.floats(allow_nan=True),
    st.sampled_from(["1.0", "-0", "1e2", "1E400", "01", "0.1e-7", "7e77"]),
)
TEXTS = st.one_of(
    st.text(max_size=6),
    st.sampled_from(["12", "true", "null", "7e77", '":null', ":", ' "', "\\", '\\"', "a,}", "x ]", "1.5"]),
)
KEYS = st.sampled_from(
    ["i", "d", "s", "b", "o", "ai", "as", "ao", "aa", "x", "y", "z", "w", "t", "v", "new", "I", ""]
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.lists(st.tuples(KEYS, inner), max_size=4).map(tuple)
    ),
    max_leaves=8,
)


def write(value: Any, style: str) -> str:
    """JSON text with duplicate keys, odd spaces and raw number texts kept as generated."""
    comma, colon = {"tight": (",", ":"), "python": (", ", ": "), "odd": (" ,", " : ")}[style]
    if isinstance(value, tuple):
        members = [f"{json.dumps(k)}{colon}{write(v, style)}" for k, v in value]
        return "{" + comma.join(members) + ("}" if style != "odd" else " }")
    if isinstance(value, list):
        return "[" + comma.join(write(v, style) for v in value) + "]"
    if isinstance(value, str) and value in ("1.0", "-0", "1e2", "1E400", "01", "0.1e-7", "7e77"):
        return value
    return json.dumps(value, ensure_ascii=style == "tight")


CLEAN = st.fixed_dictionaries(
    {},
    optional={
        "i": st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)), "d": st.floats(allow_nan=False, allow_infinity=False),
        "s": st.text(max_size=8), "b": st.booleans(), "ai": st.lists(st.integers(-9, 2**62), max_size=3),
        "as": st.lists(st.text(max_size=3), max_size=3), "aa": st.lists(st.lists(st.floats(-1e9, 1e9), max_size=2), max_size=2),
        "ao": st.lists(st.fixed_dictionaries({"t": st.integers(0, 9), "v": st.floats(-1, 1)}), max_size=2),
        "o": st.fixed_dictionaries({"x": st.integers(0, 5), "z": st.fixed_dictionaries({"w": st.floats(0, 1)})}),
    },
)  # fmt: skip


@settings(
    max_examples=int(os.environ.get("GLULAM_EXAMPLES", "400")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    st.lists(st.tuples(st.lists(st.tuples(KEYS, VALUES), max_size=6).map(tuple), st.sampled_from(["tight", "python", "odd"])),
             min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 60), st.sampled_from(list(b'",:{}[]\\ 1n'))), max_size=3),
)  # fmt: skip
def test_an_accepted_line_has_the_strict_parsers_values(
    records: list[tuple[Any, str]], edits: list[tuple[int, int, int]]
) -> None:
    lines = [
        write(value, style).replace("\n", " ").encode("utf-8", "surrogatepass") for value, style in records
    ]
    for row, at, byte in edits:  # break some lines at random places
        if row < len(lines) and at < len(lines[row]):
            lines[row] = lines[row][:at] + bytes([byte]) + lines[row][at + 1 :]
    lines = [line for line in lines if _utf8(line)]
    if not lines:
        return
    found = parse(lines)
    rows = iter(found.table.to_pylist())
    for line, accepted in zip(lines, found.accepted, strict=True):
        if accepted:
            expected = strict(line)
            assert expected is not None, line
            assert same(next(rows), expected, SCHEMA), line


def _utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


@settings(max_examples=150, deadline=None)
@given(st.lists(CLEAN, min_size=1, max_size=8))
def test_clean_lines_are_accepted(records: list[dict[str, Any]]) -> None:
    """Fast in fact: everything that fits the schema is taken, whichever of the usual writers wrote it."""
    for separators in ((",", ":"), (", ", ": ")):
        lines = [
            json.dumps(r, separators=separators, ensure_ascii=False).replace("\\\\", "").encode()
            for r in records
        ]
        found = parse(lines)
        for line, accepted in zip(lines, found.accepted, strict=True):
            plain = line != b"{}" and strict(line) is not None
            texts = json.loads(line)
            tricky = any(c in str(texts.get(k, "")) for k in ("s", "as") for c in ",]} ") or "\\" in str(
                texts
            )
            if plain and not tricky:
                assert accepted, line


@pytest.mark.parametrize(
    "line",
    [
        b'{"i":"1"}',
        b'{"i":1.0}',
        b'{"i":1,"i":1}',
        b'{"i":1,"new":2}',
        b'{"s":1}',
        b'{"b":1}',
        b'{"b":"true"}',
        b'{"d":NaN}',
        b'{"d":1e999}',
        b'{"d":9007199254740993}',
        b'{"i":18446744073709551616}',
        b'{"i":1,}',
        b'{"ai":[1,]}',
        b'{"o":5}',
        b'{"o":{}}',
        b'{"ao":[1]}',
        b'{"ao":[null]}',
        b'{"aa":[[1],2]}',
        b'{"ai":["1"]}',
        b'{"as":[1]}',
        b'{"i":null,"i":null}',
        b'{"i":1,"i":null}',
        b'{"i":null,"i":1}',
        b'{"s":[""]}',
        b'{"as":[[""]]}',
        b'{"i":nulL}',
        b'{"s":"7e+77","i":null,"new":1}',
        b'{"s":7e77,"i":null}',
        b'{"s":"7e77","i":null,"new":1}',
        b'{"d":7e77,"i":null}',
        b'{"i":null5}',
        b'{"s":null5}',
        b'{"I":1}',
        b'{"x" :1,"s":5}',
        b'{"s":{"x":1}}',
        b'{"o":[{"x":1}]}',
        b'{"i":1} x',
        b'{"d":-Infinity}',
    ],
)
def test_what_duckdb_forgives_is_not_accepted(line: bytes) -> None:
    assert not parse([line]).accepted.any()


def test_case_colliding_keys_are_left_to_the_strict_parser() -> None:
    shape = Shape()
    shape.see({"id": 1, "ID": "x", "n": 1}, (0, 1))
    schema = resolve(shape, None, SchemaPolicy())
    assert [f.name for f in schema.fields] == ["id", "id__2", "n"]
    assert [f.key for f in fast_part(schema).fields] == ["n"]
    assert parse([b'{"n":1}', b'{"id":1,"n":1}'], schema).accepted.tolist() == [True, False]


def test_null_members_stay_on_the_fast_path() -> None:
    found = parse([b'{"i":null,"d": null,"s":null,"b":null}', b'{"s":"7e77","i":1,"o":{"x":null,"y":"a"}}'])
    assert found.accepted.tolist() == [True, True]
    assert found.table.column("s").to_pylist() == [None, "7e77"]
    assert found.table.column("o").to_pylist()[1] == {"x": None, "y": "a", "z": None}
