"""From transformed rows to staged files and counts: the part that every engine shares.

`StageSpec` is a plain value so that Spark can send it to its executors. `Stager` splits rows into good and rejected,
adds the lineage columns, counts by source file, and writes both kinds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from glulam.engine.base import FileCounts
from glulam.engine.partition_values import refuse_unfit
from glulam.infer.arrow import from_arrow
from glulam.infer.types import BIGINT, STRING, TIMESTAMP, DataType
from glulam.records.values import RAW_PREFIX_BYTES, Reject

DEAD_LETTERS = pa.schema(
    [
        pa.field("source_path", pa.string()),
        pa.field("source_etag", pa.string()),
        pa.field("record_no", pa.int64()),
        pa.field("line", pa.int64()),
        pa.field("byte_offset", pa.int64()),
        pa.field("byte_length", pa.int64()),
        pa.field("reason_code", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("raw_text", pa.string()),
        pa.field("raw_bytes", pa.binary()),
        pa.field("batch_id", pa.string()),
        pa.field("rejected_at", pa.timestamp("us", tz="UTC")),
    ]
)
"""`raw_text` shows bytes that are not UTF-8 as \\xNN; `raw_bytes` then holds them as they are, else it is NULL."""

LINEAGE_COLUMNS = ("_rescued_data", "_source_path", "_source_etag", "_record_no", "_batch_id", "_ingested_at")
SYSTEM_COLUMNS = frozenset(LINEAGE_COLUMNS)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSpec:
    names: tuple[str, ...]
    """Output column names, in order."""
    partition_keys: tuple[str, ...]
    paths: tuple[str, ...]
    """Source URIs by file index."""
    etags: tuple[str, ...]
    batch_id: str
    ingested_at_us: int
    key_types: tuple[DataType, ...] = ()
    """Types of the partition columns, when they are written into the files, too."""


@dataclass(slots=True)
class Tally:
    """Counts that add up over tables and workers."""

    written: Counter[int]
    rejected: Counter[int]
    rescued: Counter[int]
    cast_failures: Counter[str]
    reasons: Counter[str]

    @classmethod
    def new(cls) -> Tally:
        return cls(Counter(), Counter(), Counter(), Counter(), Counter())

    def add(self, other: Tally) -> None:
        self.written += other.written
        self.rejected += other.rejected
        self.rescued += other.rescued
        self.cast_failures += other.cast_failures
        self.reasons += other.reasons

    def by_file(self, files: Sequence[int]) -> dict[int, FileCounts]:
        return {
            f: FileCounts(written=self.written[f], rejected=self.rejected[f], rescued=self.rescued[f])
            for f in files
        }


def split(table: pa.Table, spec: StageSpec, tally: Tally) -> tuple[pa.Table, pa.Table]:
    """Good rows ready to write (outputs, lineage, partition columns as text) and the rejected rows' places
    (`_file`, `_record_no`, `_line`, `_offset`, `_length`, `reject`, `detail`)."""
    table = refuse_unfit(table, spec.partition_keys)
    rejected = pc.is_valid(table.column("reject"))
    bad = table.filter(rejected) if pc.any(rejected).as_py() else table.slice(0, 0)
    good = table.filter(pc.invert(rejected)) if bad.num_rows else table
    for index, name in enumerate(spec.names):
        if f"f{index}" in table.column_names:
            failed = pc.sum(table.column(f"f{index}")).as_py() or 0
            if failed:
                tally.cast_failures[name] += failed
    _count(good.column("_file"), tally.written)
    _count(bad.column("_file"), tally.rejected)
    if good.column("_rescued_data").null_count != good.num_rows:
        _count(good.filter(pc.is_valid(good.column("_rescued_data"))).column("_file"), tally.rescued)
    if bad.num_rows:
        tally.reasons.update(bad.column("reject").to_pylist())
    places = bad.select(["_file", "_record_no", "_line", "_offset", "_length", "reject", "detail"])
    return _finished(good, spec), places


def _count(column: pa.ChunkedArray, into: Counter[int]) -> None:
    if len(column):
        counts = np.bincount(np.asarray(column))
        for file in np.flatnonzero(counts):
            into[int(file)] += int(counts[file])


def _finished(good: pa.Table, spec: StageSpec) -> pa.Table:
    arrays = [_stored(good.column(f"o{i}")) for i in range(len(spec.names))]
    file = good.column("_file").combine_chunks()
    file = file.combine_chunks() if isinstance(file, pa.ChunkedArray) else file
    rows = good.num_rows
    arrays += [
        good.column("_rescued_data"),
        pa.DictionaryArray.from_arrays(file, pa.array(spec.paths, pa.string())),
        pa.DictionaryArray.from_arrays(file, pa.array(spec.etags, pa.string())),
        good.column("_record_no"),
        pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([spec.batch_id])),
        pa.array(np.full(rows, spec.ingested_at_us), pa.timestamp("us", tz="UTC")),
    ]
    arrays += [good.column(f"p{i}") for i in range(len(spec.partition_keys))]
    return pa.Table.from_arrays(arrays, names=[*spec.names, *LINEAGE_COLUMNS, *spec.partition_keys])


def _stored(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Timestamps are stored as instants (UTC), which is what Glue's and Spark's `timestamp` means."""
    kind = column.type
    if pa.types.is_timestamp(kind) and (kind.unit != "us" or kind.tz != "UTC"):
        return column.cast(pa.timestamp("us")).cast(pa.timestamp("us", tz="UTC"))
    if pa.types.is_large_string(kind) or kind == pa.string_view():
        return column.cast(pa.string())
    return column


def column_types(table: pa.Table, spec: StageSpec) -> tuple[tuple[str, DataType], ...]:
    """Names and Glue types of the written columns, from a finished table."""
    kept = [f for f in table.schema if f.name not in spec.partition_keys]
    return tuple((f.name, _plain(f.type)) for f in kept)


def finished_columns(spec: StageSpec, outputs: Sequence[DataType]) -> tuple[tuple[str, DataType], ...]:
    """The same from the types of the outputs alone, for an engine that knows them without a row."""
    lineage = (STRING, STRING, STRING, BIGINT, STRING, TIMESTAMP)
    return tuple(zip((*spec.names, *LINEAGE_COLUMNS), (*outputs, *lineage), strict=True))


def _plain(kind: pa.DataType) -> DataType:
    return from_arrow(kind.value_type if pa.types.is_dictionary(kind) else kind)


def dead_letters(rejects: Sequence[Reject], spec: StageSpec) -> pa.Table:
    """Rejects as rows of the dead-letter table."""
    return pa.Table.from_pylist([_dead_letter(r, spec) for r in rejects], schema=DEAD_LETTERS)


def _dead_letter(reject: Reject, spec: StageSpec) -> dict[str, object]:
    raw = (
        reject.raw[:RAW_PREFIX_BYTES]
        if len(reject.raw) > RAW_PREFIX_BYTES and reject.code == "TOO_LARGE"
        else reject.raw
    )
    try:
        text, binary = raw.decode("utf-8"), None
    except UnicodeDecodeError:
        text, binary = raw.decode("utf-8", "backslashreplace"), raw
    return {
        "source_path": spec.paths[reject.file], "source_etag": spec.etags[reject.file], "record_no": reject.record_no,
        "line": reject.line, "byte_offset": reject.offset, "byte_length": reject.length,
        "reason_code": str(reject.code), "reason": reject.detail, "raw_text": text, "raw_bytes": binary,
        "batch_id": spec.batch_id, "rejected_at": spec.ingested_at_us,
    }  # fmt: skip
