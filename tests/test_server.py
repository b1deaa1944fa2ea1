"""`glulam up` as a process: it starts, answers, survives the death of a child, ends clean, and refuses to be exposed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import boto3
import pytest
from botocore.exceptions import ClientError

from embedded import throw_away
from glulam.access.keys import DEVELOPMENT_ID, DEVELOPMENT_SECRET
from glulam.model.addresses import is_loopback
from glulam.model.errors import InvalidConfig
from glulam.server import check_exposure
from glulam.settings import Settings

from .cli.conftest import COMMAND, ROOT
from .greeting import greeting
from .waiting import within


@dataclass(frozen=True, kw_only=True)
class Up:
    process: subprocess.Popen[str]
    url: str
    home: Path

    def client(self, service: str = "glue") -> Any:
        return boto3.client(service, endpoint_url=self.url, region_name="us-east-1", aws_access_key_id=DEVELOPMENT_ID,
                            aws_secret_access_key=DEVELOPMENT_SECRET)  # fmt: skip

    def get(self, path: str, method: str = "GET") -> dict[str, Any]:
        with urlopen(Request(self.url + path, method=method), timeout=60) as answer:
            return dict(json.load(answer))

    def answering(self) -> set[int]:
        """The processes that answered a few requests, each on a connection of its own."""
        return {int(self.get("/_glulam/health")["pid"]) for _ in range(10)}


@contextmanager
def up(*words: str, **variables: str) -> Iterator[Up]:
    env = {k: v for k, v in os.environ.items() if not k.startswith("GLULAM_")} | variables
    command = [*COMMAND, "up", "--ephemeral", "--port", "0", "--json", *words]
    with ExitStack() as end, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                              env={**env, "PYTHONPATH": str(ROOT / "src")}) as process:  # fmt: skip
        try:
            said = greeting(process)
            home = Path(said["home"])
            end.callback(throw_away, home, home.parent)
            yield Up(process=process, url=said["url"], home=home)
        finally:
            process.kill()


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


def test_with_a_real_s3_the_door_for_s3_is_closed_and_says_where_to_go() -> None:
    with up(GLULAM_OBJECTS="s3") as server:
        s3 = server.client("s3")
        for call in (
            s3.list_buckets,
            partial(s3.create_bucket, Bucket="raw"),
            partial(s3.get_object, Bucket="raw", Key="k"),
        ):
            with pytest.raises(ClientError, match="AWS_ENDPOINT_URL_S3") as caught:
                call()
            assert caught.value.response["Error"]["Code"] == "NotImplemented"
            assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
        assert server.client().get_databases()["DatabaseList"] == []
        assert server.client("sts").get_caller_identity()["Arn"].endswith(":user/development")
        assert not (server.home.parent / "lake").exists()


def test_several_processes_share_the_port_and_one_that_dies_comes_back() -> None:
    with up("--processes", "2") as server:
        glue = server.client()
        glue.create_database(DatabaseInput={"Name": "d"})
        first: set[int] = set()
        within(90, lambda: first.update(server.answering()) or len(first) == 2)
        gone = first.pop()
        os.kill(gone, signal.SIGKILL)
        within(90, lambda: bool(server.answering() - first - {gone}))
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
