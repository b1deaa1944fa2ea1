"""Writes partitions: for Glue's clients (create, update, delete, each item with its own outcome) and for the pipeline,
whose commits add to the counts of all partitions they touch.

All run in the caller's transaction and touch partitions in the order of their values, so that two requests never wait for
each other in a circle. `partition_pages.py` reads; `partition_indexes.py` says which index keys a row carries.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from glulam.catalog.partition_indexes import PartitionIndex, index_keys, live_indexes
from glulam.catalog.storage_descriptors import SAVE, DescriptorWriter, Split, to_json
from glulam.ledger.arrays import integers, texts
from glulam.model.errors import AlreadyExists, EntityNotFound, GlulamError, InvalidInput

Values = tuple[str, ...]
"""A partition's values, in the order of the table's partition keys: its name."""

MAX_VALUE_CHARACTERS = 1024
MAX_VALUES_BYTES = 2400
"""All values together: they are the key of an index of PostgreSQL's, whose entries have at most 2,704 bytes."""


@dataclass(frozen=True, kw_only=True)
class PartitionInput:
    """Glue's PartitionInput. What is None was not given, and reads back so."""

    values: Values
    storage_descriptor: Mapping[str, Any] | None = None
    """Glue's StorageDescriptor in its JSON form."""
    parameters: Mapping[str, str] | None = None
    last_access_time: datetime | None = None
    last_analyzed_time: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class PartitionProblem:
    """Why one of several partitions was not written."""

    values: Values
    """As the request named the partition."""
    error: GlulamError


@dataclass(frozen=True, kw_only=True)
class PartitionDelta:
    """What a batch adds to a partition; negative numbers take away (a compaction has fewer files, the same records)."""

    values: Values
    location: str
    """Counts only for a partition that is new."""
    record_count: int
    size_bytes: int
    file_count: int


_ROWS = """unnest(%s::text[], %s::uuid[], %s::text[], %s::json[], %s::json[], %s::timestamptz[], %s::timestamptz[],
            %s::bytea[], %s::bytea[], %s::bytea[])"""
# Answers with the numbers of those that were there already: mostly none, where RETURNING would send every name back.
CREATE = f"""
WITH shared AS ({SAVE}),
r AS (SELECT v::text[] AS "values", d, l, dp, p, accessed, analyzed, k1, k2, k3, n
      FROM {_ROWS} WITH ORDINALITY u (v, d, l, dp, p, accessed, analyzed, k1, k2, k3, n)),
made AS (
  INSERT INTO catalog_partition (table_id, "values", descriptor_id, location, descriptor_parameters, parameters,
    last_access_at, last_analyzed_at, index_key_1, index_key_2, index_key_3)
  SELECT %s, "values", d, l, dp, p, accessed, analyzed, k1, k2, k3 FROM r
  ON CONFLICT (table_id, "values") DO NOTHING RETURNING "values")
SELECT n FROM r WHERE NOT EXISTS (SELECT FROM made WHERE made."values" = r."values")
"""  # noqa: S608
LOCK = """
SELECT p."values" FROM unnest(%s::text[]) g (v)
JOIN catalog_partition p ON p.table_id = %s AND p."values" = g.v::text[] ORDER BY p."values" FOR UPDATE OF p
"""
UPDATE = f"""
UPDATE catalog_partition p SET "values" = r.v::text[], descriptor_id = r.d, location = r.l, descriptor_parameters = r.dp,
  parameters = r.p, last_access_at = r.accessed, last_analyzed_at = r.analyzed,
  index_key_1 = r.k1, index_key_2 = r.k2, index_key_3 = r.k3, updated_at = now()
FROM {_ROWS} r (v, d, l, dp, p, accessed, analyzed, k1, k2, k3)
WHERE p.table_id = %s AND p."values" = %s::text[]
"""  # noqa: S608
RENAME_STATISTICS = """
UPDATE catalog_column_statistics SET "values" = %s::text[] WHERE table_id = %s AND "values" = %s::text[]
"""
DELETE = """
DELETE FROM catalog_partition p USING unnest(%s::text[]) g (v)
WHERE p.table_id = %s AND p."values" = g.v::text[]
"""
DELETE_STATISTICS = """
DELETE FROM catalog_column_statistics s USING unnest(%s::text[]) g (v)
WHERE s.table_id = %s AND s."values" = g.v::text[]
"""
ADD = """
INSERT INTO catalog_partition AS p (table_id, "values", location, record_count, size_bytes, file_count,
  index_key_1, index_key_2, index_key_3)
SELECT %s, d.v::text[], d.location, d.records, d.bytes, d.files, d.k1, d.k2, d.k3
FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bytea[], %s::bytea[], %s::bytea[])
     d (v, location, records, bytes, files, k1, k2, k3)
ON CONFLICT (table_id, "values") DO UPDATE
SET record_count = p.record_count + excluded.record_count, size_bytes = p.size_bytes + excluded.size_bytes,
    file_count = p.file_count + excluded.file_count, updated_at = now()
"""


