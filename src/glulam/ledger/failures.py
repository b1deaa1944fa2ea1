"""What happens to a batch that cannot be finished: try again later, split it in half, or give its one file up.

Halving goes on until the one bad file stands alone; it is QUARANTINED after its last attempt, the others went on.
Batches that replay or compact own no files: they are tried again, then FAILED.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import psycopg

from glulam.ledger.arrays import integers
from glulam.ledger.batches import BatchKind, Claim, ClaimPolicy, fenced, storable
from glulam.ledger.outbox import announce
from glulam.model.clock import NewId

MAX_BACKOFF_S = 300.0


class FailOutcome(StrEnum):
    RETRY = "RETRY"
    """READY again, after a pause."""
    SPLIT = "SPLIT"
    """Its two halves are READY now."""
    QUARANTINED = "QUARANTINED"
    """FAILED; its files wait for a person."""
    FAILED = "FAILED"
    """FAILED, and it had no files of its own: a replay or a compaction."""


AGAIN = """
UPDATE batch SET state = 'READY', error_message = %(error)s, lease_until = NULL, attempts = attempts - %(refund)s,
       not_before = now() + make_interval(secs => %(backoff_s)s)
WHERE id = %(id)s AND epoch = %(epoch)s AND state = 'RUNNING'
"""
END = """
UPDATE batch SET state = %(state)s, error_message = %(error)s, lease_until = NULL, done_at = now()
WHERE id = %(id)s AND epoch = %(epoch)s AND state = 'RUNNING'
"""
MOVE_FILES = """
UPDATE file_version SET status = %(status)s, batch_id = %(batch)s, error_message = %(error)s,
       retry_count = retry_count + 1, updated_at = now()
WHERE id = ANY (%(files)s::bigint[]) AND batch_id = %(from)s AND status IN ('PROCESSING', 'FAILED')
"""
CHILD = """
INSERT INTO batch (id, pipeline_id, kind, state, parent_id, file_ids, spec)
SELECT %(child)s, pipeline_id, kind, 'READY', id, %(files)s::bigint[], spec FROM batch WHERE id = %(id)s
"""


def fail(
    conn: psycopg.Connection,
    claim: Claim,
    *,
    error: str,
    transient: bool,
    splittable: bool = True,
    blameless: bool = False,
    policy: ClaimPolicy,
    new_id: NewId,
) -> FailOutcome:
    """Give a RUNNING batch back after an error. Raises Fenced when it is no longer ours.

    transient: the same batch may well succeed later (storage, database). splittable: the error may be the fault of
    one file; False for what would hit each half alike. blameless: neither the batch nor its files did it (a mistake
    in the pipeline's configuration): it is READY at once, and the attempt does not count."""
    error = storable(error)
    if blameless:
        return _again(conn, claim, error, backoff_s=0.0, refund=1)
    backoff_s = min(policy.backoff_s * 2.0**claim.attempts, MAX_BACKOFF_S)
    used_up = claim.attempts >= policy.max_attempts
    if claim.kind is not BatchKind.INGEST:
        if used_up:
            _end(conn, claim, "FAILED", error)
            return FailOutcome.FAILED
        return _again(conn, claim, error, backoff_s=backoff_s)
    if splittable and len(claim.files) > 1 and (used_up or not transient):
        split(conn, claim, error, new_id)
        return FailOutcome.SPLIT
    if used_up:
        quarantine(conn, claim, error)
        return FailOutcome.QUARANTINED
    return _again(conn, claim, error, backoff_s=backoff_s)


def split(conn: psycopg.Connection, claim: Claim, error: str, new_id: NewId) -> tuple[str, str]:
    """Replace the batch by its two halves; returns their ids."""
    _end(conn, claim, "SPLIT", error)
    ids = [file.id for file in claim.files]
    middle = (len(ids) + 1) // 2
    first, second = sorted((new_id(), new_id()))  # made in one transaction: their ids say which is first
    _child(conn, claim, first, ids[:middle], error)
    _child(conn, claim, second, ids[middle:], error)
    return first, second


def quarantine(conn: psycopg.Connection, claim: Claim, error: str) -> None:
    """End the batch FAILED and its files QUARANTINED."""
    _end(conn, claim, "FAILED", error)
    _move_files(conn, claim, [f.id for f in claim.files], "QUARANTINED", claim.batch_id, error)
    pipeline = conn.execute("SELECT name FROM pipeline WHERE id = %s", (claim.pipeline_id,)).fetchone()
    for file in claim.files:
        detail = {"pipeline": pipeline and pipeline[0], "batch": claim.batch_id, "file": str(file.uri),
                  "etag": file.etag, "message": error}  # fmt: skip
        announce(conn, "file.quarantined", detail)


def _again(
    conn: psycopg.Connection, claim: Claim, error: str, *, backoff_s: float, refund: int = 0
) -> FailOutcome:
    given = {
        "id": claim.batch_id, "epoch": claim.epoch, "error": error, "backoff_s": backoff_s, "refund": refund,
    }  # fmt: skip
    if conn.execute(AGAIN, given).rowcount != 1:
        raise fenced(conn, claim)
    if claim.kind is BatchKind.INGEST:
        _move_files(conn, claim, [f.id for f in claim.files], "FAILED", claim.batch_id, error)
    return FailOutcome.RETRY


def _end(conn: psycopg.Connection, claim: Claim, state: str, error: str) -> None:
    given = {"id": claim.batch_id, "epoch": claim.epoch, "error": error, "state": state}
    if conn.execute(END, given).rowcount != 1:
        raise fenced(conn, claim)


def _child(conn: psycopg.Connection, claim: Claim, child: str, ids: Sequence[int], error: str) -> None:
    conn.execute(CHILD, {"child": child, "id": claim.batch_id, "files": integers(ids)})
    _move_files(conn, claim, ids, "FAILED", child, error)


def _move_files(
    conn: psycopg.Connection, claim: Claim, ids: Sequence[int], status: str, batch_id: str, error: str
) -> None:
    given = {
        "files": integers(ids),
        "status": status,
        "batch": batch_id,
        "from": claim.batch_id,
        "error": error,
    }
    conn.execute(MOVE_FILES, given)
