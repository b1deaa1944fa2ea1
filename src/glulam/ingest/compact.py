"""Join the many small files that many small batches left into few right-sized ones.

A compaction is a batch too: its new files are staged, the swap of old names for new ones is one commit, and then the new
files are published and the old ones deleted. Readers that go through the catalog always see one set or the other; one
that globs the folder can see both for the moment in between (docs/protocol.md). Of an Iceberg table the old files stay,
since older snapshots name them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq

from glulam.catalog.iceberg import MetadataSwap
from glulam.catalog.partitions import add_to_partitions
from glulam.catalog.tables import Table, find_table, get_table
from glulam.engine.base import StagedFile
from glulam.engine.partition_writer import PartitionWriter
from glulam.ingest.batch import BatchWork, write_options
from glulam.ingest.commit import commit
from glulam.ingest.iceberg import commit_swap, plain_files
from glulam.ingest.manifest import Manifest, entries_of
from glulam.ingest.places import begin_attempt, staging_prefix
from glulam.ingest.tables import partition_deltas, swap_metadata
from glulam.ledger import batches, outputs, settle
from glulam.ledger.batches import BatchKind, Claim
from glulam.ledger.outputs import OutputFile
from glulam.model.clock import NewId
from glulam.model.errors import AccountsUnbalanced, ConcurrentModification
from glulam.model.failpoints import failpoint
from glulam.model.uri import S3Uri

_READ_ROWS = 65_536


def groups(files: Sequence[OutputFile], target_bytes: int) -> list[list[OutputFile]]:
    """Which files to join: within a partition, files below half the target, gathered up to the target. Pure."""
    found: list[list[OutputFile]] = []
    for values in sorted({f.values for f in files}):
        group: list[OutputFile] = []
        size = 0
        for file in (f for f in files if f.values == values and f.size_bytes < target_bytes // 2):
            if group and size + file.size_bytes > target_bytes:
                found.append(group)
                group, size = [], 0
            group.append(file)
            size += file.size_bytes
        found.append(group)
    return [g for g in found if len(g) > 1]


def request(work: BatchWork, pipeline_id: int, new_id: NewId) -> int:
    """Enter a COMPACT batch for each group of small files of the pipeline's table; returns how many."""
    pipeline = work.pipeline
    with work.database.transaction() as conn:
        table = get_table(conn, pipeline.table.database, pipeline.table.name, scope=work.scope)
        live = outputs.live(conn, table.id)
    if work.iceberg is not None:  # others write to it, too: a file with deleted rows is left to them
        plain = plain_files(work.iceberg, table, [f.uri for f in live])
        live = [f for f in live if f.uri in plain]
    found = groups(live, write_options(pipeline).target_file_bytes)
    with work.database.transaction() as conn:
        for group in found:
            spec = {"values": list(group[0].values), "files": [str(f.uri) for f in group]}
            batches.create(conn, pipeline_id, BatchKind.COMPACT, spec=spec, new_id=new_id)
    return len(found)