def can_name(values: Values) -> bool:
    """Whether a partition may have that name at all: PostgreSQL, too, knows no U+0000."""
    return bool(values) and not any("\0" in text for text in values)


def create_partitions(
    conn: psycopg.Connection, table_id: int, key_count: int, inputs: Sequence[PartitionInput]
) -> list[PartitionProblem]:
    """Create those that can be; one problem for each of the others: InvalidInput or AlreadyExists.

    Raises EntityNotFound when the table is gone."""
    indexes = live_indexes(conn, table_id)
    problems: list[PartitionProblem] = []
    fresh: dict[Values, PartitionInput] = {}
    for one in inputs:
        error: GlulamError | None = _refusal(one.values, key_count, indexes)
        if error is None and one.values in fresh:
            error = _exists()
        if error is None:
            fresh[one.values] = one
        else:
            problems.append(PartitionProblem(values=one.values, error=error))
    order = sorted(fresh)
    writer = DescriptorWriter()
    columns = _columns([fresh[values] for values in order], writer, indexes)
    there = conn.execute(CREATE, (*writer.saving(table_id), *columns, table_id)).fetchall()
    return problems + [PartitionProblem(values=order[n - 1], error=_exists()) for (n,) in there]


def update_partitions(
    conn: psycopg.Connection, table_id: int, key_count: int, changes: Sequence[tuple[Values, PartitionInput]]
) -> list[PartitionProblem]:
    """Replace each named partition, one after the other; other values rename it (counts and statistics stay with it).

    A problem for each that was not changed: EntityNotFound, InvalidInput, or AlreadyExists (the new name is taken)."""
    indexes = live_indexes(conn, table_id)
    present = _lock(conn, table_id, (values for values, _ in changes))
    writer = DescriptorWriter()
    splits = [writer.split(given.storage_descriptor) for _, given in changes]
    conn.execute(SAVE, writer.saving(table_id))
    problems = []
    for (values, given), split in zip(changes, splits, strict=True):
        error: GlulamError | None = _refusal(given.values, key_count, indexes)
        if error is None and values not in present:
            error = _not_found()
        if error is None:
            error = _update(conn, table_id, values, _row_columns([given], [split], indexes), given.values)
        if error is not None:
            problems.append(PartitionProblem(values=values, error=error))
        else:
            present.discard(values)
            present.add(given.values)
    return problems


def update_partition(
    conn: psycopg.Connection, table_id: int, key_count: int, values: Values, given: PartitionInput
) -> None:
    """As `update_partitions`, for one; raises its error."""
    for problem in update_partitions(conn, table_id, key_count, [(values, given)]):
        raise problem.error


def delete_partitions(
    conn: psycopg.Connection, table_id: int, names: Sequence[Values]
) -> list[PartitionProblem]:
    """Delete them with their statistics; EntityNotFound for each that is not there."""
    present = _lock(conn, table_id, names)
    for statement in (DELETE, DELETE_STATISTICS):
        conn.execute(statement, (_texts(present), table_id))
    problems = []
    for values in names:
        if values in present:
            present.discard(values)  # named twice: the second is not there any more
        else:
            problems.append(PartitionProblem(values=values, error=_not_found()))
    return problems


