"""forEachBatch: a function on each micro-batch of a streaming DataFrame, from where the checkpoint stands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame

from awsglue.context import GlueContext
from glulam.model.errors import InvalidInput

pytestmark = [pytest.mark.spark, pytest.mark.xdist_group("spark")]


def stream(context: GlueContext, folder: Path) -> DataFrame:
    context.session_for(f"s3://{folder.name}/")
    return context.spark_session.readStream.schema("id int").json(f"s3://{folder.name}/in/")


def put(folder: Path, number: int) -> None:
    (folder / "in").mkdir(exist_ok=True)
    (folder / "in" / f"{number}.json").write_text(json.dumps({"id": number}) + "\n")


def stop(context: GlueContext) -> None:
    for query in context.spark_session.streams.active:
        query.stop()


def test_each_batch_once(glue_context: GlueContext, bucket: Path) -> None:
    """A stream that is started again goes on behind the checkpoint."""
    options = {"windowSize": "1 second", "checkpointLocation": f"s3://{bucket.name}/checkpoint/"}
    seen: list[tuple[int, list[int]]] = []

    def work(batch: DataFrame, number: int) -> None:
        seen.append((number, sorted(row.id for row in batch.collect())))
        stop(glue_context)

    for wave in ((1, 2), (3,)):
        for number in wave:
            put(bucket, number)
        glue_context.forEachBatch(stream(glue_context, bucket), work, options)
    ids = [one for _, batch in seen for one in batch]
    assert sorted(set(ids)) == [1, 2, 3]
    assert seen[-1] == (seen[-1][0], [3])
    assert any((bucket / "checkpoint").iterdir())


@pytest.mark.parametrize(("given", "tries"), [({"batchMaxRetries": "0"}, 1), ({"batchMaxRetries": 2}, 3)])
def test_a_batch_that_fails(
    glue_context: GlueContext, bucket: Path, given: dict[str, Any], tries: int
) -> None:
    put(bucket, 1)
    count = []

    def work(batch: DataFrame, number: int) -> None:
        count.append(number)
        raise ValueError("a batch of nothing good")

    options = {"windowSize": "1 second", "checkpointLocation": f"s3://{bucket.name}/checkpoint/", **given}
    with pytest.raises(StreamingQueryException, match="nothing good"):
        glue_context.forEachBatch(stream(glue_context, bucket), work, options)
    assert count == [0] * tries


def test_what_it_needs(glue_context: GlueContext, bucket: Path) -> None:
    with pytest.raises(InvalidInput, match="checkpointLocation"):
        glue_context.forEachBatch(stream(glue_context, bucket), print, {"windowSize": "1 second"})
