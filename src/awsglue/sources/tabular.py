"""Files that Spark reads by itself: Parquet, ORC, Avro, CSV, XML. What no kept library reads is refused by name."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import Any

from pyspark.sql import DataFrame, DataFrameReader
from pyspark.sql import functions as F
from pyspark.sql import types as sp

from awsglue import gluetypes as gt
from awsglue.listing import files
from awsglue.physical import struct_from_spark, to_spark
from awsglue.records import Records, top
from awsglue.reshaping import union
from awsglue.sources.scans import Scan
from awsglue.workspace import SPARK_ERRORS, Workspace, flag
from glulam.model.errors import InvalidInput, UnreadableFile

_PACKAGES = {
    "avro": "org.apache.spark:spark-avro_2.13", "delta": "io.delta:delta-spark_2.13",
    "hudi": "org.apache.hudi:hudi-spark-bundle", "iceberg": "org.apache.iceberg:iceberg-spark-runtime",
}  # fmt: skip
SELF_DESCRIBING = ("parquet", "glueparquet", "orc", "avro", "delta", "hudi", "iceberg")


def reader(work: Workspace, scan: Scan) -> DataFrameReader:
    found = work.session.read
    if scan.base:
        found = found.option("basePath", scan.base)
    return found.option("recursiveFileLookup", "true") if scan.recurse else found


def with_keys(frame: DataFrame, scan: Scan) -> DataFrame:
    """Partition columns: with the catalog's types, and those that the paths do not show."""
    constants = [F.lit(value).alias(name) for name, value in scan.constants]
    found = frame.select("*", *constants) if constants else frame
    kinds = {f.name: f.dataType for f in scan.keys.fields} if scan.keys else {}
    return found.select(*(
        top(n).try_cast(to_spark(kinds[n])).alias(n) if n in kinds else top(n) for n in found.columns
    )) if kinds else found  # fmt: skip


def typed_keys(scan: Scan, schema: sp.StructType) -> sp.StructType:
    """`schema` with partition columns as the catalog says them: 01 is not 1 where the key is a string."""
    kinds = {f.name: to_spark(f.dataType) for f in scan.keys.fields} if scan.keys else {}
    return sp.StructType([sp.StructField(f.name, kinds.get(f.name, f.dataType)) for f in schema.fields])


def self_describing(work: Workspace, scan: Scan, form: str, options: dict[str, Any]) -> Records:
    form = "parquet" if form == "glueparquet" else form
    source = reader(work, scan).format(form)
    if form == "parquet":
        source = source.option("mergeSchema", "true")
    try:
        frame = source.load(list(scan.paths))
        if scan.keys:
            frame = source.schema(typed_keys(scan, frame.schema)).load(list(scan.paths))
        return Records.of(with_keys(frame, scan))
    except SPARK_ERRORS as error:
        if "CANNOT_MERGE_SCHEMA" in str(error) or "Failed merging schema" in str(error):
            return _one_by_one(work, scan, form)
        raise missing(form, error) from error


def _one_by_one(work: Workspace, scan: Scan, form: str) -> Records:
    """Files whose types cannot be merged: each has its own schema, and what differs becomes a choice."""
    parts: dict[sp.StructType, list[str]] = {}
    for file in files(work.settings, scan.paths):
        parts.setdefault(work.session.read.format(form).load(file.path).schema, []).append(file.path)
    base = scan.base or (scan.paths[0] if len(scan.paths) == 1 else None)
    read = [
        Records.of(with_keys(reader(work, replace(scan, base=base)).format(form).load(paths), scan))
        for paths in parts.values()
    ]
    return reduce(union, read)


def missing(form: str, error: Exception) -> Exception:
    """What to add for a format that Spark does not bring."""
    text = str(error)
    absent = (
        "DATA_SOURCE_NOT_FOUND",
        "Failed to find data source",
        "ClassNotFoundException",
        "external but built-in",
    )
    if any(sign in text for sign in absent):
        if form in _PACKAGES:
            return InvalidInput(
                f"format {form!r} needs a package in Spark: --conf spark.jars.packages={_PACKAGES[form]}:VERSION"
            )
        return InvalidInput(f"format {form!r} is not one that this Spark reads or writes")
    return error


