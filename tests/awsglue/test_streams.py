"""forEachBatch: a function on each micro-batch of a streaming DataFrame, from where the checkpoint stands."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame

from awsglue.context import GlueContext
from glulam.model.errors import InvalidInput
from waiting import within

pytestmark = [pytest.mark.spark, pytest.mark.xdist_group("spark")]


def stream(context: GlueContext, folder: Path) -> DataFrame:
    (folder / "in").mkdir(exist_ok=True)
    context.session_for(f"s3://{folder.name}/")
    return context.spark_session.readStream.schema("id int").json(f"s3://{folder.name}/in/")


def put(folder: Path, number: int) -> None:
    (folder / "in" / f"{number}.json").write_text(json.dumps({"id": number}) + "\n")


def test_each_batch_once(glue_context: GlueContext, bucket: Path) -> None:
    """A stream that is started again goes on behind the checkpoint."""
    options = {"windowSize": "1 second", "checkpointLocation": f"s3://{bucket.name}/checkpoint/"}
    seen: list[tuple[int, list[int]]] = []

    def work(batch: DataFrame, number: int) -> None:
        seen.append((number, sorted(row.id for row in batch.collect())))

    for number, one in enumerate((7, 8)):
        frame = stream(glue_context, bucket)
        put(bucket, one)
        running = threading.Thread(target=glue_context.forEachBatch, args=(frame, work, options))
        running.start()
        within(60, (bucket / "checkpoint" / "commits" / str(number)).is_file)
        for query in glue_context.spark_session.streams.active:
            query.stop()
        running.join(30)
        assert not running.is_alive()
    assert seen == [(0, [7]), (1, [8])]


@pytest.mark.parametrize(("given", "tries"), [({"batchMaxRetries": "0"}, 1), ({"batchMaxRetries": 2}, 3)])
def test_a_batch_that_fails(
    glue_context: GlueContext, bucket: Path, given: dict[str, Any], tries: int
) -> None:
    frame, count = stream(glue_context, bucket), []
    put(bucket, 1)

    def work(batch: DataFrame, number: int) -> None:
        count.append(number)
        raise ValueError("a batch of nothing good")

    options = {"windowSize": "1 second", "checkpointLocation": f"s3://{bucket.name}/checkpoint/", **given}
    with pytest.raises(StreamingQueryException, match="nothing good"):
        glue_context.forEachBatch(frame, work, options)
    assert count == [0] * tries


def test_what_it_needs(glue_context: GlueContext, bucket: Path) -> None:
    with pytest.raises(InvalidInput, match="checkpointLocation"):
        glue_context.forEachBatch(stream(glue_context, bucket), print, {"windowSize": "1 second"})
