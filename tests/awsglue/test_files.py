"""Formats and options of file sources and sinks."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from awsglue.context import GlueContext
from awsglue.dynamicframe import DynamicFrame
from glulam.model.errors import InvalidInput, OperationNotSupported

from .conftest import kinds, rows

pytestmark = [pytest.mark.spark, pytest.mark.xdist_group("spark")]
Frames = Callable[..., DynamicFrame]


def read(
    context: GlueContext, folder: Path, form: str, more: dict[str, Any] | None = None, **options: Any
) -> DynamicFrame:
    path = f"s3://{folder.parent.name}/{folder.name}/"
    return context.create_dynamic_frame.from_options("s3", {"paths": [path], **(more or {})}, form, options)


def place(bucket: Path, name: str, content: str | bytes) -> Path:
    file = bucket / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def test_csv_options(glue_context: GlueContext, bucket: Path) -> None:
    place(bucket, "a/x.csv", "id|name\n1|'Ada|B'\n2|Bob\n")
    frame = read(glue_context, bucket / "a", "csv", withHeader=True, separator="|", quoteChar="'")
    assert rows(frame) == [{"id": "1", "name": "Ada|B"}, {"id": "2", "name": "Bob"}]
    place(bucket, "b/x.csv", "1,Ada\n")
    assert rows(read(glue_context, bucket / "b", "csv")) == [{"col0": "1", "col1": "Ada"}]


def test_json_multiline_path_and_compression(glue_context: GlueContext, bucket: Path) -> None:
    text = json.dumps({"data": {"items": [{"id": 1}, {"id": "x"}]}}, indent=2)
    place(bucket, "a/x.json", text)
    frame = read(glue_context, bucket / "a", "json", multiline=True, jsonPath="$.data.items[*]")
    assert kinds(frame) == {"id": "int|string"}
    assert frame.count() == 2
    place(bucket, "b/x.json.gz", gzip.compress(b'{"id": 1}\n{"id": 2}\n'))
    assert rows(read(glue_context, bucket / "b", "json")) == [{"id": 1}, {"id": 2}]
    with pytest.raises(InvalidInput, match="jsonPath"):
        read(glue_context, bucket / "b", "json", jsonPath="$..id").schema()


def test_json_that_is_all_of_one_type_is_read_by_spark(frame_of: Frames) -> None:
    frame = frame_of({"id": 1, "a": {"b": [1.5]}}, {"id": 2, "a": None})
    assert "FileScan json" in frame.toDF()._jdf.queryExecution().toString()
    assert rows(frame) == [{"id": 2, "a": None}, {"id": 1, "a": {"b": [1.5]}}]


def test_partition_folders_recursion_and_exclusions(glue_context: GlueContext, bucket: Path) -> None:
    place(bucket, "a/day=01/x.json", '{"id": 1}\n')
    place(bucket, "a/day=02/x.json", '{"id": "z"}\n')
    assert {r["day"] for r in rows(read(glue_context, bucket / "a", "json"))} == {1, 2}
    place(bucket, "b/deep/er/x.json", '{"id": 3}\n')
    place(bucket, "b/y.tmp", "no json")
    options = {"recurse": True, "exclusions": f'["s3://{bucket.name}/**.tmp"]'}
    frame = read(glue_context, bucket / "b", "json", options)
    assert (rows(frame), frame.errorsCount()) == ([{"id": 3}], 0)


def test_parquet_files_of_different_types_are_a_choice(glue_context: GlueContext, bucket: Path) -> None:
    (bucket / "a").mkdir()
    pq.write_table(pa.table({"id": [1, 2]}), bucket / "a" / "x.parquet")
    pq.write_table(pa.table({"id": ["z"], "more": [True]}), bucket / "a" / "y.parquet")
    frame = read(glue_context, bucket / "a", "parquet")
    assert kinds(frame) == {"id": "long|string", "more": "boolean"}
    assert sorted(str(r["id"]) for r in rows(frame.resolveChoice(choice="cast:string"))) == ["1", "2", "z"]


def test_xml_and_grok(glue_context: GlueContext, bucket: Path) -> None:
    place(bucket, "a/x.xml", "<all><row><id>1</id><n>a</n></row><row><id>2</id><n>b</n></row></all>")
    assert [r["n"] for r in rows(read(glue_context, bucket / "a", "xml", rowTag="row"))] == ["a", "b"]
    place(bucket, "b/x.log", "10.0.0.1 GET 12\nnonsense\n")
    frame = read(
        glue_context, bucket / "b", "grokLog", logFormat="%{IPV4:client} %{WORD:verb} %{NUMBER:ms:int}"
    )
    assert rows(frame) == [{"client": "10.0.0.1", "verb": "GET", "ms": 12}]
    assert frame.errorsCount() == 1


def test_written_partitions_can_be_read(glue_context: GlueContext, bucket: Path, frame_of: Frames) -> None:
    frame = frame_of({"id": 1, "day": "01", "none": None}, {"id": 2, "day": "02", "none": None})
    for form in ("parquet", "glueparquet", "orc", "json"):
        target = {"path": f"s3://{bucket.name}/out-{form}/", "partitionKeys": ["day"]}
        glue_context.write_dynamic_frame.from_options(frame, "s3", target, form)
        back = read(glue_context, bucket / f"out-{form}", form)
        assert rows(back.select_fields(["id", "day"])) == [{"id": 1, "day": 1}, {"id": 2, "day": 2}]
    assert not list(bucket.rglob("*.crc"))


def test_written_csv(glue_context: GlueContext, bucket: Path, frame_of: Frames) -> None:
    frame = frame_of({"id": 1, "name": 'A "x", B'})
    target = {"path": f"s3://{bucket.name}/out", "compression": "gzip"}
    glue_context.write_dynamic_frame.from_options(frame, "s3", target, "csv", {"separator": ";"})
    (file,) = (bucket / "out").glob("*.csv.gz")
    assert gzip.decompress(file.read_bytes()).decode() == 'id;name\n1;"A ""x"", B"\n'
    mixed = frame_of({"v": 1}, {"v": "x"})
    with pytest.raises(
        InvalidInput, match="CSV cannot hold the choice 'v' of int, string: resolveChoice first"
    ):
        glue_context.write_dynamic_frame.from_options(mixed, "s3", target, "csv")


def test_mistakes_are_named(glue_context: GlueContext, bucket: Path, frame_of: Frames) -> None:
    with pytest.raises(InvalidInput, match="format 'jsn': expected one of json"):
        read(glue_context, bucket, "jsn").schema()
    with pytest.raises(InvalidInput, match="partitionKeys: no field 'day'; the fields are id"):
        frame_of({"id": 1}).write("s3", {"path": f"s3://{bucket.name}/o", "partitionKeys": ["day"]}, "json")
    with pytest.raises(InvalidInput, match=r"org\.apache\.spark:spark-avro"):
        frame_of({"id": 1}).write("s3", {"path": f"s3://{bucket.name}/o"}, "avro")
    with pytest.raises(OperationNotSupported, match="streaming"):
        glue_context.create_dynamic_frame.from_options("kinesis", {})


def test_jdbc_says_which_driver_is_missing(glue_context: GlueContext) -> None:
    """Of a database whose driver no other test adds to the session."""
    options = {"url": "jdbc:sqlserver://127.0.0.1:1", "dbtable": "t", "user": "u", "password": "p"}
    with pytest.raises(InvalidInput, match=r"com\.microsoft\.sqlserver:mssql-jdbc"):
        glue_context.create_dynamic_frame.from_options("sqlserver", options).count()


def test_sinks_sources_spigot_and_samples(glue_context: GlueContext, bucket: Path, frame_of: Frames) -> None:
    frame = frame_of({"id": 1}, {"id": 2}, {"id": 3})
    sink = glue_context.getSink("s3", path=f"s3://{bucket.name}/out/")
    sink.setFormat("json")
    sink.writeFrame(frame)
    source = glue_context.getSource("s3", paths=[f"s3://{bucket.name}/out/"])
    source.setFormat("json")
    assert rows(source.getFrame()) == [{"id": 1}, {"id": 2}, {"id": 3}]
    frame.spigot(f"s3://{bucket.name}/spigot", {"topk": 2})
    assert read(glue_context, bucket / "spigot", "json").count() == 2


def test_purge_deletes_what_is_old_only(glue_context: GlueContext, bucket: Path) -> None:
    file = place(bucket, "a/x.json", "{}")
    glue_context.purge_s3_path(f"s3://{bucket.name}/a/")
    assert file.exists()
    glue_context.purge_s3_path(f"s3://{bucket.name}/a/", {"retentionPeriod": 0})
    assert not file.exists()
    with pytest.raises(OperationNotSupported, match="storage classes"):
        glue_context.transition_s3_path(f"s3://{bucket.name}/a/", "GLACIER")


def test_from_rdd_and_ingestion_columns(glue_context: GlueContext) -> None:
    rdd = glue_context.spark_session.sparkContext.parallelize([{"a": 1}])
    frame = glue_context.create_dynamic_frame.from_rdd(rdd, "rdd")
    assert rows(frame) == [{"a": 1}]
    columns = glue_context.add_ingestion_time_columns(frame.toDF(), "hour").columns
    assert columns == ["a", "ingest_year", "ingest_month", "ingest_day", "ingest_hour"]
