"""One INGEST batch from its claim to its commit: READ, STAGE, COMMIT of the protocol (docs/protocol.md).

Everything up to the commit is invisible and can be thrown away; the commit is one transaction behind one fence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import psycopg

from glulam.catalog.descriptor import TableDescriptor
from glulam.catalog.iceberg import MetadataSwap
from glulam.catalog.scope import Scope
from glulam.catalog.tables import Table, find_table
from glulam.engine.base import (
    Engine,
    ReadJob,
    Scan,
    SourceFile,
    Staged,
    StagedFile,
    StageJob,
    WriteOptions,
)
from glulam.infer.resolve import SchemaPolicy, resolve
from glulam.infer.types import Struct, parse_type
from glulam.ingest import tables
from glulam.ingest.commit import commit
from glulam.ingest.config import MIB, Pipeline
from glulam.ingest.iceberg import Change, IcebergTables, commit_swap
from glulam.ingest.manifest import Entry, Manifest, entries, entries_in_place
from glulam.ingest.places import begin_attempt, drop_unlisted, staging_prefix
from glulam.ingest.predecessor import Predecessor, find_predecessor, note, take_over
from glulam.ingest.publish import archive_key
from glulam.ingest.transform import ParsedTransform, plan, reserved_names
from glulam.ledger import archives, settle
from glulam.ledger.batches import Claim
from glulam.ledger.outbox import announce
from glulam.model.clock import Clock
from glulam.model.errors import AccountsUnbalanced, InvalidConfig, SchemaMoved, TooManyBadRecords
from glulam.model.failpoints import failpoint
from glulam.model.uri import S3Uri
from glulam.objects.base import ObjectStore
from glulam.records.values import ReadLimits
from glulam.store.database import Database


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A batch that is staged and waits for its commit."""

    table: Table | None
    schema: Struct
    scan: Scan
    staged: Staged
    manifest: Manifest
    predecessor: Predecessor | None = None
    """A deleted table whose files the table takes over, when no batch has written to it yet."""
    old_letters: Predecessor | None = None
    """The same for the dead letters."""
    swap: MetadataSwap | None = None
    """Of an Iceberg table: what the commit points it at."""

    @property
    def old(self) -> Table | None:
        """The table whose schema goes on."""
        if self.predecessor is not None and self.table is None:
            return self.predecessor.table
        return self.table

    @property
    def old_raw_schema(self) -> Struct | None:
        found = tables.raw_schema(self.table)
        return tables.raw_schema(self.predecessor.table) if found is None and self.predecessor else found


Settle = Callable[[psycopg.Connection, Planned], None]


