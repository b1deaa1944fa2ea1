"""Databases of the catalog: the names that tables live under. Names fold to lower case, as Glue's do.

A database is kept as Glue's DatabaseInput document; only its name and times are columns of their own. Deleting one marks
it, which hides it and all its tables at once; `purge.py` then removes them bit by bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from glulam.catalog.scope import LOCAL, Scope
from glulam.model.errors import AlreadyExists, EntityNotFound, InvalidInput
from glulam.store.documents import document

_COLUMNS = "id, catalog_id, region, name, document, created_at"
_LIVE = "catalog_id = %(catalog)s AND region = %(region)s AND deleted_at IS NULL"
CREATE = """
INSERT INTO catalog_database (catalog_id, region, name, document)
VALUES (%(catalog)s, %(region)s, %(name)s, %(document)s)
ON CONFLICT (catalog_id, region, name) WHERE deleted_at IS NULL DO NOTHING
"""
GET = f"SELECT {_COLUMNS} FROM catalog_database WHERE {_LIVE} AND name = %(name)s"  # noqa: S608
UPDATE = f"UPDATE catalog_database SET document = %(document)s WHERE {_LIVE} AND name = %(name)s"  # noqa: S608
DELETE = f"UPDATE catalog_database SET deleted_at = now() WHERE {_LIVE} AND name = %(name)s"  # noqa: S608
PAGE = f"""
SELECT {_COLUMNS} FROM catalog_database
WHERE {_LIVE} AND name > %(after)s ORDER BY name LIMIT %(limit)s
"""  # noqa: S608


@dataclass(frozen=True, kw_only=True)
class CatalogDatabase:
    """A database as the catalog holds it."""

    id: int
    scope: Scope
    name: str
    document: Mapping[str, Any]
    """Glue's DatabaseInput without the name."""
    created_at: datetime


def fold_name(name: str, what: str) -> str:
    """The lower-case form of a catalog name. Raises InvalidInput for an empty or unprintable one."""
    folded = name.strip().lower()
    if not folded or len(folded) > 255 or not folded.isprintable():
        raise InvalidInput(f"{what} name {name!r}: expected 1 to 255 printable characters")
    return folded


def create_database(
    conn: psycopg.Connection, name: str, content: Mapping[str, Any], *, scope: Scope = LOCAL
) -> None:
    """Raises AlreadyExists."""
    if conn.execute(CREATE, {**_at(scope, name), "document": document(content)}).rowcount != 1:
        raise AlreadyExists(f"Database {fold_name(name, 'database')} already exists.")


def ensure_database(
    conn: psycopg.Connection, name: str, *, location: str = "", scope: Scope = LOCAL
) -> CatalogDatabase:
    """The database of that name, made when it is new; one that is there stays as it is."""
    content = {"LocationUri": location} if location else {}
    conn.execute(CREATE, {**_at(scope, name), "document": document(content)})
    return get_database(conn, name, scope=scope)


def get_database(conn: psycopg.Connection, name: str, *, scope: Scope = LOCAL) -> CatalogDatabase:
    """Raises EntityNotFound."""
    row = conn.execute(GET, _at(scope, name)).fetchone()
    if row is None:
        raise _missing(name)
    return _database(row)


def update_database(
    conn: psycopg.Connection, name: str, content: Mapping[str, Any], *, scope: Scope = LOCAL
) -> None:
    """Replace the document. Raises EntityNotFound."""
    if conn.execute(UPDATE, {**_at(scope, name), "document": document(content)}).rowcount != 1:
        raise _missing(name)


def delete_database(conn: psycopg.Connection, name: str, *, scope: Scope = LOCAL) -> None:
    """Hide the database and all in it, at once. Raises EntityNotFound."""
    if conn.execute(DELETE, _at(scope, name)).rowcount != 1:
        raise _missing(name)


def page_databases(
    conn: psycopg.Connection, *, scope: Scope = LOCAL, after: str = "", limit: int = 1_000_000
) -> list[CatalogDatabase]:
    """By name, those behind `after`."""
    given = {"catalog": scope.catalog_id, "region": scope.region, "after": after, "limit": limit}
    return [_database(row) for row in conn.execute(PAGE, given).fetchall()]


def _at(scope: Scope, name: str) -> dict[str, Any]:
    return {"catalog": scope.catalog_id, "region": scope.region, "name": fold_name(name, "database")}


def _missing(name: str) -> EntityNotFound:
    return EntityNotFound(f"Database {name.strip().lower()} not found.")


def _database(row: tuple[Any, ...]) -> CatalogDatabase:
    return CatalogDatabase(
        id=row[0],
        scope=Scope(catalog_id=row[1], region=row[2]),
        name=row[3],
        document=row[4],
        created_at=row[5],
    )
