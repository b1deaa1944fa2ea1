"""Triggers as boto3 sees them; a scheduler looks when a test says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from glulam import scheduling
from glulam.orchestrate.scheduler import Scheduler

from .conftest import ACCOUNT, Server
from .generated import Generator, missing
from .test_jobs import make

EVERY_MINUTE = "cron(* * * * ? *)"


@pytest.fixture
def scheduler(server: Server) -> Scheduler:
    return scheduling.scheduler(server.database)


def on_demand(glue: Any, name: str, *jobs: str, **more: Any) -> None:
    glue.create_trigger(Name=name, Type="ON_DEMAND", Actions=[{"JobName": job} for job in jobs], **more)


def after(glue: Any, name: str, jobs: list[str], *states: tuple[str, str], **more: Any) -> None:
    """A conditional trigger: when each job is in its state."""
    conditions = [{"LogicalOperator": "EQUALS", "JobName": job, "State": state} for job, state in states]
    predicate = {"Logical": more.pop("Logical", "AND"), "Conditions": conditions}
    glue.create_trigger(Name=name, Type="CONDITIONAL", Actions=[{"JobName": job} for job in jobs], Predicate=predicate,
                        StartOnCreation=True, **more)  # fmt: skip


def runs(glue: Any, job: str) -> list[str]:
    """States of the job's runs, the last one first."""
    return [run["JobRunState"] for run in glue.get_job_runs(JobName=job)["JobRuns"]]


def due_now(server: Server, glue: Any, name: str, kind: str = "TRIGGER") -> None:
    with server.database.connection() as conn:
        changed = conn.execute(
            "UPDATE schedule SET next_at = date_trunc('minute', now()) WHERE region = %s AND name = %s AND kind = %s",
            (glue.meta.region_name, name, kind),
        )
        assert changed.rowcount == 1


@pytest.mark.parametrize("seed", [0, 1])
def test_a_trigger_is_read_back_with_all_its_members(glue: Any, seed: int) -> None:
    make(glue, "a")
    fixed = {"Name": "t", "Type": "CONDITIONAL", "Actions.member.JobName": "a"}
    asked = Generator(seed).request("CreateTrigger", fixed) | {
        "Type": "CONDITIONAL", "Name": "t", "Tags": {"team": "etl"}, "StartOnCreation": False,
        "Predicate": {"Logical": "ANY", "Conditions": [{"LogicalOperator": "EQUALS", "JobName": "a", "State": "TIMEOUT"}]},
        "Actions": [{"JobName": "a", "Arguments": {"--x": "1"}, "Timeout": 7, "SecurityConfiguration": "s",
                     "NotificationProperty": {"NotifyDelayAfter": 3}}],
    }  # fmt: skip
    for member in ("WorkflowName", "Schedule", "EventBatchingCondition"):
        asked.pop(member, None)
    assert glue.create_trigger(**asked)["Name"] == "t"
    found = glue.get_trigger(Name="t")["Trigger"]
    assert missing(asked, found, ignore={"Tags", "StartOnCreation"}) == []
    assert found["State"] == "CREATED"
    assert glue.get_triggers()["Triggers"] == [found]
    assert glue.batch_get_triggers(TriggerNames=["t", "u"]) | {"ResponseMetadata": 0} == {
        "Triggers": [found], "TriggersNotFound": ["u"], "ResponseMetadata": 0,
    }  # fmt: skip
    arn = f"arn:aws:glue:{glue.meta.region_name}:{ACCOUNT}:trigger/t"
    assert glue.get_tags(ResourceArn=arn)["Tags"] == {"team": "etl"}
    assert glue.list_triggers(Tags={"team": "etl"})["TriggerNames"] == ["t"]
    assert glue.list_triggers(Tags={"team": "x"})["TriggerNames"] == []


