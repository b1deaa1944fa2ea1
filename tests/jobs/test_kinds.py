"""Each kind of job, and each place that Spark and objects may be at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import sparkcluster
from glulam.app import App
from glulam.jobs import definitions
from glulam.jobs.explain import hint
from glulam.jobs.states import RunState
from glulam.settings import Settings
from s3server import KEY_ID, SECRET, s3_client, s3_endpoint

from .conftest import PLACE, Site

__all__ = ["s3_endpoint"]
STREAM = """
from awsglue.context import GlueContext
from pyspark.context import SparkContext
context = GlueContext(SparkContext.getOrCreate())
spark = context.spark_session
frame = spark.readStream.format("rate").option("rowsPerSecond", 10).load()

def each(batch, number):
    rows = batch.count()
    if rows:
        batch.write.mode("append").parquet("s3://out/stream")
        print("batch", rows, flush=True)

context.forEachBatch(frame, each, {"windowSize": "1 second", "checkpointLocation": "s3://out/checkpoint"})
"""


@pytest.mark.spark
@pytest.mark.xdist_group("spark")
def test_a_streaming_job_runs_until_it_is_stopped(site: Site) -> None:
    (site.app.settings.lake_root / "out").mkdir(parents=True)
    job = site.job(STREAM, kind="gluestreaming")
    with site.working(grace_s=5.0):
        run_id = site.start(job)
        site.until(run_id, lambda run: run.state.ended or len(site.log(run.id)) >= 2, 200)
        assert site.get(run_id).state is RunState.RUNNING, site.log(run_id, None)[-20:]
        site.stop(job, run_id)
        run = site.ended(run_id)
    assert (run.state, run.error_message) == (RunState.STOPPED, None)
    assert all(line.startswith("batch ") for line in site.log(run_id))
    assert list((site.app.settings.lake_root / "out" / "stream").glob("*.parquet"))


def test_a_ray_job(site: Site) -> None:
    pytest.importorskip("ray")
    script = (
        "import ray\nray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)\n"
        "@ray.remote\ndef twice(n):\n    return 2 * n\n"
        "print(ray.get([twice.remote(n) for n in (1, 2)]))\n"
    )
    with site.working():
        run = site.ended(site.start(site.job(script, kind="glueray")), 120)
    assert (run.state, site.log(run.id)) == (RunState.SUCCEEDED, ["[2, 4]"]), site.log(run.id, None)[-20:]
    assert any("NumberOfWorkers has no effect" in line for line in site.log(run.id, None))


def test_a_ray_job_without_ray_says_what_to_install(site: Site) -> None:
    with site.working():
        run = site.ended(
            site.start(site.job("import sys\nsys.modules['ray'] = None\nimport ray", kind="glueray"))
        )
    assert run.state is RunState.FAILED
    assert hint("No module named 'ray'") == "pip install 'glulam[ray]' where the worker runs"


@pytest.mark.spark
@pytest.mark.xdist_group("spark")
@pytest.mark.slow
def test_a_job_on_a_cluster(tmp_path: Path, database_url: str) -> None:
    script = (
        "from pyspark.context import SparkContext\nsc = SparkContext.getOrCreate()\n"
        "print(sc.master, sc.parallelize(range(10), 2).map(lambda n: n * n).sum())\n"
    )
    (tmp_path / "cluster").mkdir()
    with sparkcluster.standalone(tmp_path / "cluster", workers=1) as url:
        settings = Settings(
            home=tmp_path / "home", lake=tmp_path / "lake", database_url=database_url, spark_master=url
        )
        with App(settings) as app:
            site = Site(app=app, root=tmp_path)
            conf = "spark.executor.memory=512m --conf spark.executor.cores=1"
            job = site.job(
                script,
                kind="glueetl",
                WorkerType="G.025X",
                NumberOfWorkers=2,
                DefaultArguments={"--conf": conf},
            )
            with site.working():
                run = site.ended(site.start(job), 200)
            assert (run.state, run.error_message) == (RunState.SUCCEEDED, None), site.log(run.id, None)[-20:]
            assert site.log(run.id) == [f"{url} 285"]


@pytest.fixture
def on_s3(
    tmp_path: Path, database_url: str, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    """An installation whose objects are on S3; runs get the key of that S3 from the worker's environment."""
    for name, value in {
        "AWS_ENDPOINT_URL": s3_endpoint, "AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    settings = Settings(home=tmp_path / "home", objects="s3", database_url=database_url,
                        job_env="AWS_ACCESS_KEY_ID,AWS_SECRET_ACCESS_KEY")  # fmt: skip
    with App(settings) as app:
        yield Site(app=app, root=tmp_path)


def test_a_job_whose_objects_are_on_s3(on_s3: Site, s3_endpoint: str) -> None:
    client, bucket = s3_client(s3_endpoint), "job-scripts"
    client.create_bucket(Bucket=bucket)
    script = (
        "import boto3, json, os\n"
        "s3 = boto3.client('s3')\n"
        f"found = s3.get_object(Bucket='{bucket}', Key='in.txt')['Body'].read()\n"
        f"s3.put_object(Bucket='{bucket}', Key='out.txt', Body=found.upper())\n"
        "import helper\n"
        "print(json.dumps([helper.VALUE, *(os.environ.get(name) for name in ('AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL_GLUE',"
        " 'AWS_SESSION_TOKEN', 'GLULAM_OBJECTS', 'GLULAM_LAKE'))]))\n"
    )
    for key, text in (("job.py", script), ("in.txt", "hello"), ("helper.py", "VALUE = 42\n")):
        client.put_object(Bucket=bucket, Key=key, Body=text.encode())
    given = {"Role": "r", "Command": {"Name": "pythonshell", "ScriptLocation": f"s3://{bucket}/job.py"},
             "DefaultArguments": {"--extra-py-files": f"s3://{bucket}/helper.py"}}  # fmt: skip
    with on_s3.app.database.transaction() as conn:
        definitions.create(conn, PLACE, "j", given)
    with on_s3.working():
        run = on_s3.ended(on_s3.start("j"))
    assert run.state is RunState.SUCCEEDED, on_s3.log(run.id, None)
    said = json.loads(on_s3.log(run.id)[0])
    assert said == [42, s3_endpoint, "http://127.0.0.1:5150", None, "s3", None]
    assert client.get_object(Bucket=bucket, Key="out.txt")["Body"].read() == b"HELLO"
