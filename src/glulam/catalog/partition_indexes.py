"""Partition indexes: up to three a table, each an order-preserving key in the partition's own row.

    CREATING --> ACTIVE --> DELETING --> gone        CREATING --> FAILED (a value that is none of its key's type)

An index has one of three slots: a column `index_key_N` of catalog_partition with an index of PostgreSQL's on it. The key
is written, renamed and deleted with its row, so there are no entries to keep in step, and a partition of a table without
indexes pays nothing. Whoever writes partitions calls `live_indexes` first, which shares a lock on the table; a new index
takes that lock alone, so that each writer either has committed before it or fills the new slot.
`advance_partition_indexes` fills and clears in steps. Keys that a failed or deleted index left behind are harmless: an
index only answers when it is ACTIVE, and by then it has written every row of its slot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from glulam.catalog.partition_keys import INDEXED, NULL_VALUE, Kind, PartitionKey, encode, read
from glulam.ledger.arrays import texts
from glulam.model.errors import AlreadyExists, Conflict, EntityNotFound, InvalidInput, LimitExceeded

MAX_INDEXES = 3
KEPT_FAILED = 10
"""Failed indexes that a table remembers, as Glue does."""
SHOWN_PARTITIONS = 10
"""Of those that made an index fail."""
SLOTS = tuple(sql.Identifier(f"index_key_{slot}") for slot in (1, 2, 3))


@dataclass(frozen=True, kw_only=True)
class BackfillFailure:
    """Why an index could not be made."""

    code: str
    """One of Glue's BackfillErrorCode."""
    partitions: tuple[tuple[str, ...], ...]
    """Values of some of the partitions that are to blame."""


@dataclass(frozen=True, kw_only=True)
class PartitionIndex:
    id: int
    table_id: int
    name: str
    slot: int | None
    """1 to 3; None once it has failed."""
    keys: tuple[PartitionKey, ...]
    positions: tuple[int, ...]
    """Of the keys among the table's partition keys, from 0."""
    status: str
    """CREATING, ACTIVE, FAILED or DELETING."""
    failures: tuple[BackfillFailure, ...] = ()

    @cached_property
    def kinds(self) -> tuple[Kind, ...]:
        return tuple(key.kind for key in self.keys)

    def key_of(self, values: Sequence[str]) -> bytes:
        return encode(self.kinds, [values[position] for position in self.positions])

    def refusal(self, values: Sequence[str]) -> tuple[str, str] | None:
        """Why these values cannot be indexed: Glue's BackfillErrorCode and a sentence. None: they can."""
        for key, kind, position in zip(self.keys, self.kinds, self.positions, strict=True):
            if position >= len(values):
                return "MISSING_PARTITION_VALUE_ERROR", f"no value for {key.name!r}"
            text = values[position]
            if any(character in text for character in "\x01\x02"):
                return (
                    "UNSUPPORTED_PARTITION_CHARACTER_ERROR",
                    f"{key.name!r} holds U+0001 or U+0002: {text!r}",
                )
            if text != NULL_VALUE and read(kind, text) is None:
                return (
                    "INVALID_PARTITION_TYPE_DATA_ERROR",
                    f"{key.name!r} is {kind.value} ({key.type}), found {text!r}",
                )
        return None


_COLUMNS = "id, table_id, name, slot, key_names, key_types, positions, status, failures"
LIST = f"SELECT {_COLUMNS} FROM catalog_partition_index WHERE table_id = %s ORDER BY id"  # noqa: S608
FIND_TABLE = "SELECT 1 FROM catalog_table WHERE id = %s AND deleted_at IS NULL"
SHARED, ALONE = " FOR SHARE", " FOR UPDATE"
"""Shared: many writers of partitions at once, and nobody deletes or changes the table meanwhile."""
LIVE = sql.SQL(f"""
SELECT 1 FROM catalog_table WHERE id = {{}} AND deleted_at IS NULL {SHARED};
SELECT {_COLUMNS} FROM catalog_partition_index WHERE table_id = {{}} AND status IN ('CREATING', 'ACTIVE') ORDER BY id
""")  # noqa: S608
ANY_PARTITION = "SELECT 1 FROM catalog_partition WHERE table_id = %s LIMIT 1"
REPLACE_FAILED = "DELETE FROM catalog_partition_index WHERE table_id = %s AND name = %s AND status = 'FAILED'"
CREATE = f"""
INSERT INTO catalog_partition_index (table_id, name, slot, key_names, key_types, positions, status)
VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING {_COLUMNS}
"""  # noqa: S608
DROP_FAILED = "DELETE FROM catalog_partition_index WHERE id = %s AND status = 'FAILED'"
MARK_DELETING = "UPDATE catalog_partition_index SET status = 'DELETING' WHERE id = %s AND status = 'ACTIVE'"
NEXT_OPEN = f"""
SELECT {_COLUMNS}, filled_to FROM catalog_partition_index WHERE status IN ('CREATING', 'DELETING')
ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
"""  # noqa: S608
TO_FILL = """
SELECT "values" FROM catalog_partition WHERE table_id = %s AND "values" > %s::text[] ORDER BY "values" LIMIT %s
FOR NO KEY UPDATE
"""
FILL = sql.SQL("""
UPDATE catalog_partition p SET {slot} = g.key FROM unnest(%s::text[], %s::bytea[]) g (v, key)
WHERE p.table_id = %s AND p."values" = g.v::text[]
""")
FILLED = "UPDATE catalog_partition_index SET filled_to = %s::text[], status = %s WHERE id = %s"
FAIL = "UPDATE catalog_partition_index SET status = 'FAILED', slot = NULL, failures = %s WHERE id = %s"
FORGET_FAILED = """
DELETE FROM catalog_partition_index WHERE id IN (
  SELECT id FROM catalog_partition_index WHERE table_id = %s AND status = 'FAILED' ORDER BY id DESC OFFSET %s)
"""
CLEAR = sql.SQL("""
WITH some AS (
  SELECT "values" FROM catalog_partition WHERE table_id = %(table)s AND {slot} IS NOT NULL LIMIT %(limit)s
  FOR NO KEY UPDATE SKIP LOCKED)
UPDATE catalog_partition p SET {slot} = NULL FROM some WHERE p.table_id = %(table)s AND p."values" = some."values"
""")
GONE = "DELETE FROM catalog_partition_index WHERE id = %s"


