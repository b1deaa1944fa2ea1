"""The commit's part of the ledger: the decision record, the files' accounts, the batch's totals.

The caller's transaction holds these, the catalog's new table version and the outbox row together: all or nothing.
Records read = records written + records rejected for each file, or nothing is committed at all.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from glulam.ledger.arrays import integers, texts
from glulam.ledger.batches import BatchKind, Claim, fenced
from glulam.model.errors import AccountsUnbalanced, ConcurrentModification


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCounts:
    """The account of one file of a batch."""

    file_id: int
    read: int
    written: int
    rejected: int
    rescued: int
    """Of the written ones: those with a value in `_rescued_data`."""
    archive_key: str | None = None


# The fence: hits no row when another worker has taken the batch over, and then nothing else is done.
DECIDE = """
UPDATE batch SET state = 'COMMITTED', manifest = %(manifest)s, committed_at = now(), error_message = NULL,
       records_read = %(read)s, records_written = %(written)s, records_rejected = %(rejected)s,
       records_rescued = %(rescued)s
WHERE id = %(id)s AND epoch = %(epoch)s AND state = 'RUNNING'
"""
SUCCEEDED = """
UPDATE file_version f
SET status = 'SUCCEEDED', error_message = NULL, records_read = c.read, records_written = c.written,
    records_rejected = c.rejected, records_rescued = c.rescued, archive_key = c.archive_key,
    updated_at = now(), processed_at = now()
FROM unnest(%(ids)s::bigint[], %(read)s::bigint[], %(written)s::bigint[], %(rejected)s::bigint[],
            %(rescued)s::bigint[], %(archive)s::text[]) AS c (id, read, written, rejected, rescued, archive_key)
WHERE f.id = c.id AND f.batch_id = %(batch)s AND f.status = 'PROCESSING'
"""
SUPERSEDED = """
UPDATE file_version SET status = 'SUPERSEDED', updated_at = now(), processed_at = now(),
       error_message = 'overwritten or gone before it was read'
WHERE id = ANY (%(ids)s::bigint[]) AND batch_id = %(batch)s AND status = 'PROCESSING'
"""
SETTLE_LETTERS = """
INSERT INTO dead_letter_settlement (file_id, record_no, batch_id)
SELECT file_id, record_no, %(batch)s FROM unnest(%(files)s::bigint[], %(records)s::bigint[]) AS t (file_id, record_no)
ON CONFLICT DO NOTHING
"""
MOVE_ACCOUNTS = """
UPDATE file_version f
SET records_written = records_written + d.n, records_rejected = records_rejected - d.n, updated_at = now()
FROM (SELECT file_id, count(*) AS n FROM unnest(%(files)s::bigint[]) AS t (file_id) GROUP BY file_id) d
WHERE f.id = d.file_id AND f.status = 'SUCCEEDED'
"""


def commit(
    conn: psycopg.Connection,
    claim: Claim,
    manifest: Mapping[str, Any],
    counts: Sequence[FileCounts] = (),
    superseded: Collection[int] = (),
) -> None:
    """RUNNING -> COMMITTED, with the account of every file of the claim; those in `superseded` were gone.

    An INGEST batch must settle exactly its files; a COMPACT batch has none. Raises Fenced (another worker has the
    batch) or AccountsUnbalanced (a defect): in both cases the caller's transaction must not be committed."""
    _check_accounts(claim, counts, superseded)
    _decide(
        conn,
        claim,
        manifest,
        read=sum(c.read for c in counts),
        written=sum(c.written for c in counts),
        rejected=sum(c.rejected for c in counts),
        rescued=sum(c.rescued for c in counts),
    )
    settled = 0
    if counts:
        settled += conn.execute(
            SUCCEEDED,
            {
                "batch": claim.batch_id,
                "ids": integers(c.file_id for c in counts),
                "read": integers(c.read for c in counts),
                "written": integers(c.written for c in counts),
                "rejected": integers(c.rejected for c in counts),
                "rescued": integers(c.rescued for c in counts),
                "archive": texts(c.archive_key for c in counts),
            },
        ).rowcount
    if superseded:
        given = {"batch": claim.batch_id, "ids": integers(superseded)}
        settled += conn.execute(SUPERSEDED, given).rowcount
    if settled != len(counts) + len(superseded):
        raise AccountsUnbalanced(
            f"batch {claim.batch_id}: {len(counts) + len(superseded)} files to settle, but {settled} of them are "
            "PROCESSING in it"
        )


def settle_replay(
    conn: psycopg.Connection,
    claim: Claim,
    manifest: Mapping[str, Any],
    settled: Sequence[tuple[int, int]],
) -> None:
    """Commit a REPLAY batch: each (file id, record number) was a dead letter and is a written record now.

    Raises Fenced; ConcurrentModification when another replay has settled one of them already."""
    _decide(conn, claim, manifest, read=len(settled), written=len(settled), rejected=0, rescued=0)
    given = {
        "batch": claim.batch_id,
        "files": integers(file_id for file_id, _ in settled),
        "records": integers(record_no for _, record_no in settled),
    }
    inserted = conn.execute(SETTLE_LETTERS, given).rowcount
    if inserted != len(settled):
        raise ConcurrentModification(
            f"replay {claim.batch_id}: {len(settled) - inserted} of {len(settled)} dead letters are settled already, "
            "by another replay or twice in this one; nothing was changed"
        )
    files = len({file_id for file_id, _ in settled})
    moved = conn.execute(MOVE_ACCOUNTS, given).rowcount
    if moved != files:
        raise AccountsUnbalanced(
            f"replay {claim.batch_id}: dead letters of {files} files, but {moved} of these files are SUCCEEDED"
        )


def _check_accounts(claim: Claim, counts: Sequence[FileCounts], superseded: Collection[int]) -> None:
    for c in counts:
        if c.read != c.written + c.rejected or min(c.written, c.rejected, c.rescued) < 0:
            raise AccountsUnbalanced(
                f"batch {claim.batch_id}, file {c.file_id}: {c.read} records read, but {c.written} written + "
                f"{c.rejected} rejected; nothing was committed"
            )
    ids = [c.file_id for c in counts] + list(superseded)
    expected = {f.id for f in claim.files} if claim.kind is BatchKind.INGEST else set()
    if len(ids) != len(expected) or set(ids) != expected:
        odd = sorted(expected.symmetric_difference(ids)) or sorted({i for i in ids if ids.count(i) > 1})
        raise AccountsUnbalanced(
            f"batch {claim.batch_id} has {len(expected)} files and the account names {len(ids)}; "
            f"missing, foreign or twice: {odd[:5]}"
        )


def _decide(
    conn: psycopg.Connection,
    claim: Claim,
    manifest: Mapping[str, Any],
    *,
    read: int,
    written: int,
    rejected: int,
    rescued: int,
) -> None:
    decided = conn.execute(
        DECIDE,
        {
            "id": claim.batch_id,
            "epoch": claim.epoch,
            "manifest": Jsonb(dict(manifest)),
            "read": read,
            "written": written,
            "rejected": rejected,
            "rescued": rescued,
        },
    )
    if decided.rowcount != 1:
        raise fenced(conn, claim)