def test_creating_changing_deleting(glue: Any, refused: Callable[..., str]) -> None:
    for job in ("a", "b"):
        make(glue, job)
    on_demand(glue, "t", "a")
    refused(
        "AlreadyExistsException", glue.create_trigger, Name="t", Type="ON_DEMAND", Actions=[{"JobName": "a"}]
    )
    changed = glue.update_trigger(
        Name="t", TriggerUpdate={"Actions": [{"JobName": "b"}], "Description": "d"}
    )["Trigger"]
    assert (changed["Actions"], changed["Description"]) == ([{"JobName": "b"}], "d")
    assert glue.get_triggers(DependentJobName="b")["Triggers"][0]["Name"] == "t"
    assert glue.get_triggers(DependentJobName="a")["Triggers"] == []
    refused("InvalidInputException", glue.update_trigger, Name="t", TriggerUpdate={"Schedule": EVERY_MINUTE})
    refused(
        "EntityNotFoundException",
        glue.update_trigger,
        Name="t",
        TriggerUpdate={"Actions": [{"JobName": "zz"}]},
    )
    assert glue.delete_trigger(Name="t")["Name"] == glue.delete_trigger(Name="t")["Name"] == "t"
    refused("EntityNotFoundException", glue.get_trigger, Name="t")
    refused("EntityNotFoundException", glue.start_trigger, Name="t")


def test_what_is_refused(glue: Any, refused: Callable[..., str]) -> None:
    make(glue, "a")
    ask: dict[str, Any] = {"Name": "t", "Actions": [{"JobName": "a"}]}
    refused("InvalidInputException", glue.create_trigger, **ask, Type="ON_DEMAND", StartOnCreation=True)
    refused("InvalidInputException", glue.create_trigger, **ask, Type="SCHEDULED", Schedule="cron(1 2 3)")
    refused("EntityNotFoundException", glue.create_trigger, **ask, Type="ON_DEMAND", WorkflowName="nowhere")
    tags = {"glulam:time-zone": "Mars/Base"}
    assert "Mars" in refused(
        "InvalidInputException",
        glue.create_trigger,
        **ask,
        Type="SCHEDULED",
        Schedule=EVERY_MINUTE,
        Tags=tags,
    )
    assert "nobody" in refused(
        "EntityNotFoundException",
        glue.create_trigger,
        Name="t",
        Type="ON_DEMAND",
        Actions=[{"CrawlerName": "nobody"}],
    )
    on_demand(glue, "t", "a")
    refused("InvalidInputException", glue.stop_trigger, Name="t")


def test_one_on_demand_starts_its_jobs_with_their_arguments(glue: Any, server: Server) -> None:
    make(glue, "a")
    make(glue, "b")
    glue.create_trigger(Name="t", Type="ON_DEMAND", Actions=[
        {"JobName": "a", "Arguments": {"--day": "1"}, "Timeout": 5}, {"JobName": "b"},
    ])  # fmt: skip
    glue.start_trigger(Name="t")
    [run] = glue.get_job_runs(JobName="a")["JobRuns"]
    assert (run["TriggerName"], run["Arguments"], run["Timeout"]) == ("t", {"--day": "1"}, 5)
    assert runs(glue, "b") == ["STARTING"]
    glue.start_trigger(Name="t")  # both jobs run already, and may run once
    assert (runs(glue, "a"), runs(glue, "b")) == (["STARTING"], ["STARTING"])
    with server.database.connection() as conn:
        rows = conn.execute("SELECT n.state, n.error FROM workflow_run_node n JOIN workflow_run r ON r.id = n.run_id "
                            "WHERE region = %s AND n.state IS NOT NULL", (glue.meta.region_name,)).fetchall()  # fmt: skip
    assert [state for state, _ in rows] == ["ERROR", "ERROR"]
    assert "Concurrent runs exceeded for a" in rows[0][1]


def test_a_schedule_fires_once_for_each_tick(glue: Any, server: Server, scheduler: Scheduler) -> None:
    make(glue, "a", ExecutionProperty={"MaxConcurrentRuns": 10})
    ask: dict[str, Any] = {"Type": "SCHEDULED", "Schedule": EVERY_MINUTE, "Actions": [{"JobName": "a"}]}
    glue.create_trigger(Name="t", **ask)
    scheduler.step()
    assert glue.get_trigger(Name="t")["Trigger"]["State"] == "CREATED"
    with pytest.raises(AssertionError):
        due_now(server, glue, "t")  # it is not on
    glue.start_trigger(Name="t")
    scheduler.step()
    assert runs(glue, "a") == []
    due_now(server, glue, "t")
    scheduler.step()
    scheduler.step()
    assert runs(glue, "a") == ["STARTING"]
    due_now(server, glue, "t")
    scheduler.step()
    assert runs(glue, "a") == ["STARTING"] * 2
    glue.stop_trigger(Name="t")
    assert glue.get_trigger(Name="t")["Trigger"]["State"] == "DEACTIVATED"
    with pytest.raises(AssertionError):
        due_now(server, glue, "t")


