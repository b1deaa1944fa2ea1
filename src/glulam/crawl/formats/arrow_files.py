"""Parquet and ORC: types and counts from the file's own footer; no value is read."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import orc

from glulam.crawl.findings import ColumnFinding
from glulam.crawl.formats import columns
from glulam.crawl.formats.file import Answer, LocalFile
from glulam.infer.arrow import from_arrow
from glulam.infer.lattice import struct_of
from glulam.infer.types import BIGINT, BINARY, DATE, STRING, Array, DataType, Decimal, Map, Scalar
from glulam.model.errors import InvalidInput

_INTEGERS: dict[pa.DataType, DataType] = {
    pa.uint8(): Scalar("smallint"), pa.uint16(): Scalar("int"), pa.uint32(): BIGINT, pa.uint64(): Decimal(20, 0),
    pa.float16(): Scalar("float"), pa.date64(): DATE,
}  # fmt: skip


def parquet_answer(file: LocalFile) -> Answer:
    """What a Parquet file says of itself. Raises pyarrow's errors for a damaged one."""
    with pq.ParquetFile(file.path) as opened:
        schema, metadata = opened.schema_arrow, opened.metadata
        nulls = _null_counts(metadata)
        odd: list[str] = []
        found = _columns(schema, odd, [nulls.get(name) for name in schema.names], metadata.num_rows)
        codecs = sorted({metadata.row_group(g).column(c).compression.lower() for g in range(metadata.num_row_groups)
                         for c in range(metadata.row_group(g).num_columns)})  # fmt: skip
        said = f"Parquet footer: {metadata.num_rows} rows in {metadata.num_row_groups} row groups"
    evidence = [said + (f", compressed inside with {', '.join(codecs)}" if codecs else ""), *odd]
    return _answer("parquet", found, metadata.num_rows, evidence)


def orc_answer(file: LocalFile) -> Answer:
    """What an ORC file says of itself. Raises pyarrow's errors for a damaged one."""
    opened = orc.ORCFile(str(file.path))
    odd: list[str] = []
    found = _columns(opened.schema, odd, [None] * len(opened.schema), opened.nrows)
    return _answer("orc", found, opened.nrows, [f"ORC footer: {opened.nrows} rows", *odd])


def _answer(name: str, found: tuple[ColumnFinding, ...], rows: int, evidence: list[str]) -> Answer:
    if not found:
        return Answer(
            classification=name, classifier=name, certainty=0, evidence=(f"{name}: no column in it",)
        )
    if not rows:
        evidence.append("no row in it")
    return Answer(
        classification=name, classifier=name, certainty=1.0, columns=found, records=rows, evidence=evidence
    )


def _columns(
    schema: pa.Schema, odd: list[str], nulls: Sequence[int | None], rows: int
) -> tuple[ColumnFinding, ...]:
    found = []
    for f, missing in zip(schema, nulls, strict=True):
        kind = glue_type(f.type, f.name, odd)
        counts = {} if missing is None else {str(kind).partition("<")[0]: rows - missing, "null": missing}
        found.append(columns.column(f.name, kind, {k: n for k, n in counts.items() if n}))
    return columns.named(found)


def glue_type(kind: pa.DataType, path: str, odd: list[str]) -> DataType:
    """Glue's type for Arrow's; where there is none, `string`, and a sentence in `odd`."""
    if kind in _INTEGERS:
        return _INTEGERS[kind]
    if isinstance(kind, pa.BaseExtensionType):
        return glue_type(kind.storage_type, path, odd)
    if pa.types.is_dictionary(kind):
        return glue_type(kind.value_type, path, odd)
    if pa.types.is_struct(kind):
        return struct_of({f.name: glue_type(f.type, f"{path}.{f.name}", odd) for f in kind})
    if pa.types.is_map(kind):
        return Map(glue_type(kind.key_type, path, odd), glue_type(kind.item_type, path, odd))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return Array(glue_type(kind.value_type, path, odd))
    if pa.types.is_fixed_size_binary(kind) or pa.types.is_large_binary(kind) or kind == pa.binary_view():
        return BINARY
    if pa.types.is_decimal(kind) and not 0 <= kind.scale <= kind.precision <= 38:
        odd.append(f"{path}: {kind} has more digits than a decimal of the catalog; it is a string there")
        return STRING
    if pa.types.is_time(kind):
        odd.append(f"{path}: {kind} is a time of day, kept as the number that is stored")
        return Scalar("int") if kind.bit_width == 32 else BIGINT
    try:
        return from_arrow(kind)
    except InvalidInput:
        odd.append(f"{path}: {kind} has no type in the catalog; it is a string there")
        return STRING


def _null_counts(metadata: pq.FileMetaData) -> dict[str, int]:
    """Nulls of the columns that are not nested, from the row groups' statistics, where all of them say."""
    found: dict[str, int] = {}
    unknown: set[str] = set()
    for group in range(metadata.num_row_groups):
        row_group = metadata.row_group(group)
        for index in range(row_group.num_columns):
            column = row_group.column(index)
            statistics = column.statistics
            if statistics is None or not statistics.has_null_count:
                unknown.add(column.path_in_schema)
            else:
                name = column.path_in_schema
                found[name] = found.get(name, 0) + int(statistics.null_count)
    return {name: count for name, count in found.items() if name not in unknown}
