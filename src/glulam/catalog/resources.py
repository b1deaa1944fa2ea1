"""What the catalog keeps by name and gives back as it was: functions, connections, classifiers, security configurations.

One table for all of them. A resource lies on a shelf (a catalog in a region, a kind, a parent); its names are unique there,
and it is a document with a version that goes up by one with each change. What a document may hold, and whether names fold
to lower case, is for those who put it there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import psycopg

from glulam.catalog.scope import Scope
from glulam.model.errors import AlreadyExists, ConcurrentModification, EntityNotFound
from glulam.store.documents import document


class Kind(StrEnum):
    """The value stands in the database; people read it with spaces."""

    BLUEPRINT = "blueprint"
    CATALOG = "catalog"
    CLASSIFIER = "classifier"
    CONNECTION = "connection"
    CRAWLER = "crawler"
    ENCRYPTION_SETTINGS = "encryption-settings"
    FUNCTION = "function"
    SECURITY_CONFIGURATION = "security-configuration"


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """Where names are unique."""

    scope: Scope
    kind: Kind
    parent: str = ""
    """Whose it is within the catalog: a function's database, by id."""


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One thing on a shelf."""

    name: str
    document: Mapping[str, Any]
    version: int
    """1 for a new one."""
    created_at: datetime
    updated_at: datetime


_SHELF = "account_id = %(catalog)s AND region = %(region)s AND kind = %(kind)s AND parent = %(parent)s"
_COLUMNS = "name, document, version, created_at, updated_at"
CREATE = f"""
INSERT INTO catalog_resource (account_id, region, kind, parent, name, document)
VALUES (%(catalog)s, %(region)s, %(kind)s, %(parent)s, %(name)s, %(document)s) ON CONFLICT DO NOTHING RETURNING {_COLUMNS}
"""  # noqa: S608
FIND = f"SELECT {_COLUMNS} FROM catalog_resource WHERE {_SHELF} AND name = %(name)s"  # noqa: S608
FIND_FOR_UPDATE = FIND + " FOR UPDATE"
UPDATE = f"""
UPDATE catalog_resource
SET name = %(new_name)s, document = %(document)s, version = version + 1, updated_at = now()
WHERE {_SHELF} AND name = %(name)s AND version = coalesce(%(version)s, version) RETURNING {_COLUMNS}
"""  # noqa: S608
PUT = f"""
INSERT INTO catalog_resource (account_id, region, kind, parent, name, document)
VALUES (%(catalog)s, %(region)s, %(kind)s, %(parent)s, %(name)s, %(document)s)
ON CONFLICT (account_id, region, kind, parent, name)
DO UPDATE SET document = excluded.document, version = catalog_resource.version + 1, updated_at = now()
RETURNING {_COLUMNS}
"""  # noqa: S608
DELETE = f"DELETE FROM catalog_resource WHERE {_SHELF} AND name = %(name)s"  # noqa: S608
PAGE = f"""
SELECT {_COLUMNS} FROM catalog_resource
WHERE {_SHELF} AND name > %(after)s AND document @> %(containing)s ORDER BY name LIMIT %(limit)s
"""  # noqa: S608
EMPTY_SCOPE = "DELETE FROM catalog_resource WHERE account_id = %(catalog)s AND region = %(region)s"


def create(conn: psycopg.Connection, shelf: Shelf, name: str, content: Mapping[str, Any]) -> Resource:
    """Raises AlreadyExists."""
    row = conn.execute(CREATE, {**_at(shelf, name), "document": document(content)}).fetchone()
    if row is None:
        raise AlreadyExists(f"{label(shelf.kind)} {name} already exists.")
    return to_resource(row)


def find(conn: psycopg.Connection, shelf: Shelf, name: str, *, for_update: bool = False) -> Resource | None:
    """The resource, or None. for_update: nobody else changes it before the caller's transaction ends."""
    row = conn.execute(FIND_FOR_UPDATE if for_update else FIND, _at(shelf, name)).fetchone()
    return None if row is None else to_resource(row)


def get(conn: psycopg.Connection, shelf: Shelf, name: str, *, for_update: bool = False) -> Resource:
    """As `find`; raises EntityNotFound."""
    found = find(conn, shelf, name, for_update=for_update)
    if found is None:
        raise EntityNotFound(f"{label(shelf.kind)} {name} not found.")
    return found


def update(
    conn: psycopg.Connection,
    shelf: Shelf,
    name: str,
    content: Mapping[str, Any],
    *,
    new_name: str | None = None,
    version: int | None = None,
) -> Resource:
    """Replace the document, and the name when there is a new one; `version`: only if it is still at that version.

    Raises EntityNotFound, AlreadyExists (the new name), ConcurrentModification."""
    given = {
        **_at(shelf, name),
        "document": document(content),
        "new_name": new_name or name,
        "version": version,
    }
    try:
        with conn.transaction():
            row = conn.execute(UPDATE, given).fetchone()
    except psycopg.errors.UniqueViolation as error:
        raise AlreadyExists(f"{label(shelf.kind)} {new_name} already exists.") from error
    if row is None:
        found = get(conn, shelf, name)
        raise ConcurrentModification(
            f"{label(shelf.kind)} {name}: expected version {version}, found {found.version}; read it again"
        )
    return to_resource(row)


def put(conn: psycopg.Connection, shelf: Shelf, name: str, content: Mapping[str, Any]) -> Resource:
    """Make it, or replace the document of the one that is there."""
    row = conn.execute(PUT, {**_at(shelf, name), "document": document(content)}).fetchone()
    assert row is not None
    return to_resource(row)


def delete(conn: psycopg.Connection, shelf: Shelf, name: str) -> None:
    """Raises EntityNotFound."""
    if conn.execute(DELETE, _at(shelf, name)).rowcount != 1:
        raise EntityNotFound(f"{label(shelf.kind)} {name} not found.")


def page(
    conn: psycopg.Connection,
    shelf: Shelf,
    *,
    after: str = "",
    containing: Mapping[str, Any] | None = None,
    limit: int,
) -> list[Resource]:
    """By name, those behind `after` whose document has all that `containing` has."""
    given = {**_at(shelf, ""), "after": after, "containing": document(containing or {}), "limit": limit}
    return [to_resource(row) for row in conn.execute(PAGE, given).fetchall()]


def empty_scope(conn: psycopg.Connection, scope: Scope) -> None:
    """Remove every resource of a named catalog."""
    conn.execute(EMPTY_SCOPE, {"catalog": scope.catalog_id, "region": scope.region})


def label(kind: Kind) -> str:
    """`Security configuration`, for messages."""
    return kind.value.replace("-", " ").capitalize()


def to_resource(row: tuple[Any, ...]) -> Resource:
    """From name, document, version, created_at, updated_at."""
    return Resource(name=row[0], document=row[1], version=row[2], created_at=row[3], updated_at=row[4])


def _at(shelf: Shelf, name: str) -> dict[str, Any]:
    return {
        "catalog": shelf.scope.catalog_id, "region": shelf.scope.region, "kind": shelf.kind.value,
        "parent": shelf.parent, "name": name,
    }  # fmt: skip
