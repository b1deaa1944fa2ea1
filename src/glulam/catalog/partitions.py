"""Partitions of a table and how much each holds. A commit adds to the counts of all it touches in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.types.json import Jsonb


@dataclass(frozen=True, kw_only=True)
class PartitionDelta:
    """What a batch adds to a partition; negative numbers take away (a compaction has fewer files, the same records)."""

    values: tuple[str, ...]
    location: str
    """Counts only for a partition that is new."""
    record_count: int
    size_bytes: int
    file_count: int


@dataclass(frozen=True, kw_only=True)
class Partition:
    """A partition as the catalog holds it."""

    values: tuple[str, ...]
    location: str
    record_count: int
    size_bytes: int
    file_count: int
    created_at: datetime
    updated_at: datetime


# Summed first (an upsert cannot touch a row twice) and in one order (two commits must not wait for each other).
ADD = """
INSERT INTO catalog_partition AS p (table_id, "values", location, record_count, size_bytes, file_count)
SELECT %(table)s, "values", min(location), sum(record_count), sum(size_bytes), sum(file_count)
FROM jsonb_to_recordset(%(deltas)s)
     AS d ("values" text[], location text, record_count bigint, size_bytes bigint, file_count bigint)
GROUP BY "values" ORDER BY "values"
ON CONFLICT (table_id, "values") DO UPDATE
SET record_count = p.record_count + excluded.record_count, size_bytes = p.size_bytes + excluded.size_bytes,
    file_count = p.file_count + excluded.file_count, updated_at = now()
"""
LIST = """
SELECT "values", location, record_count, size_bytes, file_count, created_at, updated_at
FROM catalog_partition WHERE table_id = %s ORDER BY "values" COLLATE "C"
"""


def add_to_partitions(conn: psycopg.Connection, table_id: int, deltas: Sequence[PartitionDelta]) -> None:
    """Add to the counts; a partition that is not there yet starts with them."""
    rows = [
        {
            "values": list(d.values),
            "location": d.location,
            "record_count": d.record_count,
            "size_bytes": d.size_bytes,
            "file_count": d.file_count,
        }
        for d in deltas
    ]
    if rows:
        conn.execute(ADD, {"table": table_id, "deltas": Jsonb(rows)})


def list_partitions(conn: psycopg.Connection, table_id: int) -> list[Partition]:
    """All partitions, by value."""
    return [
        Partition(
            values=tuple(values), location=location, record_count=records, size_bytes=size, file_count=files,
            created_at=created_at, updated_at=updated_at,
        )
        for values, location, records, size, files, created_at, updated_at in conn.execute(LIST, (table_id,)).fetchall()
    ]  # fmt: skip
