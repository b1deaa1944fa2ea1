"""Workflows and their runs as boto3 sees them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from glulam import scheduling
from glulam.orchestrate.scheduler import Scheduler

from .conftest import ACCOUNT, Server
from .test_jobs import make
from .test_triggers import after, on_demand, runs


@pytest.fixture
def scheduler(server: Server) -> Scheduler:
    return scheduling.scheduler(server.database)


def diamond(glue: Any, name: str = "w", **more: Any) -> None:
    """first -> a -> (b, c) -> d"""
    for job in "abcd":
        make(glue, f"{name}{job}")
    a, b, c, d = (f"{name}{job}" for job in "abcd")
    glue.create_workflow(Name=name, **more)
    on_demand(glue, f"{name}-1", a, WorkflowName=name)
    after(glue, f"{name}-2", [b, c], (a, "SUCCEEDED"), WorkflowName=name)
    after(glue, f"{name}-3", [d], (b, "SUCCEEDED"), (c, "SUCCEEDED"), WorkflowName=name)


def run_of(glue: Any, run_id: str, name: str = "w") -> Any:
    return glue.get_workflow_run(Name=name, RunId=run_id)["Run"]


def counted(run: Any) -> dict[str, int]:
    return {k.removesuffix("Actions"): v for k, v in run["Statistics"].items() if v}


def node(run: Any, name: str) -> Any:
    return next(n for n in run["Graph"]["Nodes"] if n["Name"] == name)


def test_a_workflow_is_read_back(glue: Any, refused: Callable[..., str]) -> None:
    glue.create_workflow(
        Name="w", Description="d", DefaultRunProperties={"a": "1"}, MaxConcurrentRuns=3, Tags={"t": "1"}
    )
    found = glue.get_workflow(Name="w")["Workflow"]
    assert (found["Description"], found["DefaultRunProperties"], found["MaxConcurrentRuns"]) == (
        "d",
        {"a": "1"},
        3,
    )
    assert "Graph" not in found
    assert "LastRun" not in found
    refused("AlreadyExistsException", glue.create_workflow, Name="w")
    glue.update_workflow(Name="w", Description="e")
    found = glue.get_workflow(Name="w")["Workflow"]
    assert (found["Description"], found["MaxConcurrentRuns"]) == ("e", 3)
    glue.create_workflow(Name="v")
    assert glue.list_workflows()["Workflows"] == ["v", "w"]
    assert glue.list_workflows(MaxResults=1)["Workflows"] == ["v"]
    batch = glue.batch_get_workflows(Names=["w", "x"])
    assert ([w["Name"] for w in batch["Workflows"]], batch["MissingWorkflows"]) == (["w"], ["x"])
    arn = f"arn:aws:glue:{glue.meta.region_name}:{ACCOUNT}:workflow/w"
    assert glue.get_tags(ResourceArn=arn)["Tags"] == {"t": "1"}


def test_deleting_takes_the_triggers_along(glue: Any, refused: Callable[..., str]) -> None:
    diamond(glue)
    assert glue.delete_workflow(Name="w")["Name"] == glue.delete_workflow(Name="w")["Name"] == "w"
    assert glue.get_triggers()["Triggers"] == []
    for call in (glue.get_workflow, glue.start_workflow_run, glue.get_workflow_runs):
        refused("EntityNotFoundException", call, Name="w")


def test_one_trigger_starts_a_workflow(glue: Any, refused: Callable[..., str]) -> None:
    make(glue, "a")
    glue.create_workflow(Name="w")
    assert "no trigger" in refused("InvalidInputException", glue.start_workflow_run, Name="w")
    on_demand(glue, "first", "a", WorkflowName="w")
    text = refused("InvalidInputException", glue.create_trigger, Name="u", Type="ON_DEMAND", WorkflowName="w",
                   Actions=[{"JobName": "a"}])  # fmt: skip
    assert "'first'" in text


def test_the_graph(glue: Any) -> None:
    diamond(glue)
    graph = glue.get_workflow(Name="w", IncludeGraph=True)["Workflow"]["Graph"]
    names = {n["UniqueId"]: n["Name"] for n in graph["Nodes"]}
    assert sorted((n["Type"], n["Name"]) for n in graph["Nodes"]) == [
        *(("JOB", f"w{job}") for job in "abcd"), *(("TRIGGER", f"w-{n}") for n in (1, 2, 3)),
    ]  # fmt: skip
    assert sorted((names[e["SourceId"]], names[e["DestinationId"]]) for e in graph["Edges"]) == [
        ("w-1", "wa"), ("w-2", "wb"), ("w-2", "wc"), ("w-3", "wd"), ("wa", "w-2"), ("wb", "w-3"), ("wc", "w-3"),
    ]  # fmt: skip
    first = next(n for n in graph["Nodes"] if n["Name"] == "w-1")
    assert first["TriggerDetails"]["Trigger"]["Type"] == "ON_DEMAND"


def test_a_run_from_end_to_end(glue: Any, finish: Callable[..., None]) -> None:
    diamond(glue, DefaultRunProperties={"x": "1", "y": "2"})
    run_id = glue.start_workflow_run(Name="w", RunProperties={"y": "3"})["RunId"]
    run = run_of(glue, run_id)
    assert (run["Status"], counted(run)) == ("RUNNING", {"Total": 1, "Running": 1})
    [started] = glue.get_job_runs(JobName="wa")["JobRuns"]
    assert started["Arguments"] == {"--WORKFLOW_NAME": "w", "--WORKFLOW_RUN_ID": run_id}
    assert glue.get_workflow_run_properties(Name="w", RunId=run_id)["RunProperties"] == {"x": "1", "y": "3"}
    glue.put_workflow_run_properties(Name="w", RunId=run_id, RunProperties={"z": "4", "x": "5"})
    assert glue.get_workflow_run_properties(Name="w", RunId=run_id)["RunProperties"] == {
        "x": "5",
        "y": "3",
        "z": "4",
    }
    for job in ("wa", "wb"):
        finish(job)
    assert runs(glue, "wd") == []
    finish("wc")
    assert runs(glue, "wd") == ["STARTING"]
    finish("wd")
    run = glue.get_workflow_runs(Name="w", IncludeGraph=True)["Runs"][0]
    assert (run["Status"], counted(run)) == ("COMPLETED", {"Total": 4, "Succeeded": 4})
    assert run["CompletedOn"] >= run["StartedOn"]
    [shown] = node(run, "wd")["JobDetails"]["JobRuns"]
    assert (shown["JobRunState"], shown["TriggerName"]) == ("SUCCEEDED", "w-3")
    last = glue.get_workflow(Name="w")["Workflow"]["LastRun"]
    assert (last["WorkflowRunId"], last["Status"]) == (run_id, "COMPLETED")


def test_two_runs_are_apart(glue: Any, finish: Callable[..., None]) -> None:
    diamond(glue)
    for job in "abcd":
        glue.update_job(JobName=f"w{job}", JobUpdate={
            "Role": "r", "Command": {"Name": "pythonshell", "ScriptLocation": "s3://s/a.py"},
            "ExecutionProperty": {"MaxConcurrentRuns": 5},
        })  # fmt: skip
    first, second = (glue.start_workflow_run(Name="w")["RunId"] for _ in range(2))
    finish("wa")
    finish("wa", "FAILED")
    assert len(runs(glue, "wb")) == 1
    finish("wb")
    finish("wc")
    finish("wd")
    assert counted(run_of(glue, first)) == {"Total": 4, "Succeeded": 4}
    assert counted(run_of(glue, second)) == {"Total": 1, "Failed": 1}
    assert {run_of(glue, one)["Status"] for one in (first, second)} == {"COMPLETED"}
    assert [run["WorkflowRunId"] for run in glue.get_workflow_runs(Name="w")["Runs"]] == [second, first]


def test_a_run_keeps_the_graph_that_it_began_with(glue: Any, finish: Callable[..., None]) -> None:
    diamond(glue)
    run_id = glue.start_workflow_run(Name="w")["RunId"]
    glue.delete_trigger(Name="w-2")
    finish("wa")
    assert runs(glue, "wb") == ["STARTING"]
    assert [n["Name"] for n in run_of(glue, run_id).get("Graph", {}).get("Nodes", [])] == []
    graph = glue.get_workflow_run(Name="w", RunId=run_id, IncludeGraph=True)["Run"]["Graph"]
    assert "w-2" in {n["Name"] for n in graph["Nodes"]}


def test_no_more_runs_than_there_may_be(
    glue: Any, finish: Callable[..., None], refused: Callable[..., str]
) -> None:
    diamond(glue, MaxConcurrentRuns=1)
    glue.start_workflow_run(Name="w")
    refused("ConcurrentRunsExceededException", glue.start_workflow_run, Name="w")
    finish("wa", "FAILED")
    glue.start_workflow_run(Name="w")


def test_attempts_and_waiting_runs_are_shown(glue: Any, finish: Callable[..., None]) -> None:
    make(glue, "a", MaxRetries=1, JobRunQueuingEnabled=True)
    glue.create_workflow(Name="w")
    on_demand(glue, "first", "a", WorkflowName="w")
    first, second = (glue.start_workflow_run(Name="w")["RunId"] for _ in range(2))
    assert counted(run_of(glue, first)) == {"Total": 1, "Running": 1}
    assert counted(run_of(glue, second)) == {"Total": 1, "Waiting": 1}
    finish("a", "FAILED")
    finish("a")
    run = glue.get_workflow_run(Name="w", RunId=first, IncludeGraph=True)["Run"]
    attempts = node(run, "a")["JobDetails"]["JobRuns"]
    assert [(one["Attempt"], one["JobRunState"]) for one in attempts] == [(0, "FAILED"), (1, "SUCCEEDED")]
    assert counted(run) == {"Total": 1, "Succeeded": 1}


def test_stopping(glue: Any, finish: Callable[..., None], refused: Callable[..., str]) -> None:
    diamond(glue)
    run_id = glue.start_workflow_run(Name="w")["RunId"]
    glue.stop_workflow_run(Name="w", RunId=run_id)
    assert runs(glue, "wa") == ["STOPPED"]
    make(glue, "other")
    glue.start_job_run(JobName="other")
    finish("other")  # a scheduler looks
    run = run_of(glue, run_id)
    assert (run["Status"], counted(run)) == ("STOPPED", {"Total": 1, "Stopped": 1})
    refused("IllegalWorkflowStateException", glue.stop_workflow_run, Name="w", RunId=run_id)
    refused("EntityNotFoundException", glue.stop_workflow_run, Name="w", RunId="wr_no")


def test_resuming_from_a_node(glue: Any, finish: Callable[..., None], refused: Callable[..., str]) -> None:
    diamond(glue)
    run_id = glue.start_workflow_run(Name="w", RunProperties={"p": "1"})["RunId"]
    graph = glue.get_workflow_run(Name="w", RunId=run_id, IncludeGraph=True)["Run"]
    ids = [node(graph, "wc")["UniqueId"]]
    refused("IllegalWorkflowStateException", glue.resume_workflow_run, Name="w", RunId=run_id, NodeIds=ids)
    for job, state in (("wa", "SUCCEEDED"), ("wb", "SUCCEEDED"), ("wc", "FAILED")):
        finish(job, state)
    assert run_of(glue, run_id)["Status"] == "COMPLETED"
    for wrong in (["wnode_x"], [node(graph, "w-1")["UniqueId"]], [node(graph, "wd")["UniqueId"]]):
        refused("InvalidInputException", glue.resume_workflow_run, Name="w", RunId=run_id, NodeIds=wrong)
    answer = glue.resume_workflow_run(Name="w", RunId=run_id, NodeIds=ids)
    assert answer["NodeIds"] == ids
    assert (len(runs(glue, "wa")), len(runs(glue, "wb")), runs(glue, "wc")) == (1, 1, ["STARTING", "FAILED"])
    finish("wc")
    finish("wd")
    run = run_of(glue, answer["RunId"])
    assert (run["PreviousRunId"], run["Status"], counted(run)) == (
        run_id,
        "COMPLETED",
        {"Total": 4, "Succeeded": 4},
    )
    assert run["WorkflowRunProperties"] == {"p": "1"}


def test_resuming_from_a_node_and_one_behind_it_runs_each_once(
    glue: Any, finish: Callable[..., None]
) -> None:
    diamond(glue)
    run_id = glue.start_workflow_run(Name="w")["RunId"]
    for job in ("wa", "wb", "wc", "wd"):
        finish(job)
    graph = glue.get_workflow_run(Name="w", RunId=run_id, IncludeGraph=True)["Run"]
    ids = [node(graph, name)["UniqueId"] for name in ("wb", "wd")]
    glue.resume_workflow_run(Name="w", RunId=run_id, NodeIds=ids)
    assert len(runs(glue, "wd")) == 1
    finish("wb")
    assert [len(runs(glue, f"w{job}")) for job in "abcd"] == [1, 2, 1, 2]


def test_what_cannot_be_started_is_an_error_that_conditions_see(
    glue: Any, finish: Callable[..., None]
) -> None:
    for job in ("a", "gone", "fallback"):
        make(glue, job)
    glue.create_workflow(Name="w")
    on_demand(glue, "first", "a", WorkflowName="w")
    after(glue, "second", ["gone"], ("a", "SUCCEEDED"), WorkflowName="w")
    after(glue, "third", ["fallback"], ("gone", "ERROR"), WorkflowName="w")
    run_id = glue.start_workflow_run(Name="w")["RunId"]
    glue.delete_job(JobName="gone")
    finish("a")
    assert runs(glue, "fallback") == ["STARTING"]
    run = glue.get_workflow_run(Name="w", RunId=run_id, IncludeGraph=True)["Run"]
    [failed] = node(run, "gone")["JobDetails"]["JobRuns"]
    assert (failed["JobRunState"], counted(run)["Errored"]) == ("ERROR", 1)
    assert "gone" in failed["ErrorMessage"]


def tell(server: Server, glue: Any, *ids: str, workflow: str = "w", age_s: int = 0) -> None:
    with server.database.transaction() as conn:
        for one in ids:
            conn.execute(
                "INSERT INTO trigger_event (account_id, region, workflow, event_id, detail, at) "
                "VALUES (%s, %s, %s, %s, '{}', now() - make_interval(secs => %s)) ON CONFLICT DO NOTHING",
                (ACCOUNT, glue.meta.region_name, workflow, one, age_s),
            )


def test_events_start_a_workflow_in_batches(
    glue: Any, server: Server, scheduler: Scheduler, finish: Any
) -> None:
    make(glue, "a", ExecutionProperty={"MaxConcurrentRuns": 9})
    glue.create_workflow(Name="w", MaxConcurrentRuns=2)
    glue.create_trigger(Name="t", Type="EVENT", WorkflowName="w", Actions=[{"JobName": "a"}],
                        EventBatchingCondition={"BatchSize": 2, "BatchWindow": 60})  # fmt: skip
    tell(server, glue, "1", "2")
    scheduler.step()
    assert glue.get_workflow_runs(Name="w")["Runs"] == []  # it is not on
    glue.start_trigger(Name="t")
    tell(server, glue, "2", "3")  # 2 was told already
    scheduler.step()
    scheduler.step()
    [run] = glue.get_workflow_runs(Name="w")["Runs"]
    assert run["StartingEventBatchCondition"]["BatchSize"] == 2
    assert run["WorkflowRunProperties"]["aws:eventIds"] == '["1","2"]'
    tell(server, glue, "4", "5", "6", "7")
    scheduler.step()
    assert len(glue.get_workflow_runs(Name="w")["Runs"]) == 2  # and no more may run
    finish("a")
    assert len(glue.get_workflow_runs(Name="w")["Runs"]) == 3
    finish("a")
    finish("a")
    assert len(glue.get_workflow_runs(Name="w")["Runs"]) == 3  # 7 waits for its window
    with server.database.transaction() as conn:
        conn.execute("UPDATE trigger_event SET at = at - interval '1 min' WHERE event_id = '7'")
    scheduler.step()
    assert glue.get_workflow_runs(Name="w")["Runs"][0]["WorkflowRunProperties"]["aws:eventIds"] == '["7"]'
    with server.database.connection() as conn:
        told = conn.execute("SELECT count(*), count(DISTINCT run_id) FROM trigger_event WHERE region = %s",
                            (glue.meta.region_name,)).fetchone()  # fmt: skip
    assert told == (7, 4)
