"""Tables of the catalog and their history.

A change is a new version, by compare-and-swap on the old one: two writers that planned on the same version cannot both
win. Each version keeps its whole descriptor and its cause (which batch and file brought the new column).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from glulam.catalog.databases import fold_name, get_database
from glulam.infer.types import DataType, parse_type
from glulam.model.errors import AlreadyExists, ConcurrentModification, EntityNotFound, InvalidInput


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column or partition key."""

    name: str
    type: str
    """Hive's notation: `bigint`, `array<struct<a:string>>`."""
    comment: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def data_type(self) -> DataType:
        """The type as a value. Raises InvalidInput."""
        return parse_type(self.type)


@dataclass(frozen=True, kw_only=True)
class TableDescriptor:
    """All that a version of a table says."""

    columns: tuple[Column, ...]
    """Without the partition keys."""
    partition_keys: tuple[Column, ...] = ()
    location: str
    format: str = "parquet"
    table_type: str = "EXTERNAL_TABLE"
    parameters: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for column in (*self.columns, *self.partition_keys):
            folded = column.name.lower()
            if not folded or folded in seen:
                raise InvalidInput(
                    f"column name {column.name!r}: expected names that are not empty and differ"
                )
            seen.add(folded)


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table at its current version."""

    id: int
    database: str
    name: str
    version: int
    """0 for a new table."""
    descriptor: TableDescriptor
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class TableVersion:
    """One entry of a table's history."""

    version: int
    descriptor: TableDescriptor
    cause: Mapping[str, Any]
    created_at: datetime


FIND = """
SELECT t.id, d.name, t.name, t.version, t.descriptor, t.created_at, t.updated_at
FROM catalog_table t JOIN catalog_database d ON d.id = t.database_id
WHERE d.name = %(database)s AND t.name = %(name)s
"""
FIND_FOR_UPDATE = FIND + " FOR UPDATE OF t"
LIST = """
SELECT t.id, d.name, t.name, t.version, t.descriptor, t.created_at, t.updated_at
FROM catalog_table t JOIN catalog_database d ON d.id = t.database_id
WHERE %(database)s::text IS NULL OR d.name = %(database)s ORDER BY d.name COLLATE "C", t.name COLLATE "C"
"""
CREATE = """
WITH made AS (
  INSERT INTO catalog_table (database_id, name, descriptor) VALUES (%(database)s, %(name)s, %(descriptor)s)
  ON CONFLICT (database_id, name) DO NOTHING RETURNING id, version, descriptor)
INSERT INTO catalog_table_version (table_id, version, descriptor, cause)
SELECT id, version, descriptor, %(cause)s FROM made
"""
UPDATE = """
WITH changed AS (
  UPDATE catalog_table SET version = version + 1, descriptor = %(descriptor)s, updated_at = now()
  WHERE id = %(id)s AND version = %(expected)s RETURNING id, version, descriptor)
INSERT INTO catalog_table_version (table_id, version, descriptor, cause)
SELECT id, version, descriptor, %(cause)s FROM changed
"""
VERSIONS = """
SELECT version, descriptor, cause, created_at FROM catalog_table_version WHERE table_id = %s ORDER BY version
"""


def find_table(
    conn: psycopg.Connection, database: str, name: str, *, for_update: bool = False
) -> Table | None:
    """The table, or None. for_update: nobody else changes it before the caller's transaction ends."""
    given = {"database": fold_name(database, "database"), "name": fold_name(name, "table")}
    row = conn.execute(FIND_FOR_UPDATE if for_update else FIND, given).fetchone()
    return None if row is None else _table(row)


def get_table(conn: psycopg.Connection, database: str, name: str, *, for_update: bool = False) -> Table:
    """As `find_table`; raises EntityNotFound."""
    table = find_table(conn, database, name, for_update=for_update)
    if table is None:
        raise EntityNotFound(f"table {database}.{name} not found in the catalog")
    return table


def list_tables(conn: psycopg.Connection, database: str | None = None) -> list[Table]:
    """All, or those of one database, by name."""
    given = {"database": None if database is None else get_database(conn, database).name}
    return [_table(row) for row in conn.execute(LIST, given).fetchall()]


def create_table(
    conn: psycopg.Connection, database: str, name: str, descriptor: TableDescriptor, cause: Mapping[str, Any]
) -> Table:
    """Make version 0 of a table. Raises EntityNotFound (no such database) or AlreadyExists."""
    given = {
        "database": get_database(conn, database).id,
        "name": fold_name(name, "table"),
        "descriptor": _to_json(descriptor),
        "cause": Jsonb(dict(cause)),
    }
    if conn.execute(CREATE, given).rowcount != 1:
        raise AlreadyExists(f"table {database}.{name} exists already")
    return get_table(conn, database, name)


def update_table(
    conn: psycopg.Connection,
    table: Table,
    descriptor: TableDescriptor,
    *,
    expected_version: int,
    cause: Mapping[str, Any],
) -> Table:
    """Make the next version if the table is still at `expected_version`; else ConcurrentModification."""
    given = {
        "id": table.id,
        "expected": expected_version,
        "descriptor": _to_json(descriptor),
        "cause": Jsonb(dict(cause)),
    }
    if conn.execute(UPDATE, given).rowcount != 1:
        now = get_table(conn, table.database, table.name)
        raise ConcurrentModification(
            f"table {table.database}.{table.name}: expected version {expected_version}, found {now.version}; "
            "somebody else changed it: read it again"
        )
    return get_table(conn, table.database, table.name)


def versions(conn: psycopg.Connection, table_id: int) -> list[TableVersion]:
    """The table's history, oldest first."""
    return [
        TableVersion(version=version, descriptor=_from_json(descriptor), cause=cause, created_at=created_at)
        for version, descriptor, cause, created_at in conn.execute(VERSIONS, (table_id,)).fetchall()
    ]


def _table(row: tuple[Any, ...]) -> Table:
    return Table(
        id=row[0], database=row[1], name=row[2], version=row[3], descriptor=_from_json(row[4]),
        created_at=row[5], updated_at=row[6],
    )  # fmt: skip


def _to_json(descriptor: TableDescriptor) -> Jsonb:
    return Jsonb(asdict(descriptor))


def _from_json(found: dict[str, Any]) -> TableDescriptor:
    return TableDescriptor(
        columns=tuple(Column(**column) for column in found["columns"]),
        partition_keys=tuple(Column(**column) for column in found["partition_keys"]),
        location=found["location"],
        format=found["format"],
        table_type=found["table_type"],
        parameters=found["parameters"],
    )
