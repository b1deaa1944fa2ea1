"""When the pipeline's table was deleted from the catalog, and its files were not: the next one takes them over.

Whoever reads the folder sees old files and new ones, so the new table has both, and goes on with the old one's schema.
Files that were deleted, too, are not missed. Left to others: which deleted tables there are (`catalog/deleted.py`)."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from glulam.catalog.deleted import last_deleted
from glulam.catalog.descriptor import TableDescriptor
from glulam.catalog.iceberg import metadata_location
from glulam.catalog.partitions import add_to_partitions
from glulam.catalog.scope import Scope
from glulam.catalog.tables import Table
from glulam.ingest.config import Pipeline
from glulam.ingest.manifest import entries_of
from glulam.ingest.tables import OF_PIPELINE, partition_deltas
from glulam.ledger import batches, outputs
from glulam.ledger.outputs import OutputFile
from glulam.model.errors import InvalidConfig, ObjectNotFound, SchemaMoved
from glulam.model.states import BatchState
from glulam.model.uri import S3Uri
from glulam.objects.base import ObjectStore
from glulam.store.database import Database


@dataclass(frozen=True, kw_only=True)
class Predecessor:
    """A deleted table of the pipeline, and those of its files that are there (or about to be published)."""

    table: Table
    files: tuple[OutputFile, ...]


def find_predecessor(
    database: Database, store: ObjectStore, scope: Scope, pipeline: Pipeline, location: S3Uri
) -> Predecessor | None:
    """None: no table of the pipeline was ever deleted at the location, or its files are gone."""
    with database.transaction() as conn:
        table = last_deleted(conn, str(location), (OF_PIPELINE, pipeline.pipeline), scope=scope)
        if table is None:
            return None
        known = outputs.live(conn, table.id)
        now = batches.staged_now(conn, sorted({f.batch_id for f in known}))
    there = {found.uri for page in store.list(location) for found in page}
    files = tuple(f for f in known if f.uri in there or now[f.batch_id].state is BatchState.COMMITTED)
    if not files or not _readable(store, table.descriptor):
        return None
    return Predecessor(table=table, files=files)


def _readable(store: ObjectStore, table: TableDescriptor) -> bool:
    """Files of an Iceberg table are a table only with its metadata."""
    place = metadata_location(table)
    if place is None:
        return True
    try:
        store.head(S3Uri.parse(place))
    except ObjectNotFound:
        return False
    return True


def take_over(conn: psycopg.Connection, predecessor: Predecessor, table: Table) -> None:
    """The files are the table's from now on. Raises InvalidConfig (it is partitioned in another way), SchemaMoved
    (another table was faster)."""
    keys, had = (
        ", ".join(k.name for k in d.partition_keys) or "nothing"
        for d in (table.descriptor, predecessor.table.descriptor)
    )
    if keys != had:
        raise InvalidConfig(
            f"table {table.database}.{table.name} is partitioned by {keys} and {note(predecessor)} by {had}"
        )
    moved = outputs.hand_over(conn, predecessor.table.id, table.id, [f.uri for f in predecessor.files])
    if moved != len(predecessor.files):
        raise SchemaMoved(f"files of the deleted table {predecessor.table.name} changed hands")
    if table.descriptor.partition_keys:
        add_to_partitions(conn, table.id, partition_deltas(entries_of(predecessor.files), sign=1))


def note(predecessor: Predecessor) -> str:
    """Names it in a message."""
    old = predecessor.table
    return (
        f"the {len(predecessor.files)} files that the deleted table {old.database}.{old.name} left at "
        f"{old.descriptor.location} (a new table there takes them over: delete them, or name another curated zone)"
    )
