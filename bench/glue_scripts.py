"""Job scripts as from Glue, against the same logic in plain PySpark: how long from the command to its end.

    python -m bench.glue_scripts [--rounds 3] [--records 20000] [--only start|frames]

start    `glulam job run` of a script that reads a catalogued JSON table, maps, filters and writes Parquet. Cold: as a command
         by itself. Warm: while `glulam up` keeps a Spark session ready. The peer: `python plain.py` of the same logic.
frames   read, apply_mapping, write over 500,000 records, in one session: DynamicFrames against DataFrames.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

from bench.compare import ratio
from glulam.access.keys import DEVELOPMENT_ID, DEVELOPMENT_SECRET

ROOT = Path(__file__).parents[1]
GLULAM = [sys.executable, "-c", "from glulam.cli.main import console; console()"]
FRAMES = 500_000
COLUMNS = [("id", "bigint"), ("name", "string"), ("score", "double"), ("day", "string")]
GLUE = """
import sys
from awsglue.context import GlueContext
from awsglue.job import Job
from awsglue.transforms import ApplyMapping, Filter
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext

args = getResolvedOptions(sys.argv, ["JOB_NAME", "out"])
context = GlueContext(SparkContext.getOrCreate())
job = Job(context)
job.init(args["JOB_NAME"], args)
frame = context.create_dynamic_frame.from_catalog(database="bench", table_name="events", transformation_ctx="events")
frame = ApplyMapping.apply(frame=frame, mappings=[
    ("id", "long", "id", "long"), ("name", "string", "title", "string"), ("score", "double", "score", "float"),
    ("day", "string", "day", "date")])
frame = Filter.apply(frame=frame, f=lambda record: record["id"] % 2 == 0)
context.write_dynamic_frame.from_options(frame, "s3", {"path": args["out"]}, "parquet")
job.commit()
"""
PLAIN = """
import sys
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

spark = SparkSession.builder.master("local[*]").config("spark.ui.enabled", "false").getOrCreate()
frame = spark.read.json(sys.argv[1]).select(
    F.col("id").cast("long"), F.col("name").alias("title"), F.col("score").cast("float"), F.col("day").cast("date"))
even = F.udf(lambda number: number % 2 == 0, "boolean")
frame.filter(even("id")).write.mode("append").parquet(sys.argv[2])
"""


def write_records(folder: Path, records: int, files: int = 4) -> None:
    folder.mkdir(parents=True)
    chance = random.Random(5)
    for number in range(files):
        with (folder / f"{number}.json").open("w") as file:
            for at in range(number, records, files):
                record = {"id": at, "name": f"device {at % 977}", "score": chance.random(), "day": f"2024-01-{at % 28 + 1:02}",
                          "device": {"model": "a7", "os": chance.choice(("x", "y")), "location": {"lat": 1.5, "lon": at / 7}},
                          "tags": ["edge", "lab"], "ok": at % 3 == 0}  # fmt: skip
                file.write(json.dumps(record) + "\n")


def environment(home: Path, **more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GLULAM_", "AWS_"))}
    return {
        **kept,
        "PYTHONPATH": str(ROOT / "src"),
        "GLULAM_HOME": str(home),
        "GLULAM_LAKE": str(home.parent / "lake"),
        **more,
    }


@contextmanager
def up(home: Path, **more: str) -> Iterator[str]:
    """The server with its worker; its URL."""
    command = [*GLULAM, "up", "--port", "0", "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=environment(home, **more)
    ) as process:
        try:
            assert process.stdout is not None
            text = ""
            while "}" not in text:
                text += process.stdout.readline()
            yield json.loads(text)["url"]
        finally:
            process.terminate()
            process.wait(60)


def catalogue(url: str) -> None:
    glue = boto3.client("glue", endpoint_url=url, region_name="us-east-1", aws_access_key_id=DEVELOPMENT_ID,
                        aws_secret_access_key=DEVELOPMENT_SECRET)  # fmt: skip
    glue.create_database(DatabaseInput={"Name": "bench"})
    storage = {"Location": "s3://raw/events/", "Columns": [{"Name": n, "Type": t} for n, t in COLUMNS]}
    glue.create_table(DatabaseName="bench", TableInput={
        "Name": "events", "StorageDescriptor": storage, "Parameters": {"classification": "json"},
    })  # fmt: skip


def timed(command: list[str], env: dict[str, str]) -> float:
    began = time.monotonic()
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}\n{done.stderr[-3000:]}")
    return time.monotonic() - began


def count(out: Path) -> int:
    import pyarrow.dataset as ds

    return int(ds.dataset(out, format="parquet").count_rows())


def start(work: Path, rounds: int, records: int) -> list[bool]:
    home, lake = work / "home", work / "lake"
    write_records(lake / "raw" / "events", records)
    (lake / "out").mkdir()
    (work / "glue.py").write_text(GLUE)
    (work / "plain.py").write_text(PLAIN)
    with up(home) as url:
        catalogue(url)
    numbers = iter(range(1000))

    def glue() -> float:
        name = f"glue{next(numbers)}"
        took = timed(
            [*GLULAM, "job", "run", str(work / "glue.py"), "--arg", f"out=s3://out/{name}"], environment(home)
        )
        assert count(lake / "out" / name) == records // 2
        return took

    def plain() -> float:
        out = lake / "out" / f"plain{next(numbers)}"
        took = timed(
            [sys.executable, str(work / "plain.py"), str(lake / "raw" / "events"), str(out)],
            environment(home),
        )
        assert count(out) == records // 2
        return took

    cold = in_turn({"plain PySpark": plain, "job run, cold": glue}, rounds)
    with up(home, GLULAM_JOB_WARM="1"):

        def warm() -> float:
            until_ready()
            return glue()

        ready = in_turn({"plain PySpark": plain, "job run, warm": warm}, rounds)
    kept = [ratio("job run cold / plain PySpark", cold["job run, cold"] / cold["plain PySpark"], "at most 1.3",
                  cold["job run, cold"] <= 1.3 * cold["plain PySpark"])]  # fmt: skip
    kept.append(ratio("job run warm / plain PySpark", ready["job run, warm"] / ready["plain PySpark"], "at most 0.4",
                      ready["job run, warm"] <= 0.4 * ready["plain PySpark"]))  # fmt: skip
    return kept


def until_ready() -> None:
    """A session stands ready; what it did to get ready is over."""
    until = time.monotonic() + 180
    while not list(Path(tempfile.gettempdir()).glob("glulam-worker-*/ready-*/conf/ready")):
        if time.monotonic() > until:
            sys.exit("no session became ready")
        time.sleep(0.2)
    time.sleep(1)


def in_turn(contenders: dict[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Medians, round by round, so that what else the machine does hits all alike."""
    took: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds):
        for name, run in contenders.items():
            took[name].append(run())
            print(
                f"  {name:24} round {turn + 1}: {took[name][-1]:6.2f} s   load {os.getloadavg()[0]:.1f}",
                flush=True,
            )
    return {name: statistics.median(found) for name, found in took.items()}