def add_to_partitions(conn: psycopg.Connection, table_id: int, deltas: Sequence[PartitionDelta]) -> None:
    """Add to the counts; a partition that is not there yet starts with them. Raises EntityNotFound for the table."""
    if not deltas:
        return
    totals: dict[Values, list[int]] = {}  # summed first: an upsert cannot touch a row twice
    locations: dict[Values, str] = {}
    for delta in deltas:
        total = totals.setdefault(delta.values, [0, 0, 0])
        for at, more in enumerate((delta.record_count, delta.size_bytes, delta.file_count)):
            total[at] += more
        locations.setdefault(delta.values, delta.location)
    order = sorted(totals)
    counts = [integers(totals[values][at] for values in order) for at in range(3)]
    keys = index_keys(live_indexes(conn, table_id), order)
    conn.execute(ADD, (table_id, _texts(order), texts(locations[values] for values in order), *counts, *keys))


def _update(
    conn: psycopg.Connection, table_id: int, old: Values, columns: list[str], new: Values
) -> AlreadyExists | None:
    if new == old:
        conn.execute(UPDATE, (*columns, table_id, texts(old)))
        return None
    try:
        with conn.transaction():
            conn.execute(UPDATE, (*columns, table_id, texts(old)))
            conn.execute(RENAME_STATISTICS, (texts(new), table_id, texts(old)))
    except psycopg.errors.UniqueViolation:
        return _exists()
    return None


def _lock(conn: psycopg.Connection, table_id: int, names: Iterable[Values]) -> set[Values]:
    """Which of them are there, in this transaction's hands. One that appears later counts as not there: taking it then
    would break the order."""
    wanted = _texts(values for values in names if can_name(values))
    return {tuple(row[0]) for row in conn.execute(LOCK, (wanted, table_id)).fetchall()}


def _refusal(values: Values, key_count: int, indexes: Sequence[PartitionIndex]) -> InvalidInput | None:
    if len(values) != key_count or not values:
        return InvalidInput(
            "The number of partition keys do not match the number of partition values: "
            f"found {len(values)} values, expected {key_count}"
        )
    size = 0
    for text in values:
        if not text or "\0" in text or len(text) > MAX_VALUE_CHARACTERS:
            return InvalidInput(
                f"partition value {text[:60]!r}: expected 1 to {MAX_VALUE_CHARACTERS} characters without U+0000"
            )
        size += len(text.encode()) + 8
    if size > MAX_VALUES_BYTES:
        return InvalidInput(
            f"partition values of {size} bytes with 8 for each; expected at most {MAX_VALUES_BYTES} together"
        )
    for index in indexes:
        if why := index.refusal(values):
            return InvalidInput(f"partition index {index.name!r}: {why[1]}")
    return None


def _columns(
    rows: Sequence[PartitionInput], writer: DescriptorWriter, indexes: Sequence[PartitionIndex]
) -> list[str]:
    return _row_columns(rows, [writer.split(row.storage_descriptor) for row in rows], indexes)


def _row_columns(
    rows: Sequence[PartitionInput], splits: Sequence[Split], indexes: Sequence[PartitionIndex]
) -> list[str]:
    """The columns of CREATE and UPDATE as array texts."""
    names = [row.values for row in rows]
    return [
        _texts(names),
        _column([split.id for split in splits]),
        _column([split.location for split in splits]),
        _column([split.parameters for split in splits]),
        _column([to_json(row.parameters) for row in rows]),
        _column([_time(row.last_access_time) for row in rows]),
        _column([_time(row.last_analyzed_time) for row in rows]),
        *index_keys(indexes, names),
    ]


def _column(values: list[str | None]) -> str:
    """An array as text; one of nothing but NULL may be empty, unnest fills it up."""
    return texts(values) if any(value is not None for value in values) else "{}"


def _texts(names: Iterable[Values]) -> str:
    """Arrays as texts in an array. Plain values, which most are, need no look at each character."""
    rows = list(names)
    plain = "".join(map("".join, rows))
    if '"' in plain or "\\" in plain or () in rows:
        return texts(texts(values) for values in rows)
    return "{" + ",".join(['"{\\"' + '\\",\\"'.join(values) + '\\"}"' for values in rows]) + "}"


def _time(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()


def _exists() -> AlreadyExists:
    return AlreadyExists("Partition already exists.")


def _not_found() -> EntityNotFound:
    return EntityNotFound("Partition not found.")
