"""`glulam job run`, `runs`, `logs`, `bookmark` as commands, in a project."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from cli.conftest import COMMAND, Cli
from greeting import greeting

BOOKMARK = """
import boto3, json, os, sys, urllib.request
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
url = os.environ["AWS_ENDPOINT_URL"] + "/_glulam/job-runs/" + os.environ["GLULAM_JOB_RUN_ID"] + "/bookmark"
data = json.dumps({"state": {"day": sys.argv[sys.argv.index("--day") + 1]}}).encode()
request = AWSRequest(method="PUT", url=url, data=data, headers={"Content-Type": "application/json"})
SigV4Auth(boto3.Session().get_credentials(), "glue", os.environ["AWS_REGION"]).add_auth(request)
urllib.request.urlopen(urllib.request.Request(url, data=data, method="PUT", headers=dict(request.headers)))
print("read", boto3.client("glue").get_job(JobName="b")["Job"]["Name"])
"""


def test_a_script_its_run_its_log_and_its_bookmark(project: Cli) -> None:
    (project.folder / "b.py").write_text(BOOKMARK)
    (project.folder / "bad.py").write_text("x = {}\nprint('start')\nx['no']\n")
    for day in ("1", "2"):
        done = project("job", "run", "b.py", "--kind", "pythonshell", "--arg", f"day={day}")
        assert (done.code, done.out) == (0, "read b\n"), done.err
    bad = project("job", "run", "bad.py", "--kind", "pythonshell", "--json")
    assert bad.code == 1
    run = bad.json["run"]
    assert (run["state"], run["failure"]["line"]) == ("FAILED", 3)
    listed = project.look("runs", "--json").json["runs"]
    assert [(r["job_name"], r["state"]) for r in listed] == [
        ("bad", "FAILED"),
        ("b", "SUCCEEDED"),
        ("b", "SUCCEEDED"),
    ]
    assert [r["number"] for r in project.look("runs", "b", "--json").json["runs"]] == [2, 1]
    shown = project.look("logs", run["id"][:14])
    assert shown.out.startswith("FAILED: KeyError: 'no' (bad.py, line 3: x['no'])\n\nstart\n")
    assert project.look("logs", run["id"], "--stream", "output", "--follow").out.endswith("\nstart\n")
    assert project.look("logs", "jr_zzz").code == 3

    assert project.look("bookmark", "show", "b", "--json").json["bookmark"]["state"] == {"day": "2"}
    first = listed[2]["id"]
    assert project.look("bookmark", "rewind", "b", "--run", first).code == 0
    assert project.look("bookmark", "show", "b", "--json").json["bookmark"]["state"] == {"day": "1"}
    assert project.look("bookmark", "rewind", "b", "--at", "2001-01-01").code == 3
    assert project.look("bookmark", "reset", "b").code == 0
    found = project.look("bookmark", "show", "b", "--json").json
    assert (found["bookmark"]["state"], len(found["history"])) == ({}, 4)
    assert project.look("bookmark", "show", "bad").code == 3


def test_a_pipeline_is_a_job_too(project: Cli) -> None:
    done = project("job", "run", "pipeline.yaml")
    assert done.code == 0, done.err
    assert "SUCCEEDED" in done.err
    assert project.look("tables", "--json").json["tables"]


def test_a_pipeline_job_lists_or_processes(project: Cli) -> None:
    def run(command: str) -> str:
        done = project("job", "run", "pipeline.yaml", "--arg", f"glulam-command={command}", "--json")
        return str(done.json["run"]["error_message"] or done.json["run"]["state"])

    def files() -> set[str]:
        return {f["status"] for f in project.look("files", "--json").json["files"]}

    assert run("process") == "SUCCEEDED"
    assert files() == set()
    assert run("list") == "SUCCEEDED"
    assert files() == {"PENDING"}
    assert run("process") == "SUCCEEDED"
    assert files() == {"SUCCEEDED"}
    assert "--glulam-command is 'delete'; expected one of run, list, process" in run("delete")


def test_a_running_server_carries_out_what_job_run_asks_for(project: Cli) -> None:
    (project.folder / "a.py").write_text(
        "import sys\nprint('out')\nprint('err', file=sys.stderr)\nsys.exit(3)\n"
    )
    with serving(project) as said:
        done = project("job", "run", "a.py", "--kind", "pythonshell")
        assert (done.code, done.out) == (1, "out\n"), done.err
        assert "err\n" in done.err
        assert "exit code 3" in done.err
        run = project.look("runs", "--json").json["runs"][0]
    assert run["state"] == "FAILED"
    assert said["home"] in run["host"]


@contextmanager
def serving(project: Cli) -> Iterator[dict[str, Any]]:
    """`glulam up` of the project, with its worker."""
    command = [*COMMAND, "up", "--port", "0", "--json"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=project.folder,
        env=project.env(),
    ) as process:
        try:
            yield greeting(process)
        finally:
            process.terminate()
            process.wait(60)


@pytest.mark.parametrize(("words", "code"), [(("no.py",), 3), (("pipeline.yaml", "--arg", "x"), 2)])
def test_mistakes(project: Cli, words: tuple[str, ...], code: int) -> None:
    assert project.look("job", "run", *words, "--project", str(project.folder)).code == code
