"""`glulam up` with its worker: a job from StartJobRun to its end, with a bookmark, through boto3 alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import zipfile
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import boto3
import pytest
from botocore.exceptions import ClientError

from glulam.access.keys import DEVELOPMENT_ID, DEVELOPMENT_SECRET

from ..test_server import Up, up
from ..waiting import within

BOOKMARK = """
import json, os, sys, urllib.request, urllib.error
import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

def ask(method, body=None, run=os.environ["GLULAM_JOB_RUN_ID"]):
    url = os.environ["AWS_ENDPOINT_URL"] + "/_glulam/job-runs/" + run + "/bookmark"
    data = None if body is None else json.dumps(body).encode()
    request = AWSRequest(method=method, url=url, data=data, headers={"Content-Type": "application/json"})
    SigV4Auth(botocore.session.get_session().get_credentials(), "glue", os.environ["AWS_REGION"]).add_auth(request)
    made = urllib.request.Request(url, data=data, method=method, headers=dict(request.headers))
    try:
        with urllib.request.urlopen(made) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        print(error.read().decode(), file=sys.stderr)
        raise

before = ask("GET")
print(json.dumps(before))
ask("PUT", {"state": {"n": ((before["state"] or {}).get("n") or 0) + 1}})
try:
    ask("PUT", {"state": {}}, run="jr_other")
except urllib.error.HTTPError as error:
    print(error.code, flush=True)
if "--fail" in sys.argv:
    sys.exit(1)
"""


def ended(glue: Any, job: str, run_id: str, seconds: float = 60) -> dict[str, Any]:
    until = time.monotonic() + seconds
    while True:
        run: dict[str, Any] = glue.get_job_run(JobName=job, RunId=run_id)["JobRun"]
        if "CompletedOn" in run:
            return run
        assert time.monotonic() < until, run
        time.sleep(0.05)


def job(server: Up, glue: Any, name: str, script: str, **more: Any) -> str:
    path = server.home.parent / "lake" / "scripts" / f"{name}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script)
    command = {"Name": "pythonshell", "ScriptLocation": f"s3://scripts/{name}.py"}
    glue.create_job(Name=name, Role="r", Command=command, ExecutionProperty={"MaxConcurrentRuns": 5}, **more)
    return name


def is_worker(pid: int) -> bool:
    try:
        return b"--stop-with-stdin" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False


def workers(server: Up) -> set[int]:
    """The worker processes of this server."""
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(server.process.pid)], capture_output=True, text=True,
                           check=True).stdout  # fmt: skip
    return {int(pid) for pid in found.split() if is_worker(int(pid))}


def test_a_job_with_a_bookmark(tmp_path: Path) -> None:
    with up() as server:
        glue = server.client()
        name = job(server, glue, "j", BOOKMARK)
        logs = boto3.client("logs", endpoint_url=server.url, region_name="us-east-1", aws_access_key_id=DEVELOPMENT_ID,
                            aws_secret_access_key=DEVELOPMENT_SECRET)  # fmt: skip
        seen = []
        for arguments in ({}, {"--fail": "1"}, {}):
            run_id = glue.start_job_run(JobName=name, Arguments=arguments)["JobRunId"]
            run = ended(glue, name, run_id)
            lines = logs.get_log_events(
                logGroupName="/aws-glue/python-jobs/output", logStreamName=run_id, startFromHead=True
            )["events"]
            seen.append((run["JobRunState"], lines[0]["message"], lines[1]["message"]))
        assert [(state, '"state":null' in text, '"n": 1' in text) for state, text, _ in seen] == [
            ("SUCCEEDED", '"state":null' in seen[0][1], False), ("FAILED", False, True), ("SUCCEEDED", False, True)
        ], "a failed run moves nothing"  # fmt: skip
        assert {code for _, _, code in seen} == {"404"}
        entry = glue.get_job_bookmark(JobName=name)["JobBookmarkEntry"]
        assert (entry["Version"], entry["Run"], entry["JobBookmark"]) == (2, 3, '{"n":2}')
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 0


def test_a_killed_worker_is_replaced_and_its_run_ends_within_a_minute() -> None:
    with up() as server:
        glue = server.client()
        name = job(server, glue, "long", "import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(600)")
        quick = job(server, glue, "quick", "print(1)")
        run_id = glue.start_job_run(JobName=name)["JobRunId"]
        until = time.monotonic() + 60
        while glue.get_job_run(JobName=name, RunId=run_id)["JobRun"]["JobRunState"] != "RUNNING":
            assert time.monotonic() < until
            time.sleep(0.1)
        [worker] = workers(server)
        os.kill(worker, signal.SIGKILL)
        killed = time.monotonic()
        assert ended(glue, quick, glue.start_job_run(JobName=quick)["JobRunId"])["JobRunState"] == "SUCCEEDED"
        run = ended(glue, name, run_id, 60)
        assert run["JobRunState"] == "FAILED"
        assert "was not heard of any more" in run["ErrorMessage"]
        assert time.monotonic() - killed < 60
        left = workers(server)
        assert left
        server.process.kill()
        until = time.monotonic() + 60
        while any(map(is_worker, left)):
            assert time.monotonic() < until, "workers end with their server"
            time.sleep(0.2)


def test_a_run_cannot_commit_for_another() -> None:
    with up("--workers", "0") as server:
        glue = server.client()
        name = job(server, glue, "j", "pass")
        run_id = glue.start_job_run(JobName=name)["JobRunId"]
        with pytest.raises(HTTPError) as caught:
            urlopen(f"{server.url}/_glulam/job-runs/{run_id}/bookmark")
        assert caught.value.code == 403
        with pytest.raises(ClientError):
            glue.get_job_bookmark(JobName=name)


def test_an_interactive_session() -> None:
    with up() as server:
        glue = server.client()
        role = "arn:aws:iam::123456789012:role/r"
        made = glue.create_session(Id="s", Role=role, Command={"Name": "pythonshell"}, Tags={"team": "etl"})[
            "Session"
        ]
        assert made["Status"] == "PROVISIONING"

        def ready() -> bool:
            return bool(glue.get_session(Id="s")["Session"]["Status"] == "READY")

        def done(number: int) -> dict[str, Any]:
            within(30, lambda: glue.get_statement(SessionId="s", Id=number)["Statement"]["CompletedOn"] > 0)
            return dict(glue.get_statement(SessionId="s", Id=number)["Statement"])

        within(60, ready)
        for number, code in enumerate(
            ("x = 20", "print('hello')\nx + 1", "1 / 0", "import time; time.sleep(600)")
        ):
            assert glue.run_statement(SessionId="s", Code=code)["Id"] == number
        assert done(0)["State"] == "AVAILABLE"
        assert done(1)["Output"]["Data"] == {"TextPlain": "hello\n21\n"}
        failed = done(2)
        assert (failed["State"], failed["Output"]["ErrorName"]) == ("ERROR", "ZeroDivisionError")
        within(30, lambda: glue.get_statement(SessionId="s", Id=3)["Statement"]["State"] == "RUNNING")
        glue.cancel_statement(SessionId="s", Id=3)
        assert done(3)["State"] == "CANCELLED"
        assert done(glue.run_statement(SessionId="s", Code="x")["Id"])["Output"]["Data"] == {
            "TextPlain": "20\n"
        }
        assert [s["Id"] for s in glue.list_statements(SessionId="s")["Statements"]] == [0, 1, 2, 3, 4]
        with pytest.raises(ClientError, match="stop it before it is deleted"):
            glue.delete_session(Id="s")
        glue.stop_session(Id="s")
        within(30, lambda: glue.get_session(Id="s")["Session"]["Status"] == "STOPPED")
        with pytest.raises(ClientError, match="IllegalSessionState"):
            glue.run_statement(SessionId="s", Code="x")
        assert glue.list_sessions(Tags={"team": "etl"})["Ids"] == ["s"]
        glue.delete_session(Id="s")
        with pytest.raises(ClientError, match="EntityNotFound"):
            glue.get_session(Id="s")


LAYOUT = """
from awsglue.blueprint.workflow import *
from awsglue.blueprint.job import *
from awsglue.blueprint.crawler import *