def csv(work: Workspace, scan: Scan, options: dict[str, Any]) -> Records:
    """Every field is a text, as in Glue. Without a header the names are col0, col1, ..."""
    header, skip = flag(options, "withHeader"), flag(options, "skipFirst")
    source = (
        reader(work, scan).option("header", header or skip).option("inferSchema", "false")
        .option("sep", options.get("separator", ",")).option("multiLine", flag(options, "multiline"))
        .option("quote", "" if str(options.get("quoteChar", '"')) == "-1" else options.get("quoteChar", '"'))
        .option("escape", options.get("escaper") or '"').option("encoding", options.get("encoding", "UTF-8"))
    )  # fmt: skip
    frame = source.csv(list(scan.paths))
    if scan.keys:
        frame = source.schema(typed_keys(scan, frame.schema)).csv(list(scan.paths))
    if not header:
        keys = {f.name for f in scan.keys.fields} if scan.keys else set()
        data = [name for name in frame.columns if name not in keys]
        names = {name: f"col{at}" if skip or name.startswith("_c") else name for at, name in enumerate(data)}
        frame = frame.select(*(top(name).alias(names.get(name, name)) for name in frame.columns))
    return Records.of(with_keys(frame, scan))


def csv_of_table(work: Workspace, scan: Scan, options: dict[str, Any], columns: gt.StructType) -> Records:
    """CSV by the columns of a catalog table: a text where the column is no text is a choice of the two."""
    header = flag(options, "withHeader") or flag(options, "skipFirst")
    texts = [sp.StructField(f.name, sp.StringType()) for f in columns.fields]
    keys = [sp.StructField(f.name, to_spark(f.dataType)) for f in (scan.keys.fields if scan.keys else ())]
    frame = with_keys(
        reader(work, scan).option("header", header).option("enforceSchema", "true")
        .option("sep", options.get("separator", ",")).option("multiLine", flag(options, "multiline"))
        .option("quote", options.get("quoteChar", '"')).option("escape", options.get("escaper") or '"')
        .schema(sp.StructType([*texts, *(k for k in keys if k.name not in dict(scan.constants))]))
        .csv(list(scan.paths)), scan
    )  # fmt: skip
    return _chosen(frame, columns)


def _chosen(frame: DataFrame, columns: gt.StructType) -> Records:
    """Columns cast to their types; one pass over the data finds those in which a text cannot be."""
    checked = [f for f in columns.fields if not isinstance(f.dataType, gt.StringType)]
    wrong = [
        F.count(F.when(top(f.name).try_cast(to_spark(f.dataType)).isNull() & (F.trim(top(f.name)) != ""), 1))
        for f in checked
    ]
    counts = list(frame.agg(*(c.alias(str(i)) for i, c in enumerate(wrong))).collect()[0]) if wrong else []
    mixed = {f.name for f, count in zip(checked, counts, strict=True) if count}
    kinds = {f.name: f.dataType for f in checked}
    members = []
    for field in struct_from_spark(frame.schema).fields:
        column, kind = top(field.name), kinds.get(field.name)
        if kind is None:
            members.append((field.name, column, field.dataType))
            continue
        value = column.try_cast(to_spark(kind))
        if field.name not in mixed:
            members.append((field.name, value, kind))
            continue
        choice = gt.ChoiceType([kind, gt.StringType()])
        text = F.when(value.isNull(), column)
        made = {kind.typeName(): value, "string": text}
        struct = F.struct(*(made[name].alias(name) for name in choice.choices))
        members.append((field.name, F.when(column.isNotNull(), struct), choice))
    return Records.of(frame).made(members)


def xml(work: Workspace, scan: Scan, options: dict[str, Any]) -> Records:
    """By Spark's own XML reader."""
    row = options.get("rowTag")
    if not row:
        raise InvalidInput('format "xml" needs format_options={"rowTag": the element of a record}')
    source = reader(work, scan).option("rowTag", row).option("nullValue", options.get("nullValue", ""))
    named = {"attributePrefix": "attributePrefix", "valueTag": "contentTag", "excludeAttribute": "excludeAttribute",
             "encoding": "encoding"}  # fmt: skip
    for ours, glues in named.items():
        if glues in options:
            source = source.option(ours, str(options[glues]))
    try:
        return Records.of(with_keys(source.format("xml").load(list(scan.paths)), scan))
    except SPARK_ERRORS as error:
        raise UnreadableFile(
            f"{', '.join(scan.paths[:3])}: not XML that Spark reads: {str(error)[:300]}"
        ) from error
