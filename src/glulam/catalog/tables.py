"""Tables of the catalog and their history.

A change is a new version, by compare-and-swap on the old one: two writers that planned on the same version cannot both
win. Each version keeps its whole document and its cause (which batch and file brought the new column, who updated it).
Deleting a table marks it; `purge.py` removes it, its versions and partitions bit by bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from glulam.catalog.databases import fold_name, get_database
from glulam.catalog.descriptor import TableDescriptor, from_document
from glulam.catalog.scope import LOCAL, Scope
from glulam.model.errors import AlreadyExists, ConcurrentModification, EntityNotFound, InvalidInput
from glulam.store.documents import document


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table at its current version."""

    id: int
    scope: Scope
    database: str
    name: str
    version: int
    """0 for a new table."""
    document: Mapping[str, Any]
    """Glue's TableInput without the name; times as seconds since 1970."""
    created_at: datetime
    updated_at: datetime
    created_by: str

    @cached_property
    def descriptor(self) -> TableDescriptor:
        """Raises InvalidInput when the document names a column twice."""
        return from_document(self.document)


@dataclass(frozen=True, kw_only=True)
class TableVersion:
    """One entry of a table's history."""

    version: int
    document: Mapping[str, Any]
    cause: Mapping[str, Any]
    created_at: datetime

    @cached_property
    def descriptor(self) -> TableDescriptor:
        return from_document(self.document)


COLUMNS = "t.id, d.catalog_id, d.region, d.name, t.name, t.version, t.document, t.created_at, t.updated_at, t.created_by"
"""What `to_table` reads."""
LIVE = """
FROM catalog_table t JOIN catalog_database d ON d.id = t.database_id
WHERE t.deleted_at IS NULL AND d.deleted_at IS NULL AND d.catalog_id = %(catalog)s AND d.region = %(region)s
"""
"""The tables that are there."""
_SELECT = f"SELECT {COLUMNS} {LIVE}"
FIND = _SELECT + " AND d.name = %(database)s AND t.name = %(name)s"
FIND_FOR_UPDATE = FIND + " FOR UPDATE OF t"
LIST = _SELECT + " AND (%(database)s::text IS NULL OR d.name = %(database)s) ORDER BY d.name, t.name"
PAGE = _SELECT + (
    " AND d.name = %(database)s AND t.name > %(after)s AND (%(pattern)s::text IS NULL OR t.name ~ %(pattern)s)"
    " ORDER BY t.name LIMIT %(limit)s"
)
CREATE = """
WITH made AS (
  INSERT INTO catalog_table (database_id, name, document, created_by)
  VALUES (%(database)s, %(name)s, %(document)s, %(by)s)
  ON CONFLICT (database_id, name) WHERE deleted_at IS NULL DO NOTHING RETURNING id, version, document)
INSERT INTO catalog_table_version (table_id, version, document, cause)
SELECT id, version, document, %(cause)s FROM made
"""
UPDATE = """
WITH changed AS (
  UPDATE catalog_table SET version = version + 1, document = %(document)s, updated_at = now()
  WHERE id = %(id)s AND version = %(expected)s AND deleted_at IS NULL RETURNING id, version, document)
INSERT INTO catalog_table_version (table_id, version, document, cause)
SELECT id, version, document, %(cause)s FROM changed
"""
FORGET = "DELETE FROM catalog_table_version WHERE table_id = %s AND version = %s"
FORGET_UP_TO = "DELETE FROM catalog_table_version WHERE table_id = %s AND version <= %s"
DELETE = "UPDATE catalog_table SET deleted_at = now() WHERE id = %s AND deleted_at IS NULL"


def find_table(
    conn: psycopg.Connection, database: str, name: str, *, scope: Scope = LOCAL, for_update: bool = False
) -> Table | None:
    """The table, or None. for_update: nobody else changes it before the caller's transaction ends."""
    given = {**_at(scope), "database": fold_name(database, "database"), "name": fold_name(name, "table")}
    row = conn.execute(FIND_FOR_UPDATE if for_update else FIND, given).fetchone()
    return None if row is None else to_table(row)


