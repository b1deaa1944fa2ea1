"""Jobs and their runs as boto3 sees them. Nobody works here: runs stay queued unless a test ends them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from glulam.jobs import bookmarks, claims, logs
from glulam.jobs.claims import Outcome
from glulam.jobs.logs import Stream
from glulam.jobs.states import RunState

from .conftest import ACCOUNT, Server
from .generated import OMIT, Generator, missing

COMMAND = {"Name": "pythonshell", "ScriptLocation": "s3://scripts/a.py", "PythonVersion": "3.9"}
_FIXED = {"Name": "j", "Command.Name": "glueetl", "Command.PythonVersion": "3", "Timeout": 60, "Tags": {"team": "etl"},
          "MaxCapacity": OMIT, "AllocatedCapacity": OMIT, "WorkerType": "G.2X", "NumberOfWorkers": 3,
          "GlueVersion": "5.0", "MaintenanceWindow": "Mon:10", "CodeGenConfigurationNodes": OMIT}  # fmt: skip


def make(glue: Any, name: str = "j", **more: Any) -> str:
    glue.create_job(Name=name, Role="r", Command=COMMAND, **more)
    return name


@pytest.mark.parametrize("seed", [0, 1])
def test_a_job_is_read_back_with_all_its_members(glue: Any, seed: int) -> None:
    asked = Generator(seed).request("CreateJob", _FIXED)
    assert glue.create_job(**asked)["Name"] == "j"
    found = glue.get_job(JobName="j")["Job"]
    assert missing(asked, found, ignore={"Tags"}) == []
    assert (found["MaxCapacity"], found["AllocatedCapacity"]) == (6.0, 6)
    assert glue.get_jobs()["Jobs"] == [found]
    arn = f"arn:aws:glue:{glue.meta.region_name}:{ACCOUNT}:job/j"
    assert glue.get_tags(ResourceArn=arn)["Tags"] == {"team": "etl"}


def test_defaults_are_glues(glue: Any) -> None:
    make(glue)
    shell = glue.get_job(JobName="j")["Job"]
    assert (shell["MaxCapacity"], shell["Timeout"], shell["MaxRetries"]) == (0.0625, 2880, 0)
    assert (shell["ExecutionProperty"], shell["Role"]) == ({"MaxConcurrentRuns": 1}, "r")
    glue.create_job(
        Name="s", Role="r", Command={"Name": "glueetl", "ScriptLocation": "s3://b/k"}, GlueVersion="4.0"
    )
    spark = glue.get_job(JobName="s")["Job"]
    assert (spark["MaxCapacity"], spark["AllocatedCapacity"], spark["Timeout"]) == (10.0, 10, 2880)
    glue.create_job(Name="t", Role="r", Command={"Name": "gluestreaming", "ScriptLocation": "s3://b/k"})
    assert "Timeout" not in glue.get_job(JobName="t")["Job"]


def test_creating_twice_updating_deleting(glue: Any, refused: Callable[..., str]) -> None:
    make(glue)
    make(glue)
    text = refused(
        "IdempotentParameterMismatchException", glue.create_job, Name="j", Role="other", Command=COMMAND
    )
    assert "different configuration" in text
    refused("InvalidInputException", glue.create_job, Name="k", Role="r", Command={"Name": "nope"})
    refused("InvalidInputException", glue.create_job, Name="k", Role="r", Command=COMMAND, Timeout=20000)
    refused("InvalidInputException", glue.create_job, Name="k", Role="r", Command=COMMAND, WorkerType="G.1X",
            NumberOfWorkers=2, MaxCapacity=2.0)  # fmt: skip
    refused("InvalidInputException", glue.update_job, JobName="j", JobUpdate={"Description": "d"})
    glue.update_job(JobName="j", JobUpdate={"Role": "r2", "Command": COMMAND, "Timeout": 5})
    found = glue.get_job(JobName="j")["Job"]
    assert (found["Role"], found["Timeout"]) == ("r2", 5)
    refused(
        "EntityNotFoundException", glue.update_job, JobName="no", JobUpdate={"Role": "r", "Command": COMMAND}
    )
    glue.delete_job(JobName="j")
    glue.delete_job(JobName="j")
    assert "Job with name: j not found." in refused("EntityNotFoundException", glue.get_job, JobName="j")


def test_lists_are_paged_and_filtered_by_tags(glue: Any) -> None:
    for number in range(5):
        make(glue, f"j{number}", Tags={"n": str(number % 2)})
    pages = list(glue.get_paginator("get_jobs").paginate(PaginationConfig={"PageSize": 2}))
    assert [[j["Name"] for j in p["Jobs"]] for p in pages] == [["j0", "j1"], ["j2", "j3"], ["j4"]]
    assert glue.list_jobs(Tags={"n": "1"})["JobNames"] == ["j1", "j3"]
    found = glue.batch_get_jobs(JobNames=["j4", "no", "j0"])
    assert ([j["Name"] for j in found["Jobs"]], found["JobsNotFound"]) == (["j4", "j0"], ["no"])


def test_runs_from_start_to_stop(glue: Any, refused: Callable[..., str]) -> None:
    make(glue, DefaultArguments={"--a": "1"})
    refused("EntityNotFoundException", glue.start_job_run, JobName="no")
    assert glue.get_job_runs(JobName="j")["JobRuns"] == []
    refused("EntityNotFoundException", glue.get_job_runs, JobName="no")
    run_id = glue.start_job_run(JobName="j", Arguments={"--b": "2"}, MaxCapacity=1.0, Timeout=7)["JobRunId"]
    assert run_id.startswith("jr_")
    found = glue.get_job_run(JobName="j", RunId=run_id)["JobRun"]
    assert (found["JobRunState"], found["Attempt"], found["Arguments"]) == ("STARTING", 0, {"--b": "2"})
    assert (found["MaxCapacity"], found["Timeout"], found["LogGroupName"]) == (
        1.0,
        7,
        "/aws-glue/python-jobs",
    )
    text = refused("ConcurrentRunsExceededException", glue.start_job_run, JobName="j")
    assert text == "Concurrent runs exceeded for j"
    queued = glue.start_job_run(JobName="j", JobRunQueuingEnabled=True)["JobRunId"]
    assert glue.get_job_run(JobName="j", RunId=queued)["JobRun"]["JobRunState"] == "WAITING"
    answer = glue.batch_stop_job_run(JobName="j", JobRunIds=[run_id, "jr_no"])
    assert answer["SuccessfulSubmissions"] == [{"JobName": "j", "JobRunId": run_id}]
    assert answer["Errors"][0]["ErrorDetail"]["ErrorCode"] == "EntityNotFoundException"
    states = {r["Id"]: r["JobRunState"] for r in glue.get_job_runs(JobName="j")["JobRuns"]}
    assert states == {run_id: "STOPPED", queued: "STARTING"}
    again = glue.batch_stop_job_run(JobName="j", JobRunIds=[run_id])
    assert again["Errors"][0]["ErrorDetail"]["ErrorCode"] == "JobRunInTerminalStateException"
    refused("EntityNotFoundException", glue.get_job_run, JobName="j", RunId="jr_no")
    pages = list(glue.get_paginator("get_job_runs").paginate(JobName="j", PaginationConfig={"PageSize": 1}))
    assert [p["JobRuns"][0]["Id"] for p in pages] == [queued, run_id]


def _finish(conn: psycopg.Connection, run_id: str, state: dict[str, Any] | None = None) -> None:
    [run] = claims.claim(conn, worker="w", limit=1, lease_s=30, only=run_id)
    if state is not None:
        bookmarks.send(conn, run, state)
    claims.settle(conn, run.id, run.epoch, Outcome(state=RunState.SUCCEEDED))


def test_bookmarks(glue: Any, server: Server, refused: Callable[..., str]) -> None:
    make(glue)
    refused("EntityNotFoundException", glue.get_job_bookmark, JobName="j")
    ids = []
    for number in (1, 2):
        ids.append(glue.start_job_run(JobName="j")["JobRunId"])
        with server.database.transaction() as conn:
            _finish(conn, ids[-1], {"n": number})
    entry = glue.get_job_bookmark(JobName="j")["JobBookmarkEntry"]
    assert (entry["JobName"], entry["Version"], entry["Run"], entry["RunId"]) == ("j", 2, 2, ids[1])
    assert entry["JobBookmark"] == '{"n":2}'
    assert glue.get_job_bookmark(JobName="j", RunId=ids[0])["JobBookmarkEntry"]["JobBookmark"] == '{"n":1}'
    back = glue.reset_job_bookmark(JobName="j", RunId=ids[0])["JobBookmarkEntry"]
    assert (back["Version"], back["JobBookmark"]) == (3, '{"n":1}')
    assert glue.reset_job_bookmark(JobName="j")["JobBookmarkEntry"]["JobBookmark"] == "{}"
    refused("EntityNotFoundException", glue.reset_job_bookmark, JobName="j", RunId="jr_no")
    refused("EntityNotFoundException", glue.get_job_bookmark, JobName="no")


def test_lines_through_cloudwatch_logs(
    glue: Any, server: Server, region: str, refused: Callable[..., str]
) -> None:
    make(glue)
    run_id = glue.start_job_run(JobName="j")["JobRunId"]
    with server.database.transaction() as conn:
        logs.add(conn, run_id, Stream.OUTPUT, [(1000 + n, f"line {n}") for n in range(5)])
        logs.add(conn, run_id, Stream.OUTPUT, [(2000, "ERROR bad thing"), (2001, "")])
        logs.add(conn, run_id, Stream.ERROR, [(3000, "trace")])
    cloud = server.client(region, service="logs")
    names = [
        g["logGroupName"] for g in cloud.describe_log_groups(logGroupNamePrefix="/aws-glue/")["logGroups"]
    ]
    assert names == ["/aws-glue/jobs/error", "/aws-glue/jobs/output", "/aws-glue/python-jobs/error",
                     "/aws-glue/python-jobs/output"]  # fmt: skip
    group = "/aws-glue/python-jobs/output"
    [stream] = cloud.describe_log_streams(logGroupName=group)["logStreams"]
    assert (stream["logStreamName"], stream["firstEventTimestamp"], stream["lastEventTimestamp"]) == (
        run_id,
        1000,
        2001,
    )
    assert cloud.describe_log_streams(logGroupName="/aws-glue/jobs/output")["logStreams"] == []

    asked = {"logGroupName": group, "logStreamName": run_id, "startFromHead": True, "limit": 3}
    said: list[str] = []
    while True:
        answer = cloud.get_log_events(**asked)
        said += [e["message"] for e in answer["events"]]
        if answer["nextForwardToken"] == asked.get("nextToken"):
            break
        asked["nextToken"] = answer["nextForwardToken"]
    assert said == [*(f"line {n}" for n in range(5)), "ERROR bad thing", " "]
    tail = cloud.get_log_events(logGroupName=group, logStreamName=run_id, limit=2)
    assert [e["message"] for e in tail["events"]] == ["ERROR bad thing", " "]
    before = cloud.get_log_events(
        logGroupName=group, logStreamName=run_id, limit=2, nextToken=tail["nextBackwardToken"]
    )
    assert [e["message"] for e in before["events"]] == ["line 3", "line 4"]

    pages = cloud.get_paginator("filter_log_events").paginate(
        logGroupName=group, filterPattern="line", PaginationConfig={"PageSize": 2}
    )
    assert [e["message"] for p in pages for e in p["events"]] == [f"line {n}" for n in range(5)]
    for pattern, expected in (
        ("ERROR -line", 1),
        ('"bad thing"', 1),
        ("?ERROR ?trace", 1),
        ("%l[i]ne [34]%", 2),
        ("x", 0),
    ):
        found = cloud.filter_log_events(logGroupName=group, filterPattern=pattern)["events"]
        assert len(found) == expected, pattern
    late = cloud.filter_log_events(logGroupName=group, startTime=1003, endTime=2000)["events"]
    assert [e["message"] for e in late] == ["line 3", "line 4"]
    refused("ResourceNotFoundException", cloud.get_log_events, logGroupName="/no", logStreamName=run_id)
    refused("ResourceNotFoundException", cloud.get_log_events, logGroupName=group, logStreamName="no")
    refused(
        "InvalidParameterException", cloud.filter_log_events, logGroupName=group, filterPattern="{ $.a = 1 }"
    )


def test_who_may(client_as: Any, glue: Any, refused: Callable[..., str]) -> None:
    from glulam.access.roles import Role

    make(glue)
    viewer, operator = client_as(Role.VIEWER), client_as(Role.OPERATOR)
    viewer.get_job(JobName="j")
    refused("AccessDeniedException", viewer.start_job_run, JobName="j")
    operator.start_job_run(JobName="j")
    refused("AccessDeniedException", operator.create_job, Name="k", Role="r", Command=COMMAND)
