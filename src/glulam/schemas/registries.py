"""Registries: the named containers of schemas, within one account and region."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import class_row

from glulam.model.errors import AlreadyExists, EntityNotFound
from glulam.schemas.names import DEFAULT_REGISTRY, Owner

CREATE = """
INSERT INTO schema_registry (account_id, region, name, description) VALUES (%s, %s, %s, %s)
ON CONFLICT (account_id, region, name) DO NOTHING RETURNING id, name, description, created_at, updated_at
"""
COLUMNS = "SELECT id, name, description, created_at, updated_at FROM schema_registry"
GET = COLUMNS + " WHERE account_id = %s AND region = %s AND name = %s"
SHARE = GET + " FOR KEY SHARE"
LIST = COLUMNS + " WHERE account_id = %s AND region = %s AND name > %s ORDER BY name LIMIT %s"
UPDATE = "UPDATE schema_registry SET description = %s, updated_at = now() WHERE id = %s"
LOCK = "SELECT 1 FROM schema_registry WHERE id = %s FOR UPDATE"
SCHEMAS = "SELECT name FROM schema_set WHERE registry_id = %s ORDER BY name"
DELETE = "DELETE FROM schema_registry WHERE id = %s"


@dataclass(frozen=True, kw_only=True)
class Registry:
    """A registry as it is stored."""

    id: int
    name: str
    description: str | None
    created_at: datetime
    updated_at: datetime


def create_registry(conn: psycopg.Connection, owner: Owner, name: str, description: str | None) -> Registry:
    """Raises AlreadyExists."""
    with conn.cursor(row_factory=class_row(Registry)) as cursor:
        made = cursor.execute(CREATE, (owner.account_id, owner.region, name, description)).fetchone()
    if made is None:
        raise AlreadyExists(f"Registry already exists. RegistryName: {name}")
    return made


def ensure_default(conn: psycopg.Connection, owner: Owner) -> None:
    """Make the default registry if it is not there."""
    conn.execute(CREATE, (owner.account_id, owner.region, DEFAULT_REGISTRY, None))


def get_registry(conn: psycopg.Connection, owner: Owner, name: str, *, keep: bool = False) -> Registry:
    """keep: it is not deleted before the caller's transaction ends. Raises EntityNotFound."""
    with conn.cursor(row_factory=class_row(Registry)) as cursor:
        found = cursor.execute(SHARE if keep else GET, (owner.account_id, owner.region, name)).fetchone()
    if found is None:
        raise EntityNotFound(f"Registry is not found. RegistryName: {name}")
    return found


def list_registries(conn: psycopg.Connection, owner: Owner, *, after: str, limit: int) -> list[Registry]:
    """By name, those behind `after`."""
    with conn.cursor(row_factory=class_row(Registry)) as cursor:
        return cursor.execute(LIST, (owner.account_id, owner.region, after, limit)).fetchall()


def describe_registry(conn: psycopg.Connection, registry_id: int, description: str) -> None:
    conn.execute(UPDATE, (description, registry_id))


def delete_registry(conn: psycopg.Connection, registry_id: int) -> list[str]:
    """With its schemas, their versions and the versions' metadata. Answers the names of the schemas."""
    conn.execute(LOCK, (registry_id,))
    names = [name for (name,) in conn.execute(SCHEMAS, (registry_id,)).fetchall()]
    conn.execute(DELETE, (registry_id,))
    return names
