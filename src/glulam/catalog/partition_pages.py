"""Reads partitions: by name, in pages, by an expression.

Pages are in the order of the values (the bytes of their texts), which is the order of the primary key: a page starts
behind the last one's last values, whatever was added or deleted meanwhile. An expression is evaluated by PostgreSQL. When
a partition index narrows it to few enough partitions, those are fetched and sorted; otherwise the scan in order is as good.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from glulam.catalog.expression_parser import parse_expression
from glulam.catalog.expressions import Expression
from glulam.catalog.partition_indexes import SLOTS, list_partition_indexes
from glulam.catalog.partition_keys import PartitionKey
from glulam.catalog.partition_plan import Plan, natural_range, plan
from glulam.catalog.partition_sql import Condition, where
from glulam.catalog.partitions import Values, can_name
from glulam.catalog.storage_descriptors import joined, load_descriptors
from glulam.ledger.arrays import texts
from glulam.model.errors import EntityNotFound, InvalidInput

NARROW = 20_000
"""Partitions that an index may leave: sorting so many takes about as long as a scan that meets one in fifty."""


@dataclass(frozen=True, kw_only=True)
class Partition:
    """A partition as the catalog holds it."""

    values: Values
    storage_descriptor: Mapping[str, Any] | None
    """Glue's StorageDescriptor as it was given."""
    inherits_descriptor: bool
    """The pipeline made it: `storage_descriptor` holds the Location alone, the rest is the table's."""
    parameters: Mapping[str, str] | None
    """As given; where the pipeline counts, its recordCount, sizeKey and objectCount are in it, always current."""
    last_access_time: datetime | None
    last_analyzed_time: datetime | None
    record_count: int
    size_bytes: int
    file_count: int
    created_at: datetime
    updated_at: datetime

    @property
    def location(self) -> str | None:
        return (self.storage_descriptor or {}).get("Location")


_COLUMNS = """p."values", p.descriptor_id::text, p.location, p.descriptor_parameters, p.parameters, p.last_access_at,
  p.last_analyzed_at, p.record_count, p.size_bytes, p.file_count, p.created_at, p.updated_at"""
GET = f"""
SELECT {_COLUMNS}, d.document FROM catalog_partition p
LEFT JOIN catalog_storage_descriptor d ON d.table_id = p.table_id AND d.id = p.descriptor_id
WHERE p.table_id = %s AND p."values" = %s::text[]
"""  # noqa: S608
GET_MANY = f"""
SELECT {_COLUMNS} FROM unnest(%s::text[]) WITH ORDINALITY g (v, n)
JOIN catalog_partition p ON p.table_id = %s AND p."values" = g.v::text[] ORDER BY g.n
"""  # noqa: S608
LIST = f"""
SELECT {_COLUMNS} FROM catalog_partition p WHERE p.table_id = %s ORDER BY p."values"
"""  # noqa: S608
PAGE = sql.SQL(f"""
SELECT {_COLUMNS} FROM catalog_partition p WHERE p.table_id = %s AND {{conditions}} ORDER BY p."values" LIMIT %s
""")  # noqa: S608
_IN_RANGES = """FROM unnest(%s::bytea[], %s::bytea[]) r (low, high)
  JOIN catalog_partition p ON p.table_id = %s AND p.{slot} >= r.low AND p.{slot} < r.high"""
COUNT = sql.SQL(f"SELECT count(*) FROM (SELECT 1 {_IN_RANGES} LIMIT %s) found")  # noqa: S608
PAGE_OF_INDEX = sql.SQL(f"""
WITH p AS MATERIALIZED (SELECT p.* {_IN_RANGES})
SELECT {_COLUMNS} FROM p WHERE {{conditions}} ORDER BY p."values" LIMIT %s
""")  # noqa: S608
STILL_ACTIVE = "SELECT 1 FROM catalog_partition_index WHERE id = %s AND status = 'ACTIVE'"
OF_SEGMENT: sql.Composable = sql.SQL('(hash_array_extended(p."values", 0) & 9223372036854775807) %% %s = %s')


def get_partition(conn: psycopg.Connection, table_id: int, values: Values) -> Partition:
    """Raises EntityNotFound."""
    row = conn.execute(GET, (table_id, texts(values))).fetchone() if can_name(values) else None
    if row is None:
        raise EntityNotFound("Cannot find partition.")
    return _partition(row[:-1], row[-1])


def get_partitions(
    conn: psycopg.Connection, table_id: int, names: Sequence[Values]
) -> tuple[list[Partition], list[Values]]:
    """Those of the names that are there, in the order of the names, and the names of the others."""
    wanted = list(dict.fromkeys(names))
    asked = texts(texts(values) for values in wanted if can_name(values))
    rows = conn.execute(GET_MANY, (asked, table_id)).fetchall()
    found = _partitions(conn, table_id, rows)
    there = {partition.values for partition in found}
    return found, [values for values in wanted if values not in there]


