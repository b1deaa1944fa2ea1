"""Catalog tables as sources: where their files are, in which format, and which partitions are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

from pyspark.sql import functions as F

from awsglue import gluetypes as gt
from awsglue.listing import FileVersion, files
from awsglue.physical import parse, to_spark
from awsglue.records import Records, top
from awsglue.reshaping import union
from awsglue.sources import files as formats
from awsglue.sources.scans import Scan, bookmark_of, exclusions_of, left
from awsglue.workspace import SPARK_ERRORS, Workspace, catalog
from glulam.model.errors import InvalidInput

_SERDES = {
    "parquet": "parquet", "orc": "orc", "avro": "avro", "json": "json", "opencsv": "csv", "lazysimple": "csv",
    "grok": "grokLog",
}  # fmt: skip
_FORMATS = ("parquet", "orc", "avro", "json", "csv", "xml")
DATABASES = ("postgresql", "mysql", "sqlserver", "oracle", "redshift", "jdbc")


@dataclass(frozen=True)
class Table:
    """What GetTable answered, by the questions that sources and sinks have."""

    given: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.given['DatabaseName']}.{self.given['Name']}"

    @property
    def storage(self) -> dict[str, Any]:
        found: dict[str, Any] = self.given.get("StorageDescriptor") or {}
        return found

    @property
    def location(self) -> str:
        return str(self.storage.get("Location") or "").rstrip("/")

    @cached_property
    def parameters(self) -> dict[str, str]:
        return {**(self.storage.get("Parameters") or {}), **(self.given.get("Parameters") or {})}

    @property
    def columns(self) -> gt.StructType:
        return _struct(self.storage.get("Columns") or ())

    @property
    def keys(self) -> gt.StructType:
        return _struct(self.given.get("PartitionKeys") or ())

    @cached_property
    def format(self) -> str:
        """Raises InvalidInput for a table that does not say what its files are."""
        said = self.parameters.get("classification", "").lower()
        if self.parameters.get("table_type", "").upper() == "ICEBERG":
            return "iceberg"
        if said in (*_FORMATS, *DATABASES):
            return said
        library = str((self.storage.get("SerdeInfo") or {}).get("SerializationLibrary", "")).lower()
        for sign, form in _SERDES.items():
            if sign in library:
                return form
        raise InvalidInput(
            f"table {self.name}: neither classification ({said!r}) nor SerDe ({library!r}) says a known format"
        )

    def format_options(self) -> dict[str, Any]:
        """For CSV, what the SerDe and the table's parameters say, in the words of format_options."""
        serde = (self.storage.get("SerdeInfo") or {}).get("Parameters") or {}
        header = int(
            self.parameters.get("skip.header.line.count", serde.get("skip.header.line.count", "0")) or 0
        )
        separator = (
            serde.get("separatorChar") or serde.get("field.delim") or self.parameters.get("delimiter") or ","
        )
        return {
            "separator": separator, "withHeader": header > 0, "quoteChar": serde.get("quoteChar", '"'),
            "escaper": serde.get("escapeChar"), "jsonPath": self.parameters.get("jsonPath", ""),
            "rowTag": self.parameters.get("rowTag", ""),
        }  # fmt: skip


def _struct(columns: Any) -> gt.StructType:
    return gt.StructType([gt.Field(c["Name"], parse(c.get("Type") or "string")) for c in columns])


def read(
    work: Workspace, table: Table, scans: list[Scan], options: dict[str, Any], *, stage: int, site: str
) -> Records:
    """The records of these scans. Fields that are in no file are not there, whatever the catalog says."""
    if table.format == "iceberg":
        return _iceberg(work, table)
    if not scans:
        return nothing(work)
    settings = {**table.format_options(), **options}
    return reduce(union, [
        formats.read(work, scan, table.format, settings, stage=stage, site=site, columns=table.columns) for scan in scans
    ])  # fmt: skip


def nothing(work: Workspace) -> Records:
    """No records, of which nothing is known."""
    return Records.of(work.session.range(0).select())


def _iceberg(work: Workspace, table: Table) -> Records:
    try:
        return Records.of(work.session.read.format("iceberg").load(table.name))
    except SPARK_ERRORS as error:
        raise InvalidInput(
            f"table {table.name} is an Iceberg table: Spark needs the package org.apache.iceberg:iceberg-spark-runtime"
            f" and a catalog of that name ({str(error)[:200]})"
        ) from error


