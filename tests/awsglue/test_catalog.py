"""Catalog tables as sources and sinks, on a real server."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from awsglue.context import GlueContext
from awsglue.dynamicframe import DynamicFrame
from awsglue.sinks.tables import storage
from glulam.model.errors import InvalidInput

from .conftest import kinds, rows

pytestmark = [pytest.mark.spark, pytest.mark.xdist_group("spark")]
Frames = Callable[..., DynamicFrame]


def table(
    context: GlueContext, database: str, location: str, form: str, columns: dict[str, str], keys: tuple[str, ...] = (),
    **parameters: str,
) -> None:  # fmt: skip
    listed = [{"Name": n, "Type": t} for n, t in columns.items()]
    context.workspace.glue.create_table(DatabaseName=database, TableInput={
        "Name": "t", "Parameters": {"classification": form, **parameters}, "TableType": "EXTERNAL_TABLE",
        "PartitionKeys": [{"Name": key, "Type": "string"} for key in keys],
        "StorageDescriptor": storage(form, location, listed, {}),
    })  # fmt: skip


def partition(context: GlueContext, database: str, location: str, *values: str) -> None:
    found = context.workspace.glue.get_table(DatabaseName=database, Name="t")["Table"]["StorageDescriptor"]
    context.workspace.glue.create_partition(DatabaseName=database, TableName="t", PartitionInput={
        "Values": list(values), "StorageDescriptor": {**found, "Location": location}})  # fmt: skip


def days(context: GlueContext, database: str, bucket: Path) -> None:
    """Three partitions, one of which lies elsewhere."""
    table(context, database, f"s3://{bucket.name}/t/", "json", {"id": "bigint"}, ("year", "day"))
    for year, day in (("2023", "01"), ("2024", "01")):
        folder = bucket / "t" / f"year={year}" / f"day={day}"
        folder.mkdir(parents=True)
        (folder / "x.json").write_text(f'{{"id": {year}}}\n')
        partition(context, database, f"s3://{bucket.name}/t/year={year}/day={day}/", year, day)
    (bucket / "other").mkdir()
    (bucket / "other" / "x.json").write_text('{"id": 7}\n')
    partition(context, database, f"s3://{bucket.name}/other/", "2024", "02")


def read(context: GlueContext, database: str, **options: Any) -> list[dict[str, Any]]:
    return rows(context.create_dynamic_frame.from_catalog(database=database, table_name="t", **options))


def test_partitions_wherever_they_lie(glue_context: GlueContext, database: str, bucket: Path) -> None:
    days(glue_context, database, bucket)
    assert read(glue_context, database) == [
        {"id": 2023, "year": "2023", "day": "01"}, {"id": 2024, "year": "2024", "day": "01"},
        {"id": 7, "year": "2024", "day": "02"},
    ]  # fmt: skip
    pushed = read(glue_context, database, push_down_predicate="year = '2024' AND day IN ('01', '03')")
    assert [row["id"] for row in pushed] == [2024]
    options = {"catalogPartitionPredicate": "year='2024' and day>'01'"}
    assert [row["id"] for row in read(glue_context, database, additional_options=options)] == [7]
    assert read(glue_context, database, push_down_predicate="year = '1999'") == []
    with pytest.raises(InvalidInput, match="not a condition on the partition keys year, day"):
        read(glue_context, database, push_down_predicate="id = 7")


def test_csv_by_the_columns_of_the_table(glue_context: GlueContext, database: str, bucket: Path) -> None:
    (bucket / "t").mkdir()
    (bucket / "t" / "x.csv").write_text("id,provider\n1,100\n2,none of these\n")
    columns = {"id": "int", "provider": "bigint"}
    table(glue_context, database, f"s3://{bucket.name}/t/", "csv", columns, **{"skip.header.line.count": "1"})
    frame = glue_context.create_dynamic_frame.from_catalog(database, "t")
    assert kinds(frame) == {"id": "int", "provider": "long|string"}
    assert rows(frame) == [
        {"id": 1, "provider": {"long": 100, "string": None}}, {"id": 2, "provider": {"long": None, "string": "none of these"}},
    ]  # fmt: skip
    matched = frame.resolveChoice(choice="match_catalog", database=database, table_name="t")
    assert [row["provider"] for row in rows(matched)] == [100, None]


def test_a_sink_makes_the_table_then_its_columns_and_partitions(
    glue_context: GlueContext, database: str, bucket: Path, frame_of: Frames
) -> None:
    def written(frame: DynamicFrame) -> None:
        sink = glue_context.getSink(
            connection_type="s3", path=f"s3://{bucket.name}/sales/", enableUpdateCatalog=True,
            updateBehavior="UPDATE_IN_DATABASE", partitionKeys=["day"],
        )  # fmt: skip
        sink.setFormat("glueparquet")
        sink.setCatalogInfo(catalogDatabase=database, catalogTableName="t")
        sink.writeFrame(frame)

    written(frame_of({"id": 1, "day": "mon"}, {"id": 2, "day": "tue"}))
    made = glue_context.workspace.table(database, "t")
    assert made["StorageDescriptor"]["Columns"] == [{"Name": "id", "Type": "int"}]
    assert made["PartitionKeys"] == [{"Name": "day", "Type": "string"}]
    written(frame_of({"id": 3, "more": True, "day": "wed"}))
    columns = glue_context.workspace.table(database, "t")["StorageDescriptor"]["Columns"]
    assert columns == [{"Name": "id", "Type": "int"}, {"Name": "more", "Type": "boolean"}]
    assert read(glue_context, database) == [
        {"id": 1, "more": None, "day": "mon"}, {"id": 2, "more": None, "day": "tue"}, {"id": 3, "more": True, "day": "wed"},
    ]  # fmt: skip
    fields = glue_context.get_catalog_schema_as_spark_schema(database, "t")
    assert [f.name for f in fields.fields] == ["id", "more", "day"]


def test_writing_into_a_table(
    glue_context: GlueContext, database: str, bucket: Path, frame_of: Frames
) -> None:
    table(glue_context, database, f"s3://{bucket.name}/t/", "json", {"id": "bigint"}, ("day",))
    options = {"enableUpdateCatalog": True}
    frame = frame_of({"id": 1, "day": "mon"})
    glue_context.write_dynamic_frame.from_catalog(frame, database, "t", additional_options=options)
    assert read(glue_context, database) == [{"id": 1, "day": "mon"}]
    assert [row["id"] for row in glue_context.create_sample_dynamic_frame_from_catalog(database, "t", 5)] == [
        1
    ]
    glue_context.purge_table(database=database, table_name="t", options={"retentionPeriod": 0})
    assert not list((bucket / "t").rglob("*.json"))


def test_what_a_crawler_found_odd_is_left_out(glue_context: GlueContext, database: str, bucket: Path) -> None:
    (bucket / "t").mkdir()
    for name, text in (
        ("1.json", '{"id": 1}\n'),
        ("odd [1].json", "x,y\n1,2\n"),
        ("odd 1.json", '{"id": 2}\n'),
    ):
        (bucket / "t" / name).write_text(text)
    odd = json.dumps([f"s3://{bucket.name}/t/odd \\[1\\].json"])
    table(glue_context, database, f"s3://{bucket.name}/t/", "json", {"id": "bigint"}, exclusions=odd)
    assert read(glue_context, database) == [{"id": 1}, {"id": 2}]
