"""The services behind one port: Glue, CloudWatch Logs, EventBridge, S3 on the local lake, STS; one set of keys, roles and
policies, one audit log."""

from __future__ import annotations

import socket
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from glulam import scheduling
from glulam.access.audit import AuditWriter
from glulam.access.keys import AccessKey, KeyRing
from glulam.access.policy_store import Policies
from glulam.access.secrets import SecretBox
from glulam.api import services
from glulam.api.blueprints import ReadObject
from glulam.api.paging import Paging
from glulam.buckets.store import BucketStore
from glulam.catalog.connection_tester import ConnectionTester
from glulam.gate import SignedGate, no_policy
from glulam.jobs.system_logs import LogLinks
from glulam.model.clock import utc_now
from glulam.model.uri import S3Uri
from glulam.objects.base import ObjectStore
from glulam.objects.lake import Lake
from glulam.objects.s3 import S3Store
from glulam.settings import Settings
from glulam.store.database import Database
from glulam.wire.door import AwsDoor
from glulam.wire.front import FrontDoor
from glulam.wire.places import Places
from glulam.wire.query import QueryDoor
from glulam.wire.rest import RestService
from glulam.wire.rest_door import RestDoor
from glulam.wire.services import Service, operations

THREADS = 16
"""Requests that are worked on at once; each holds one database session while it needs it."""
OBJECT_THREADS = 8
"""The same for S3: most of these wait for no database, and with more threads they wait for one another."""
STREAM_THREADS = 32
"""Long bodies that are taken in at once; they hold a database session only at their end."""
S3_ELSEWHERE = (
    "GLULAM_OBJECTS=s3: the objects are in a real S3, and this server answers no S3 requests; send them there "
    "(AWS_ENDPOINT_URL_S3)"
)


@dataclass(frozen=True, kw_only=True)
class Doors:
    """What one process answers with."""

    front: FrontDoor
    gate: SignedGate
    links: LogLinks
    session_token: Callable[[str], str]
    places: Places
    upkeep: tuple[Callable[[], bool], ...]
    """Steps of upkeep that the store of objects needs; each answers whether it found work."""
    forget: Callable[[], None]
    """Drop what is remembered of keys and policies."""


def open_doors(
    settings: Settings, database: Database, development: AccessKey | None, stack: ExitStack
) -> Doors:
    """Everything is closed with `stack`. `development`: the key that is accepted besides those in the database."""
    box = SecretBox.open(settings)
    policies = Policies(database, monotonic=time.monotonic)
    store, of_buckets, bucket_policy, s3 = None, None, no_policy, None
    if settings.objects == "local":
        store = stack.enter_context(BucketStore.open(settings.lake_root, database))
        of_buckets = services.bucket_policies(store)
        bucket_policy, s3 = of_buckets.of, services.s3(store, of_buckets)
    ring = KeyRing(database, box, monotonic=time.monotonic, development=development)
    gate = SignedGate(
        keys=ring, policies=policies,
        audit=stack.enter_context(AuditWriter(database)), clock=utc_now, bucket_policy=bucket_policy,
    )  # fmt: skip
    links = LogLinks(endpoint=_endpoint(settings), sign=lambda m: box.sign(m, "log"), clock=utc_now)

    def session_token(run_id: str) -> str:
        return box.sign(run_id.encode(), "session").hex()

    parts = services.Parts(
        database=database, paging=Paging(sign=lambda m: box.sign(m, "page")), box=box, policies=policies,
        tester=ConnectionTester.parse(settings.connection_hosts), firing=scheduling.firing(), read=_reader(settings),
        keep_versions=settings.keep_versions, log_days=settings.job_log_days, links=links,
        session_token=session_token,
    )  # fmt: skip
    requests, objects, streams = (
        stack.enter_context(ThreadPoolExecutor(size, thread_name_prefix=name))
        for name, size in (("request", THREADS), ("object", OBJECT_THREADS), ("stream", STREAM_THREADS))
    )
    places, limit = Places((settings.host, socket.gethostname())), settings.max_body_mb << 20
    sts = Service("sts", services.sts(database, box, utc_now))
    front = FrontDoor(
        json=AwsDoor(
            [Service("glue", services.glue(parts)), Service("logs", services.logs(parts)),
             Service("events", services.events(parts))],
            gate, requests, max_body_bytes=limit,
        ),
        query={"sts": QueryDoor(sts, gate, requests, max_body_bytes=limit)},
        rest=RestDoor(RestService("s3", s3 or ()), gate, places, pool=objects, streams=streams, max_body_bytes=limit,
                      closed=S3_ELSEWHERE if s3 is None else ""),
    )  # fmt: skip

    def forget() -> None:
        ring.forget_all()
        policies.forget_all()
        if of_buckets is not None:
            of_buckets.forget()

    steps = () if store is None else (store.ageing().step,)
    return Doors(
        front=front,
        gate=gate,
        links=links,
        session_token=session_token,
        places=places,
        upkeep=steps,
        forget=forget,
    )


def _reader(settings: Settings) -> ReadObject:
    """Objects of the lake, or of the S3 that holds them."""
    objects: ObjectStore = Lake(settings.lake_root) if settings.objects == "local" else S3Store()

    def read(uri: S3Uri) -> bytes:
        with tempfile.TemporaryDirectory() as spool:
            return objects.fetch(uri, objects.head(uri).etag, Path(spool)).read_bytes()

    return read


def _endpoint(settings: Settings) -> str:
    scheme = "http" if settings.tls_certificate is None else "https"
    return settings.endpoint or f"{scheme}://{settings.host}:{settings.port}"


def implemented() -> dict[str, dict[str, bool]]:
    """Every operation of each service, and whether it is carried out here."""
    kinds = {
        "events": services.EVENTS,
        "glue": services.GLUE,
        "logs": services.LOGS,
        "s3": services.S3,
        "sts": services.STS,
    }
    return {name: operations(name, found) for name, found in kinds.items()}