def scans_of(
    work: Workspace, table: Table, predicate: str, options: dict[str, Any], transformation_ctx: str,
    catalog_id: str | None,
) -> list[Scan]:  # fmt: skip
    """What is to be read: the bookmark notes it here, whether or not the script goes on to read."""
    if table.format == "iceberg":
        return []
    work.reach(table.location)
    bookmark = bookmark_of(work, transformation_ctx, options)
    exclusions = [*exclusions_of(table.parameters), *exclusions_of(options)]  # a crawler says what is odd
    keys = table.keys
    if not keys.fields:
        whole = Scan(paths=(table.location,), recurse=True)
        if bookmark is None and not exclusions:
            return [whole]
        chosen = left(bookmark, transformation_ctx, files(work.settings, [table.location], exclusions))
        return [Scan(paths=tuple(sorted(f.path for f in chosen)), recurse=True)] if chosen else []
    places = chosen_partitions(
        work, table, predicate, options.get("catalogPartitionPredicate", ""), catalog_id
    )
    found: dict[str, list[FileVersion]] | None = None
    if bookmark is not None or exclusions:
        listed = {place: files(work.settings, [place], exclusions) for place, _ in places}
        chosen = left(bookmark, transformation_ctx, [f for some in listed.values() for f in some])
        found = {place: [f for f in some if f in chosen] for place, some in listed.items()}
    return _by_layout(table, places, found)


def _by_layout(
    table: Table, places: list[tuple[str, list[str]]], found: dict[str, list[FileVersion]] | None
) -> list[Scan]:
    """One scan for all `key=value` folders below the table's; one each for partitions that lie elsewhere."""
    keys = table.keys
    inside: list[str] = []
    scans: list[Scan] = []
    for place, values in places:
        paths = [place] if found is None else [f.path for f in found[place]]
        if not paths:
            continue
        if _is_hive(table.location, place, keys, values):
            inside += paths
        else:
            constants = tuple(zip([f.name for f in keys.fields], values, strict=True))
            scans.append(Scan(paths=tuple(paths), recurse=True, keys=keys, constants=constants))
    if inside:
        scans.insert(0, Scan(paths=tuple(inside), base=table.location, keys=keys))
    return scans


def _is_hive(root: str, place: str, keys: gt.StructType, values: list[str]) -> bool:
    steps = place.rstrip("/").removeprefix(root).strip("/").split("/")
    names = [f.name for f in keys.fields]
    return (
        place.startswith(root) and [s.partition("=")[0] for s in steps] == names and len(steps) == len(values)
    )


def chosen_partitions(
    work: Workspace, table: Table, predicate: str, expression: str, catalog_id: str | None
) -> list[tuple[str, list[str]]]:
    """(location, values) of the partitions: the catalog filters by `expression`, Spark by `predicate`."""
    asked = {"Expression": expression} if expression else {}
    pages = work.glue.get_paginator("get_partitions").paginate(
        DatabaseName=table.given["DatabaseName"],
        TableName=table.given["Name"],
        **asked,
        **catalog(catalog_id),
    )
    found = [
        (str(p["StorageDescriptor"]["Location"]), [str(v) for v in p["Values"]])
        for page in pages for p in page["Partitions"]
    ]  # fmt: skip
    for place, _ in found[:1]:
        work.reach(place)
    if not predicate or not found:
        return found
    keys = table.keys
    names = [f.name for f in keys.fields]
    rows = [(at, *values) for at, (_, values) in enumerate(found)]
    layout = ", ".join(["__at int", *(f"`{name}` string" for name in names)])
    frame = work.session.createDataFrame(rows, layout)
    cast = [top(f.name).try_cast(to_spark(f.dataType)).alias(f.name) for f in keys.fields]
    try:
        kept = frame.select("__at", *cast).filter(predicate).select(F.col("__at")).collect()
    except SPARK_ERRORS as error:
        raise InvalidInput(
            f"push_down_predicate {predicate!r}: not a condition on the partition keys {', '.join(names)}: {str(error)[:200]}"
        ) from error
    return [found[at] for at in sorted(int(row[0]) for row in kept)]
