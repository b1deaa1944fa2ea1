"""The Glue API as clients see it: boto3 over HTTP, signed, against a server in a thread.

One server for the whole session. What it holds is apart by region, as in AWS, so each test has a region for itself."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from typing import Any

import boto3
import pytest
import uvicorn
from botocore.config import Config

from conftest import TestServer
from glulam import scheduling
from glulam.access import keys
from glulam.access.audit import AuditWriter
from glulam.access.keys import AccessKey, KeyRing
from glulam.access.policy_store import Policies
from glulam.access.roles import Role
from glulam.access.secrets import SecretBox
from glulam.api import services
from glulam.api.paging import Paging
from glulam.catalog.connection_tester import ConnectionTester
from glulam.gate import SignedGate
from glulam.jobs import claims
from glulam.jobs.claims import Outcome
from glulam.jobs.states import RunState
from glulam.jobs.system_logs import LogLinks
from glulam.model.clock import utc_now
from glulam.model.errors import ObjectNotFound
from glulam.model.uri import S3Uri
from glulam.settings import Settings
from glulam.store.database import Database
from glulam.wire.door import AwsDoor
from glulam.wire.services import Service

ACCOUNT = "123456789012"
OBJECTS: dict[str, bytes] = {}
"""What the server finds in S3, by URI: blueprints."""


def read_object(uri: S3Uri) -> bytes:
    if str(uri) not in OBJECTS:
        raise ObjectNotFound(f"{uri}: no such object")
    return OBJECTS[str(uri)]


_regions = count(1)


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server and what tests look into behind its back."""

    url: str
    database: Database
    box: SecretBox

    def client(self, region: str, key: AccessKey | None = None, service: str = "glue") -> Any:
        key = key or keys.development_key(ACCOUNT)
        return boto3.client(
            service, endpoint_url=self.url, region_name=region, aws_access_key_id=key.id,
            aws_secret_access_key=key.secret,
            config=Config(retries={"total_max_attempts": 1}, parameter_validation=False, read_timeout=60),
        )  # fmt: skip


@pytest.fixture(scope="session")
def server(database_server: TestServer) -> Iterator[Server]:
    with ExitStack() as stack:
        database = stack.enter_context(
            Database.open(Settings(database_url=database_server.create("migrated")), max_idle=16)
        )
        box = SecretBox([os.urandom(32)])
        ring = KeyRing(database, box, monotonic=time.monotonic, development=keys.development_key(ACCOUNT))
        audit = stack.enter_context(AuditWriter(database))
        policies = Policies(database, monotonic=time.monotonic)
        parts = services.Parts(
            database=database, paging=Paging(sign=lambda m: box.sign(m, "page")), box=box, policies=policies,
            tester=ConnectionTester(timeout_s=5), firing=scheduling.firing(), read=read_object,
            links=LogLinks(endpoint="http://127.0.0.1", sign=lambda m: box.sign(m, "log"), clock=utc_now),
            session_token=str.upper,
        )  # fmt: skip
        gate = SignedGate(keys=ring, policies=policies, audit=audit, clock=utc_now)
        pool = stack.enter_context(ThreadPoolExecutor(8))
        answered = [Service("glue", services.glue(parts)), Service("logs", services.logs(parts)),
                    Service("events", services.events(parts))]  # fmt: skip
        door = AwsDoor(answered, gate, pool, max_body_bytes=1 << 24)
        web = uvicorn.Server(
            uvicorn.Config(door, port=0, log_level="warning", lifespan="off", access_log=False)
        )
        thread = threading.Thread(target=web.run, daemon=True)
        thread.start()
        while not web.started:
            time.sleep(0.01)
        port = web.servers[0].sockets[0].getsockname()[1]
        yield Server(url=f"http://127.0.0.1:{port}", database=database, box=box)
        web.should_exit = True
        thread.join(10)


@pytest.fixture
def region() -> str:
    """A region that nobody used yet."""
    return f"us-test-{next(_regions)}"


@pytest.fixture
def glue(server: Server, region: str) -> Any:
    """A client with the development key, which is an administrator's."""
    return server.client(region)


@pytest.fixture
def client_as(server: Server, region: str) -> Callable[[Role], Any]:
    """A client of the same region with a key of that role."""

    def make(role: Role) -> Any:
        with server.database.transaction() as conn:
            key = keys.create(conn, server.box, account_id=ACCOUNT, user_name=f"a-{role}", role=role)
        return server.client(region, key)

    return make


@pytest.fixture
def refused() -> Callable[..., str]:
    """`refused(code, call, **asked)`: the call answers that error code; returns its text."""

    def check(code: str, call: Callable[..., Any], **asked: Any) -> str:
        with pytest.raises(Exception) as caught:
            call(**asked)
        error = getattr(caught.value, "response", {"Error": {"Code": repr(caught.value), "Message": ""}})[
            "Error"
        ]
        assert error["Code"] == code, f"{error['Code']}: {error['Message']}"
        return str(error["Message"])

    return check


@pytest.fixture
def finish(server: Server, region: str) -> Callable[..., None]:
    """`finish(job, state)`: the job's queued run is worked on, and ends so; then a scheduler looks."""
    scheduler = scheduling.scheduler(server.database)

    def end(job: str, state: str = "SUCCEEDED", *, look: bool = True) -> None:
        with server.database.transaction() as conn:
            row = conn.execute(
                "SELECT id FROM job_run WHERE region = %s AND job_name = %s AND state = 'STARTING' ORDER BY seq LIMIT 1",
                (region, job),
            ).fetchone()
            assert row is not None, f"no run of {job} is queued"
            [run] = claims.claim(conn, worker="test", limit=1, lease_s=60, only=row[0])
        with server.database.transaction() as conn:
            claims.settle(
                conn,
                run.id,
                run.epoch,
                Outcome(state=RunState(state), error=None if state == "SUCCEEDED" else "no"),
            )
        if look:
            scheduler.step()

    return end