def list_partitions(conn: psycopg.Connection, table_id: int) -> list[Partition]:
    """All partitions, by value."""
    return _partitions(conn, table_id, conn.execute(LIST, (table_id,)).fetchall())


def page_partitions(
    conn: psycopg.Connection,
    table_id: int,
    keys: Sequence[PartitionKey],
    *,
    expression: str | None = None,
    after: Values | None = None,
    limit: int,
    segment: tuple[int, int] | None = None,
    exclude_columns: bool = False,
) -> list[Partition]:
    """At most `limit` partitions that fulfil the expression, by value, starting behind the values `after`.

    A segment (number from 0, total) is a fixed share of the partitions. `exclude_columns` leaves out the descriptors'
    Columns. Raises InvalidInput: the expression, or a segment number that is not below the total."""
    tree = parse_expression(expression, keys) if expression else None
    conditions: list[Condition] = [(sql.SQL('p."values" > %s::text[]'), [texts(after or ())])]
    if segment is not None:
        number, total = segment
        if not 0 <= number < total:
            raise InvalidInput(f"segment number {number}: expected 0 to {total - 1}")
        conditions.append((OF_SEGMENT, [total, number]))
    rows = None
    if tree is not None:
        conditions.append(where(tree))
        rows = _rows_of_index(conn, table_id, tree, conditions, limit)
    if rows is None:
        rows = _rows_in_order(conn, table_id, tree, conditions, limit)
    return _partitions(conn, table_id, rows, exclude_columns=exclude_columns)


def _rows_in_order(
    conn: psycopg.Connection, table_id: int, tree: Expression | None, conditions: list[Condition], limit: int
) -> list[tuple[Any, ...]]:
    if tree is not None and (natural := natural_range(tree)):
        low, high = natural
        part = sql.SQL('p."values" >= %s::text[] AND p."values" < %s::text[]')
        conditions = [*conditions, (part, [texts(low), texts(high)])]
    condition, params = _all(conditions)
    return conn.execute(PAGE.format(conditions=condition), (table_id, *params, limit)).fetchall()


def _rows_of_index(
    conn: psycopg.Connection, table_id: int, tree: Expression, conditions: list[Condition], limit: int
) -> list[tuple[Any, ...]] | None:
    """None: no index helps."""
    active = [one for one in list_partition_indexes(conn, table_id) if one.status == "ACTIVE"]
    found = plan(tree, active)
    if found is None or found.index.slot is None:
        return None
    slot = SLOTS[found.index.slot - 1]
    ranges = (*_bounds(found), table_id)
    counted = conn.execute(COUNT.format(slot=slot), (*ranges, NARROW + 1)).fetchone()
    if counted is None or counted[0] > NARROW:
        return None
    condition, params = _all(conditions)
    page = PAGE_OF_INDEX.format(slot=slot, conditions=condition)
    rows = conn.execute(page, (*ranges, *params, limit)).fetchall()
    # An index that is ACTIVE afterwards was so all the time; otherwise its keys may have been on their way out.
    return rows if conn.execute(STILL_ACTIVE, (found.index.id,)).fetchone() else None


def _bounds(found: Plan) -> tuple[str, str]:
    low, high = (texts(f"\\x{one[at].hex()}" for one in found.ranges) for at in (0, 1))
    return low, high


def _all(conditions: Sequence[Condition]) -> Condition:
    return sql.SQL(" AND ").join([c for c, _ in conditions]), [p for _, params in conditions for p in params]


def _partitions(
    conn: psycopg.Connection, table_id: int, rows: Sequence[tuple[Any, ...]], *, exclude_columns: bool = False
) -> list[Partition]:
    shared: dict[str | None, Mapping[str, Any] | None] = {None: None}
    for id_, document in load_descriptors(conn, table_id, {row[1] for row in rows if row[1]}).items():
        if exclude_columns:
            document.pop("Columns", None)
        shared[id_] = document
    try:
        return [_partition(row, shared[row[1]]) for row in rows]
    except KeyError:
        raise EntityNotFound(f"table {table_id} was deleted while its partitions were read") from None


def _partition(row: Sequence[Any], shared: Mapping[str, Any] | None) -> Partition:
    (values, descriptor_id, location, descriptor_parameters, parameters, accessed, analyzed, records, size, files, created,
     updated) = row  # fmt: skip
    if files > 0:
        counted = {"recordCount": str(records), "sizeKey": str(size), "objectCount": str(files)}
        parameters = {**(parameters or {}), **counted}
    return Partition(
        values=tuple(values), storage_descriptor=joined(shared, location, descriptor_parameters),
        inherits_descriptor=descriptor_id is None and location is not None, parameters=parameters,
        last_access_time=accessed, last_analyzed_time=analyzed, record_count=records, size_bytes=size, file_count=files,
        created_at=created, updated_at=updated,
    )  # fmt: skip
