"""Events of the outbox that alert rules have not seen, and the database's clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from glulam.ledger.outbox import FIELDS, Written
from glulam.model.place import Place

DatabaseClock = Callable[[psycopg.Connection], datetime]
"""The one clock that all senders share; tests turn it."""

OPEN = f"SELECT {FIELDS} FROM outbox WHERE NOT alerted ORDER BY id LIMIT %s"  # noqa: S608
TICK = "UPDATE outbox SET alerted = true WHERE id = ANY(%s)"


@dataclass(frozen=True, kw_only=True)
class Event:
    """One row of the outbox."""

    number: int
    place: Place
    document: dict[str, Any]
    """As EventBridge has it."""


def database_time(conn: psycopg.Connection) -> datetime:
    """When this transaction began."""
    row = conn.execute("SELECT now()").fetchone()
    assert row is not None
    found: datetime = row[0]
    return found


def waiting(conn: psycopg.Connection, home: Place, most: int) -> list[Event]:
    """Events that alert rules have not seen, in order. home: whose events are that name no account."""
    rows = [Written.of(row) for row in conn.execute(OPEN, (most,)).fetchall()]
    return [
        Event(number=row.number, place=row.place or home, document=row.event(row.place or home))
        for row in rows
    ]


def tick(conn: psycopg.Connection, events: list[Event]) -> None:
    """They have been seen."""
    conn.execute(TICK, ([event.number for event in events],))
