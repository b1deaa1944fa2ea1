"""`glulam up` and `glulam operations`."""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import psycopg

from glulam import doors, server
from glulam.access import keys
from glulam.access.audit import AuditWriter
from glulam.access.keys import KeyRing
from glulam.access.policy_store import Policies
from glulam.access.secrets import SecretBox
from glulam.api import services
from glulam.api.page import page
from glulam.api.paging import Paging
from glulam.buckets.store import BucketStore
from glulam.catalog.connection_tester import ConnectionTester
from glulam.catalog.partition_indexes import advance_partition_indexes
from glulam.catalog.purge import purge
from glulam.cli.output import print_json
from glulam.gate import SignedGate
from glulam.model.clock import utc_now
from glulam.settings import Settings
from glulam.store.database import Database

_UPKEEP_ROWS = 5_000
"""Rows that one transaction of upkeep touches."""


def up(settings: Settings, *, ephemeral: bool, plaintext: bool, as_json: bool) -> int:
    with ExitStack() as stack:
        if ephemeral:
            home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="glulam-")))
            settings = replace(settings, home=home / "home", lake=home / "lake", database_url=None)
        database = stack.enter_context(
            Database.open(
                settings, max_idle=server.THREADS * 2, statement_timeout_s=server.STATEMENT_TIMEOUT_S
            )
        )
        with database.connection() as conn:
            has_keys = bool(keys.list_keys(conn))
        server.check_exposure(settings, has_keys=has_keys, plaintext=plaintext)
        socket = stack.enter_context(server.listen(settings))
        settings = replace(settings, port=socket.getsockname()[1])
        box = SecretBox.open(settings)
        development = keys.development_key(settings.account_id) if server.is_loopback(settings.host) else None
        ring = KeyRing(database, box, monotonic=time.monotonic, development=development)
        audit = stack.enter_context(AuditWriter(database))
        policies = Policies(database, monotonic=time.monotonic)
        gate = SignedGate(keys=ring, policies=policies, audit=audit, clock=utc_now)
        parts = services.Parts(
            database=database, paging=Paging(sign=lambda m: box.sign(m, "page")), box=box, policies=policies,
            tester=ConnectionTester.parse(settings.connection_hosts), keep_versions=settings.keep_versions,
        )  # fmt: skip
        threads, places = stack.enter_context(server.thread_pools()), doors.places_of(settings)
        local = settings.objects == "local"
        store = stack.enter_context(BucketStore.open(settings.lake_root, database)) if local else None
        door = doors.front_door(
            settings, gate, threads, places,
            glue=services.glue(parts), sts=services.sts(database, box, utc_now),
            s3=None if store is None else services.s3(store),
        )  # fmt: skip
        stop = threading.Event()
        stack.callback(stop.set)
        for work in (purge, advance_partition_indexes, keys.forget_expired):
            server.Upkeep(step=partial(_step, database, work), stop=stop).start()
        if store is not None:
            server.Upkeep(step=store.ageing().step, stop=stop).start()
        _greet(settings, development, ephemeral=ephemeral, as_json=as_json)
        app = server.application(door, places, database, settings, ephemeral=ephemeral)
        server.uvicorn_server(app, settings).run([socket])
    return 0


def _step(database: Database, work: Callable[[psycopg.Connection, int], int]) -> bool:
    """One short transaction of upkeep; whether there was anything to do."""
    with database.transaction() as conn:
        return work(conn, _UPKEEP_ROWS) > 0


def _greet(settings: Settings, development: keys.AccessKey | None, *, ephemeral: bool, as_json: bool) -> None:
    scheme = "https" if settings.tls_certificate else "http"
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    url = f"{scheme}://{host}:{settings.port}"
    if as_json:
        print_json({"url": url, "home": str(settings.home), "lake": str(settings.lake_root),
                    "ephemeral": ephemeral, "development_key": development.id if development else None})  # fmt: skip
    else:
        s3 = f", S3 on {settings.lake_root}" if settings.objects == "local" else ""
        print(f"Glue API    {url}   account {settings.account_id}, any region; STS{s3}")
        print(f"home        {settings.home}{'   (throw-away)' if ephemeral else ''}")
        if development is not None:
            print(
                "\nOn this machine only, a development key that everybody knows is accepted:\n\n"
                f"  export AWS_ENDPOINT_URL={url} AWS_REGION={settings.region} \\\n"
                f"    AWS_ACCESS_KEY_ID={development.id} AWS_SECRET_ACCESS_KEY={development.secret}\n"
                "  aws glue get-databases\n"
            )
    sys.stdout.flush()


def operations(*, missing: bool, markdown: bool, as_json: bool) -> int:
    found = doors.implemented()
    if markdown:
        print(page(found), end="")
        return 0
    if missing:
        found = {s: {o: there for o, there in all_.items() if not there} for s, all_ in found.items()}
    if as_json:
        print_json(
            {
                s: [{"operation": o, "implemented": there} for o, there in all_.items()]
                for s, all_ in found.items()
            }
        )
        return 0
    for service, all_ in found.items():
        for operation, there in all_.items():
            print(f"{service:6}{operation:48}{'implemented' if there else 'not implemented'}")
    return 0
