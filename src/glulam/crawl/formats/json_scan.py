"""Parse chunks of JSON lines, many small files or a piece of a big one at a time, and count types by file.

What DuckDB's parser proves (records/verify.py) is counted in arrays; the rest goes through the strict parser, record by
record. Left to others: which files end where, and what a file's counts mean (`json_files.py`).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from glulam.crawl.formats.json_counts import Ints, counts_by_file, kind_of, masks
from glulam.infer import shape as kinds
from glulam.infer.lattice import MAP_ALWAYS, in_order, is_map
from glulam.infer.resolve import SchemaPolicy
from glulam.infer.shape import Shape
from glulam.infer.types import BIGINT, BOOLEAN, DOUBLE, STRING, Array, DataType, Field, Struct
from glulam.records.chunks import Gathered
from glulam.records.conform import to_json
from glulam.records.scan import scan_chunk
from glulam.records.strict import BigInteger
from glulam.records.values import ReadLimits, Reject
from glulam.records.verify import ANY_SCALAR, FastParser

_LENIENT = SchemaPolicy()
_KEPT = 3
_MAX_TEXT = 80
_FOLDED = 4 * MAP_ALWAYS
_WIDEST = 2000
_SCALARS: dict[str, DataType] = {
    kinds.STRING: STRING, kinds.DOUBLE: DOUBLE, kinds.BIGINT: BIGINT, kinds.BOOLEAN: BOOLEAN,
}  # fmt: skip


@dataclass(slots=True)
class Seen:
    """What the strict parser saw of one file."""

    shape: Shape = field(default_factory=Shape)
    records: int = 0
    examples: dict[str, dict[str, list[tuple[int | None, str]]]] = field(default_factory=dict)
    """By top-level key and kind, the first values as (line, text)."""

    def see(self, file: int, record_no: int, line: int, value: dict[str, Any]) -> None:
        self.records += 1
        self.shape.see(value, (file, record_no))
        for key, member in value.items():
            if member is not None:
                known = self.examples.setdefault(key, {}).setdefault(_kind(member), [])
                if len(known) < _KEPT:
                    known.append((line, _text(member)))

    def merge(self, other: Seen) -> None:
        self.records += other.records
        self.shape.merge(other.shape)
        for key, by_kind in other.examples.items():
            for kind, found in by_kind.items():
                known = self.examples.setdefault(key, {}).setdefault(kind, [])
                known += found[: _KEPT - len(known)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A value and where it stands."""

    kind: str
    file: int
    line: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fast:
    """What a parsed table holds: for each of `files` a row of `cells` (json_counts.py)."""

    schema: Struct
    files: Ints
    cells: Ints
    examples: dict[str, list[Place]]
    """By key, the first value of each kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkCounts:
    fast: Sequence[Fast]
    slow: dict[int, Seen]
    rejects: Sequence[Reject]
    shape: Shape
    """Of the whole chunk."""


class JsonScanner:
    """Scans on any thread; each has a parser of its own."""

    def __init__(self, limits: ReadLimits) -> None:
        self.limits = limits
        self._local = threading.local()
        self._parsers: list[FastParser] = []

    def close(self) -> None:
        for parser in self._parsers:
            parser.close()

    def scan(self, gathered: Gathered, base: Struct | None) -> ChunkCounts:
        slow: dict[int, Seen] = {}

        def witness(file: int, record_no: int, line: int, value: dict[str, Any]) -> None:
            if (seen := slow.get(file)) is None:
                seen = slow[file] = Seen()
            seen.see(file, record_no, line, value)

        found = scan_chunk(
            gathered.chunk(), self._parser(), base, _LENIENT, self.limits, learn=False, witness=witness
        )
        fast = []
        for schema, table in found.parsed:
            files, cells = counts_by_file(table, schema)
            fast.append(Fast(schema=schema, files=files, cells=cells, examples=_examples(table, schema)))
        return ChunkCounts(fast=fast, slow=slow, rejects=found.rejects, shape=found.shape)

    def _parser(self) -> FastParser:
        if (parser := getattr(self._local, "parser", None)) is None:
            parser = self._local.parser = FastParser(as_written=True)
            self._parsers.append(parser)
        return parser


def fast_schema(seen: Shape) -> Struct:
    """The schema by which most records will parse: at each place the kind that is most frequent, keys that never had a
    value too, objects whose keys are data left out."""
    fields: list[Field] = []
    for key, member in in_order(seen)[:_WIDEST]:
        kind = _dominant(member)
        if kind is not None:
            fields.append(Field(key, kind))
    return Struct(tuple(fields))


def _dominant(seen: Shape) -> DataType | None:
    counts = seen.counts
    if not counts:
        return STRING
    most = max(counts, key=lambda kind: counts[kind])
    if most == kinds.STRUCT:
        members = None if is_map(seen) else fast_schema(seen)
        return members if members and members.fields else None
    if most in (kinds.ARRAY, kinds.EMPTY_ARRAY):
        element = _dominant(seen.element or Shape())
        return Array(element) if element is not None else None
    scalars = {kind for kind in counts if kind in _SCALARS}
    if len(scalars - {kinds.DOUBLE, kinds.BIGINT}) + bool(scalars & {kinds.DOUBLE, kinds.BIGINT}) > 1:
        return ANY_SCALAR
    if kinds.DOUBLE in scalars:
        return DOUBLE
    return _SCALARS.get(most)


def fold_maps(seen: Shape, *, top: bool = True) -> None:
    """Keep no more members of an object whose keys are data than show that it is one: memory stays bounded."""
    if not top and len(seen.members) > _FOLDED and is_map(seen):
        first, *others = list(seen.members)
        for key in others[MAP_ALWAYS:]:
            seen.members[first].merge(seen.members.pop(key))
    for member in seen.members.values():
        fold_maps(member, top=False)
    if seen.element is not None:
        fold_maps(seen.element, top=False)


def keep_widest(seen: Shape) -> None:
    """Of a record's keys only as many as a fast schema can have, those that come most often."""
    if len(seen.members) > 2 * _WIDEST:
        often = sorted(seen.members.items(), key=lambda item: -sum(item[1].counts.values()))
        seen.members = dict(often[:_WIDEST])


