"""Job scripts over Spark Connect: on Spark's own server, and on Sail.

Sail takes clients up to PySpark 4.2, so its test needs an environment of its own: GLULAM_TEST_SAIL_PYTHON names an interpreter
with `glulam[sail]` (`make slow` makes one). docs/sail.md is what its last run printed:

    GLULAM_TEST_SAIL_PYTHON=... GLULAM_TEST_SAIL_WRITE=1 python -m pytest tests/jobs/test_connect.py -k sail
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sparkcluster import connect_server

from ..cli.conftest import COMMAND, ROOT
from ..test_server import up
from ..waiting import within

PROBE = Path(__file__).with_name("connect_probe.py")
DOC = ROOT / "docs" / "sail.md"
SAIL = os.environ.get("GLULAM_TEST_SAIL_PYTHON")
JVM_ONLY = {"RDDs: `sc.parallelize`", "`sc.broadcast`"}


def probed(
    tmp_path: Path, database_url: str, python: str, *words: str, **variables: str
) -> dict[str, str | None]:
    """What `glulam job run` of the probe says of each case."""
    lake = tmp_path / "lake"
    (lake / "probe" / "in").mkdir(parents=True)
    (lake / "probe" / "in" / "a.json").write_text(
        '{"id": 1, "tags": ["a", "b"], "at": {"lat": 1.5}}\n{"id": "two", "tags": ["c"], "at": {"lat": 2.5}}\n{"id": 3}\n'
    )
    env = {
        **{k: v for k, v in os.environ.items() if not k.startswith("GLULAM_")}, "PYTHONPATH": str(ROOT / "src"),
        "GLULAM_HOME": str(tmp_path / "home"), "GLULAM_LAKE": str(lake), "GLULAM_DATABASE_URL": database_url, **variables,
    }  # fmt: skip
    command = [python, *COMMAND[1:], "job", "run", str(PROBE), "--arg", "out=s3://probe/out", *words]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=280, check=False)
    said: list[dict[str, Any]] = [
        json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")
    ]
    assert done.returncode == 0, done.stderr[-3000:]
    assert said, done.stderr[-3000:]
    return {one["case"]: one["error"] for one in said}


@pytest.mark.spark
@pytest.mark.xdist_group("spark")
@pytest.mark.slow
def test_scripts_over_spark_connect(tmp_path: Path, database_url: str) -> None:
    with connect_server(tmp_path) as url:
        found = probed(tmp_path, database_url, sys.executable, GLULAM_SPARK_MASTER=url)
    failed = {case: error for case, error in found.items() if error}
    assert failed.keys() == JVM_ONLY, failed
    assert all("is not there over Spark Connect" in (error or "") for error in failed.values())


@pytest.mark.slow
@pytest.mark.skipif(SAIL is None, reason="GLULAM_TEST_SAIL_PYTHON names no interpreter with glulam[sail]")
def test_scripts_on_sail(tmp_path: Path, database_url: str) -> None:
    assert SAIL is not None
    found = probed(tmp_path, database_url, SAIL, "--engine", "sail")
    page = document(found, versions(SAIL))
    if os.environ.get("GLULAM_TEST_SAIL_WRITE"):
        DOC.write_text(page, "utf-8")
    assert page == DOC.read_text("utf-8")
    assert {case for case, error in found.items() if error} >= JVM_ONLY


def test_without_sail_the_error_names_what_to_install(tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['pysail'] = None; from glulam.jobs.connected import start_sail; start_sail()"
    )
    done = subprocess.run([sys.executable, "-c", script], env={"PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert "pip install 'glulam[sail]'" in done.stderr


def versions(python: str) -> str:
    script = (
        "import pyspark; from importlib.metadata import version as v; print(v('pysail'), pyspark.__version__)"
    )
    done = subprocess.run([python, "-c", script], capture_output=True, text=True, check=True)
    return "Sail {} and PySpark's client {}".format(*done.stdout.split())


def document(found: dict[str, str | None], what: str) -> str:
    """docs/sail.md."""
    works = "\n".join(f"- {case}" for case, error in found.items() if not error)
    fails = "\n".join(
        f"| {case} | {_plain(error)} |" for case, error in found.items() if error
    )  # fmt: skip
    return f"""# Sail: Spark's API without a JVM

<!-- made by tests/jobs/test_connect.py; do not edit -->

`glulam job run script.py --engine sail`, or the job argument `--glulam-engine sail`, runs a script on [Sail](https://lakesail.com)
in the run's own process: no Java, and up in about a second. Install it with `pip install 'glulam[sail]'` into an environment
without `glulam[spark]`. `s3://` is read and written through the server's S3 endpoint. Everything below was tried by a job,
with {what}.

## What works

{works}

## What does not

| | the error |
| --- | --- |
{fails}

Nothing of this list falls back to something else. An AssertionError stands for a wrong result without an error of Sail's: look
out for it in your own scripts. `--extra-jars` and warm start are Spark's.
"""


def _plain(error: str) -> str:
    return error.replace("|", "\\|").replace("<", "\\<")


CLIENT = """
import sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.remote(sys.argv[1]).getOrCreate()
print(spark.range(7).count())
"""


@pytest.mark.spark
@pytest.mark.xdist_group("spark")
@pytest.mark.slow
def test_a_session_that_clients_connect_to() -> None:
    with up() as server:
        glue = server.client()
        command = {"Name": "glueetl"}
        role = "arn:aws:iam::123456789012:role/r"
        with pytest.raises(ClientError, match="found pythonshell"):
            glue.create_session(
                Id="shell", Role=role, Command={"Name": "pythonshell"}, SessionType="SPARK_CONNECT"
            )
        glue.create_session(Id="livy", Role=role, Command={"Name": "pythonshell"})
        with pytest.raises(ClientError, match="of type LIVY"):
            glue.get_session_endpoint(SessionId="livy")
        glue.stop_session(Id="livy")
        glue.create_session(Id="s", Role=role, Command=command, SessionType="SPARK_CONNECT")
        with pytest.raises(ClientError, match="IllegalSessionState"):
            glue.get_session_endpoint(SessionId="s")
        within(200, lambda: glue.get_session(Id="s")["Session"]["Status"] != "PROVISIONING")
        found = glue.get_session_endpoint(SessionId="s")["SparkConnect"]
        with pytest.raises(ClientError, match="of type SPARK_CONNECT"):
            glue.run_statement(SessionId="s", Code="1")
        assert connected(f"{found['Url']}/;token={found['AuthToken']}") == "7\n"
        assert "UNAUTHENTICATED" in connected(f"{found['Url']}/;token=wrong")
        glue.stop_session(Id="s")
        within(30, lambda: glue.get_session(Id="s")["Session"]["Status"] == "STOPPED")


def connected(url: str) -> str:
    """What a client prints, or why it cannot."""
    done = subprocess.run(
        [sys.executable, "-c", CLIENT, url], capture_output=True, text=True, timeout=120, check=False
    )
    return done.stdout or done.stderr