@dataclass(frozen=True, kw_only=True)
class BatchWork:
    """What every batch of a pipeline is done with."""

    database: Database
    store: ObjectStore
    engine: Engine
    pipeline: Pipeline
    parsed: ParsedTransform
    clock: Clock
    scope: Scope
    """The catalog that holds the pipeline's tables."""
    iceberg: IcebergTables | None = None
    """For a pipeline whose table is an Iceberg table."""

    def prepare(self, claim: Claim, sources: tuple[SourceFile, ...]) -> Planned:
        """READ and STAGE. Raises DataRejected, StorageFailed, InvalidConfig; writes where this attempt alone does."""
        failpoint("read.before")
        staging = staging_prefix(self.pipeline, claim)
        data = begin_attempt(self.store, self.pipeline, claim)
        table = self.current_table()
        policy = schema_policy(self.pipeline, self.parsed)
        existing = tables.raw_schema(table)
        predecessor = self._predecessor(self.pipeline.zones.curated) if existing is None else None
        if predecessor is not None:
            existing = tables.raw_schema(predecessor.table)
        job = ReadJob(sources=sources, limits=ReadLimits(**self.pipeline.source.limits.model_dump()), policy=policy,
                      existing=existing)  # fmt: skip
        scan = self.engine.scan(job)
        failpoint("read.after_scan")
        schema = resolve(scan.shape, existing, policy)
        stage = StageJob(
            schema=schema, plan=plan(self.parsed, schema), write=write_options(self.pipeline),
            data=data, dead_letters=staging.join("dead_letters"),
            batch_id=claim.batch_id, ingested_at_us=int(self.clock().timestamp() * 1_000_000), failpoint=failpoint,
        )  # fmt: skip
        staged = self.engine.stage(job, scan, stage)
        failpoint("stage.after_verify")
        self._check(scan, staged, sources)
        manifest = Manifest(
            staging=staging, data=self.placed(claim, data, staged.data, [c.name for c in stage.plan.partition_by]),
            dead_letters=entries(self.pipeline.zones.dead_letters, (), claim.batch_id, staged.dead_letters),
            summary=summary(staged),
        )  # fmt: skip
        old_letters = self._old_letters() if manifest.dead_letters else None
        return Planned(table=table, schema=schema, scan=scan, staged=staged, manifest=manifest, predecessor=predecessor,
                       old_letters=old_letters)  # fmt: skip

    def _predecessor(self, location: S3Uri) -> Predecessor | None:
        return find_predecessor(self.database, self.store, self.scope, self.pipeline, location)

    def _old_letters(self) -> Predecessor | None:
        database, name = self.pipeline.table.database, tables.dead_letter_name(self.pipeline)
        with self.database.transaction() as conn:
            there = find_table(conn, database, name, scope=self.scope)
        return self._predecessor(self.pipeline.zones.dead_letters) if there is None else None

    def _check(self, scan: Scan, staged: Staged, sources: tuple[SourceFile, ...]) -> None:
        """ACCOUNT: what was read is what was written or rejected, by file and in the files' own footers."""
        limit = self.pipeline.source.max_bad_share
        for source in sources:
            if source.index in scan.gone:
                continue
            read, counts = scan.records.get(source.index, 0), staged.counts[source.index]
            if read != counts.written + counts.rejected:
                raise AccountsUnbalanced(
                    f"{source.uri}: {read} records read, {counts.written} written and {counts.rejected} rejected"
                )
            if read and counts.rejected / read > limit:
                raise TooManyBadRecords(
                    f"{source.uri}: {counts.rejected} of {read} records rejected, above max_bad_share={limit}"
                )
        written = sum(c.written for c in staged.counts.values())
        rejected = sum(c.rejected for c in staged.counts.values())
        for what, counted, files in (
            ("written", written, staged.data),
            ("rejected", rejected, staged.dead_letters),
        ):
            if counted != (found := sum(f.records for f in files)):
                raise AccountsUnbalanced(f"{counted} records {what}, {found} rows in the staged files")

    def placed(
        self, claim: Claim, data: S3Uri, staged: Sequence[StagedFile], keys: Sequence[str]
    ) -> tuple[Entry, ...]:
        """Staged files of the table with their final names."""
        if self.iceberg is None:
            return entries(self.pipeline.zones.curated, keys, claim.batch_id, staged)
        drop_unlisted(self.store, data, (f.uri for f in staged))
        self.store.flush(f.uri for f in staged)
        return entries_in_place(staged)

    def current_table(self) -> Table | None:
        with self.database.transaction() as conn:
            return find_table(conn, self.pipeline.table.database, self.pipeline.table.name, scope=self.scope)

    def commit(self, claim: Claim, planned: Planned) -> None:
        """COMMIT, once. Raises Fenced, SchemaMoved."""
        self.decide(claim, planned, lambda conn, now: self._settle(conn, claim, now))

    def decide(self, claim: Claim, planned: Planned, settle_batch: Settle) -> None:
        """One transaction, which also points an Iceberg table at the metadata that names the batch's files."""
        if self.iceberg is None or not planned.manifest.data:
            commit(self.database, claim, lambda conn: settle_batch(conn, planned))
            return
        commit_swap(
            self.database, claim, self.iceberg, lambda: self._propose(claim, planned),
            lambda conn, table, swap: settle_batch(conn, replace(planned, table=table, swap=swap)),
        )  # fmt: skip

    def _propose(self, claim: Claim, planned: Planned) -> tuple[Table | None, MetadataSwap]:
        """On the table as it is now: other batches may have added files to it, but not columns of raw records."""
        assert self.iceberg is not None
        table = self.current_table()
        if (table and table.id) != (planned.table and planned.table.id) or (
            tables.raw_schema(table) != tables.raw_schema(planned.table)
        ):
            raise SchemaMoved(f"table {self.pipeline.table.name} changed while the batch was staged")
        change = self.change(claim, planned.manifest, tuple(n for n, _ in planned.staged.partition_keys))
        return table, self.iceberg.propose(replace(planned, table=table).old, change)

    def change(self, claim: Claim, manifest: Manifest, keys: tuple[str, ...] | None) -> Change:
        """The batch as a snapshot."""
        return Change(
            database=self.pipeline.table.database, name=self.pipeline.table.name, location=self.pipeline.zones.curated,
            partition_keys=keys, batch_id=claim.batch_id, added=tuple(e.final for e in manifest.data),
            records=sum(e.records for e in manifest.data),
        )  # fmt: skip

    def _settle(self, conn: psycopg.Connection, claim: Claim, planned: Planned) -> None:
        scan, staged = planned.scan, planned.staged
        ids = [f.id for f in claim.files]
        renamed = archives.archived_before(conn, ids)
        keep = self.pipeline.archive == "keep"
        counts = [
            settle.FileCounts(
                file_id=f.id, read=scan.records.get(i, 0), written=staged.counts[i].written,
                rejected=staged.counts[i].rejected, rescued=staged.counts[i].rescued,
                archive_key=None if keep else archive_key(self.pipeline, f, f.id in renamed),
            )
            for i, f in enumerate(claim.files)
            if i not in scan.gone
        ]  # fmt: skip
        gone = [f.id for i, f in enumerate(claim.files) if i in scan.gone]
        settle.commit(conn, claim, planned.manifest.to_json(), counts, gone)
        failpoint("commit.after_files")
        self.save_table(conn, claim, planned)
        failpoint("commit.after_catalog")
        totals = {k: sum(getattr(c, k) for c in counts) for k in ("read", "written", "rejected", "rescued")}
        share = round(totals["rejected"] / totals["read"], 6) if totals["read"] else 0.0
        detail = {
            "batch": claim.batch_id,
            "pipeline": self.pipeline.pipeline,
            **totals,
            "rejected_share": share,
        }
        announce(conn, "batch.committed", detail)

    def save_table(self, conn: psycopg.Connection, claim: Claim, planned: Planned) -> None:
        """The table after the batch, with the batch's files; and the dead letters' table."""
        data, letters = planned.manifest.data, planned.manifest.dead_letters
        if data or planned.table is not None:  # a first batch without a good record makes no table
            cause = {"batch": claim.batch_id, "added": self._added(claim, planned)}
            table = tables.save(conn, self.scope, self.pipeline, planned.table, self._wanted(planned), cause)
            if planned.predecessor is not None:
                take_over(conn, planned.predecessor, table)
            tables.record_outputs(conn, table, data, claim.batch_id)
        if letters:
            table = tables.dead_letter_table(conn, self.scope, self.pipeline, claim.batch_id)
            if planned.old_letters is not None:
                take_over(conn, planned.old_letters, table)
            tables.record_outputs(conn, table, letters, claim.batch_id)

    def _wanted(self, planned: Planned) -> TableDescriptor:
        old = planned.old.descriptor if planned.old is not None else None
        if (
            old is not None and planned.table is None
        ):  # what others wrote into its parameters was of the deleted one
            old = replace(old, parameters={})
        try:
            wanted = tables.descriptor(self.pipeline, old, planned.schema, planned.staged)
        except InvalidConfig as error:
            if planned.predecessor is None:
                raise
            raise InvalidConfig(f"{error}; it would go on with {note(planned.predecessor)}") from error
        if planned.swap is not None:
            return planned.swap.applied(wanted)
        if self.iceberg is not None and planned.table is not None:  # no file, no new column
            return replace(wanted, columns=planned.table.descriptor.columns)
        return wanted

    def _added(self, claim: Claim, planned: Planned) -> dict[str, str]:
        """For each raw column that is new with this batch, the file that brought it."""
        known = {f.key for f in (planned.old_raw_schema or Struct(())).fields}
        added: dict[str, str] = {}
        for f in planned.schema.fields:
            seen = planned.scan.shape.members.get(f.key)
            if f.key not in known and seen is not None and seen.first is not None:
                added[f.name] = str(claim.files[seen.first[0]].uri) if claim.files else ""
        return added


def sources_of(claim: Claim) -> tuple[SourceFile, ...]:
    return tuple(
        SourceFile(index=i, uri=f.uri, etag=f.etag, size_bytes=f.size_bytes)
        for i, f in enumerate(claim.files)
    )


def schema_policy(pipeline: Pipeline, parsed: ParsedTransform) -> SchemaPolicy:
    schema = pipeline.schema_
    return SchemaPolicy(mode=schema.mode, on_conflict=schema.on_conflict, reserved=reserved_names(parsed),
                        hints={path: parse_type(kind) for path, kind in schema.hints.items()})  # fmt: skip


def write_options(pipeline: Pipeline) -> WriteOptions:
    return WriteOptions(
        compression=pipeline.write.compression, target_file_bytes=pipeline.write.target_file_mb * MIB,
        in_place=pipeline.iceberg,
    )  # fmt: skip


def summary(staged: Staged) -> Mapping[str, Any]:
    """What the run's report wants of a batch beyond the counts."""
    return {
        "reasons": dict(Counter(staged.reasons)), "cast_failures": dict(staged.cast_failures),
        "partitions": len({f.values for f in staged.data}), "files": len(staged.data),
        "bytes_out": sum(f.size_bytes for f in staged.data),
    }  # fmt: skip
