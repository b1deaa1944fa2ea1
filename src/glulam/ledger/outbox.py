"""Events for whoever wants to know, written in the transaction that makes them true.

They have EventBridge's shape: source, detail-type and detail. The ends of job runs and crawls are told by the database itself
(migration 0010), because many paths lead there. Who reads them: event rules and alert rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg

from glulam.store.documents import document

OURS = "glulam"
ADD = """
INSERT INTO outbox (source, topic, payload, account_id, region, dedupe_key)
VALUES (%(source)s, %(detail_type)s, %(detail)s, %(account_id)s, %(region)s, %(dedupe_key)s)
ON CONFLICT (dedupe_key) WHERE dedupe_key IS NOT NULL DO NOTHING
"""


def announce(
    conn: psycopg.Connection, detail_type: str, detail: Mapping[str, Any], *, source: str = OURS,
    account_id: str | None = None, region: str | None = None, dedupe_key: str | None = None,
) -> bool:  # fmt: skip
    """Write an event down; False when one with this dedupe_key is there already.

    account_id, region: whose it is; None: the installation's own."""
    given = {"source": source, "detail_type": detail_type, "detail": document(detail), "account_id": account_id,
             "region": region, "dedupe_key": dedupe_key}  # fmt: skip
    return conn.execute(ADD, given).rowcount == 1
