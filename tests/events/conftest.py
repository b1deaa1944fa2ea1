"""A database with a workflow that waits for events, a lake, and the parts that bring events in."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from glulam.events import rules
from glulam.events.looks import Looks
from glulam.events.router import Router
from glulam.model.clock import utc_now
from glulam.model.place import Place
from glulam.objects.lake import Lake
from glulam.orchestrate import workflows
from glulam.settings import Settings
from glulam.store.database import Database
from s3server import s3_bucket, s3_endpoint, s3_env

PLACE = Place(account_id="123456789012", region="us-east-1")


@dataclass
class Events:
    database: Database
    root: Path
    url: str

    def rule(
        self, pattern: dict[str, Any], *, name: str = "r", workflow: str = "w", place: Place = PLACE
    ) -> None:
        with self.database.transaction() as conn:
            rules.put(
                conn, place, rules.Rule(name=name, pattern=json.dumps(pattern), enabled=True, document={})
            )
            rules.put_targets(conn, place, name, [rules.Target(id="1", workflow=workflow, document={})])

    def workflow(self, name: str, place: Place = PLACE) -> None:
        with self.database.transaction() as conn:
            workflows.create(conn, place, name, {})

    @property
    def router(self) -> Router:
        return Router(database=self.database, account_id=PLACE.account_id)

    def looks(self, *, every_s: float = 0, settle_ms: int = 0) -> Looks:
        return Looks(database=self.database, store=Lake(self.root), account_id=PLACE.account_id, clock=utc_now,
                     every_s=every_s, settle=timedelta(milliseconds=settle_ms))  # fmt: skip

    def drop(self, key: str, content: str = "x") -> Path:
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path

    def told(self) -> list[tuple[str, str]]:
        """Detail-types and keys of the events of objects in the outbox."""
        rows = self._rows(
            "SELECT topic, payload #>> '{bucket,name}', payload #>> '{object,key}' FROM outbox WHERE source = 'aws.s3' "
            "ORDER BY id"
        )
        return [(kind, f"{bucket}/{key}") for kind, bucket, key in rows]

    def routed(self, workflow: str = "w") -> list[dict[str, Any]]:
        """The events that wait for the workflow, routed first."""
        while self.router.step():
            pass
        return [
            row[0]
            for row in self._rows(
                "SELECT detail FROM trigger_event WHERE workflow = %s ORDER BY id", workflow
            )
        ]

    def keys(self, workflow: str = "w") -> list[str]:
        return [event["detail"]["object"]["key"] for event in self.routed(workflow)]

    def _rows(self, query: str, *given: Any) -> list[Any]:
        with self.database.connection() as conn:
            return conn.execute(query, given).fetchall()


@pytest.fixture
def events(database_url: str, tmp_path: Path) -> Iterator[Events]:
    root = tmp_path / "lake"
    (root / "raw").mkdir(parents=True)
    with Database.open(Settings(database_url=database_url)) as database:
        found = Events(database=database, root=root.resolve(), url=database_url)
        found.workflow("w")
        yield found


@contextmanager
def running(run: Callable[[threading.Event], None]) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=run, args=(stop,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


def within(seconds: float, found: Callable[[], Any], expected: Any) -> None:
    """Wait until it is so."""
    until = time.monotonic() + seconds
    while (now := found()) != expected:
        assert time.monotonic() < until, now
        time.sleep(0.05)


def s3_pattern(bucket: str = "raw", **about: Any) -> dict[str, Any]:
    """For objects that came into a bucket; `about`: leaves of the object."""
    return {
        "source": ["aws.s3"], "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [bucket]}, **({"object": about} if about else {})},
    }  # fmt: skip


__all__ = ["s3_bucket", "s3_endpoint", "s3_env"]
