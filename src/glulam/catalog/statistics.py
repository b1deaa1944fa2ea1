"""Column statistics of tables and partitions: what UpdateColumnStatisticsFor... said last, column by column.

A column that the table does not have, or data that does not fit its Type, is a problem of that column alone; the others are
written. Names fold to lower case.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

import psycopg

from glulam.catalog.partition_indexes import lock_table
from glulam.catalog.partitions import Values, can_name
from glulam.ledger.arrays import texts
from glulam.model.errors import EntityNotFound, GlulamError, InvalidInput
from glulam.store.documents import document


@dataclass(frozen=True, kw_only=True)
class ColumnStatistics:
    """Glue's ColumnStatistics."""

    column_name: str
    column_type: str
    analyzed_time: datetime
    data: Mapping[str, Any]
    """Glue's ColumnStatisticsData; a stored one has its times as seconds since 1970 and UnscaledValue as base64."""


@dataclass(frozen=True, kw_only=True)
class StatisticsProblem:
    """Why one column's statistics were not written or not found."""

    column_name: str
    error: GlulamError


FIND_PARTITION = 'SELECT 1 FROM catalog_partition WHERE table_id = %s AND "values" = %s::text[]'
LOCKED = " FOR KEY SHARE"
MEMBER_OF_TYPE = {
    name.upper(): f"{name}ColumnStatisticsData"
    for name in ("Boolean", "Date", "Decimal", "Double", "Long", "String", "Binary")
}
SAVE = """
INSERT INTO catalog_column_statistics AS s (table_id, "values", column_name, column_type, analyzed_at, data)
VALUES (%s, %s::text[], %s, %s, %s, %s)
ON CONFLICT (table_id, "values", column_name) DO UPDATE
SET column_type = excluded.column_type, analyzed_at = excluded.analyzed_at, data = excluded.data
"""
LOAD = """
SELECT column_name, column_type, analyzed_at, data FROM catalog_column_statistics
WHERE table_id = %s AND "values" = %s::text[] AND column_name = ANY(%s)
"""
DELETE = """
DELETE FROM catalog_column_statistics WHERE table_id = %s AND "values" = %s::text[] AND column_name = %s
"""


def update_statistics(
    conn: psycopg.Connection,
    table_id: int,
    values: Values | None,
    columns: Collection[str],
    statistics: Sequence[ColumnStatistics],
) -> list[StatisticsProblem]:
    """Write those that can be, for the table (values None) or one partition; a problem for each of the others.

    `columns` are the names that the table or partition has. Raises EntityNotFound for the partition or table."""
    lock_table(conn, table_id)
    _check_partition(conn, table_id, values, LOCKED)
    known = {name.lower() for name in columns}
    problems = []
    accepted: dict[str, ColumnStatistics] = {}
    for one in statistics:
        name = one.column_name.lower()
        if name not in known:
            error: GlulamError = EntityNotFound(f"Column {one.column_name} not found.")
        elif why := _refusal(one.data):
            error = InvalidInput(f"statistics of column {one.column_name}: {why}")
        else:
            accepted[name] = one
            continue
        problems.append(StatisticsProblem(column_name=one.column_name, error=error))
    for name, one in sorted(accepted.items()):
        data = document(one.data)
        conn.execute(SAVE, (table_id, texts(values or ()), name, one.column_type, one.analyzed_time, data))
    return problems


def get_statistics(
    conn: psycopg.Connection, table_id: int, values: Values | None, columns: Sequence[str]
) -> tuple[list[ColumnStatistics], list[StatisticsProblem]]:
    """Those that are there, in the order asked for; EntityNotFound for each of the others. Raises EntityNotFound for the
    partition or table."""
    _check_partition(conn, table_id, values)
    names = list(dict.fromkeys(name.lower() for name in columns))
    found = {
        name: ColumnStatistics(column_name=name, column_type=type_, analyzed_time=analyzed, data=data)
        for name, type_, analyzed, data in conn.execute(
            LOAD, (table_id, texts(values or ()), names)
        ).fetchall()
    }
    missing = [
        StatisticsProblem(
            column_name=name, error=EntityNotFound(f"Column statistics of {name} do not exist.")
        )
        for name in names
        if name not in found
    ]
    return [found[name] for name in names if name in found], missing


def delete_statistics(conn: psycopg.Connection, table_id: int, values: Values | None, column: str) -> None:
    """Raises EntityNotFound: the table, the partition or its statistics of that column."""
    _check_partition(conn, table_id, values)
    if conn.execute(DELETE, (table_id, texts(values or ()), column.lower())).rowcount != 1:
        raise EntityNotFound(f"Column statistics of {column} do not exist.")


def _check_partition(
    conn: psycopg.Connection, table_id: int, values: Values | None, lock: LiteralString = ""
) -> None:
    if values is not None and (
        not can_name(values)
        or conn.execute(FIND_PARTITION + lock, (table_id, texts(values))).fetchone() is None
    ):
        raise EntityNotFound("Cannot find partition.")


def _refusal(data: Mapping[str, Any]) -> str | None:
    """What is wrong with the data: exactly the member that its Type names must be there."""
    expected = MEMBER_OF_TYPE[data["Type"]]
    found = [member for member in MEMBER_OF_TYPE.values() if data.get(member) is not None]
    if found == [expected]:
        return None
    return f"Type {data['Type']} needs {expected}, found {', '.join(found) or 'nothing'}"
