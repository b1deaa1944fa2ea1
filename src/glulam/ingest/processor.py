"""The worker's loop: claim, work, commit, publish, until nothing is left. Any number of them side by side.

A lease is renewed by a thread of its own; who loses it stops at the next step and can do no harm before, because the
commit is fenced by the epoch. Errors are sorted here: what a file did wrong splits or quarantines its batch, what
storage or database did is tried again, what the configuration says ends the run and leaves the batch to the next."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psycopg

from glulam.ingest.batch import BatchWork, sources_of
from glulam.ingest.compact import CompactWork
from glulam.ingest.config import MIB, Pipeline
from glulam.ingest.manifest import Manifest
from glulam.ingest.places import abandon_attempt, staging_root
from glulam.ingest.publish import Publisher
from glulam.ingest.replay import ReplayWork
from glulam.ingest.report import BatchReport, RunReport, batch_report
from glulam.ingest.sweep import sweep
from glulam.ledger import batches
from glulam.ledger.batches import BatchKind, Claim, ClaimPolicy
from glulam.ledger.claims import claim as claim_batch
from glulam.ledger.failures import FailOutcome, fail
from glulam.model.clock import NewId
from glulam.model.errors import Fenced, InvalidInput, SchemaMoved, StorageFailed
from glulam.model.failpoints import failpoint
from glulam.model.states import BatchState
from glulam.store.database import Database

log = logging.getLogger("glulam.ingest")
_MOVED_TRIES = 20
_LEAST_PAUSE_S = 0.5


def claim_policy(pipeline: Pipeline) -> ClaimPolicy:
    b = pipeline.batch
    return ClaimPolicy(max_files=b.max_files, max_bytes=b.max_mb * MIB, lease_s=b.lease_s,
                       max_attempts=b.max_attempts, backoff_s=b.backoff_s)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Processor:
    database: Database
    pipeline: Pipeline
    pipeline_id: int
    work: BatchWork
    replay: ReplayWork
    compact: CompactWork
    publisher: Publisher
    worker: str
    new_id: NewId
    on_batch: Callable[[BatchReport], None] = lambda report: None

    def run(self, *, wait: bool = True) -> RunReport:
        """Process until nothing is open. With wait=False, stop as soon as nothing is due right now.

        A committed batch that could not be published `max_attempts` times is not waited for: it stays COMMITTED, with
        its error in the report, and the next run goes on there."""
        report = RunReport()
        unpublished: Counter[str] = Counter()
        while True:
            done = self.step()
            if done is not None:
                unpublished[done.batch_id] += done.outcome == BatchState.COMMITTED
                report.add(done)
                self.on_batch(done)
                continue
            stuck = [b for b, tries in unpublished.items() if tries >= self.pipeline.batch.max_attempts]
            with self.database.transaction() as conn:
                due = batches.seconds_until_due(conn, self.pipeline_id, stuck)
            if due is None or (not wait and due > 0):
                sweep(self.database, self.work.store, staging_root(self.pipeline))
                return report
            time.sleep(min(max(due, 0.02), 1.0))

    def step(self) -> BatchReport | None:
        """Claim one batch and bring it as far as it goes. None: nothing is due."""
        policy = claim_policy(self.pipeline)
        with self.database.transaction() as conn:
            claim = claim_batch(conn, self.pipeline_id, worker=self.worker, new_id=self.new_id, policy=policy)
            failpoint("claim.before_commit")
        failpoint("claim.after_commit")
        if claim is None:
            return None
        started = time.monotonic()
        try:
            with self._leased(claim):
                error = self._do(claim)
        except Fenced as fenced:
            log.warning("batch %s: %s", claim.batch_id, fenced)
            self._abandon(claim)
            return BatchReport(
                batch_id=claim.batch_id, kind=claim.kind, outcome="TAKEN_OVER", error=str(fenced)
            )
        with self.database.transaction() as conn:
            report = batch_report(conn, claim, error, time.monotonic() - started)
            if report.outcome == BatchState.COMMITTED and error is not None:
                batches.postpone(conn, claim, error, self._pause_s(claim))
            return report

    def _pause_s(self, claim: Claim) -> float:
        """Before it is published again; longer each time, and never longer than a lost worker's lease."""
        batch = self.pipeline.batch
        return min(max(batch.backoff_s, _LEAST_PAUSE_S) * 2.0 ** min(claim.epoch, 16), batch.lease_s)

    def _do(self, claim: Claim) -> str | None:
        """Returns the error that sent the batch back, or None when it is DONE."""
        try:
            manifest = self._to_commit(claim)
        except Fenced:
            raise
        except InvalidInput as error:  # the configuration's fault, not the data's: no attempt is used up
            self._give_back(claim, str(error), transient=True, splittable=False, blameless=True)
            raise
        except (StorageFailed, psycopg.OperationalError) as error:
            return self._give_back(claim, _text(error), transient=True, splittable=True)
        except Exception as error:  # whatever a file did to us, the others go on
            log.exception("batch %s failed", claim.batch_id)
            return self._give_back(claim, _text(error), transient=False, splittable=True)
        try:
            self.publisher.finish(claim, manifest)
        except (StorageFailed, psycopg.OperationalError) as error:
            # committed: the next claim goes on here after a pause
            log.warning("batch %s is committed and will be published later: %s", claim.batch_id, error)
            return _text(error)
        return None

    def _to_commit(self, claim: Claim) -> Manifest:
        if claim.state is BatchState.COMMITTED:
            assert claim.manifest is not None
            return Manifest.from_json(claim.manifest)
        for _ in range(_MOVED_TRIES):
            try:
                if claim.kind is BatchKind.INGEST:
                    planned = self.work.prepare(claim, sources_of(claim))
                    self.work.commit(claim, planned)
                    return planned.manifest
                other = self.replay if claim.kind is BatchKind.REPLAY else self.compact
                return other.work(claim)
            except SchemaMoved as moved:
                log.info("batch %s: %s; planning again", claim.batch_id, moved)
        raise StorageFailed(
            f"batch {claim.batch_id}: the table's schema changed {_MOVED_TRIES} times while it was staged"
        )

    def _give_back(
        self, claim: Claim, error: str, *, transient: bool, splittable: bool, blameless: bool = False
    ) -> str:
        with self.database.transaction() as conn:
            outcome = fail(conn, claim, error=error, transient=transient, splittable=splittable, blameless=blameless,
                           policy=claim_policy(self.pipeline), new_id=self.new_id)  # fmt: skip
            if outcome is FailOutcome.SPLIT:
                failpoint("split.before_commit")
        if outcome is FailOutcome.SPLIT:
            failpoint("split.after_commit")
        return error

    def _abandon(self, claim: Claim) -> None:
        """A later epoch has the batch: what this one staged can go, unless it is what was committed."""
        try:
            with self.database.transaction() as conn:
                now = batches.staged_now(conn, [claim.batch_id])[claim.batch_id]
            abandon_attempt(self.work.store, self.pipeline, claim, now.staging)
        except (StorageFailed, psycopg.OperationalError) as error:
            log.warning("what batch %s staged stays for now: %s", claim.batch_id, error)

    @contextmanager
    def _leased(self, claim: Claim) -> Iterator[None]:
        """Renew the lease in the background. A lost lease shows at the fence; a lost database at the next statement."""
        stop = threading.Event()
        lease_s = self.pipeline.batch.lease_s

        def renew() -> None:
            while not stop.wait(lease_s / 3):
                try:
                    with self.database.transaction() as conn:
                        batches.heartbeat(conn, claim, lease_s)
                except Fenced:
                    return
                except psycopg.OperationalError as error:
                    log.warning("cannot renew the lease of batch %s: %s", claim.batch_id, error)

        thread = threading.Thread(target=renew, name="heartbeat", daemon=True)
        thread.start()
        try:
            yield
        except KeyboardInterrupt:  # the lease ends with the work: the next worker need not wait for it
            stop.set()
            thread.join()
            with suppress(Fenced, psycopg.Error), self.database.transaction() as conn:
                batches.heartbeat(conn, claim, 0.0)
            raise
        finally:
            stop.set()
            thread.join()


def _text(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
