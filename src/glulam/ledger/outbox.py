"""Events for whoever wants to know, written in the transaction that makes them true.

They have EventBridge's shape: source, detail-type and detail. The ends of job runs and crawls are told by the database itself
(migration 0010), because many paths lead there. Who reads them: event rules and alert rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

import psycopg

from glulam.model.place import Place
from glulam.store.documents import document

OURS = "glulam"
FIELDS = "id, source, topic, payload, account_id, region, resources, coalesce(happened_at, created_at)"
"""Columns of a row, as `Written.of` takes them."""
_IDS = UUID("5bb02e4c-5a9e-4a9f-9a29-3d4b0a8b6f2e")
ADD = """
INSERT INTO outbox (source, topic, payload, account_id, region, dedupe_key, resources, happened_at)
VALUES (%(source)s, %(detail_type)s, %(detail)s, %(account_id)s, %(region)s, %(dedupe_key)s, %(resources)s, %(at)s)
ON CONFLICT (dedupe_key) WHERE dedupe_key IS NOT NULL DO NOTHING RETURNING id
"""


@dataclass(frozen=True, kw_only=True)
class Event:
    detail_type: str
    detail: Mapping[str, Any]
    source: str = OURS
    account_id: str | None = None
    """With the region, whose it is; None: the installation's own."""
    region: str | None = None
    dedupe_key: str | None = None
    resources: Sequence[str] = ()
    """ARNs."""
    at: datetime | None = None
    """When it happened; None: now."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """An event that was written down."""

    number: int
    source: str
    detail_type: str
    detail: Mapping[str, Any]
    place: Place | None
    """None: the installation's own account, any region."""
    resources: Sequence[str]
    at: datetime

    @classmethod
    def of(cls, row: Sequence[Any]) -> Written:
        """row: FIELDS."""
        number, source, detail_type, detail, account_id, region, resources, at = row
        place = None if account_id is None else Place(account_id=account_id, region=region)
        return cls(
            number=number, source=source, detail_type=detail_type, detail=detail, place=place, resources=resources, at=at
        )  # fmt: skip

    def event(self, place: Place) -> dict[str, Any]:
        """As EventBridge has it, for who looks in that place: to all the same id and time."""
        return {
            "version": "0", "id": event_id(self.number), "detail-type": self.detail_type, "source": self.source,
            "account": place.account_id, "time": self.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": place.region, "resources": list(self.resources), "detail": self.detail,
        }  # fmt: skip


def event_id(number: int) -> str:
    """The id of a row, in EventBridge's form."""
    return str(uuid5(_IDS, str(number)))


def announce(
    conn: psycopg.Connection, detail_type: str, detail: Mapping[str, Any], *, source: str = OURS,
    account_id: str | None = None, region: str | None = None, dedupe_key: str | None = None,
) -> bool:  # fmt: skip
    """Write an event down; False when one with this dedupe_key is there already.

    account_id, region: whose it is; None: the installation's own."""
    event = Event(detail_type=detail_type, detail=detail, source=source, account_id=account_id, region=region,
                  dedupe_key=dedupe_key)  # fmt: skip
    return announce_all(conn, [event]) != [None]


def announce_all(conn: psycopg.Connection, events: Sequence[Event]) -> list[int | None]:
    """Write events down, in one go; the number of each, None for one whose dedupe_key is there already."""
    if not events:
        return []
    found: list[int | None] = []
    with conn.cursor() as cursor:
        cursor.executemany(ADD, [_given(event) for event in events], returning=True)
        more: bool | None = True
        while more:
            row = cursor.fetchone()
            found.append(None if row is None else int(row[0]))
            more = cursor.nextset()
    return found


def _given(event: Event) -> dict[str, Any]:
    return {
        "source": event.source, "detail_type": event.detail_type, "detail": document(event.detail),
        "account_id": event.account_id, "region": event.region, "dedupe_key": event.dedupe_key,
        "resources": list(event.resources), "at": event.at,
    }  # fmt: skip
