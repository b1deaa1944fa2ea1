"""The values of a file that was looked at, column by column, for a profile: read again, as its finding says, and as the table's
types. A value that is not of its column's type comes as null, as it would to a reader of the table.

Formats that a profile cannot be had of (XML, Ion, fixed width, logs with headers, JSON at a path) give nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import orc

from glulam.crawl.findings import FileFinding
from glulam.crawl.formats.dialect import Dialect
from glulam.crawl.formats.file import LocalFile, LookOptions
from glulam.crawl.formats.grok import compile_grok
from glulam.crawl.formats.json_paths import records_of
from glulam.crawl.formats.lines import TextLines
from glulam.crawl.formats.opened import Opened
from glulam.crawl.formats.separated import batches_of
from glulam.crawl.formats.texts import NULLS
from glulam.crawl.profile import ColumnProfile
from glulam.infer.arrow import to_arrow
from glulam.infer.types import Array, DataType, Map, Struct
from glulam.records.conform import to_json

_BATCH = 8192
Columns = Mapping[str, pa.Array]
"""By the catalog's name; all of one length."""


def profile_files(
    files: Iterable[tuple[LocalFile, FileFinding]], types: Mapping[str, DataType], options: LookOptions
) -> dict[str, ColumnProfile]:
    """The profiles of a table's columns over its files, or over the first `sample_records` of each. Raises UnreadableFile,
    and what parsers raise for files that changed since they were looked at."""
    found = {name: ColumnProfile(type=kind) for name, kind in types.items()}
    for file, finding in files:
        left = options.sample_records
        for batch in values(file, finding, options):
            for name, array in batch.items():
                if name in found:
                    part = array if left is None else array.slice(0, left)
                    found[name].add(_as(part, types[name]))
            left = None if left is None else left - max(map(len, batch.values()), default=0)
            if left is not None and left <= 0:
                break
    return found


def values(file: LocalFile, finding: FileFinding, options: LookOptions) -> Iterator[Columns]:
    """Batches of a file's columns, in the types of the file."""
    read = _READERS.get(finding.classification)
    if read is None and "grokPattern" in finding.parameters:
        read = _grok
    if read is None or "jsonPath" in finding.parameters:
        return
    yield from read(file, finding, options)


def _as(array: pa.Array, kind: DataType) -> pa.Array:
    """In the type of the table; what does not fit is null."""
    if isinstance(kind, Struct | Array | Map):
        return array
    target = to_arrow(kind)
    if pa.types.is_string(array.type):
        array = pc.if_else(pc.is_in(array, pa.array(NULLS)), None, array) if target != pa.string() else array
    try:
        return pc.cast(array, target)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.array([_one(value, target) for value in array], target)


def _one(value: pa.Scalar, target: pa.DataType) -> Any:
    try:
        return value.cast(target).as_py()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None


def _named(finding: FileFinding, arrays: Mapping[str, Any]) -> Columns:
    return {c.name: arrays[c.source_name] for c in finding.columns if c.source_name in arrays}


def _parquet(file: LocalFile, finding: FileFinding, options: LookOptions) -> Iterator[Columns]:
    with pq.ParquetFile(file.path) as opened:
        for batch in opened.iter_batches(_BATCH):
            yield _named(finding, dict(zip(batch.schema.names, batch.columns, strict=True)))


def _orc(file: LocalFile, finding: FileFinding, options: LookOptions) -> Iterator[Columns]:
    opened = orc.ORCFile(str(file.path))
    for stripe in range(opened.nstripes):
        batch = opened.read_stripe(stripe)
        yield _named(finding, dict(zip(batch.schema.names, batch.columns, strict=True)))


def _avro(file: LocalFile, finding: FileFinding, options: LookOptions) -> Iterator[Columns]:
    with file.path.open("rb") as stream:
        records = iter(fastavro.reader(stream))
        while batch := list(islice(records, _BATCH)):
            yield _from_rows(finding, batch)


def _json(file: LocalFile, finding: FileFinding, options: LookOptions) -> Iterator[Columns]:
    with file.path.open("rb", buffering=0) as stream:
        opened = Opened(stream, str(file.uri), finding.compression, options.limits)
        records = (value for _, value in records_of(opened, options.limits) if isinstance(value, dict))
        while batch := list(islice(records, _BATCH)):
            yield _from_rows(finding, batch)


def _csv(file: LocalFile, finding: FileFinding, options: LookOptions) -> Iterator[Columns]:
    given = finding.parameters
    quote = given.get("quoteChar", '"')
    width = len(finding.columns)
    dialect = Dialect(delimiter=given["delimiter"], quote=quote, width=width, regularity=1.0, quoted=True)
    with file.path.open("rb", buffering=0) as stream:
        opened = Opened(stream, str(file.uri), finding.compression, options.limits)
        skip = "skip.header.line.count" in given
        for rows, _ in batches_of(TextLines(opened), dialect, skip_first=skip):
            full = [(row + [""] * width)[:width] for row in rows]
            yield {
                c.name: pa.array(texts, pa.string())
                for c, texts in zip(finding.columns, zip(*full, strict=True), strict=True)
            }


def _grok(file: LocalFile, finding: FileFinding, options: LookOptions) -> Iterator[Columns]:
    grok = compile_grok(finding.parameters["grokPattern"], finding.parameters.get("grokCustomPatterns", ""))
    with file.path.open("rb", buffering=0) as stream:
        opened = Opened(stream, str(file.uri), finding.compression, options.limits)
        lines = iter(TextLines(opened))
        while batch := list(islice(lines, _BATCH)):
            found = [grok.match(line.rstrip("\r\n"), whole=False) for line in batch]
            rows = [row for row in found if row is not None]
            columns = zip(finding.columns, zip(*rows, strict=True), strict=False)
            yield {c.name: pa.array(texts, pa.string()) for c, texts in columns}


def _from_rows(finding: FileFinding, rows: Sequence[Mapping[str, Any]]) -> Columns:
    return {c.name: _array([row.get(c.source_name) for row in rows], c.type) for c in finding.columns}


def _array(found: Sequence[Any], kind: DataType) -> pa.Array:
    """Python values in the type of the file's column; nested ones as their presence alone."""
    if isinstance(kind, Struct | Array | Map):
        return pa.array([None if value is None else {} for value in found], pa.struct([]))
    if str(kind) == "string":
        return pa.array(
            [None if v is None else v if isinstance(v, str) else to_json(v) for v in found], pa.string()
        )
    try:
        return pa.array(found, to_arrow(kind))
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # integers beyond 64 bits, which come as their text
        texts = [None if value is None else getattr(value, "text", str(value)) for value in found]
        return _as(pa.array(texts, pa.string()), kind)


_READERS: Mapping[str, Callable[[LocalFile, FileFinding, LookOptions], Iterator[Columns]]] = {
    "parquet": _parquet, "orc": _orc, "avro": _avro, "json": _json, "csv": _csv,
}  # fmt: skip