def generate_layout(user_params, system_params):
    print("for", system_params["accountId"], system_params["region"])
    command = {"Name": "pythonshell", "ScriptLocation": user_params["Script"], "PythonVersion": "3.9"}
    first = Job(Name="first", Role="r", Command=command)
    second = Job(Name="second", Role="r", Command=command, DependsOn={first: user_params["After"]})
    return Workflow(Name=user_params["WorkflowName"], Entities=Entities(Jobs=[first, second]))
"""
CONFIG = {
    "layoutGenerator": "flows.layout.generate_layout",
    "parameterSpec": {name: {"type": "String"} for name in ("WorkflowName", "Script", "After")},
}


def test_a_blueprint_makes_a_workflow_that_runs() -> None:
    with up("--workers", "1") as server:
        _blueprints(server)


def _blueprints(server: Up) -> None:
    glue = server.client()
    lake = server.home.parent / "lake"
    for bucket in ("blueprints", "scripts"):
        (lake / bucket).mkdir(parents=True, exist_ok=True)
    (lake / "scripts" / "hello.py").write_text("print('hello')")
    with zipfile.ZipFile(lake / "blueprints" / "flows.zip", "w") as archive:
        archive.writestr("flows/blueprint.cfg", json.dumps(CONFIG))
        archive.writestr("flows/layout.py", LAYOUT)
    glue.create_blueprint(Name="flows", BlueprintLocation="s3://blueprints/flows.zip")

    def made(**given: str) -> dict[str, Any]:
        parameters = {"Script": "s3://scripts/hello.py", "After": "SUCCEEDED", **given}
        run_id = glue.start_blueprint_run(BlueprintName="flows", RoleArn="arn:aws:iam::123456789012:role/r",
                                          Parameters=json.dumps(parameters))["RunId"]  # fmt: skip
        found: dict[str, Any] = within(60, lambda: _over(glue, run_id))
        return found

    run = made(WorkflowName="hi")
    assert (run["State"], run["WorkflowName"]) == ("SUCCEEDED", "hi"), run
    run_id = glue.start_workflow_run(Name="hi")["RunId"]
    done = within(60, lambda: _done(glue, run_id))
    assert done["Statistics"]["SucceededActions"] == 2
    again = made(WorkflowName="hi")
    assert (again["State"], again["ErrorMessage"]) == ("FAILED", "Workflow hi already exists.")
    wrong = made(WorkflowName="ho", After="DONE")
    assert wrong["State"] == "FAILED"
    assert "DependsOn wants first 'DONE'" in wrong["ErrorMessage"]
    assert glue.list_workflows()["Workflows"] == ["hi"]


def _over(glue: Any, run_id: str) -> Any:
    run = glue.get_blueprint_run(BlueprintName="flows", RunId=run_id)["BlueprintRun"]
    return run if run["State"] != "RUNNING" else None


def _done(glue: Any, run_id: str) -> Any:
    run = glue.get_workflow_run(Name="hi", RunId=run_id)["Run"]
    return run if run["Status"] == "COMPLETED" else None
