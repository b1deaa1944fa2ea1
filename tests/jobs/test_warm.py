"""Runs that begin in a Spark session which was ready: as from a cold start, sooner; what does not fit starts cold."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from glulam.app import App
from glulam.jobs.states import RunState
from glulam.settings import Settings

from .conftest import Site

pytestmark = [pytest.mark.spark, pytest.mark.xdist_group("spark"), pytest.mark.timeout(900)]


@pytest.fixture
def keeping(tmp_path: Path, database_url: str) -> Iterator[Site]:
    settings = Settings(home=tmp_path / "home", lake=tmp_path / "lake", database_url=database_url, job_warm=1)
    with App(settings) as app:
        yield Site(app=app, root=tmp_path)


def ready(worker_folder: Path, seconds: float = 280) -> Path:
    """The folder of a session, once it is ready."""
    until = time.monotonic() + seconds
    while not (found := list(worker_folder.glob("ready-*/conf/ready"))):
        assert time.monotonic() < until, "no session became ready"
        time.sleep(0.1)
    return found[0].parents[1]


SCRIPT = """
import json, os, sys
from pyspark.context import SparkContext
from pyspark.sql import SparkSession
sc = SparkContext()
from awsglue.context import GlueContext
context = GlueContext(sc)
spark = context.spark_session
spark.createDataFrame([(1, "a"), (2, "b")], "id int, name string").write.mode("overwrite").parquet("s3://new/x")
workers = sc.parallelize([1], 1).map(lambda _: dict(os.environ)).collect()[0]
print(json.dumps({
    "count": spark.read.parquet("s3://new/x").count(), "shuffle": spark.conf.get("spark.sql.shuffle.partitions"),
    "env": dict(os.environ), "workers": workers, "cwd": os.getcwd(), "argv": sys.argv, "main": __name__,
    "stdin": sys.stdin.read(), "tables": [t.name for t in spark.catalog.listTables()],
}))
"""


@pytest.mark.slow
def test_a_run_in_a_ready_session_is_as_one_from_a_cold_start(keeping: Site) -> None:
    site = keeping
    given = {"--conf": "spark.sql.shuffle.partitions=3"}
    job = site.job(SCRIPT, kind="glueetl", DefaultArguments=given)
    with site.working() as worker:
        folder = worker._site.folder
        first = ready(folder)
        (site.app.settings.lake_root / "new").mkdir()
        warm = site.ended(site.start(job), 280)
        assert not first.exists(), "its folder is removed with the run"
        second = ready(folder)
        assert second != first, "another one is kept ready"
        cold = site.ended(
            site.start(
                job, Arguments={"--conf": "spark.sql.shuffle.partitions=3 --conf spark.ui.retainedJobs=7"}
            ),
            280,
        )
        assert second.exists(), "what does not fit leaves it alone"
        said = [json.loads(site.log(run.id)[-1]) for run in (warm, cold)]
    assert [run.state for run in (warm, cold)] == [RunState.SUCCEEDED] * 2, (
        warm.error_message,
        cold.error_message,
    )
    assert (warm.metrics["warm"], cold.metrics["warm"]) == (1, 0)
    assert warm.metrics["records_written"] == cold.metrics["records_written"] == 2
    assert not second.exists(), "it ends with its worker"
    for found, run in zip(said, (warm, cold), strict=True):
        assert (found["count"], found["shuffle"], found["main"], found["stdin"]) == (2, "3", "__main__", "")
        assert found["tables"] == []
        assert found["cwd"] == found["env"]["HOME"]
        assert found["argv"][1:7:2] == ["--JOB_ID", "--JOB_RUN_ID", "--JOB_NAME"]
        assert found["env"]["GLULAM_JOB_RUN_ID"] == found["workers"]["GLULAM_JOB_RUN_ID"] == run.id
    same = [set(found["env"]) for found in said]
    assert same[0] == same[1]
    assert said[0]["workers"].keys() == said[1]["workers"].keys()


OWN = """
from pyspark.sql import SparkSession
spark = SparkSession.builder.appName("mine").config("spark.ui.retainedJobs", "7").getOrCreate()
print(spark.sparkContext.getConf().get("spark.ui.retainedJobs"), spark.sparkContext.appName, spark.range(5).count())
"""
PLAIN = """
from pyspark.sql import SparkSession
spark = SparkSession.builder.appName("mine").config("spark.sql.shuffle.partitions", "7").getOrCreate()
print(spark.conf.get("spark.sql.shuffle.partitions"), spark.sparkContext.appName, spark.range(5).count())
spark.stop()
spark = SparkSession.builder.appName("again").getOrCreate()
print(spark.sparkContext.appName, spark.range(6).count())
"""


@pytest.mark.slow
def test_a_script_that_asks_for_other_settings_gets_them(keeping: Site) -> None:
    own, plain = keeping.job(OWN, kind="glueetl"), keeping.job(PLAIN, kind="glueetl")
    with keeping.working() as worker:
        ready(worker._site.folder)
        run = keeping.ended(keeping.start(own), 280)
        ready(worker._site.folder)
        other = keeping.ended(keeping.start(plain), 280)
    assert (run.metrics["warm"], other.metrics["warm"]) == (1, 1)
    assert keeping.log(run.id) == ["7 mine 5"], (run.error_message, keeping.log(run.id, None))
    assert keeping.log(other.id) == ["7 mine 5", "again 6"], (
        other.error_message,
        keeping.log(other.id, None),
    )


@pytest.mark.slow
def test_a_session_that_died_is_not_the_runs_failure(keeping: Site) -> None:
    job = keeping.job("from pyspark import SparkContext; print(SparkContext.getOrCreate().parallelize([1]).count())",
                      kind="glueetl")  # fmt: skip
    with keeping.working() as worker:
        ready(worker._site.folder)
        [session] = worker._warm._sessions  # type: ignore[union-attr]
        assert session.alive
        assert session.process.pid is not None
        os.kill(session.process.pid, signal.SIGSTOP)  # so that it is still there when it is taken
        run_id = keeping.start(job)
        keeping.until(run_id, lambda run: run.state is RunState.RUNNING)
        time.sleep(0.5)
        os.kill(session.process.pid, signal.SIGKILL)
        run = keeping.ended(run_id, 280)
    assert (run.state, keeping.log(run_id)) == (RunState.SUCCEEDED, ["1"])
    assert any("had died" in line for line in keeping.log(run_id, None))


CHANGEABLE = """
import json
from pyspark.sql import SparkSession
from glulam.jobs.sparkconf import can_change
spark = SparkSession.builder.getOrCreate()
names = [row.key for row in spark.sql("SET -v").collect() if can_change(row.key)]
print(json.dumps([len(names), [name for name in names if not spark.conf.isModifiable(name)]]))
"""


def test_what_can_be_changed_can_be_changed(site: Site) -> None:
    with site.working():
        run = site.ended(site.start(site.job(CHANGEABLE, kind="glueetl")), 280)
    assert run.state is RunState.SUCCEEDED, (run.error_message, site.log(run.id, None)[-9:])
    number, fixed = json.loads(site.log(run.id)[-1])
    assert (number > 50, fixed) == (True, [])
