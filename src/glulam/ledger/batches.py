"""The batch: the unit of the ingest protocol, with one decision record in the database.

    READY --claim--> RUNNING --commit--> COMMITTED --finish--> DONE
      ^                 |                    (lease gone: another worker goes on publishing)
      '-----fail--------+--> SPLIT, FAILED   (lease gone: another worker starts again, epoch + 1)

Here: the values, and what a worker does between claim and end. `claims.py` hands batches out, `settle.py` commits,
`failures.py` retries, splits and gives up. All in the caller's transaction and on the database's clock.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

import psycopg
from psycopg.types.json import Jsonb

from glulam.ledger.arrays import integers, texts
from glulam.ledger.files import FileVersion
from glulam.model.clock import NewId
from glulam.model.errors import EntityNotFound, Fenced
from glulam.model.states import BatchState

MAX_ERROR_CHARACTERS = 4000


class BatchKind(StrEnum):
    INGEST = "INGEST"
    """Raw files; they move through PROCESSING with the batch."""
    REPLAY = "REPLAY"
    """Dead letters; the files' accounts change when it commits."""
    COMPACT = "COMPACT"
    """Curated files; no raw file is touched."""


@dataclass(frozen=True, kw_only=True)
class ClaimPolicy:
    """How much a claim takes, for how long, and how often."""

    max_files: int = 10_000
    max_bytes: int = 1 << 30
    """Sum of the raw files' sizes; a single larger file is a batch of its own."""
    lease_s: float = 60.0
    """A batch without a heartbeat for this long is taken over."""
    max_attempts: int = 3
    """Claims before a batch is split, or its only file quarantined."""
    backoff_s: float = 1.0
    """Wait before attempt n + 1: backoff_s * 2**n, at most MAX_BACKOFF_S."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A batch in the hands of a worker. `epoch` is the fence: a later claim has a higher one."""

    batch_id: str
    pipeline_id: int
    kind: BatchKind
    epoch: int
    attempts: int
    state: BatchState
    """RUNNING: read, stage, commit. COMMITTED: publish what `manifest` says."""
    files: tuple[FileVersion, ...] = ()
    """By id. Without those that were skipped since the batch was made."""
    spec: Mapping[str, Any] = field(default_factory=dict)
    manifest: Mapping[str, Any] | None = None


class BatchNow(NamedTuple):
    """What the database says of a batch."""

    state: BatchState
    epoch: int
    manifest: dict[str, Any] | None


class StagedNow(NamedTuple):
    """What decides which of a batch's staged files may go."""

    state: BatchState
    epoch: int
    staging: str | None
    """The folder that the committed manifest refers to."""


CREATE = """
INSERT INTO batch (id, pipeline_id, kind, state, file_ids, spec) VALUES (%s, %s, %s, 'READY', %s::bigint[], %s)
"""
HEARTBEAT = """
UPDATE batch SET lease_until = now() + make_interval(secs => %(lease_s)s)
WHERE id = %(id)s AND epoch = %(epoch)s AND state IN ('RUNNING', 'COMMITTED')
"""
FINISH = """
UPDATE batch SET state = 'DONE', done_at = now(), lease_until = NULL, error_message = NULL
WHERE id = %(id)s AND epoch = %(epoch)s AND state = 'COMMITTED'
"""
POSTPONE = """
UPDATE batch SET lease_until = now() + make_interval(secs => %(pause_s)s), error_message = %(error)s
WHERE id = %(id)s AND epoch = %(epoch)s AND state = 'COMMITTED'
"""
NOW = "SELECT state, epoch, manifest FROM batch WHERE id = %s"
STAGED = "SELECT id, state, epoch, manifest ->> 'staging' FROM batch WHERE id = ANY (%s::text[])"
SECONDS_UNTIL_DUE = """
SELECT CASE WHEN EXISTS (SELECT FROM pending_chunk WHERE pipeline_id = %(pipeline)s) THEN 0
       ELSE (SELECT extract(epoch FROM
                    min(greatest(CASE state WHEN 'READY' THEN not_before ELSE lease_until END, now())) - now())
             FROM batch WHERE pipeline_id = %(pipeline)s AND state IN ('READY', 'RUNNING', 'COMMITTED')
                        AND id <> ALL (%(without)s::text[]))
       END::float8
"""


