"""The clients that people have, unmodified and over HTTP, against the real `glulam up --ephemeral` in a process of its own.

The AWS CLI and awswrangler live in a second environment (`make test` installs it): they pin other versions than ours.
State is apart by region, as in AWS, so each test has a region for itself."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from cli.conftest import COMMAND, ROOT
from environments import environment
from glulam.access.keys import DEVELOPMENT_ID, DEVELOPMENT_SECRET
from greeting import greeting
from s3server import s3_client, s3_endpoint

__all__ = ["s3_endpoint"]

PATIENCE_S = 240
"""How long a client may take on a machine that is busy with other things."""
_regions = count(1)
_buckets = count(1)


@dataclass(frozen=True, kw_only=True)
class Server:
    url: str
    home: Path
    lake: Path
    process: subprocess.Popen[str]

    def env(self, region: str) -> dict[str, str]:
        """What a user sets to reach the server, and nothing of AWS that this machine may have set before."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "GLULAM_", "PYTHON"))}
        return kept | {
            "AWS_ENDPOINT_URL": self.url, "AWS_REGION": region, "AWS_DEFAULT_REGION": region,
            "AWS_ACCESS_KEY_ID": DEVELOPMENT_ID, "AWS_SECRET_ACCESS_KEY": DEVELOPMENT_SECRET,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true",
        }  # fmt: skip

    def boto3(self, region: str) -> Any:
        """A Glue client that does not try again: a test wants to see what the server said."""
        return boto3.client(
            "glue", endpoint_url=self.url, region_name=region, aws_access_key_id=DEVELOPMENT_ID,
            aws_secret_access_key=DEVELOPMENT_SECRET,
            config=Config(retries={"total_max_attempts": 1}, read_timeout=PATIENCE_S, max_pool_connections=32),
        )  # fmt: skip


def start(log: Path, *words: str) -> Server:
    """`glulam up --ephemeral`, ready to answer."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("GLULAM_")}
    with log.open("w") as errors:
        process = subprocess.Popen(
            [*COMMAND, "up", "--ephemeral", "--port", "0", "--json", *words], stdout=subprocess.PIPE, stderr=errors,
            text=True, env={**env, "PYTHONPATH": str(ROOT / "src")}, cwd=log.parent,
        )  # fmt: skip
    told = greeting(process, log)
    return Server(url=told["url"], home=Path(told["home"]), lake=Path(told["lake"]), process=process)


def stop(server: Server) -> int:
    """As a service manager does; returns the exit code."""
    server.process.send_signal(signal.SIGTERM)
    try:
        return server.process.wait(60)
    finally:
        server.process.kill()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("server") / "stderr"
    running = start(log)
    yield running
    assert stop(running) == 0
    assert not running.home.exists()
    assert "Traceback" not in log.read_text()


@pytest.fixture
def region() -> str:
    """A region that nobody used yet."""
    return f"us-client-{next(_regions)}"


@pytest.fixture
def glue(server: Server, region: str) -> Any:
    """boto3, to look at what another client did."""
    return server.boto3(region)


@pytest.fixture
def bucket(s3_endpoint: str) -> str:
    """The name of a new, empty bucket on the S3 server."""
    name = f"clients-{next(_buckets)}"
    s3_client(s3_endpoint).create_bucket(Bucket=name)
    return name


@pytest.fixture(scope="session")
def clients_bin() -> Path:
    """Where the programs of the second environment are."""
    return environment("clients", "aws")
