"""S3's clients, unmodified and over HTTP, against the real `glulam up --ephemeral` in a process of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from cli.conftest import COMMAND, ROOT
from glulam.access.keys import DEVELOPMENT_ID, DEVELOPMENT_SECRET
from greeting import greeting

PATIENCE_S = 240
"""How long a client may take on a machine that is busy with other things."""
_buckets = count(1)


@dataclass(frozen=True, kw_only=True)
class Server:
    url: str
    lake: Path
    home: Path
    process: subprocess.Popen[str]

    @property
    def env(self) -> dict[str, str]:
        """What a user sets to reach the server, and nothing of AWS that this machine may have set before."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "GLULAM_", "PYTHON"))}
        return kept | {
            "AWS_ENDPOINT_URL": self.url, "AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": DEVELOPMENT_ID, "AWS_SECRET_ACCESS_KEY": DEVELOPMENT_SECRET,
            "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }  # fmt: skip

    def client(self, service: str = "s3", credentials: Mapping[str, str] | None = None) -> Any:
        """A client that does not try again: a test wants to see what the server said."""
        key = credentials or {"AccessKeyId": DEVELOPMENT_ID, "SecretAccessKey": DEVELOPMENT_SECRET}
        return boto3.client(
            service, endpoint_url=self.url, region_name="eu-west-1", aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"], aws_session_token=key.get("SessionToken"),
            config=Config(retries={"total_max_attempts": 1}, read_timeout=PATIENCE_S),
        )  # fmt: skip

    def run(self, *command: str | Path, code: int = 0, **more: Any) -> str:
        """What a client's program says."""
        env = self.env | more.pop("env", {})
        done = subprocess.run([str(word) for word in command], env=env, text=True, capture_output=True,
                              timeout=PATIENCE_S, check=False, **more)  # fmt: skip
        assert done.returncode == code, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("server") / "stderr"
    env = {k: v for k, v in os.environ.items() if not k.startswith(("GLULAM_", "AWS_"))}
    with log.open("w") as errors:
        process = subprocess.Popen(
            [*COMMAND, "up", "--ephemeral", "--port", "0", "--json"], stdout=subprocess.PIPE, stderr=errors, text=True,
            env={**env, "PYTHONPATH": str(ROOT / "src")}, cwd=log.parent,
        )  # fmt: skip
    told = greeting(process, log)
    yield Server(url=told["url"], lake=Path(told["lake"]), home=Path(told["home"]), process=process)
    process.send_signal(signal.SIGINT)
    try:
        process.wait(60)
    finally:
        process.kill()
    assert "Traceback" not in log.read_text(), log.read_text()[-3000:]


@pytest.fixture
def s3(server: Server) -> Any:
    return server.client()


@pytest.fixture
def bucket(s3: Any) -> str:
    """The name of a new, empty bucket."""
    name = f"bucket-{next(_buckets)}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return name


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A small tree of files, one of them long enough for every client to upload it in parts."""
    folder = tmp_path / "files"
    (folder / "sub folder").mkdir(parents=True)
    (folder / "a.txt").write_text("hello\n")
    (folder / "sub folder" / "b ü+%.txt").write_text("two\n")
    (folder / "long.bin").write_bytes(os.urandom(20_000_000))
    return folder


def debian(name: str) -> str:
    """The path of a program that Debian packages; skips where it is not installed."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed here (apt-get install {name}); its test did not run")
    return found