def frames(work: Path, rounds: int) -> list[bool]:
    lake = work / "lake"
    write_records(lake / "raw" / "many", FRAMES)
    (lake / "frames").mkdir()
    os.environ.update(environment(work / "home", GLULAM_SPARK_MASTER="local[*]"))
    from awsglue.context import GlueContext

    context = GlueContext()
    spark = context.spark_session
    numbers = iter(range(1000))

    def dynamic() -> float:
        began, name = time.monotonic(), f"frames/dynamic{next(numbers)}"
        frame = context.create_dynamic_frame.from_options("s3", {"paths": ["s3://raw/many/"]}, "json")
        mapped = frame.apply_mapping([
            ("id", "int", "id", "long"), ("name", "string", "title", "string"), ("score", "double", "score", "float"),
            ("device.location.lat", "double", "lat", "double"), ("day", "string", "day", "date"),
        ])  # fmt: skip
        context.write_dynamic_frame.from_options(mapped, "s3", {"path": f"s3://{name}"}, "parquet")
        took = time.monotonic() - began
        assert count(lake / name) == FRAMES
        return took

    def plain() -> float:
        began, name = time.monotonic(), f"frames/plain{next(numbers)}"
        frame = spark.read.json("s3://raw/many/")
        mapped = frame.selectExpr("cast(id AS long) id", "name AS title", "cast(score AS float) score",
                                  "device.location.lat AS lat", "cast(day AS date) day")  # fmt: skip
        mapped.write.mode("append").parquet(f"s3://{name}")
        took = time.monotonic() - began
        assert count(lake / name) == FRAMES
        return took

    for _ in range(2):  # until the JVM has compiled what both need
        dynamic(), plain()
    found = in_turn({"DataFrame": plain, "DynamicFrame": dynamic}, rounds)
    spark.stop()
    value = found["DynamicFrame"] / found["DataFrame"]
    return [ratio("DynamicFrame / DataFrame, 500,000 records", value, "at most 1.3", value <= 1.3)]


def main() -> Any:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--only", choices=("start", "frames"))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        kept = [] if asked.only == "frames" else start(work, asked.rounds, asked.records)
        kept += [] if asked.only == "start" else frames(work, asked.rounds)
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
