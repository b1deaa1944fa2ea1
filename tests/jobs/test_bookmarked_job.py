"""A script as from Glue in real runs of a server's worker: what its bookmark makes of new files, failures and rewinds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pytest

from ..test_server import Up, up
from .test_up import ended

SCRIPT = """
import sys
from awsglue.context import GlueContext
from awsglue.job import Job
from awsglue.transforms import ApplyMapping
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext

args = getResolvedOptions(sys.argv, ["JOB_NAME", "out"])
context = GlueContext(SparkContext.getOrCreate())
job = Job(context)
job.init(args["JOB_NAME"], args)
frame = context.create_dynamic_frame.from_catalog(database="d", table_name="raw", transformation_ctx="raw")
print("read", frame.count())
mapped = ApplyMapping.apply(frame=frame, mappings=[("id", "long", "id", "long")])
context.write_dynamic_frame.from_options(mapped, "s3", {"path": "s3://curated/" + args["out"]}, "parquet")
job.commit()
if "--fail" in sys.argv:
    raise ValueError("after the commit")
"""


def read_of(server: Up, run_id: str) -> list[str]:
    lines = server.client("logs").get_log_events(logGroupName="/aws-glue/jobs/output", logStreamName=run_id)[
        "events"
    ]
    return [line["message"] for line in lines]


def ids(lake: Path, out: str) -> list[int]:
    place = lake / "curated" / out
    return sorted(ds.dataset(place, format="parquet").to_table()["id"].to_pylist()) if place.exists() else []


@pytest.mark.slow
@pytest.mark.spark
@pytest.mark.xdist_group("spark")
@pytest.mark.timeout(600)
def test_a_bookmarked_job_reads_each_file_once(tmp_path: Path) -> None:
    with up(GLULAM_JOB_WARM="1") as server:
        glue, lake = server.client(), server.home.parent / "lake"
        (lake / "curated").mkdir(parents=True)
        (lake / "scripts").mkdir()
        (lake / "scripts" / "j.py").write_text(SCRIPT)
        (lake / "raw" / "t").mkdir(parents=True)

        def add(number: int) -> None:
            (lake / "raw" / "t" / f"{number}.json").write_text(f'{{"id": {number}}}\n')

        def run(out: str, *more: str) -> tuple[str, list[str], list[int], str]:
            given = {"--out": out, **dict.fromkeys(more, "1")}
            run_id = glue.start_job_run(JobName="j", Arguments=given)["JobRunId"]
            done: dict[str, Any] = ended(glue, "j", run_id, 250)
            return done["JobRunState"], read_of(server, run_id), ids(lake, out), run_id

        glue.create_database(DatabaseInput={"Name": "d"})
        storage = {"Location": "s3://raw/t/", "Columns": [{"Name": "id", "Type": "bigint"}]}
        glue.create_table(DatabaseName="d", TableInput={"Name": "raw", "StorageDescriptor": storage,
                                                        "Parameters": {"classification": "json"}})  # fmt: skip
        glue.create_job(Name="j", Role="r", Command={"Name": "glueetl", "ScriptLocation": "s3://scripts/j.py"},
                        DefaultArguments={"--job-bookmark-option": "job-bookmark-enable"})  # fmt: skip
        add(1)
        add(2)
        first = run("first")
        assert first[:3] == ("SUCCEEDED", ["read 2"], [1, 2])
        add(3)
        assert run("failed", "--fail")[:3] == ("FAILED", ["read 1"], [3])
        second = run("second")
        assert second[:3] == ("SUCCEEDED", ["read 1"], [3]), "a failed run moves nothing"
        glue.reset_job_bookmark(JobName="j", RunId=first[3])
        assert run("rewound")[:3] == ("SUCCEEDED", ["read 1"], [3]), "back to how the first run left it"
        assert glue.get_job_bookmark(JobName="j")["JobBookmarkEntry"]["Version"] == 4
