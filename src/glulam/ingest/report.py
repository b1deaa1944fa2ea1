"""What a batch and a run did, as values that the CLI prints and tests read. Read back from the ledger, not remembered."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import psycopg

from glulam.ledger.batches import Claim

READ = """
SELECT state, records_read, records_written, records_rejected, records_rescued, manifest -> 'summary'
FROM batch WHERE id = %s
"""


@dataclass(frozen=True, kw_only=True)
class BatchReport:
    """`outcome` is the batch's state now: DONE, COMMITTED (publishing goes on later), READY (will be tried again),
    SPLIT, FAILED, or TAKEN_OVER by another worker."""

    batch_id: str
    kind: str
    outcome: str
    error: str | None = None
    files: int = 0
    bytes_in: int = 0
    read: int = 0
    written: int = 0
    rejected: int = 0
    rescued: int = 0
    bytes_out: int = 0
    files_out: int = 0
    partitions: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    cast_failures: Counter[str] = field(default_factory=Counter)
    gone: tuple[str, ...] = ()
    """Of a replay: files whose version is nowhere any more; their dead letters stay open."""
    seconds: float = 0.0


def batch_report(conn: psycopg.Connection, claim: Claim, error: str | None, seconds: float) -> BatchReport:
    """The batch as the ledger has it now."""
    row = conn.execute(READ, (claim.batch_id,)).fetchone()
    assert row is not None
    state, read, written, rejected, rescued, summary = row
    if state not in ("COMMITTED", "DONE"):
        return BatchReport(
            batch_id=claim.batch_id, kind=claim.kind, outcome=state, error=error, seconds=seconds
        )
    s = summary or {}
    return BatchReport(
        batch_id=claim.batch_id, kind=claim.kind, outcome=state, error=error, files=len(claim.files),
        bytes_in=sum(f.size_bytes for f in claim.files), read=read, written=written, rejected=rejected,
        rescued=rescued, bytes_out=s.get("bytes_out", 0), files_out=s.get("files", 0),
        partitions=s.get("partitions", 0), reasons=Counter(s.get("reasons", {})),
        cast_failures=Counter(s.get("cast_failures", {})), gone=tuple(s.get("gone", ())), seconds=seconds,
    )  # fmt: skip


@dataclass(kw_only=True)
class RunReport:
    """Totals of a run over its committed batches; `failures` holds (batch, outcome, error) of the others."""

    batches: int = 0
    files: int = 0
    bytes_in: int = 0
    read: int = 0
    written: int = 0
    rejected: int = 0
    rescued: int = 0
    bytes_out: int = 0
    files_out: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    cast_failures: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[str, str, str]] = field(default_factory=list)
    _counted: set[str] = field(default_factory=set)

    def add(self, batch: BatchReport) -> None:
        if batch.error is not None:
            self.failures.append((batch.batch_id, batch.outcome, batch.error))
        if batch.outcome not in ("COMMITTED", "DONE") or batch.batch_id in self._counted:
            return  # a batch whose publishing was tried again comes twice
        self._counted.add(batch.batch_id)
        self.batches += 1
        for name in ("files", "bytes_in", "read", "written", "rejected", "rescued", "bytes_out", "files_out"):
            setattr(self, name, getattr(self, name) + getattr(batch, name))
        self.reasons += batch.reasons
        self.cast_failures += batch.cast_failures