def create(
    conn: psycopg.Connection,
    pipeline_id: int,
    kind: BatchKind,
    *,
    file_ids: Sequence[int] = (),
    spec: Mapping[str, Any],
    new_id: NewId,
) -> str:
    """Make a READY batch of the given kind (INGEST batches are made by `claim`); returns its id."""
    batch_id = new_id()
    conn.execute(CREATE, (batch_id, pipeline_id, kind, integers(file_ids), Jsonb(dict(spec))))
    return batch_id


def heartbeat(conn: psycopg.Connection, claim: Claim, lease_s: float) -> None:
    """Renew the lease. Raises Fenced when the batch is no longer ours."""
    given = {"id": claim.batch_id, "epoch": claim.epoch, "lease_s": lease_s}
    if conn.execute(HEARTBEAT, given).rowcount != 1:
        raise fenced(conn, claim)


def finish(conn: psycopg.Connection, claim: Claim) -> None:
    """COMMITTED -> DONE, after everything is published and archived. Raises Fenced."""
    if conn.execute(FINISH, {"id": claim.batch_id, "epoch": claim.epoch}).rowcount != 1:
        raise fenced(conn, claim)


def postpone(conn: psycopg.Connection, claim: Claim, error: str, pause_s: float) -> None:
    """Let a COMMITTED batch be claimed again after a pause, since it cannot be published now: `error` says why.
    Nothing happens when it is no longer ours."""
    given = {"id": claim.batch_id, "epoch": claim.epoch, "error": storable(error), "pause_s": pause_s}
    conn.execute(POSTPONE, given)


def reload(conn: psycopg.Connection, batch_id: str) -> BatchNow:
    """What became of a batch: for a worker whose commit was cut off. Raises EntityNotFound."""
    row = conn.execute(NOW, (batch_id,)).fetchone()
    if row is None:
        raise EntityNotFound(f"there is no batch {batch_id!r}")
    return BatchNow(BatchState(row[0]), row[1], row[2])


def staged_now(conn: psycopg.Connection, batch_ids: Sequence[str]) -> dict[str, StagedNow]:
    """Those of the batches that exist."""
    rows = conn.execute(STAGED, (texts(batch_ids),)).fetchall()
    return {row[0]: StagedNow(BatchState(row[1]), row[2], row[3]) for row in rows}


def seconds_until_due(
    conn: psycopg.Connection, pipeline_id: int, without: Collection[str] = ()
) -> float | None:
    """When `claim` may find something again: 0 while files are PENDING, else until the next backoff or lease ends.
    None: nothing is open (but the batches in `without`), the pipeline is at rest."""
    given = {"pipeline": pipeline_id, "without": texts(without)}
    row = conn.execute(SECONDS_UNTIL_DUE, given).fetchone()
    return None if row is None or row[0] is None else float(row[0])


def storable(error: str) -> str:
    """An error's text as a row can hold it."""
    return error[:MAX_ERROR_CHARACTERS].replace("\x00", "\\u0000")


def fenced(conn: psycopg.Connection, claim: Claim) -> Fenced:
    """The error for a statement that found the batch in other hands; says in whose."""
    row = conn.execute("SELECT state, epoch, worker FROM batch WHERE id = %s", (claim.batch_id,)).fetchone()
    now = f"{row[0]} at epoch {row[1]}, worker {row[2]}" if row else "gone"
    return Fenced(
        f"batch {claim.batch_id} was claimed at epoch {claim.epoch} as {claim.state}; it is {now}: stop, change nothing"
    )