def list_partition_indexes(conn: psycopg.Connection, table_id: int) -> list[PartitionIndex]:
    """All, failed ones too, oldest first."""
    return [_index(row) for row in conn.execute(LIST, (table_id,)).fetchall()]


def lock_table(conn: psycopg.Connection, table_id: int, mode: LiteralString = SHARED) -> None:
    """Until the transaction ends. Raises EntityNotFound when the table is deleted."""
    if conn.execute(FIND_TABLE + mode, (table_id,)).fetchone() is None:
        raise _table_gone(table_id)


def live_indexes(conn: psycopg.Connection, table_id: int) -> list[PartitionIndex]:
    """The indexes that a writer of partitions has to fill. Inside a transaction: no other index comes, and the table
    stays, until it ends. Raises EntityNotFound when the table is gone."""
    given = sql.Literal(table_id)
    # Two statements in one message: the second must see what was committed while the first waited.
    answers = conn.execute(LIVE.format(given, given), prepare=False)
    if answers.fetchone() is None:
        raise _table_gone(table_id)
    answers.nextset()
    return [_index(row) for row in answers.fetchall()]


def create_partition_index(
    conn: psycopg.Connection, table_id: int, table_keys: Sequence[PartitionKey], name: str, key_names: Sequence[str]
) -> PartitionIndex:  # fmt: skip
    """A new index: ACTIVE when the table has no partitions, else CREATING until `advance_partition_indexes` is done.

    Raises InvalidInput, AlreadyExists, LimitExceeded (three, or another one is being made), EntityNotFound."""
    positions = _positions(table_keys, key_names)
    keys = [table_keys[position] for position in positions]
    lock_table(conn, table_id, ALONE)
    present = [one for one in list_partition_indexes(conn, table_id) if one.status != "FAILED"]
    for one in present:
        if one.name == name:
            raise AlreadyExists(f"Partition Index {name} already exists with the same name.")
        if one.positions == positions:
            raise AlreadyExists(f"Partition Index {one.name} already exists with the same keys.")
    if len(present) >= MAX_INDEXES:
        raise LimitExceeded(f"Partition index limit exceeded. Maximum: {MAX_INDEXES}")
    for one in present:
        if one.status != "ACTIVE":
            raise LimitExceeded(
                f"Index {one.name} is in {one.status} state. "
                "Only 1 index can be created or deleted simultaneously per table."
            )
    conn.execute(REPLACE_FAILED, (table_id, name))
    slot = min({1, 2, 3} - {one.slot for one in present})
    status = "CREATING" if conn.execute(ANY_PARTITION, (table_id,)).fetchone() else "ACTIVE"
    given = (table_id, name, slot, [key.name for key in keys], [key.type for key in keys], list(positions))
    row = conn.execute(CREATE, (*given, status)).fetchone()
    assert row is not None
    return _index(row)


def delete_partition_index(conn: psycopg.Connection, table_id: int, name: str) -> None:
    """Out of use at once (DELETING, until `advance_partition_indexes` has cleared it). Raises EntityNotFound, Conflict."""
    found = next((one for one in list_partition_indexes(conn, table_id) if one.name == name), None)
    if found is None:
        raise EntityNotFound(f"Partition Index {name} not found.")
    statement = DROP_FAILED if found.status == "FAILED" else MARK_DELETING
    if conn.execute(statement, (found.id,)).rowcount != 1:
        raise Conflict(f"Index {name} is in {found.status} state; expected ACTIVE")


