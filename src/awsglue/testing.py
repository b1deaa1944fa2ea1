"""A pytest plugin for people who test their job scripts: fixture `glue_context`, on a throw-away catalog and lake.

    def test_my_job(glue_context, glue_server):
        (glue_server.lake / "raw").mkdir() ...

Loaded into every pytest run of an environment that has Glulam, so it imports Spark only when the fixture is asked for.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

_PATIENCE_S = 60
_KEY = {"AWS_ACCESS_KEY_ID": "AKIAGLULAMDEVELOPKEY",
        "AWS_SECRET_ACCESS_KEY": "glulam/development/key/not/secret/at/all"}  # fmt: skip
"""What a server on loopback takes from everybody (access/keys.py)."""
_START = "from glulam.cli.main import console; console()"


@dataclass(frozen=True, kw_only=True)
class GlueServer:
    """`glulam up --ephemeral`. A folder of `lake` is a bucket."""

    url: str
    lake: Path

    @property
    def env(self) -> dict[str, str]:
        """What a script needs to use it."""
        return {
            **_KEY, "AWS_ENDPOINT_URL_GLUE": self.url, "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true", "GLULAM_LAKE": str(self.lake), "GLULAM_OBJECTS": "local",
            "GLULAM_SPARK_MASTER": "local[2]", "GLULAM_HOME": str(self.lake.parent / "jobs"),
        }  # fmt: skip


@pytest.fixture(scope="session")
def glue_server() -> Iterator[GlueServer]:
    """A server in a process of its own, for the whole test session."""
    command = [sys.executable, "-c", _START, "up", "--ephemeral", "--port", "0", "--json"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GLULAM_", "AWS_"))}
    env = kept | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if line.rstrip() == "}":
            break
    else:
        pytest.fail(f"glulam up ended with {process.wait()} before it served: {said}")
    told = json.loads(said)
    lake = Path(told["lake"])
    lake.mkdir(parents=True, exist_ok=True)
    yield GlueServer(url=told["url"], lake=lake)
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()


@pytest.fixture(scope="session")
def glue_context(glue_server: GlueServer) -> Iterator[Any]:
    """A GlueContext on that server; s3:// is its lake. The environment is set for scripts that make their own."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [n for n in os.environ if n.startswith(("GLULAM_", "AWS_"))]:
            patch.delenv(name)
        for name, value in glue_server.env.items():
            patch.setenv(name, value)
        context = importlib.import_module("awsglue.context").GlueContext()
        yield context
        context.spark_session.stop()
