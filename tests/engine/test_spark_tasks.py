"""The parts of the Spark engine that need no Spark: groups of files, types as JSON, names, a task that is tried twice."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from engine.parity import Batch, jobs, put, stage_job
from glulam.engine import spark_tasks as tasks
from glulam.engine.base import SourceFile
from glulam.engine.spark_types import from_spark_json, spark_schema, to_spark_json
from glulam.engine.staging import StageSpec
from glulam.infer.types import BIGINT, Field, Struct, parse_type
from glulam.model.errors import InvalidInput
from glulam.model.uri import S3Uri
from glulam.objects.lake import Lake


def source(index: int, size: int) -> SourceFile:
    return SourceFile(index=index, uri=S3Uri("b", str(index)), etag="e", size_bytes=size)


@pytest.mark.parametrize(
    ("sizes", "most"),
    [
        ([10] * 10_000, 6),
        ([1 << 20] * 64, 6),
        ([1 << 30, 1, 1, 1, 1 << 30], 5),
        ([0], 1),
        ([5 << 20, 1 << 31, 7], 3),
    ],
)
def test_groups_hold_every_file_once_and_in_order(sizes: list[int], most: int) -> None:
    files = [source(i, size) for i, size in enumerate(sizes)]
    groups = tasks.packed(files, 6, 8 << 20)
    assert [f for group in groups for f in group] == files
    assert all(groups)
    assert len(groups) <= most


def test_equal_files_make_equal_groups() -> None:
    groups = tasks.packed([source(i, 10 << 20) for i in range(60)], 6, 8 << 20)
    assert max(map(len, groups)) - min(map(len, groups[:-1])) <= 2
    assert 5 <= len(groups) <= 7


def test_no_files_make_no_group() -> None:
    assert tasks.packed([], 6, 8 << 20) == ()


@pytest.mark.parametrize("text", [
    "boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "string", "date", "timestamp", "binary",
    "decimal(38,0)", "array<struct<a:bigint,b:array<decimal(10,2)>>>", "map<string,double>",
])  # fmt: skip
def test_types_come_back_from_spark_json(text: str) -> None:
    kind = parse_type(text)
    assert from_spark_json(json.loads(json.dumps(to_spark_json(kind)))) == kind


def test_a_spark_type_without_a_glue_type_is_named() -> None:
    with pytest.raises(InvalidInput, match="interval day to second"):
        from_spark_json("interval day to second")


def test_timestamps_carry_utc_at_every_depth() -> None:
    utc, naive = pa.timestamp("us", tz="UTC"), pa.timestamp("us")
    found = spark_schema(
        pa.schema([("a", pa.list_(pa.struct([("t", naive)]))), ("m", pa.map_(pa.string(), naive))])
    )
    assert found.field("a").type.value_type.field("t").type == utc
    assert found.field("m").type.item_type == utc


def test_a_task_that_is_tried_twice_never_writes_over_its_first_try(tmp_path: Path) -> None:
    """Each try lists its own files; what the first left behind is not among them."""
    lake = Lake(tmp_path / "lake")
    batch = Batch(files={"a.json": b'{"a":1}\n{"a":2}\n{\n'})
    sources = put(lake, batch)
    read, _ = jobs(batch, sources)
    schema = Struct((Field("a", BIGINT),))
    stage = stage_job(batch, schema, S3Uri("lake", "st"))
    store = tasks.StoreSpec.of(lake, {})
    reading = tasks.ReadWork(
        store=store, groups=(sources,), limits=read.limits, policy=read.policy, schema=schema
    )  # fmt: skip
    numbers = pa.RecordBatch.from_pylist([{"id": 0}])
    rows = pa.Table.from_batches(list(tasks.read_group([numbers], reading)))
    null = pa.nulls(3, pa.string())
    rows = (
        rows.rename_columns(["o0", *rows.column_names[1:]])
        .append_column("reject", null)
        .append_column("detail", null)
    )
    spec = StageSpec(names=("a",), partition_keys=(), paths=("s3://raw/a.json",), etags=("e",), batch_id="b",
                     ingested_at_us=0)  # fmt: skip
    work = tasks.WriteWork(store=store, sources=sources, limits=read.limits, spec=spec, options=stage.write,
                           data=stage.data, dead_letters=stage.dead_letters, budget_bytes=1 << 20)  # fmt: skip

    def attempt(stem: str) -> set[str]:
        (answer,) = tasks.write_rows(rows.to_batches(), work, stem)
        found = json.loads(answer.column(0)[0].as_py())
        assert [f[2] for f in found["data"]] == [2]
        assert [f[2] for f in found["dead_letters"]] == [1]
        return {f[0] for f in found["data"] + found["dead_letters"]}

    first, second = attempt("part-00000-aa"), attempt("part-00000-bb")
    assert not first & second
    listed = {str(stat.uri) for page in lake.list(S3Uri("lake", "st")) for stat in page}
    assert listed == first | second


def test_executors_get_no_credentials() -> None:
    environment = {
        "AWS_ENDPOINT_URL": "http://s3",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "eu-central-1",
    }
    spec = tasks.StoreSpec.of(object(), environment)  # type: ignore[arg-type]
    assert dict(spec.environment) == {"AWS_ENDPOINT_URL": "http://s3", "AWS_REGION": "eu-central-1"}
