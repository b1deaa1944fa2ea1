"""Events of the outbox as EventBridge has them, and the database's clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from glulam.model.place import Place

DatabaseClock = Callable[[psycopg.Connection], datetime]
"""The one clock that all senders share; tests turn it."""

OPEN = """
SELECT id, source, topic, payload, account_id, region, created_at FROM outbox WHERE NOT alerted ORDER BY id LIMIT %s
"""
TICK = "UPDATE outbox SET alerted = true WHERE id = ANY(%s)"


@dataclass(frozen=True, kw_only=True)
class Event:
    """One row of the outbox."""

    number: int
    place: Place
    document: dict[str, Any]
    """source, detail-type, detail, account, region, time, id."""


def database_time(conn: psycopg.Connection) -> datetime:
    """When this transaction began."""
    row = conn.execute("SELECT now()").fetchone()
    assert row is not None
    found: datetime = row[0]
    return found


def waiting(conn: psycopg.Connection, home: Place, most: int) -> list[Event]:
    """Events that alert rules have not seen, in order. home: whose events are that name no account."""
    return [_event(row, home) for row in conn.execute(OPEN, (most,)).fetchall()]


def tick(conn: psycopg.Connection, events: list[Event]) -> None:
    """They have been seen."""
    conn.execute(TICK, ([event.number for event in events],))


def _event(row: tuple[Any, ...], home: Place) -> Event:
    number, source, topic, payload, account, region, at = row
    place = Place(account_id=account or home.account_id, region=region or home.region)
    document = {"version": "0", "id": str(number), "source": source, "detail-type": topic, "account": place.account_id,
                "region": place.region, "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "resources": [], "detail": payload}  # fmt: skip
    return Event(number=number, place=place, document=document)
