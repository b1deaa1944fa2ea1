"""A found table as Glue's crawlers write it into the catalog: formats, serializers, parameters. Pure.

Left to others: what of a document that is there may change (`planning.py`)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from glulam.crawl.findings import ColumnFinding
from glulam.crawl.found import FoundTable
from glulam.crawl.globs import escaped
from glulam.infer.codec import to_plain
from glulam.infer.lattice import finished
from glulam.infer.types import Array, DataType, Field, Struct

UPDATED_BY = "UPDATED_BY_CRAWLER"
DEPRECATED_BY = "DEPRECATED_BY_CRAWLER"
EXCLUSIONS = "exclusions"
SCHEMA = "glulam.schema"
"""Columns with the keys that their members have in the files: only where some name is not its key."""
COUNTS = ("averageRecordSize", "objectCount", "recordCount", "sizeKey")
"""Parameters that change with every file: no reason for a new version of a table."""

_HIVE = "org.apache.hadoop.hive.ql.io"
_TEXT = ("org.apache.hadoop.mapred.TextInputFormat", f"{_HIVE}.HiveIgnoreKeyTextOutputFormat")
_MOST_EXCLUSIONS = 1000


@dataclass(frozen=True, kw_only=True)
class _Format:
    input: str
    output: str
    serde: str


_FORMATS = {
    "parquet": _Format(input=f"{_HIVE}.parquet.MapredParquetInputFormat", output=f"{_HIVE}.parquet.MapredParquetOutputFormat",
                       serde=f"{_HIVE}.parquet.serde.ParquetHiveSerDe"),
    "orc": _Format(input=f"{_HIVE}.orc.OrcInputFormat", output=f"{_HIVE}.orc.OrcOutputFormat", serde=f"{_HIVE}.orc.OrcSerde"),
    "avro": _Format(input=f"{_HIVE}.avro.AvroContainerInputFormat", output=f"{_HIVE}.avro.AvroContainerOutputFormat",
                    serde="org.apache.hadoop.hive.serde2.avro.AvroSerDe"),
    "json": _Format(input=_TEXT[0], output=_TEXT[1], serde="org.openx.data.jsonserde.JsonSerDe"),
    "csv": _Format(input=_TEXT[0], output=_TEXT[1], serde="org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"),
    "xml": _Format(input="com.databricks.spark.xml", output="com.databricks.spark.xml", serde="com.databricks.spark.xml"),
    "ion": _Format(input="com.amazon.ionhiveserde.formats.IonInputFormat",
                   output="com.amazon.ionhiveserde.formats.IonOutputFormat", serde="com.amazon.ionhiveserde.IonHiveSerDe"),
    "cloudtrail": _Format(input="com.amazon.emr.cloudtrail.CloudTrailInputFormat", output=_TEXT[1],
                          serde="org.apache.hive.hcatalog.data.JsonSerDe"),
}  # fmt: skip
_GROK = "com.amazonaws.glue.serde.GrokSerDe"
_REGEX = "org.apache.hadoop.hive.serde2.RegexSerDe"
_OPEN_CSV = "org.apache.hadoop.hive.serde2.OpenCSVSerde"


def table_document(table: FoundTable, crawler: str) -> dict[str, Any]:
    """Glue's TableInput without the name. `crawler`: who says so."""
    parameters = {
        "CrawlerSchemaDeserializerVersion": "1.0", "CrawlerSchemaSerializerVersion": "1.0", UPDATED_BY: crawler,
        **_parameters(table), **counts(table.files, table.records, table.size_bytes),
    }  # fmt: skip
    excluded = [*table.exclusions, *excluded_paths(table)]
    if excluded:
        parameters[EXCLUSIONS] = json.dumps(excluded, ensure_ascii=False)
    found: dict[str, Any] = {
        "Owner": "owner", "Retention": 0, "TableType": "EXTERNAL_TABLE", "Parameters": parameters,
        "PartitionKeys": [{"Name": name, "Type": str(kind)} for name, kind in table.partition_keys],
        "StorageDescriptor": {
            **storage(table), "Columns": columns(table.columns), "Location": table.location, "Parameters": parameters,
        },
    }  # fmt: skip
    if table.comment:
        found["Description"] = table.comment
    return found


