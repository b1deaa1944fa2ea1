"""The workflow of `glulam init`: applied beside a running `glulam up`, it lists and processes by itself."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from cli.conftest import COMMAND, Cli
from glulam.access.keys import DEVELOPMENT_ID, DEVELOPMENT_SECRET
from greeting import greeting


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


def _ended(glue: Any, run_id: str, seconds: float = 120) -> dict[str, Any]:
    until = time.monotonic() + seconds
    while True:
        run: dict[str, Any] = glue.get_workflow_run(Name="elt", RunId=run_id, IncludeGraph=True)["Run"]
        if run["Status"] != "RUNNING":
            return run
        assert time.monotonic() < until, run
        time.sleep(0.2)
