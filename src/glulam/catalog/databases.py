"""Databases of the catalog: the names that tables live under. Names fold to lower case, as Glue's do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from glulam.model.errors import EntityNotFound, InvalidInput

ENSURE = """
INSERT INTO catalog_database (name, description, location) VALUES (%s, %s, %s) ON CONFLICT (name) DO NOTHING
"""
GET = "SELECT id, name, description, location, created_at FROM catalog_database WHERE name = %s"
LIST = "SELECT id, name, description, location, created_at FROM catalog_database ORDER BY name"


@dataclass(frozen=True, kw_only=True)
class CatalogDatabase:
    """A database as the catalog holds it."""

    id: int
    name: str
    description: str
    location: str
    """URI below which its tables lie by default; may be empty."""
    created_at: datetime


def fold_name(name: str, what: str) -> str:
    """The lower-case form of a catalog name. Raises InvalidInput for an empty or unprintable one."""
    folded = name.strip().lower()
    if not folded or len(folded) > 255 or not folded.isprintable():
        raise InvalidInput(f"{what} name {name!r}: expected 1 to 255 printable characters")
    return folded


def ensure_database(
    conn: psycopg.Connection, name: str, *, description: str = "", location: str = ""
) -> CatalogDatabase:
    """The database of that name, made when it is new; one that is there stays as it is."""
    folded = fold_name(name, "database")
    conn.execute(ENSURE, (folded, description, location))
    return get_database(conn, folded)


def get_database(conn: psycopg.Connection, name: str) -> CatalogDatabase:
    """Raises EntityNotFound."""
    row = conn.execute(GET, (fold_name(name, "database"),)).fetchone()
    if row is None:
        raise EntityNotFound(f"database {name!r} not found in the catalog")
    return _database(row)


def list_databases(conn: psycopg.Connection) -> list[CatalogDatabase]:
    """All, by name."""
    return [_database(row) for row in conn.execute(LIST).fetchall()]


def _database(row: tuple[Any, ...]) -> CatalogDatabase:
    return CatalogDatabase(id=row[0], name=row[1], description=row[2], location=row[3], created_at=row[4])
