"""The workflow of `glulam init`: applied beside a running `glulam up`, it lists and processes by itself."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from cli.conftest import COMMAND, Cli
from glulam.access.keys import DEVELOPMENT_ID, DEVELOPMENT_SECRET
from greeting import greeting
from observe.conftest import Sink
from observe.conftest import sink as sink
from waiting import within


@pytest.fixture
def url(project: Cli) -> Iterator[str]:
    """Of a `glulam up` of the project."""
    with subprocess.Popen(
        [*COMMAND, "up", "--port", "0", "--json"], cwd=project.folder, env=project.env(), stdout=subprocess.PIPE, text=True
    ) as process:  # fmt: skip
        yield greeting(process)["url"]
        process.terminate()


def test_a_run_of_the_workflow_makes_the_table(project: Cli, url: str) -> None:
    applied = project("apply", "--env", "dev", "--json")
    assert applied.code == 0, applied.err
    glue = boto3.client(
        "glue", endpoint_url=url, region_name="us-east-1", aws_access_key_id=DEVELOPMENT_ID,
        aws_secret_access_key=DEVELOPMENT_SECRET,
    )  # fmt: skip
    run = _ended(glue, glue.start_workflow_run(Name="elt")["RunId"])
    assert (run["Status"], run["Statistics"]["SucceededActions"]) == ("COMPLETED", 2)
    graph = {(node["Type"], node["Name"]) for node in run["Graph"]["Nodes"]}
    assert graph == {
        ("TRIGGER", "elt-list"), ("JOB", "lister"), ("TRIGGER", "elt-process"), ("JOB", "processor")
    }  # fmt: skip
    tables = {t["name"] for t in project.look("tables", "--json").json["tables"]}
    assert "events" in tables or "ml.events" in tables
    assert project("plan", "--env", "dev").out.endswith("the server has it all as it is declared\n")


def test_files_that_arrive_are_in_the_table_or_in_an_alert_without_another_command(
    project: Cli, url: str, sink: Sink
) -> None:
    """A good file becomes rows, a bad one an alert at a webhook; the workflow's graph shows what was done."""
    alerts = project.folder / "alerts.yaml"
    head, rule, rest = alerts.read_text("utf-8").partition("  bad-records:")
    told = head + rule + rest.replace("channels: [log]", "channels: [log, team]", 1)
    channel = '\n  team: {type: webhook, url: "${secret:HOOK}"}'
    alerts.write_text(told.replace("  log: {type: log}", f"  log: {{type: log}}{channel}", 1), "utf-8")
    applied = project("apply", HOOK=f"{sink.url}/hook")
    assert applied.code == 0, applied.err
    time.sleep(2)  # an object that is older than the rule is none of its events
    project.add(
        "2025/week09/new.json", '{"id": 5001, "event_time": "2025-03-01T00:00:00Z", "ml_mode": "train"}'
    )
    project.add("2025/week09/bad.json", '{"id": 5002, "event_time": "2025-')  # it breaks off
    asked = ("sql", "select count(*) as n from ml.events where record_id = '5001'", "--json")
    within(120, lambda: (found := project.look(*asked)).code == 0 and found.json["rows"] == [[1]])
    rejected = within(60, lambda: [json.loads(got.body) for got in sink.got if got.path == "/hook"])
    assert {(alert["rule"], alert["severity"]) for alert in rejected} == {("bad-records", "P3")}
    assert "records rejected" in rejected[0]["title"]
    letters = project.look("dlq", "list", "--json").json["dead_letters"]
    assert any("week09/bad.json" in str(letter) for letter in letters)
    shown = within(60, lambda: _complete(project))
    assert {node["name"] for node in shown["nodes"]} == {"lister", "processor"}
    assert set(shown["fired"]) == {"arrival", "arrival-process"}


def _complete(project: Cli) -> Any:
    run = project.look("workflow", "show", "elt-on-arrival", "--json").json["run"]
    return run if run and run["status"] == "COMPLETED" else None


def _ended(glue: Any, run_id: str, seconds: float = 120) -> dict[str, Any]:
    until = time.monotonic() + seconds
    while True:
        run: dict[str, Any] = glue.get_workflow_run(Name="elt", RunId=run_id, IncludeGraph=True)["Run"]
        if run["Status"] != "RUNNING":
            return run
        assert time.monotonic() < until, run
        time.sleep(0.2)
