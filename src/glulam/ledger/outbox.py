"""Events for whoever wants to know, written in the transaction that makes them true.

They have EventBridge's shape: source, detail-type and detail. The ends of job runs and crawls are told by the database itself
(migration 0010), because many paths lead there. Who reads them: event rules and alert rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from glulam.store.documents import document

OURS = "glulam"
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
