"""Who reads the files of a table that DuckDB has no reader for, by what the catalog says of the table."""

from __future__ import annotations

from collections.abc import Iterable

from glulam.crawl.located import Reading
from glulam.crawl.rows import lines, records
from glulam.crawl.rows.orc import OrcRows
from glulam.engine.arrow_files import FileReader
from glulam.infer.types import Array, DataType, Map, Struct

_HEADED = ("cloudfront", "microsoft_log", "vpcflow")
_NATIVE = ("none", "gzip", "zstd")
_OTHER_NAMES = (".bz2", ".bzip2", ".snappy", ".lz4", ".zip")


def is_native(reading: Reading, fields: Struct, names: Iterable[str]) -> bool:
    """Whether DuckDB reads such files itself. Keys that differ in nothing but their case are one to it."""
    if reading.format == "parquet":
        return True
    if reading.format not in ("json", "csv") or "jsonPath" in reading.settings:
        return False
    if reading.format == "json" and _cases_differ(fields):
        return False
    return reading.compression in _NATIVE and not any(name.endswith(_OTHER_NAMES) for name in names)


def _cases_differ(kind: DataType) -> bool:
    if isinstance(kind, Array):
        return _cases_differ(kind.element)
    if isinstance(kind, Map):
        return _cases_differ(kind.value)
    if not isinstance(kind, Struct):
        return False
    keys = {f.key.lower() for f in kind.fields}
    return len(keys) < len(kind.fields) or any(_cases_differ(f.type) for f in kind.fields)


def reader_of(reading: Reading, fields: Struct) -> FileReader | None:
    """`fields`: the table's columns with their keys in the files. None for a format that nobody here reads. Raises
    InvalidInput for settings that cannot be used."""
    given, names = reading.settings, tuple(f.name for f in fields.fields)
    if reading.format == "orc":
        return OrcRows(fields)
    if reading.format == "avro":
        return records.Records(fields, records.avro)
    if reading.format == "ion":
        return records.Records(fields, records.ion)
    if reading.format in ("json", "cloudtrail"):
        path = given.get("jsonPath", "$.Records[*]" if reading.format == "cloudtrail" else "$")
        return records.Records(fields, records.json(path))
    if "rowTag" in given or reading.format == "xml":
        return records.Records(fields, records.xml(given.get("rowTag", "")), text=True)
    if pattern := given.get("grokPattern") or given.get("input.format"):
        custom = given.get("grokCustomPatterns") or given.get("input.grokCustomPatterns") or ""
        return lines.parsed(names, lines.grok_line(pattern, custom), reading.skip_lines)
    if pattern := given.get("input.regex"):
        return lines.parsed(names, lines.regex_line(pattern), reading.skip_lines)
    if reading.format in _HEADED:
        return lines.parsed(names, lines.headed_line(reading.delimiter), reading.skip_lines)
    if reading.format == "csv":
        return lines.separated(names, reading.delimiter, reading.quote, reading.skip_lines)
    return None
