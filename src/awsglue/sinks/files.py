"""Writing files below a path. Always adds: nothing that was there is removed."""

from __future__ import annotations

from typing import Any

from pyspark.sql import DataFrameWriter

from awsglue import gluetypes as gt
from awsglue.records import Records
from awsglue.reshaping import drop_nulls
from awsglue.sources.tabular import missing
from awsglue.workspace import SPARK_ERRORS, Workspace, flag
from glulam.model.errors import InvalidInput

_FORMATS = {"json": "json", "csv": "csv", "parquet": "parquet", "glueparquet": "parquet", "orc": "orc",
            "avro": "avro", "xml": "xml", "delta": "delta", "hudi": "hudi"}  # fmt: skip
_COMPRESSION = {"gz": "gzip", "bz2": "bzip2", "none": "none", "uncompressed": "none"}


def write(
    work: Workspace, records: Records, *, path: str, form: str, options: dict[str, Any], keys: list[str],
    compression: str | None,
) -> None:  # fmt: skip
    """Raises InvalidInput for what the format cannot hold; InvalidInput for partition keys that are no field."""
    if form not in _FORMATS:
        raise InvalidInput(f"format {form!r}: expected one of {', '.join(_FORMATS)}")
    kept = records if form == "json" else drop_nulls(records)
    for key in keys:
        if not kept.schema.hasField(key):
            raise InvalidInput(
                f"partitionKeys: no field {key!r}; the fields are {', '.join(f.name for f in kept.schema.fields)}"
            )
    if not kept.schema.fields:
        return
    if form == "csv":
        _check_flat(kept)
    work.reach(path)
    writer = kept.frame.write.mode("append").format(_FORMATS[form])
    writer = _csv(writer, options) if form == "csv" else _xml(writer, options) if form == "xml" else writer
    if codec := compression or options.get("compression"):
        writer = writer.option("compression", _COMPRESSION.get(str(codec).lower(), str(codec).lower()))
    if keys:
        writer = writer.partitionBy(*keys)
    try:
        writer.save(path)
    except SPARK_ERRORS as error:
        raise missing(form, error) from error


def _check_flat(records: Records) -> None:
    for field in records.schema.fields:
        if isinstance(field.dataType, gt.ChoiceType):
            raise InvalidInput(
                f"CSV cannot hold the choice {field.name!r} of {', '.join(field.dataType.choices)}: resolveChoice first"
            )
        if isinstance(field.dataType, gt.StructType | gt.ArrayType | gt.MapType):
            raise InvalidInput(
                f"CSV cannot hold {field.name!r}, which is a {field.dataType.typeName()}: relationalize first"
            )


def _csv(writer: DataFrameWriter, options: dict[str, Any]) -> DataFrameWriter:
    quote = options.get("quoteChar", '"')
    return (
        writer.option("header", flag(options, "writeHeader", True)).option("sep", options.get("separator", ","))
        .option("quote", "\u0000" if str(quote) == "-1" else quote).option("escape", options.get("escaper") or '"')
    )  # fmt: skip


def _xml(writer: DataFrameWriter, options: dict[str, Any]) -> DataFrameWriter:
    return writer.option("rowTag", options.get("rowTag", "record")).option(
        "rootTag", options.get("rootTag", "records")
    )
