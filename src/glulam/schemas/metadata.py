"""Metadata of a version: at most ten pairs of key and value; a key may have several values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import psycopg

from glulam.model.errors import AlreadyExists, EntityNotFound, LimitExceeded

MAX_PAIRS = 10
LOCK = "SELECT 1 FROM schema_version WHERE id = %s FOR NO KEY UPDATE"
PUT = """
INSERT INTO schema_version_metadata (version_id, key, value, created_at) VALUES (%s, %s, %s, clock_timestamp())
ON CONFLICT (version_id, key, value) DO NOTHING
"""
COUNT = "SELECT count(*) FROM schema_version_metadata WHERE version_id = %s"
REMOVE = "DELETE FROM schema_version_metadata WHERE version_id = %s AND key = %s AND value = %s"
QUERY = """
SELECT key, value, created_at FROM schema_version_metadata WHERE version_id = %s AND key > %s
ORDER BY key, created_at DESC, value
"""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One value of a key."""

    value: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Key:
    """A key and its values, the newest first."""

    name: str
    entries: Sequence[Entry]


def put(conn: psycopg.Connection, version_id: UUID, key: str, value: str) -> None:
    """Raises AlreadyExists (that very pair), LimitExceeded, or EntityNotFound (the version is being deleted)."""
    if conn.execute(LOCK, (version_id,)).fetchone() is None:
        raise EntityNotFound(f"Schema version is not found. SchemaVersionId: {version_id}")
    if conn.execute(PUT, (version_id, key, value)).rowcount != 1:
        raise AlreadyExists(
            f"Resource already exist for schema version id: {version_id}, metadata key: {key}, metadata value: {value}"
        )
    counted = conn.execute(COUNT, (version_id,)).fetchone()
    if counted is not None and counted[0] > MAX_PAIRS:
        raise LimitExceeded("Your resource limits for Schema Version Metadata have been exceeded.")


def remove(conn: psycopg.Connection, version_id: UUID, key: str, value: str) -> None:
    """Raises EntityNotFound."""
    if conn.execute(REMOVE, (version_id, key, value)).rowcount != 1:
        raise EntityNotFound(
            f"Metadata is not found. SchemaVersionId: {version_id}, MetadataKey: {key}, MetadataValue: {value}"
        )


def query(
    conn: psycopg.Connection,
    version_id: UUID,
    wanted: Sequence[tuple[str | None, str | None]],
    *,
    after: str,
) -> list[Key]:
    """The keys behind `after`, by name, with the values that were asked for.

    wanted: pairs of key and value, either of which may be None for any; no pairs: everything.
    """
    found: dict[str, list[Entry]] = {}
    for key, value, created_at in conn.execute(QUERY, (version_id, after)).fetchall():
        if not wanted or any(k in (None, key) and v in (None, value) for k, v in wanted):
            found.setdefault(key, []).append(Entry(value=value, created_at=created_at))
    return [Key(name=name, entries=entries) for name, entries in found.items()]
