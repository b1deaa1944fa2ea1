"""Hands out work: one batch at a time, to as many workers as ask, each file to one of them.

In this order: a COMMITTED batch whose worker is gone (its rows are promised: publish them), a RUNNING one whose worker
is gone (start it again under the next epoch), a READY one whose pause is over, else a new batch of PENDING files.
`FOR UPDATE SKIP LOCKED` keeps claimers from waiting for each other, the database's clock decides what has expired.
The attempt is counted here, so that a worker that the kernel kills has used one, too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import psycopg

from glulam.ledger.arrays import integers
from glulam.ledger.batches import BatchKind, Claim, ClaimPolicy
from glulam.ledger.failures import quarantine, split
from glulam.ledger.files import CHUNK, FileVersion
from glulam.model.clock import NewId
from glulam.model.states import BatchState
from glulam.model.uri import S3Uri

DUE = """
SELECT id, kind, state, epoch, attempts, spec, manifest FROM batch
WHERE pipeline_id = %(pipeline)s
  AND (state IN ('RUNNING', 'COMMITTED') AND lease_until <= now() OR state = 'READY' AND not_before <= now())
ORDER BY CASE state WHEN 'COMMITTED' THEN 1 WHEN 'RUNNING' THEN 2 ELSE 3 END, created_at, id
LIMIT 1 FOR UPDATE SKIP LOCKED
"""
TAKE = """
UPDATE batch SET state = %(state)s, epoch = epoch + 1, attempts = attempts + %(attempt)s, worker = %(worker)s,
       lease_until = now() + make_interval(secs => %(lease_s)s)
WHERE id = %(id)s RETURNING epoch, attempts
"""
PROCESSING = """
UPDATE file_version f SET status = 'PROCESSING', updated_at = now()
FROM batch b CROSS JOIN unnest(b.file_ids) AS member (id)
WHERE b.id = %(id)s AND f.id = member.id AND f.batch_id = b.id AND f.status = 'FAILED'
"""
# A file that was skipped meanwhile is no longer the batch's.
FILES = """
SELECT f.id, f.bucket, f.key, f.etag, f.size_bytes, f.last_modified, f.retry_count
FROM batch b CROSS JOIN unnest(b.file_ids) AS member (id) JOIN file_version f ON f.id = member.id
WHERE b.id = %(id)s AND (b.kind <> 'INGEST' OR f.batch_id = b.id AND (b.state = 'COMMITTED' OR f.status = 'PROCESSING'))
ORDER BY f.id
"""
NOTHING_LEFT = """
UPDATE batch SET state = 'DONE', manifest = '{}', done_at = now(), lease_until = NULL,
       error_message = 'every file of it was skipped'
WHERE id = %s
"""
CHUNKS = """
SELECT id, file_ids, sizes FROM pending_chunk WHERE pipeline_id = %s ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
"""
USED_UP = "DELETE FROM pending_chunk WHERE pipeline_id = %s AND id = ANY (%s::bigint[])"
CUT = """
UPDATE pending_chunk SET file_ids = file_ids[%(taken)s + 1:], sizes = sizes[%(taken)s + 1:]
WHERE pipeline_id = %(pipeline)s AND id = %(chunk)s
"""
FROM_PENDING = """
UPDATE file_version SET status = 'PROCESSING', batch_id = %(id)s, error_message = NULL, updated_at = now()
WHERE id = ANY (%(files)s::bigint[]) AND status = 'PENDING'
RETURNING id, bucket, key, etag, size_bytes, last_modified, retry_count
"""
NEW_BATCH = """
INSERT INTO batch (id, pipeline_id, kind, state, epoch, attempts, worker, lease_until, file_ids)
VALUES (%(id)s, %(pipeline)s, 'INGEST', 'RUNNING', 1, 1, %(worker)s, now() + make_interval(secs => %(lease_s)s),
        %(files)s::bigint[])
