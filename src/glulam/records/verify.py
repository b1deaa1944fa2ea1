"""The fast path: let DuckDB parse lines by a schema, then prove for each line that the result is what the strict
parser would give. What cannot be proved is left to the strict parser, so being fast never changes an answer.

DuckDB's parser forgives: it drops unknown keys, takes the first of two equal keys, casts "12" to 12, reads NaN and
trailing commas. The proof is book-keeping. Numbers and booleans are taken as their JSON text and cast strictly here, so
a string cannot pass for a number. Then, with the tokens counted from the bytes (`tokens.py`), a line is accepted when

    keys in the text    = values found for keys     (nothing unknown, doubled or misfit)
    strings in the text = strings found             (no number passed for a string)
    nulls in the text   = marks found               (see below)

and no object came out with nothing in it, no array of objects or arrays with a hole in it, no number not finite. So that
a key whose value is null can be found too, its `null` is first overwritten with a number that stands for it (the mark).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from glulam.infer.arrow import to_arrow
from glulam.infer.types import BIGINT, BOOLEAN, DOUBLE, STRING, Array, DataType, Field, Scalar, Struct
from glulam.records.tokens import MARK, MARK_AS_TEXT, Tokens

ANY_SCALAR = Scalar("any scalar")
"""A place with texts, numbers and booleans: its values come out as they are written, texts in quotes. For who only counts
what is there; no table has such a column."""

NULL_OF = "\x00null of "
"""In front of a column's name, the column that says in which lines the key is there and null. No key begins like this."""

_EXACT = 2.0**53
_FEW = 100
_PLAIN = r"^(?:true|false|-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,15})?)$"


def fast_part(schema: Struct) -> Struct:
    """The fields that the fast path can take: DuckDB needs member names that differ in more than case and are not
    empty. A line that has any other field is not proved, and so goes to the strict parser."""
    lowered = [f.key.lower() for f in schema.fields]
    kept: list[Field] = []
    for f in schema.fields:
        kind = _fast_type(f.type)
        if kind is not None and f.key and lowered.count(f.key.lower()) == 1 and "\x00" not in f.key:
            kept.append(Field(f.name, kind, f.key))
    return Struct(tuple(kept))


def _fast_type(kind: DataType) -> DataType | None:
    if isinstance(kind, Struct):
        members = fast_part(kind)
        return members if members.fields else None
    if isinstance(kind, Array):
        element = _fast_type(kind.element)
        return Array(element) if element is not None else None
    return kind if kind in (BOOLEAN, BIGINT, DOUBLE, STRING, ANY_SCALAR) else None


def _structure(kind: DataType) -> Any:
    """DuckDB's description of a JSON structure."""
    if isinstance(kind, Struct):
        return {f.key: _structure(f.type) for f in kind.fields}
    if isinstance(kind, Array):
        return [_structure(kind.element)]
    return "VARCHAR" if kind == STRING else "JSON"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """`table` holds the accepted rows, in order, with the columns of `schema`; `accepted` flags each input row."""

    table: pa.Table
    schema: Struct
    accepted: npt.NDArray[np.bool_]


def private_duckdb() -> duckdb.DuckDBPyConnection:
    """A DuckDB for one thread. (Cursors of one DuckDB would wait for each other.)"""
    return duckdb.connect(config={"threads": 1, "allocator_background_threads": "false"})


