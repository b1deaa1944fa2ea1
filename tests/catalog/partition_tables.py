"""A partitioned table and what the tests of partitions do with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg

from glulam.catalog.databases import ensure_database
from glulam.catalog.partition_indexes import advance_partition_indexes
from glulam.catalog.partition_keys import PartitionKey
from glulam.catalog.partition_pages import page_partitions
from glulam.catalog.partitions import PartitionInput, Values, create_partitions
from glulam.catalog.tables import create_table
from glulam.store.database import Database

KEYS = (
    PartitionKey(name="i", type="int"),
    PartitionKey(name="s", type="string"),
    PartitionKey(name="d", type="date"),
)


def new_table(database: Database, name: str = "events") -> int:
    with database.transaction() as conn:
        ensure_database(conn, "ml")
        return create_table(conn, "ml", name, {}, {}).id


def fill(database: Database, table: int, names: Iterable[Values]) -> None:
    with database.transaction() as conn:
        inputs = [PartitionInput(values=values) for values in names]
        assert create_partitions(conn, table, len(inputs[0].values), inputs) == []


def make_ready(database: Database, step: int = 7) -> int:
    """Run the fillers and clearers of indexes to the end; returns the steps."""
    steps = 0
    while True:
        with database.transaction() as conn:
            if advance_partition_indexes(conn, step) == 0:
                return steps
        steps += 1


def selected(
    conn: psycopg.Connection, table: int, expression: str, keys: Sequence[PartitionKey] = KEYS, **more: Any
) -> list[Values]:
    return [p.values for p in page_partitions(conn, table, keys, expression=expression, limit=1001, **more)]
