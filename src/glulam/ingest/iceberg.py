"""What ingest asks of Iceberg, as values and a Protocol: the library itself is heavy and loads only where it is used.

An Iceberg table shows what its metadata file names and nothing else. So a batch's files may lie in place before the
COMMIT, and the COMMIT swaps the pointer to the metadata file in its own transaction (docs/protocol.md, "Iceberg").
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psycopg

from glulam.catalog.descriptor import Column
from glulam.catalog.iceberg import MetadataSwap
from glulam.catalog.tables import Table
from glulam.ingest.commit import commit
from glulam.ledger.batches import Claim
from glulam.model.errors import SchemaMoved, StorageFailed
from glulam.model.failpoints import failpoint
from glulam.model.uri import S3Uri
from glulam.store.database import Database

_TRIES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One snapshot: files that a batch adds, and those whose place they take."""

    database: str
    name: str
    location: S3Uri
    """Of a table that is not there yet."""
    partition_keys: tuple[str, ...] | None
    """Columns that the table must be partitioned by, as they are; None: as the table is."""
    batch_id: str
    added: tuple[S3Uri, ...]
    records: int
    """Rows of the added files."""
    replaced: tuple[S3Uri, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotFile:
    """A data file of the current snapshot."""

    uri: S3Uri
    values: tuple[str, ...]
    """Of the partition fields."""
    records: int
    size_bytes: int
    plain: bool
    """Whether its rows are what the file says: no deletes, and each column under the name that it has now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What an Iceberg table is now."""

    columns: tuple[Column, ...]
    partition_fields: tuple[str, ...]
    files: tuple[SnapshotFile, ...]


class IcebergTables(Protocol):
    def propose(self, table: Table | None, change: Change) -> MetadataSwap:
        """Write the next metadata. Raises InvalidConfig (the table is of another kind), ConcurrentModification (a
        replaced file is no longer there), AlreadyExists (a snapshot has that batch), StorageFailed."""

    def discard(self, swap: MetadataSwap) -> None:
        """Delete what was written for a swap that was not and will not be made."""

    def snapshot(self, table: Table) -> Snapshot:
        """The current snapshot. Raises StorageFailed."""

    def columns(self, metadata: S3Uri) -> tuple[Column, ...]:
        """What a metadata file says of columns: the current ones, then those of older schemas, marked so. Raises
        StorageFailed."""

    def fetch(self, table: Table, uris: Collection[S3Uri], folder: Path) -> dict[S3Uri, Path]:
        """The rows of these data files as Parquet below `folder`: deletes applied, columns under today's names.
        Raises UnsupportedSql for what PyIceberg cannot read."""


def commit_swap(
    database: Database,
    claim: Claim,
    tables: IcebergTables,
    propose: Callable[[], tuple[Table | None, MetadataSwap]],
    write: Callable[[psycopg.Connection, Table | None, MetadataSwap], None],
) -> None:
    """`commit`, with a pointer to swap in the transaction. When `write` finds the table moved (SchemaMoved), propose
    again on what it is now; the staged files are as good as before."""
    for _ in range(_TRIES):
        failpoint("iceberg.before")
        table, swap = propose()
        failpoint("iceberg.after_metadata")
        try:
            commit(database, claim, lambda conn, t=table, s=swap: write(conn, t, s))  # type: ignore[misc]
            return
        except SchemaMoved:
            tables.discard(swap)
    raise StorageFailed(f"batch {claim.batch_id}: the table was changed by others {_TRIES} times in a row")


def plain_files(tables: IcebergTables, table: Table, known: Sequence[S3Uri]) -> frozenset[S3Uri]:
    """Which of the known files the current snapshot has, just as they are."""
    return frozenset(f.uri for f in tables.snapshot(table).files if f.plain) & frozenset(known)