def get_table(
    conn: psycopg.Connection, database: str, name: str, *, scope: Scope = LOCAL, for_update: bool = False
) -> Table:
    """As `find_table`; raises EntityNotFound."""
    table = find_table(conn, database, name, scope=scope, for_update=for_update)
    if table is None:
        get_database(conn, database, scope=scope)
        raise EntityNotFound(f"Table {name.lower()} not found in database {database.lower()}.")
    return table


def list_tables(
    conn: psycopg.Connection, database: str | None = None, *, scope: Scope = LOCAL
) -> list[Table]:
    """All, or those of one database, by name."""
    name = None if database is None else get_database(conn, database, scope=scope).name
    return [to_table(row) for row in conn.execute(LIST, {**_at(scope), "database": name}).fetchall()]


def page_tables(
    conn: psycopg.Connection,
    database: str,
    *,
    scope: Scope = LOCAL,
    pattern: str | None = None,
    after: str = "",
    limit: int,
) -> list[Table]:
    """Tables of a database behind `after`, by name; `pattern`: a regular expression that the whole name matches.
    Raises EntityNotFound, InvalidInput."""  # fmt: skip
    given = {**_at(scope), "database": get_database(conn, database, scope=scope).name, "after": after, "limit": limit,
             "pattern": None if pattern is None else f"^(?:{pattern})$"}  # fmt: skip
    try:
        return [to_table(row) for row in conn.execute(PAGE, given).fetchall()]
    except psycopg.errors.InvalidRegularExpression as error:
        raise InvalidInput(f"expression {pattern!r}: {error.diag.message_primary}") from error


def create_table(
    conn: psycopg.Connection,
    database: str,
    name: str,
    content: Mapping[str, Any],
    cause: Mapping[str, Any],
    *,
    scope: Scope = LOCAL,
    created_by: str = "glulam",
) -> Table:
    """Make version 0 of a table from its document. Raises EntityNotFound (no such database) or AlreadyExists."""  # fmt: skip
    given = {
        "database": get_database(conn, database, scope=scope).id, "name": fold_name(name, "table"),
        "document": document(content), "cause": Jsonb(dict(cause)), "by": created_by,
    }  # fmt: skip
    if conn.execute(CREATE, given).rowcount != 1:
        raise AlreadyExists(f"Table {given['name']} already exists in database {database.lower()}.")
    return get_table(conn, database, name, scope=scope)


def update_table(
    conn: psycopg.Connection,
    table: Table,
    content: Mapping[str, Any],
    *,
    expected_version: int,
    cause: Mapping[str, Any],
    skip_archive: bool = False,
    keep_versions: int = 0,
) -> Table:
    """Make the next version if the table is still at `expected_version`; else ConcurrentModification.

    skip_archive: the version that it replaces is not kept. keep_versions: so many are kept at most (0: all)."""  # fmt: skip
    given = {
        "id": table.id, "expected": expected_version, "document": document(content), "cause": Jsonb(dict(cause)),
    }  # fmt: skip
    if conn.execute(UPDATE, given).rowcount != 1:
        now = get_table(conn, table.database, table.name, scope=table.scope)
        raise ConcurrentModification(
            f"Update table failed due to concurrent modifications: table {table.database}.{table.name}: "
            f"expected version {expected_version}, found {now.version}; read it again."
        )
    if skip_archive:
        conn.execute(FORGET, (table.id, expected_version))
    if keep_versions:
        conn.execute(FORGET_UP_TO, (table.id, expected_version + 1 - keep_versions))
    return get_table(conn, table.database, table.name, scope=table.scope)


def delete_table(conn: psycopg.Connection, table: Table) -> None:
    """Hide the table and all that belongs to it, at once. Raises EntityNotFound: another one was faster."""
    if conn.execute(DELETE, (table.id,)).rowcount != 1:
        raise EntityNotFound(f"Table {table.name} not found in database {table.database}.")


def _at(scope: Scope) -> dict[str, Any]:
    return {"catalog": scope.catalog_id, "region": scope.region}


def to_table(row: tuple[Any, ...]) -> Table:
    """From a row of `COLUMNS`."""
    return Table(
        id=row[0], scope=Scope(catalog_id=row[1], region=row[2]), database=row[3], name=row[4], version=row[5],
        document=row[6], created_at=row[7], updated_at=row[8], created_by=row[9],
    )  # fmt: skip