"""


def claim(
    conn: psycopg.Connection, pipeline_id: int, *, worker: str, new_id: NewId, policy: ClaimPolicy
) -> Claim | None:
    """The next batch to work on, or None when nothing is due (see `batches.seconds_until_due`).

    Must run in a transaction of its own that is committed before the work starts. worker: names who, for people."""
    while True:
        due = conn.execute(DUE, {"pipeline": pipeline_id}).fetchone()
        if due is None:
            return _new_batch(conn, pipeline_id, worker=worker, new_id=new_id, policy=policy)
        taken = _take(conn, pipeline_id, due, worker=worker, new_id=new_id, policy=policy)
        if taken is not None:
            return taken


def _take(
    conn: psycopg.Connection,
    pipeline_id: int,
    due: tuple[Any, ...],
    *,
    worker: str,
    new_id: NewId,
    policy: ClaimPolicy,
) -> Claim | None:
    """Take the locked batch over; None when it was ended instead, and the caller looks again."""
    batch_id, kind, state, epoch, attempts, spec, manifest = due
    if kind == BatchKind.INGEST and state == BatchState.READY:
        conn.execute(PROCESSING, {"id": batch_id})
    rows = conn.execute(FILES, {"id": batch_id}, binary=True).fetchall()
    files = tuple(_file_version(row) for row in rows)
    found = Claim(
        batch_id=batch_id, pipeline_id=pipeline_id, kind=BatchKind(kind), epoch=epoch, attempts=attempts,
        state=BatchState(state), files=files, spec=spec, manifest=manifest,
    )  # fmt: skip
    if found.state is not BatchState.COMMITTED:
        if found.kind is BatchKind.INGEST and not files:
            conn.execute(NOTHING_LEFT, (batch_id,))
            return None
        if found.state is BatchState.RUNNING and attempts >= policy.max_attempts:
            _give_up(conn, found, new_id)
            return None
    goes_on = found.state is BatchState.COMMITTED
    taken = conn.execute(
        TAKE,
        {
            "id": batch_id,
            "state": "COMMITTED" if goes_on else "RUNNING",
            "attempt": 0 if goes_on else 1,
            "worker": worker,
            "lease_s": policy.lease_s,
        },
    ).fetchone()
    assert taken is not None  # we hold its row lock
    state = BatchState.COMMITTED if goes_on else BatchState.RUNNING
    return replace(found, epoch=taken[0], attempts=taken[1], state=state)


def _give_up(conn: psycopg.Connection, found: Claim, new_id: NewId) -> None:
    """A RUNNING batch that outlived its workers: halve it to find the file that kills them, or end it."""
    error = f"the worker died {found.attempts} times without a word (killed, or out of memory?)"
    if found.kind is BatchKind.INGEST and len(found.files) > 1:
        split(conn, found, error, new_id)
    else:
        quarantine(conn, found, error)


def _new_batch(
    conn: psycopg.Connection, pipeline_id: int, *, worker: str, new_id: NewId, policy: ClaimPolicy
) -> Claim | None:
    batch_id = new_id()
    rows: list[tuple[Any, ...]] = []
    while not rows:  # files of a chunk that are PENDING no longer were skipped or superseded
        picked = _dequeue(conn, pipeline_id, policy)
        if not picked:
            return None
        rows = conn.execute(FROM_PENDING, {"id": batch_id, "files": integers(picked)}, binary=True).fetchall()
    rows.sort()  # by id
    given = {"id": batch_id, "pipeline": pipeline_id, "worker": worker, "lease_s": policy.lease_s}
    conn.execute(NEW_BATCH, {**given, "files": integers(row[0] for row in rows)})
    return Claim(
        batch_id=batch_id, pipeline_id=pipeline_id, kind=BatchKind.INGEST, epoch=1, attempts=1,
        state=BatchState.RUNNING, files=tuple(_file_version(row) for row in rows),
    )  # fmt: skip


def _dequeue(conn: psycopg.Connection, pipeline_id: int, policy: ClaimPolicy) -> list[int]:
    """Take the next files off the queue: within max_files and max_bytes, but at least one. Empty: none is free."""
    picked: list[int] = []
    total_bytes = 0
    used_up: list[int] = []
    cut: dict[str, int] | None = None
    for chunk, file_ids, sizes in _lock_chunks(conn, pipeline_id, policy):
        taken = 0
        for file_id, size in zip(file_ids, sizes, strict=True):
            if picked and (len(picked) == policy.max_files or total_bytes + size > policy.max_bytes):
                break
            picked.append(file_id)
            total_bytes += size
            taken += 1
        if taken == len(file_ids):
            used_up.append(chunk)
            continue
        if taken:
            cut = {"pipeline": pipeline_id, "chunk": chunk, "taken": taken}
        break
    if used_up:
        conn.execute(USED_UP, (pipeline_id, integers(used_up)))
    if cut:
        conn.execute(CUT, cut)
    return picked


def _lock_chunks(
    conn: psycopg.Connection, pipeline_id: int, policy: ClaimPolicy
) -> list[tuple[int, list[int], list[int]]]:
    """Enough of the queue's head for one batch, or all of it. A few chunks at first, so that other claimers
    find some free; they may hold fewer files than CHUNK (single retries), so the sums decide, not their number."""
    limit = min(8, -(-policy.max_files // CHUNK))
    while True:
        chunks = conn.execute(CHUNKS, (pipeline_id, limit), binary=True).fetchall()
        files = sum(len(chunk[1]) for chunk in chunks)
        size = sum(sum(chunk[2]) for chunk in chunks)
        if len(chunks) < limit or files >= policy.max_files or size > policy.max_bytes:
            return chunks
        limit *= 4


def _file_version(row: tuple[Any, ...]) -> FileVersion:
    return FileVersion(
        id=row[0],
        uri=S3Uri(row[1], row[2]),
        etag=row[3],
        size_bytes=row[4],
        last_modified=row[5],
        retry_count=row[6],
    )
