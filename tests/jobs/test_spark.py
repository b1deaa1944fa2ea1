"""A Spark job as scripts from Glue begin: SparkContext.getOrCreate(), s3:// on the lake, and what is known of it after."""

from __future__ import annotations

import pytest

from glulam.jobs.states import RunState

from .conftest import Site

SCRIPT = """
import sys
from pyspark.context import SparkContext
from pyspark.sql import SparkSession
sc = SparkContext.getOrCreate()
spark = SparkSession.builder.getOrCreate()
spark.range(1000).write.parquet("s3://out/x")
print(spark.read.parquet("s3://out/x").count(), sc.master, spark.conf.get("spark.app.colour"))
spark.read.parquet("s3://out/nope")
"""


@pytest.mark.spark
@pytest.mark.xdist_group("spark")
def test_a_spark_job_on_the_lake(site: Site) -> None:
    (site.app.settings.lake_root / "out").mkdir(parents=True)
    job = site.job(SCRIPT, kind="glueetl", WorkerType="G.025X", NumberOfWorkers=1,
                   DefaultArguments={"--conf": "spark.app.colour=red --conf spark.sql.shuffle.partitions=2"})  # fmt: skip
    with site.working():
        run = site.ended(site.start(job), 280)
    [said] = site.log(run.id)
    assert said.split()[0] == "1000"
    assert said.split()[1].startswith("local[")
    assert said.split()[2] == "red"
    assert run.state is RunState.FAILED
    assert "PATH_NOT_FOUND" in (run.error_message or "")
    assert "line 9" in (run.error_message or "")
    assert (run.metrics["records_written"], run.metrics["failed_tasks"]) == (1000, 0)
    assert run.metrics["bytes_written"] > 0
    assert list((site.app.settings.lake_root / "out" / "x").glob("*.parquet"))