def test_changing_a_schedule_or_its_zone_works_out_its_next_tick_anew(
    glue: Any, server: Server, scheduler: Scheduler
) -> None:
    make(glue, "a")
    arn = f"arn:aws:glue:{glue.meta.region_name}:{ACCOUNT}:trigger/t"

    def next_hour() -> int:
        scheduler.step()
        with server.database.connection() as conn:
            row = conn.execute(
                "SELECT next_at FROM schedule WHERE region = %s", (glue.meta.region_name,)
            ).fetchone()
        assert row is not None
        return int(row[0].hour)

    glue.create_trigger(Name="t", Type="SCHEDULED", Schedule="cron(0 3 * * ? *)", Actions=[{"JobName": "a"}],
                        StartOnCreation=True)  # fmt: skip
    assert next_hour() == 3
    glue.update_trigger(Name="t", TriggerUpdate={"Schedule": "cron(0 5 * * ? *)"})
    assert next_hour() == 5
    glue.tag_resource(ResourceArn=arn, TagsToAdd={"glulam:time-zone": "Asia/Tokyo"})
    assert next_hour() == 20
    glue.untag_resource(ResourceArn=arn, TagsToRemove=["glulam:time-zone"])
    assert next_hour() == 5


def test_a_crawlers_schedule_fires(glue: Any, server: Server, scheduler: Scheduler) -> None:
    glue.create_database(DatabaseInput={"Name": "d"})
    glue.create_crawler(Name="c", Role="r", DatabaseName="d", Targets={"S3Targets": [{"Path": "s3://nowhere/x"}]},
                        Schedule=EVERY_MINUTE)  # fmt: skip
    scheduler.step()
    assert glue.get_crawler(Name="c")["Crawler"]["State"] == "READY"
    due_now(server, glue, "c", "CRAWLER")
    scheduler.step()
    assert glue.get_crawler(Name="c")["Crawler"]["State"] == "RUNNING"
    due_now(server, glue, "c", "CRAWLER")
    scheduler.step()  # it runs already: nothing is lost but this tick, and nothing else fails
    glue.stop_crawler(Name="c")
    glue.stop_crawler_schedule(CrawlerName="c")
    with pytest.raises(AssertionError):
        due_now(server, glue, "c", "CRAWLER")


def test_chains_outside_of_workflows(glue: Any, finish: Callable[..., None]) -> None:
    for job in "abcd":
        make(glue, job)
    on_demand(glue, "first", "a", "b")
    after(glue, "both", ["c"], ("a", "SUCCEEDED"), ("b", "SUCCEEDED"))
    after(glue, "bad", ["d"], ("a", "FAILED"), ("b", "FAILED"), Logical="ANY")
    glue.start_job_run(JobName="a")
    finish("a")
    assert runs(glue, "c") == []  # as in Glue: nobody's trigger set it off
    glue.start_trigger(Name="first")
    finish("a")
    assert runs(glue, "c") == []
    finish("b")
    assert (runs(glue, "c"), runs(glue, "d")) == (["STARTING"], [])
    finish("c")
    glue.start_trigger(Name="first")
    finish("a")
    finish("b", "FAILED")
    assert (runs(glue, "c"), runs(glue, "d")) == (
        ["SUCCEEDED"],
        ["STARTING"],
    )  # a of now, b of the first time: no


def test_a_run_that_is_tried_again_has_not_failed(glue: Any, finish: Callable[..., None]) -> None:
    make(glue, "a", MaxRetries=2)
    make(glue, "fallback")
    on_demand(glue, "first", "a")
    after(glue, "else", ["fallback"], ("a", "FAILED"))
    glue.start_trigger(Name="first")
    finish("a", "FAILED")
    assert (runs(glue, "a"), runs(glue, "fallback")) == (["STARTING", "FAILED"], [])
    finish("a", "FAILED")
    assert runs(glue, "fallback") == []
    finish("a", "FAILED")
    assert (runs(glue, "a"), runs(glue, "fallback")) == (["FAILED"] * 3, ["STARTING"])