class FastParser:
    """Parses lines by one schema. Not thread-safe: one a thread. `as_written`: values of double columns come out as the
    text that stands in the line, for who wants to know whether 2 or 2.0 was written; and a key whose value is null is told
    from one that is missing, by a column NULL_OF + name where there is such a key."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection | None = None, *, as_written: bool = False
    ) -> None:
        self._connection = connection or private_duckdb()
        self._as_written = as_written

    def close(self) -> None:
        self._connection.close()

    def parse(
        self, lines: pa.StringArray, tokens: Tokens, eligible: npt.NDArray[np.bool_], schema: Struct
    ) -> Verified:
        """Parse the `eligible` lines (valid UTF-8, first byte `{`, nulls marked) by `schema`, a `fast_part`."""
        found = self._transform(pa.table({"raw": lines}), json.dumps(_structure(schema)))
        top = found.column("j").combine_chunks()
        if isinstance(top, pa.ChunkedArray):
            top = pa.concat_arrays(top.chunks)
        proof = _Proof(len(top), marked=bool(len(tokens.null_at)), as_written=self._as_written)
        column = proof.members(top, schema, None)[0]
        accepted = (
            eligible & ~tokens.doubtful & ~proof.doubtful
            & (tokens.keys == proof.keys) & (tokens.strings == proof.strings) & (tokens.nulls == proof.nulls)
            & np.asarray(top.is_valid())
        )  # fmt: skip
        table = pa.Table.from_arrays(column.flatten(), schema=pa.schema(list(column.type)))
        if self._as_written and proof.marked:
            table = _with_nulls(table, top, schema)
        return Verified(table=_only(table, accepted), schema=schema, accepted=accepted)

    def _transform(self, raw: pa.Table, structure: str) -> pa.Table:
        """The parsed lines as one struct column `j`. A line that is no JSON at all fails the query; only then each line
        is asked first whether it is, which costs a second parse."""
        self._connection.register("raw", raw)
        try:
            try:
                return self._query("json_transform(raw, $structure)", structure)
            except (duckdb.Error, UnicodeDecodeError):  # DuckDB may cut its message inside a character
                return self._query(
                    "CASE WHEN json_valid(raw) THEN json_transform(raw, $structure) END", structure
                )
        finally:
            self._connection.unregister("raw")

    def _query(self, expression: str, structure: str) -> pa.Table:
        query = f"SELECT {expression} AS j FROM raw"  # noqa: S608
        return self._connection.sql(query, params={"structure": structure}).to_arrow_table()


Rows = npt.NDArray[np.int64] | None
"""For each element of an array that is being walked, the line it belongs to; None: element i belongs to line i."""


class _Proof:
    """Walks the parsed arrays: counts what was found, casts the numbers, marks the lines in doubt."""

    def __init__(self, lines: int, *, marked: bool, as_written: bool = False) -> None:
        self.lines, self.marked, self.as_written = lines, marked, as_written
        self.nulls = np.zeros(lines, np.int64)
        self.keys = np.zeros(lines, np.int64)
        self.strings = np.zeros(lines, np.int64)
        self.doubtful = np.zeros(lines, bool)

    def _count(self, into: npt.NDArray[np.int64], valid: npt.NDArray[np.bool_], rows: Rows) -> None:
        if rows is None:
            into += valid
        elif len(rows):
            into += np.bincount(rows[valid], minlength=self.lines)

    def _doubt(self, bad: npt.NDArray[np.bool_], rows: Rows) -> None:
        if rows is None:
            self.doubtful |= bad
        else:
            self.doubtful[rows[bad]] = True

    def struct(self, array: pa.StructArray, kind: Struct, rows: Rows) -> pa.StructArray:
        """An object. One with nothing in it may have been another value: DuckDB makes {"x": NULL} of 5."""
        typed, some = self.members(array, kind, rows)
        self._doubt(_valid(array) & ~some, rows)
        return typed

    def members(
        self, array: pa.StructArray, kind: Struct, rows: Rows
    ) -> tuple[pa.StructArray, npt.NDArray[np.bool_]]:
        """The typed members, and which elements have any."""
        children: list[pa.Array] = []
        some = np.zeros(len(array), bool)
        for index, member in enumerate(kind.fields):
            child = array.field(index)
            valid = _valid(child)
            self._count(self.keys, valid, rows)
            some |= valid
            children.append(self.value(child, member.type, valid, rows))
        fields = [pa.field(f.name, c.type) for f, c in zip(kind.fields, children, strict=True)]
        mask = array.is_null() if array.null_count else None
        return pa.StructArray.from_arrays(children, fields=fields, mask=mask), some

    def value(self, array: pa.Array, kind: DataType, valid: npt.NDArray[np.bool_], rows: Rows) -> pa.Array:
        if isinstance(kind, Struct):
            return self.struct(array, kind, rows)
        if isinstance(kind, Array):
            return self.list(array, kind, rows)
        if self.marked:
            array, valid = self.unmarked(array, MARK_AS_TEXT if kind == STRING else MARK, valid, rows)
        if kind == STRING:
            self._count(self.strings, valid, rows)
            bracket = np.asarray(pc.fill_null(pc.starts_with(array, "["), False))
            if bracket.any():  # DuckDB writes an array into a text column as its JSON
                self._doubt(bracket, rows)
            return array
        if kind == ANY_SCALAR:
            return self.scalar(array, valid, rows)
        if kind == BOOLEAN:
            return self.boolean(array, valid, rows)
        return self.number(array, kind, valid, rows)

    def unmarked(
        self, array: pa.Array, mark: str, valid: npt.NDArray[np.bool_], rows: Rows
    ) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
        """Marks counted and turned into the NULLs they stand for."""
        marks = pc.fill_null(pc.equal(array, mark), False)
        found = np.asarray(marks)
        if not found.any():
            return array, valid
        self._count(self.nulls, found, rows)
        return pc.if_else(marks, pa.scalar(None, array.type), array), valid & ~found

    def list(self, array: pa.ListArray, kind: Array, rows: Rows) -> pa.Array:
        lengths = np.asarray(pc.fill_null(pc.list_value_length(array), 0)).astype(np.int64)
        owners = np.arange(len(array), dtype=np.int64) if rows is None else rows
        below = np.repeat(owners, lengths)
        elements = array.flatten()
        valid = _valid(elements)
        if isinstance(kind.element, Struct | Array):
            self._doubt(~valid, below)
        typed = self.value(elements, kind.element, valid, below)
        offsets = np.zeros(len(array) + 1, np.int32)
        np.cumsum(lengths, out=offsets[1:])
        mask = array.is_null() if array.null_count else None
        return pa.ListArray.from_arrays(pa.array(offsets), typed, mask=mask)

    def scalar(self, array: pa.Array, valid: npt.NDArray[np.bool_], rows: Rows) -> pa.Array:
        text = np.asarray(pc.fill_null(pc.starts_with(array, '"'), False))
        self._count(self.strings, text, rows)
        plain = pc.match_substring_regex(array, _PLAIN)
        bad = valid & ~text & ~np.asarray(pc.fill_null(plain, False))
        if bad.any():
            self._doubt(bad, rows)
        return array

    def boolean(self, array: pa.Array, valid: npt.NDArray[np.bool_], rows: Rows) -> pa.Array:
        true = pc.equal(array, "true")
        known = pc.or_(true, pc.equal(array, "false"))
        bad = valid & ~np.asarray(pc.fill_null(known, False))
        if bad.any():
            self._doubt(bad, rows)
        return true

    def number(self, array: pa.Array, kind: DataType, valid: npt.NDArray[np.bool_], rows: Rows) -> pa.Array:
        target = to_arrow(kind)
        try:
            typed = pc.cast(array, target)
        except pa.ArrowInvalid:
            pattern = r"^-?[0-9]{1,18}$" if kind == BIGINT else r"^-?[0-9][0-9.eE+-]*$"
            good = pc.fill_null(pc.match_substring_regex(array, pattern), False)
            self._doubt(valid & ~np.asarray(good), rows)
            typed = pc.cast(pc.if_else(good, array, None), target)
        if kind == DOUBLE:
            values = np.abs(np.asarray(pc.fill_null(typed, 0.0)))
            bad = ~(values < np.inf)
            large = np.flatnonzero(values >= _EXACT)
            if len(large):  # a whole number this large may have been rounded
                texts = array.take(pa.array(large))
                real = pc.or_(pc.match_substring(texts, "."), pc.match_substring(texts, "e"))
                bad[large[~np.asarray(real)]] = True
            if bad.any():
                self._doubt(bad, rows)
            if self.as_written:
                return array
        return typed


def _with_nulls(table: pa.Table, top: pa.StructArray, schema: Struct) -> pa.Table:
    for index, f in enumerate(schema.fields):
        if not isinstance(f.type, Struct | Array):
            marks = pc.fill_null(
                pc.equal(top.field(index), MARK_AS_TEXT if f.type == STRING else MARK), False
            )
            if pc.any(marks).as_py():
                table = table.append_column(f"{NULL_OF}{f.name}", marks)
    return table


def _only(table: pa.Table, rows: npt.NDArray[np.bool_]) -> pa.Table:
    """The flagged rows. When few are missing, the runs between them are joined: a tenth of the time of a filter."""
    missing = np.flatnonzero(~rows)
    if len(missing) > _FEW:
        return table.filter(pa.array(rows))
    bounds = [-1, *missing.tolist(), len(rows)]
    runs = [table.slice(a + 1, b - a - 1) for a, b in pairwise(bounds)]
    return pa.concat_tables(runs).combine_chunks() if len(runs) > 1 else table


def _valid(array: pa.Array) -> npt.NDArray[np.bool_]:
    return np.asarray(array.is_valid()) if array.null_count else np.ones(len(array), bool)
