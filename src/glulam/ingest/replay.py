"""Feed dead letters in again, after a rule or a schema changed, and settle their accounts.

A replay is a batch like any other: claimed, staged, committed behind the fence. Its records are read from where their
file version is now (archive or raw zone), at the same record numbers; those that are good now are written and settled in
the commit, the others stay dead letters as they are. So do those of a version that is nowhere any more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import psycopg

from glulam.engine.base import SourceFile
from glulam.ingest.batch import BatchWork, Planned
from glulam.ingest.manifest import Manifest
from glulam.ledger import batches, files, settle
from glulam.ledger.batches import BatchKind, Claim
from glulam.ledger.files import LedgerEntry
from glulam.model.clock import NewId
from glulam.model.errors import ObjectNotFound
from glulam.model.failpoints import failpoint
from glulam.model.uri import S3Uri

DeadLetterKey = tuple[int, int]
"""(file id, record number)"""


def request(work: BatchWork, pipeline_id: int, keys: Sequence[DeadLetterKey], new_id: NewId) -> str:
    """Enter a REPLAY batch for these dead letters; the processor does it. Returns its id."""
    failpoint("replay.before_claim")
    by_file: dict[str, list[int]] = {}
    for file_id, record_no in keys:
        by_file.setdefault(str(file_id), []).append(record_no)
    with work.database.transaction() as conn:
        batch_id = batches.create(
            conn, pipeline_id, BatchKind.REPLAY, spec={"letters": by_file}, new_id=new_id
        )
    failpoint("replay.after_claim")
    return batch_id


@dataclass(frozen=True, kw_only=True)
class ReplayWork:
    batch: BatchWork

    def work(self, claim: Claim) -> Manifest:
        """READ, STAGE and COMMIT of a REPLAY batch."""
        letters = {int(k): frozenset(v) for k, v in claim.spec["letters"].items()}
        with self.batch.database.transaction() as conn:
            entries = [files.get_by_id(conn, file_id) for file_id in sorted(letters)]
        sources = tuple(self._source(i, e, letters[e.id]) for i, e in enumerate(entries))
        planned = self.batch.prepare(claim, sources)
        gone = [str(entries[i].uri) for i in sorted(planned.scan.gone)]
        settled = [(entries[i].id, n) for i, numbers in planned.staged.written_keys.items() for n in numbers]
        summary = {**(planned.manifest.summary or {}), "gone": gone}
        manifest = replace(planned.manifest, dead_letters=(), summary=summary)
        planned = replace(planned, manifest=manifest)
        self.batch.decide(claim, planned, lambda conn, now: self._settle(conn, claim, now, settled))
        return manifest

    def _settle(
        self, conn: psycopg.Connection, claim: Claim, planned: Planned, settled: list[DeadLetterKey]
    ) -> None:
        settle.settle_replay(conn, claim, planned.manifest.to_json(), settled)
        self.batch.save_table(conn, claim, planned)

    def _source(self, index: int, entry: LedgerEntry, only: frozenset[int]) -> SourceFile:
        """Where the version is: archived, or still in the raw zone. If another version is there by now, or none, the
        engine finds that out by the etag."""
        place, etag = self._archived(entry) or (entry.uri, entry.etag)
        return SourceFile(index=index, uri=place, etag=etag, size_bytes=entry.size_bytes, only=only,
                          origin=(str(entry.uri), entry.etag))  # fmt: skip

    def _archived(self, entry: LedgerEntry) -> tuple[S3Uri, str] | None:
        """The archived copy, which has its name for itself; a store may have given it another etag."""
        if entry.archive_key is None:
            return None
        place = S3Uri(self.batch.pipeline.zones.processed.bucket, entry.archive_key)
        try:
            stat = self.batch.store.head(place)
        except ObjectNotFound:
            return None
        return (place, stat.etag) if stat.size_bytes == entry.size_bytes else None