def _examples(table: pa.Table, schema: Struct) -> dict[str, list[Place]]:
    found: dict[str, list[Place]] = {}
    files, lines = table.column("_file"), table.column("_line")
    for f in schema.fields:
        values = table.column(f.name)
        for kind, row in _first_rows(values, f.type):
            value = values[row].as_py()
            text = (
                str(json.loads(value))
                if kind == kinds.STRING and f.type == ANY_SCALAR
                else _text(_without_nulls(value))
            )
            place = Place(kind=kind, file=files[row].as_py(), line=lines[row].as_py(), text=text[:_MAX_TEXT])
            found.setdefault(f.key, []).append(place)
    return found


def _first_rows(values: pa.ChunkedArray, kind: DataType) -> list[tuple[str, int]]:
    """The first row of each kind that a column has."""
    if kind == ANY_SCALAR:
        found = masks(pa.concat_arrays(values.chunks)) if values.num_chunks else {}
        return [(name, int(np.argmax(mask))) for name, mask in found.items() if mask.any()]
    row = _first_valid(values)
    if row is None:
        return []
    if kind == DOUBLE:
        return [(kinds.DOUBLE if set(values[row].as_py()) & set(".eE") else kinds.BIGINT, row)]
    return [(kind_of(kind), row)]


def _first_valid(values: pa.ChunkedArray) -> int | None:
    at = 0
    for chunk in values.chunks:
        if chunk.null_count < len(chunk):
            return at + (int(np.argmax(np.asarray(chunk.is_valid()))) if chunk.null_count else 0)
        at += len(chunk)
    return None


def _without_nulls(value: Any) -> Any:
    """Members that a record did not have, left out again."""
    if isinstance(value, dict):
        return {key: _without_nulls(member) for key, member in value.items() if member is not None}
    return [_without_nulls(member) for member in value] if isinstance(value, list) else value


def _text(value: Any) -> str:
    return (value if isinstance(value, str) else to_json(value))[:_MAX_TEXT]


_KIND_OF: Iterable[tuple[type, str]] = (
    (str, kinds.STRING), (bool, kinds.BOOLEAN), (int, kinds.BIGINT), (float, kinds.DOUBLE), (dict, kinds.STRUCT),
    (list, kinds.ARRAY),
)  # fmt: skip


def _kind(value: Any) -> str:
    if isinstance(value, BigInteger):
        return kinds.BIGGER
    return next(name for kind, name in _KIND_OF if isinstance(value, kind))
