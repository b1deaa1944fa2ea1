"""Scan one chunk: parse what the fast path can prove, leave the rest as raw text, count every type seen.

The result is columnar and knows, for each record, where it came from. Nothing here knows about tables or engines.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from glulam.infer import shape as kinds
from glulam.infer.resolve import SchemaPolicy, resolve
from glulam.infer.shape import Shape
from glulam.infer.types import BIGINT, BOOLEAN, DOUBLE, STRING, Array, DataType, Struct
from glulam.records.chunks import Chunk
from glulam.records.strict import decode
from glulam.records.tokens import Tokens, count_tokens, mark_nulls
from glulam.records.values import BadRecord, ReadLimits, Reject, RejectCode
from glulam.records.verify import ANY_SCALAR, FastParser, Verified, fast_part

LINEAGE = pa.schema(
    [
        pa.field("_file", pa.int32()),
        pa.field("_record_no", pa.int64()),
        pa.field("_line", pa.int64()),
        pa.field("_offset", pa.int64()),
        pa.field("_length", pa.int64()),
    ]
)
"""Where a record is: index of its file, record number, line, byte offset and length in the decompressed content."""

RAW = LINEAGE.append(pa.field("_raw", pa.binary()))
_SAMPLE = 64

Witness = Callable[[int, int, int, dict[str, Any]], None]
"""Shown each record that the strict parser decodes: file, record number, line, value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """What became of a chunk's records. Each is in exactly one of `parsed`, `slow` and `rejects`."""

    number: int
    parsed: tuple[tuple[Struct, pa.Table], ...]
    """Proven rows by schema: the schema's columns, then LINEAGE."""
    slow: pa.Table
    """RAW rows: good records for the strict parser to fit to the final schema."""
    rejects: tuple[Reject, ...]
    shape: Shape


def scan_chunk(chunk: Chunk, parser: FastParser, base: Struct | None, policy: SchemaPolicy, limits: ReadLimits,
               *, learn: bool = True, witness: Witness | None = None) -> Scanned:  # fmt: skip
    """Scan with `base` as the schema to try first. With learn=False no other schema is tried (a second scan, when
    the final schema is known)."""
    work = _Work(chunk, policy, limits, witness)
    work.documents()
    if len(chunk.is_record):
        work.lines(parser, base, learn)
    return work.result()


