"""Schemas: a name in a registry, a data format, a compatibility mode, and the checkpoint among its versions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import class_row

from glulam.model.errors import AlreadyExists, EntityNotFound
from glulam.schemas.names import Owner

CREATE = """
INSERT INTO schema_set (registry_id, name, data_format, compatibility, description) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (registry_id, name) DO NOTHING
"""
COLUMNS = """
SELECT s.id, r.name AS registry, s.name, s.data_format, s.compatibility, s.description, s.checkpoint, s.next_version,
       (SELECT max(v.number) FROM schema_version v WHERE v.schema_id = s.id AND v.status = 'AVAILABLE') AS latest_version,
       s.created_at, s.updated_at
FROM schema_set s JOIN schema_registry r ON r.id = s.registry_id
WHERE r.account_id = %(account_id)s AND r.region = %(region)s
"""
GET = COLUMNS + " AND r.name = %(registry)s AND s.name = %(name)s"
LOCK = """
SELECT s.id FROM schema_set s JOIN schema_registry r ON r.id = s.registry_id
WHERE r.account_id = %(account_id)s AND r.region = %(region)s AND r.name = %(registry)s AND s.name = %(name)s
FOR NO KEY UPDATE OF s
"""
LIST = (
    COLUMNS
    + """ AND (%(registry)s::text IS NULL OR r.name = %(registry)s)
AND (r.name, s.name) > (%(after_registry)s, %(after_name)s) ORDER BY r.name, s.name LIMIT %(limit)s
"""
)
UPDATE = """
UPDATE schema_set SET compatibility = coalesce(%s, compatibility), checkpoint = %s,
                      description = coalesce(%s, description), updated_at = now() WHERE id = %s
"""
DELETE = "DELETE FROM schema_set WHERE id = %s"


@dataclass(frozen=True, kw_only=True)
class Schema:
    """A schema as it is stored."""

    id: int
    registry: str
    name: str
    data_format: str
    compatibility: str
    description: str | None
    checkpoint: int
    next_version: int
    latest_version: int | None
    """The last that is AVAILABLE; None if there is none."""
    created_at: datetime
    updated_at: datetime


def create_schema(
    conn: psycopg.Connection,
    registry_id: int,
    name: str,
    *,
    data_format: str,
    compatibility: str,
    description: str | None,
) -> None:
    """Make a schema without versions. Raises AlreadyExists."""
    if conn.execute(CREATE, (registry_id, name, data_format, compatibility, description)).rowcount != 1:
        raise AlreadyExists(f"Schema already exists. SchemaName: {name}")


def get_schema(
    conn: psycopg.Connection, owner: Owner, registry: str, name: str, *, for_update: bool = False
) -> Schema:
    """for_update: nobody else changes it or its versions before the caller's transaction ends. Raises EntityNotFound."""
    given = {"account_id": owner.account_id, "region": owner.region, "registry": registry, "name": name}
    if for_update:
        conn.execute(LOCK, given)  # on its own: what is read with the lock would be from before it
    with conn.cursor(row_factory=class_row(Schema)) as cursor:
        found = cursor.execute(GET, given).fetchone()
    if found is None:
        raise EntityNotFound(f"Schema is not found. RegistryName: {registry}, SchemaName: {name}")
    return found


def list_schemas(
    conn: psycopg.Connection, owner: Owner, registry: str | None, *, after: tuple[str, str], limit: int
) -> list[Schema]:
    """By registry and name, those behind `after`; of one registry or of all."""
    given = {
        "account_id": owner.account_id,
        "region": owner.region,
        "registry": registry,
        "after_registry": after[0],
        "after_name": after[1],
        "limit": limit,
    }
    with conn.cursor(row_factory=class_row(Schema)) as cursor:
        return cursor.execute(LIST, given).fetchall()


def update_schema(
    conn: psycopg.Connection,
    schema_id: int,
    *,
    checkpoint: int,
    compatibility: str | None,
    description: str | None,
) -> None:
    """What is None stays as it is."""
    conn.execute(UPDATE, (compatibility, checkpoint, description, schema_id))


def delete_schema(conn: psycopg.Connection, schema_id: int) -> None:
    """With its versions and their metadata."""
    conn.execute(DELETE, (schema_id,))