def check_indexed_keys(conn: psycopg.Connection, table_id: int, table_keys: Sequence[PartitionKey]) -> None:
    """Raises InvalidInput when partition keys that an index is made of would get another name, type or place."""
    for one in list_partition_indexes(conn, table_id):
        if one.status == "FAILED":
            continue
        now = [table_keys[at] if at < len(table_keys) else None for at in one.positions]
        if now != list(one.keys):
            raise InvalidInput(
                f"partition index {one.name!r} is made of {_said(one.keys)}; found {_said(now)}: "
                "delete the index before its keys change"
            )


def advance_partition_indexes(conn: psycopg.Connection, limit: int) -> int:
    """One step, in the caller's transaction, of filling or clearing some index: at most `limit` partitions.

    Returns 0 when there is nothing to do (or another process does it). Call it until then, a transaction each."""
    row = conn.execute(NEXT_OPEN).fetchone()
    if row is None:
        return 0
    index, filled_to = _index(row[:-1]), row[-1]
    if index.status == "CREATING":
        return max(1, _fill(conn, index, filled_to, limit))
    cleared = conn.execute(
        CLEAR.format(slot=_slot(index)), {"table": index.table_id, "limit": limit}
    ).rowcount
    if cleared == 0:
        conn.execute(GONE, (index.id,))
    return max(1, cleared)


def index_keys(indexes: Sequence[PartitionIndex], rows: Sequence[Sequence[str]]) -> list[str]:
    """The columns index_key_1..3 of these partitions as texts of bytea arrays, for `unnest`; an empty one is all NULL."""
    by_slot = {one.slot: one for one in indexes}
    return [_bytes([by_slot[s].key_of(row) for row in rows] if s in by_slot else []) for s in (1, 2, 3)]


def _fill(conn: psycopg.Connection, index: PartitionIndex, filled_to: list[str], limit: int) -> int:
    rows = [row[0] for row in conn.execute(TO_FILL, (index.table_id, texts(filled_to), limit)).fetchall()]
    refused: dict[str, list[list[str]]] = {}
    for values in rows:
        if why := index.refusal(values):
            refused.setdefault(why[0], []).append(values)
    if refused:
        failures = [{"code": code, "partitions": some[:SHOWN_PARTITIONS]} for code, some in refused.items()]
        conn.execute(FAIL, (Jsonb(failures), index.id))
        conn.execute(FORGET_FAILED, (index.table_id, KEPT_FAILED))
        return len(rows)
    if rows:
        keys = _bytes([index.key_of(values) for values in rows])
        conn.execute(FILL.format(slot=_slot(index)), (texts([texts(v) for v in rows]), keys, index.table_id))
    status = "ACTIVE" if len(rows) < limit else "CREATING"
    conn.execute(FILLED, (texts(rows[-1] if rows else filled_to), status, index.id))
    return len(rows)


def _positions(table_keys: Sequence[PartitionKey], key_names: Sequence[str]) -> tuple[int, ...]:
    known = {key.name.lower(): position for position, key in enumerate(table_keys)}
    unknown = [name for name in key_names if name.lower() not in known]
    if unknown or not key_names:
        raise InvalidInput(
            f"IndexKeys not a part of PartitionColumns. Verify the indexKeys : [{', '.join(unknown)}]"
        )
    positions = tuple(known[name.lower()] for name in key_names)
    if len(set(positions)) != len(positions):
        raise InvalidInput(f"index keys {', '.join(key_names)}: expected each partition key once")
    for position in positions:
        key = table_keys[position]
        if key.kind not in INDEXED:
            raise InvalidInput(
                f"partition key {key.name!r} is of type {key.type}; expected string, char, varchar, an integer type or date"
            )
    return positions


def _table_gone(table_id: int) -> EntityNotFound:
    return EntityNotFound(f"table {table_id} not found in the catalog: it was deleted meanwhile")


def _slot(index: PartitionIndex) -> sql.Identifier:
    assert index.slot is not None
    return SLOTS[index.slot - 1]


def _bytes(values: Sequence[bytes]) -> str:
    return texts([f"\\x{value.hex()}" for value in values])


def _said(keys: Sequence[PartitionKey | None]) -> str:
    return ", ".join(f"{key.name} {key.type}" if key else "nothing" for key in keys)


def _index(row: Sequence[Any]) -> PartitionIndex:
    id_, table_id, name, slot, names, types, positions, status, failures = row
    return PartitionIndex(
        id=id_, table_id=table_id, name=name, slot=slot, status=status, positions=tuple(positions),
        keys=tuple(PartitionKey(name=n, type=t) for n, t in zip(names, types, strict=True)),
        failures=tuple(
            BackfillFailure(code=f["code"], partitions=tuple(tuple(v) for v in f["partitions"])) for f in failures
        ),
    )  # fmt: skip
