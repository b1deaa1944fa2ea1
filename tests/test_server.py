"""`glulam up` as a process: it starts, answers, survives the death of a child, ends clean, and refuses to be exposed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import boto3
import pytest

from glulam.access.keys import DEVELOPMENT_ID, DEVELOPMENT_SECRET
from glulam.model.errors import InvalidConfig
from glulam.server import check_exposure, is_loopback
from glulam.settings import Settings

from .cli.conftest import COMMAND, ROOT


@dataclass(frozen=True, kw_only=True)
class Up:
    process: subprocess.Popen[str]
    url: str
    home: Path

    def client(self) -> Any:
        return boto3.client("glue", endpoint_url=self.url, region_name="us-east-1", aws_access_key_id=DEVELOPMENT_ID,
                            aws_secret_access_key=DEVELOPMENT_SECRET)  # fmt: skip

    def get(self, path: str, method: str = "GET") -> dict[str, Any]:
        with urlopen(Request(self.url + path, method=method), timeout=60) as answer:
            return dict(json.load(answer))

    def children(self) -> list[int]:
        """The processes that answer requests."""
        found = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(self.process.pid)], capture_output=True,
                               text=True, check=True).stdout  # fmt: skip
        return [int(line.split()[0]) for line in found.splitlines() if "spawn_main" in line]


@contextmanager
def up(*words: str) -> Iterator[Up]:
    env = {k: v for k, v in os.environ.items() if not k.startswith("GLULAM_")}
    command = [*COMMAND, "up", "--ephemeral", "--port", "0", "--json", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          env={**env, "PYTHONPATH": str(ROOT / "src")}) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            text = ""
            while "}" not in text:
                text += process.stdout.readline() or "}"
            said = json.loads(text)
            yield Up(process=process, url=said["url"], home=Path(said["home"]))
        finally:
            process.kill()


def within(seconds: float, met: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < until, "not met in time"
        time.sleep(0.1)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_one_process_answers_forgets_and_ends_clean(stop: signal.Signals) -> None:
    with up() as server:
        health = server.get("/_glulam/health")
        assert (health["status"], health["ephemeral"]) == ("ok", True)
        glue = server.client()
        glue.create_database(DatabaseInput={"Name": "d"})
        assert [d["Name"] for d in glue.get_databases()["DatabaseList"]] == ["d"]
        (server.home.parent / "lake" / "raw").mkdir(parents=True)
        with pytest.raises(HTTPError, match="403"):  # a web page, by a browser on this machine
            urlopen(Request(f"{server.url}/_glulam/reset", method="POST", headers={"Origin": "http://x.org"}))
        deny = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "*",
            "Resource": "arn:aws:glue:us-east-1:123456789012:*",
        }
        glue.put_resource_policy(PolicyInJson=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
        with pytest.raises(glue.exceptions.AccessDeniedException):
            glue.get_databases()
        assert server.get("/_glulam/reset", "POST") == {"status": "reset"}
        assert glue.get_databases()["DatabaseList"] == []
        assert not (server.home.parent / "lake" / "raw").exists()
        server.process.send_signal(stop)
        assert server.process.wait(30) == 0
        assert not server.home.exists()


def test_several_processes_share_the_port_and_one_that_dies_comes_back() -> None:
    with up("--processes", "2") as server:
        glue = server.client()
        glue.create_database(DatabaseInput={"Name": "d"})
        within(60, lambda: len(server.children()) == 2)
        first = server.children()
        os.kill(first[0], signal.SIGKILL)
        within(60, lambda: len(server.children()) == 2 and server.children() != first)
        for _ in range(20):
            assert [d["Name"] for d in server.client().get_databases()["DatabaseList"]] == ["d"]
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 0
        assert not server.home.exists()


def test_an_address_that_others_reach_needs_keys_and_tls() -> None:
    here = Settings(host="::1")
    check_exposure(here, has_keys=False, plaintext=False)
    open_ = replace(here, host="0.0.0.0")
    with pytest.raises(InvalidConfig, match="no access key"):
        check_exposure(open_, has_keys=False, plaintext=True)
    with pytest.raises(InvalidConfig, match="GLULAM_TLS_CERTIFICATE"):
        check_exposure(open_, has_keys=True, plaintext=False)
    check_exposure(open_, has_keys=True, plaintext=True)
    pair = replace(open_, tls_certificate=Path("c.pem"), tls_key=Path("k.pem"))
    check_exposure(pair, has_keys=True, plaintext=False)
    with pytest.raises(InvalidConfig, match="only one of them"):
        check_exposure(replace(pair, tls_key=None), has_keys=True, plaintext=True)
    for host, loopback in (("127.0.0.1", True), ("127.9.9.9", True), ("localhost", True), ("0.0.0.0", False),
                           ("::", False), ("example.org", False), ("10.0.0.1", False)):  # fmt: skip
        assert is_loopback(host) is loopback