class _Work:
    def __init__(
        self, chunk: Chunk, policy: SchemaPolicy, limits: ReadLimits, witness: Witness | None
    ) -> None:
        self.chunk, self.policy, self.limits, self.witness = chunk, policy, limits, witness
        self.shape = Shape()
        self.rejects: list[Reject] = list(chunk.rejects)
        self.slow: list[tuple[Any, ...]] = []
        self.parsed: list[tuple[Struct, pa.Table]] = []

    def documents(self) -> None:
        for d in self.chunk.documents:
            self.strict(d.file, d.record_no, d.line, d.offset, d.raw)

    def strict(self, file: int, record_no: int, line: int, offset: int, raw: bytes) -> None:
        """Decode one record the slow way: count its types and keep it, or reject it."""
        try:
            value = decode(raw, self.limits.max_depth)
        except BadRecord as bad:
            self.rejects.append(Reject(file=file, record_no=record_no, line=line, offset=offset, length=len(raw),
                                       raw=raw, code=bad.code, detail=bad.detail))  # fmt: skip
            return
        self.shape.see(value, (file, record_no))
        if self.witness is not None:
            self.witness(file, record_no, line, value)
        self.slow.append((file, record_no, line, offset, len(raw), raw))

    def strict_row(self, row: int) -> None:
        chunk = self.chunk
        raw = chunk.buffer[chunk.offsets[row] : chunk.offsets[row + 1]].rstrip(b"\r\n")
        self.strict(
            int(chunk.file[row]), int(chunk.record_no[row]), int(chunk.line[row]), int(chunk.offset[row]), raw
        )

    def lines(self, parser: FastParser, base: Struct | None, learn: bool) -> None:
        """Fast parse; look at some of the rows that were not proven; with what they teach, parse those left again."""
        chunk = self.chunk
        tokens = count_tokens(chunk.buffer, chunk.offsets)
        data = np.frombuffer(chunk.buffer, np.uint8)
        todo = chunk.is_record.copy()
        last = data[np.maximum(chunk.offsets[1:] - 2, 0)]  # before the newline
        whole = (last == ord("}")) | (last == ord("\r"))
        eligible = todo & (data[chunk.offsets[:-1]] == ord("{")) & whole & ~tokens.doubtful
        texts = self._texts(
            mark_nulls(chunk.buffer, tokens) if len(tokens.null_at) else chunk.buffer, eligible
        )
        if texts is None:
            eligible[:] = False
        schema = base
        if schema is None and learn:
            self._look(todo, eligible, _SAMPLE)
            schema = self._learned(None)
        while (
            texts is not None and schema is not None and (part := fast_part(schema)).fields and eligible.any()
        ):
            rows, found = self._parse(parser, texts, tokens, eligible, part)
            done = rows[found.accepted]
            todo[done] = eligible[done] = False
            if len(found.table):
                self._keep(found, done)
            if not learn or not eligible.any():
                break
            before = schema
            self._look(todo, eligible, _SAMPLE)
            schema = self._learned(before)
            if schema == before:
                break
        for row in np.flatnonzero(todo):
            self.strict_row(int(row))

    def _parse(self, parser: FastParser, texts: pa.StringArray, tokens: Tokens, eligible: npt.NDArray[np.bool_],
               part: Struct) -> tuple[npt.NDArray[np.int64], Verified]:  # fmt: skip
        """The rows that were parsed, and what came of them. The others are left out when they are many: a few NULLs
        cost less than a copy of the texts."""
        rows = np.flatnonzero(eligible)
        if len(rows) * 2 > len(eligible):
            return np.arange(len(eligible)), parser.parse(texts, tokens, eligible, part)
        subset = Tokens(keys=tokens.keys[rows], strings=tokens.strings[rows], nulls=tokens.nulls[rows],
                        doubtful=tokens.doubtful[rows], null_at=tokens.null_at)  # fmt: skip
        return rows, parser.parse(texts.take(pa.array(rows)), subset, np.ones(len(rows), bool), part)

    def _texts(self, buffer: bytes | bytearray, shown: npt.NDArray[np.bool_]) -> pa.StringArray | None:
        """The `shown` lines (the others NULL) as an Arrow array over the buffer itself; None when some of them is not
        UTF-8 (the strict parser then says which)."""
        chunk = self.chunk
        texts = pa.StringArray.from_buffers(
            len(chunk.is_record), pa.py_buffer(chunk.offsets.astype(np.int32)), pa.py_buffer(buffer),
            pa.py_buffer(np.packbits(shown, bitorder="little").tobytes()),
        )  # fmt: skip
        try:
            texts.validate(full=True)
        except pa.ArrowInvalid:
            return None
        return texts

    def _look(self, todo: npt.NDArray[np.bool_], eligible: npt.NDArray[np.bool_], count: int) -> None:
        """Decode the first rows that are left the slow way, to learn from them."""
        for row in np.flatnonzero(eligible)[:count]:
            self.strict_row(int(row))
            todo[row] = eligible[row] = False

    def _learned(self, base: Struct | None) -> Struct:
        return resolve(self.shape, base, SchemaPolicy(hints=self.policy.hints, reserved=self.policy.reserved))

    def _keep(self, found: Verified, rows: npt.NDArray[np.int64]) -> None:
        chunk = self.chunk
        count_types(found.table, found.schema, self.shape)
        lengths = (
            np.diff(chunk.offsets)[rows] - 1
        )  # the newline; a carriage return before it counts as white space
        columns = (chunk.file[rows], chunk.record_no[rows], chunk.line[rows], chunk.offset[rows], lengths)
        table = found.table
        for f, values in zip(LINEAGE, columns, strict=True):
            table = table.append_column(f, pa.array(values, f.type))
        self.parsed.append((found.schema, table))

    def result(self) -> Scanned:
        slow = pa.Table.from_arrays(
            [pa.array([row[i] for row in self.slow], f.type) for i, f in enumerate(RAW)], schema=RAW
        )
        return Scanned(number=self.chunk.number, parsed=tuple(self.parsed), slow=slow, rejects=tuple(self.rejects),
                       shape=self.shape)  # fmt: skip


_KINDS: dict[DataType, str] = {
    BOOLEAN: kinds.BOOLEAN,
    BIGINT: kinds.BIGINT,
    DOUBLE: kinds.DOUBLE,
    STRING: kinds.STRING,
    ANY_SCALAR: kinds.STRING,
}


def count_types(table: pa.Table, schema: Struct, into: Shape) -> None:
    """Add the values of parsed columns to the counts. (A whole number in a double column counts as a double.)"""
    into.add(kinds.STRUCT, None, table.num_rows)
    for f in schema.fields:
        _count(table.column(f.name).combine_chunks(), f.type, into.members.setdefault(f.key, Shape()))


def _count(array: Any, kind: DataType, into: Shape) -> None:
    count = len(array) - array.null_count
    if not count:
        return
    if isinstance(kind, Struct):
        into.add(kinds.STRUCT, None, count)
        for index, f in enumerate(kind.fields):
            _count(array.field(index), f.type, into.members.setdefault(f.key, Shape()))
    elif isinstance(kind, Array):
        into.add(kinds.ARRAY, None, count)
        into.element = into.element or Shape()
        _count(array.flatten(), kind.element, into.element)
    else:
        into.add(_KINDS[kind], None, count)


def reject_of(code: RejectCode, detail: str, row: tuple[Any, ...]) -> Reject:
    """A reject for a RAW row, in LINEAGE order."""
    file, record_no, line, offset, length, raw = row
    return Reject(file=file, record_no=record_no, line=line, offset=offset, length=length, raw=raw, code=code,
                  detail=detail)  # fmt: skip