@dataclass(frozen=True, kw_only=True)
class CompactWork:
    batch: BatchWork
    pool: ThreadPoolExecutor
    spool: Path

    def work(self, claim: Claim) -> Manifest:
        """READ, STAGE and COMMIT of a COMPACT batch. Raises ConcurrentModification when a file is not live any more."""
        values, wanted = tuple(claim.spec["values"]), {S3Uri.parse(u) for u in claim.spec["files"]}
        pipeline = self.batch.pipeline
        with self.batch.database.transaction() as conn:
            table = get_table(conn, pipeline.table.database, pipeline.table.name, scope=self.batch.scope)
            old = [f for f in outputs.live(conn, table.id, values) if f.uri in wanted]
        staging = staging_prefix(pipeline, claim)
        data = begin_attempt(self.batch.store, pipeline, claim)
        staged = self._join(old, data)
        if sum(f.records for f in staged) != sum(f.record_count for f in old):
            raise AccountsUnbalanced(
                f"compaction {claim.batch_id}: rows of the new files differ from the old ones'"
            )
        placed = [StagedFile(uri=f.uri, values=values, records=f.records, size_bytes=f.size_bytes, checksum=f.checksum)
                  for f in staged]  # fmt: skip
        keys = [k.name for k in table.descriptor.partition_keys]
        manifest = Manifest(staging=staging, data=self.batch.placed(claim, data, placed, keys),
                            replaced=tuple(f.uri for f in old) if self.batch.iceberg is None else ())  # fmt: skip
        self._commit(claim, table, manifest, old)
        failpoint("compact.after_commit")
        return manifest

    def _commit(self, claim: Claim, table: Table, manifest: Manifest, old: Sequence[OutputFile]) -> None:
        iceberg = self.batch.iceberg
        if iceberg is None:
            commit(self.batch.database, claim, lambda conn: self._swap(conn, claim, table, manifest, old))
            return
        change = replace(self.batch.change(claim, manifest, None), replaced=tuple(f.uri for f in old))

        def propose() -> tuple[Table, MetadataSwap]:
            now = self.batch.current_table()
            if now is None or now.id != table.id:
                raise ConcurrentModification(f"table {table.database}.{table.name} is not there any more")
            return now, iceberg.propose(now, change)

        def write(conn: psycopg.Connection, now: Table | None, swap: MetadataSwap) -> None:
            self._swap(conn, claim, table, manifest, old)
            swap_metadata(conn, now or table, swap, {"batch": claim.batch_id})

        commit_swap(self.batch.database, claim, iceberg, propose, write)

    def _join(self, old: Sequence[OutputFile], data: S3Uri) -> tuple[StagedFile, ...]:
        store, options = self.batch.store, write_options(self.batch.pipeline)
        paths = [store.fetch(f.uri, store.head(f.uri).etag, self.spool) for f in old]
        schema = pa.unify_schemas([pq.read_schema(p) for p in paths], promote_options="permissive")
        writer = PartitionWriter(store=store, prefix=data, partition_keys=(), options=options,
                                 budget_bytes=options.row_group_bytes, spool=self.spool / "data", pool=self.pool)  # fmt: skip
        try:
            for path in paths:
                with pq.ParquetFile(path, page_checksum_verification=True) as file:
                    for rows in file.iter_batches(_READ_ROWS):
                        writer.write(_as(pa.Table.from_batches([rows]), schema))
            return writer.close()
        except BaseException:
            writer.abort()
            raise
        finally:
            for path, f in zip(paths, old, strict=True):
                if store.local_path(f.uri) is None:
                    path.unlink(missing_ok=True)

    def _swap(self, conn: psycopg.Connection, claim: Claim, table: Table, manifest: Manifest,
              old: Sequence[OutputFile]) -> None:  # fmt: skip
        settle.commit(conn, claim, manifest.to_json())
        now = find_table(conn, table.database, table.name, scope=table.scope, for_update=True)
        if now is None or now.id != table.id:  # the files may be another table's by now
            raise ConcurrentModification(
                f"table {table.database}.{table.name} was deleted while files of it were joined"
            )
        outputs.retire(conn, claim.batch_id, [f.uri for f in old])
        outputs.add(conn, claim.batch_id, table.id, [
            OutputFile(uri=e.final, values=e.values, record_count=e.records, size_bytes=e.size_bytes, checksum=e.checksum)
            for e in manifest.data
        ])  # fmt: skip
        if table.descriptor.partition_keys:
            add_to_partitions(conn, table.id, partition_deltas(entries_of(old), sign=-1))
            add_to_partitions(conn, table.id, partition_deltas(manifest.data, sign=1))
        failpoint("compact.before_commit")


def _as(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Rows with the columns of `schema`, in its order; missing ones as NULL."""
    return (
        pa.concat_tables([schema.empty_table(), rows], promote_options="permissive")
        .select(schema.names)
        .cast(schema)
    )