def storage(table: FoundTable) -> dict[str, Any]:
    """How files are read."""
    if table.storage is not None:
        return {
            "InputFormat": table.storage.get("InputFormat", ""), "OutputFormat": table.storage.get("OutputFormat", ""),
            "Compressed": False, "NumberOfBuckets": -1, "SerdeInfo": {}, "BucketColumns": [], "SortColumns": [],
            "StoredAsSubDirectories": False,
        }  # fmt: skip
    form = _FORMATS[_format(table)]
    serde, settings = form.serde, _serde_settings(table)
    if "grokPattern" in table.parameters:
        serde = _GROK
    elif "input.regex" in table.parameters:
        serde = _REGEX
    elif form is _FORMATS["csv"] and table.parameters.get("quoteChar", "").strip():
        serde = _OPEN_CSV
    serde = table.parameters.get("serializationLib", serde)
    return {
        "InputFormat": form.input, "OutputFormat": form.output, "Compressed": table.compression != "none",
        "NumberOfBuckets": -1, "SerdeInfo": {"SerializationLibrary": serde, "Parameters": settings},
        "BucketColumns": [], "SortColumns": [], "StoredAsSubDirectories": False,
    }  # fmt: skip


def _format(table: FoundTable) -> str:
    """The format behind a classification, which a custom classifier names as it likes."""
    if table.classification in _FORMATS:
        return table.classification
    return "xml" if "rowTag" in table.parameters else "csv"


def columns(found: Sequence[ColumnFinding]) -> list[dict[str, Any]]:
    """Places in which nothing was ever seen are strings: no reader knows `void` or a struct without members."""
    return [
        {"Name": c.name, "Type": str(finished(c.type)), **({"Comment": c.comment} if c.comment else {})} for c in found
    ]  # fmt: skip


def counts(files: int, records: int, size_bytes: int) -> dict[str, str]:
    average = round(size_bytes / records) if records else 0
    return dict(zip(COUNTS, (str(average), str(files), str(records), str(size_bytes)), strict=True))


def excluded_paths(table: FoundTable) -> list[str]:
    """Patterns for what lies in the table's folder and is not of it."""
    root = table.location if table.location.endswith("/") else ""
    paths = [*table.others, *(f"{root}{odd.path}" for odd in table.odd)]
    return [f"{escaped(p)}{'**' if p.endswith('/') else ''}" for p in paths[:_MOST_EXCLUSIONS]]


def _parameters(table: FoundTable) -> dict[str, str]:
    found = {
        "classification": table.classification,
        "typeOfData": "file",
        "compressionType": table.compression,
    }
    if table.storage is not None:
        found = {
            "classification": table.classification,
            "typeOfData": table.storage.get("typeOfData", "table"),
        }
    if table.storage is None and any(
        _renames(c.type) or c.source_name.lower() != c.name for c in table.columns
    ):
        fields = tuple(Field(c.name, finished(c.type), c.source_name) for c in table.columns)
        found[SCHEMA] = json.dumps(to_plain(Struct(fields)), ensure_ascii=False, separators=(",", ":"))
    return {**found, **table.parameters}


def _renames(kind: DataType) -> bool:
    """Whether some member below is called otherwise in the files."""
    if isinstance(kind, Struct):
        return any(f.key != f.name or _renames(f.type) for f in kind.fields)
    return _renames(kind.element) if isinstance(kind, Array) else False


def _serde_settings(table: FoundTable) -> dict[str, str]:
    given, form = table.parameters, _format(table)
    if form in ("json", "cloudtrail"):
        found = {"paths": ",".join(sorted(c.source_name for c in table.columns))}
        for c in table.columns:
            if c.source_name != c.name:
                found[f"mapping.{c.name}"] = c.source_name
        return found
    if "delimiter" in given:
        found = {}
        if delimiter := given.get("delimiter"):
            found |= {"field.delim": delimiter}
        if quote := given.get("quoteChar", "").strip():
            found |= {"separatorChar": given.get("delimiter", ","), "quoteChar": quote, "escapeChar": "\\"}
        return found
    if "grokPattern" in given:
        custom = (
            {"input.grokCustomPatterns": given["grokCustomPatterns"]} if "grokCustomPatterns" in given else {}
        )
        return {"input.format": given["grokPattern"], **custom}
    if "input.regex" in given:
        return {"input.regex": given["input.regex"]}
    if form == "xml":
        return {"rowTag": given.get("rowTag", "")}
    return {"serialization.format": "1"} if form in ("parquet", "orc", "avro") else {}
