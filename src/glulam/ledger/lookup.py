"""Questions about what happened: batches, where they wrote, which dead letters were settled. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from glulam.ledger.arrays import texts
from glulam.ledger.files import LedgerEntry, versions
from glulam.model.states import BatchState
from glulam.model.uri import S3Uri

PIPELINES = "SELECT name FROM pipeline ORDER BY name"
BATCH = """
SELECT b.id, p.name, b.kind, b.state, b.epoch, b.attempts, b.worker, b.error_message, b.created_at, b.committed_at,
       b.done_at, b.records_read, b.records_written, b.records_rejected, b.records_rescued
FROM batch b JOIN pipeline p ON p.id = b.pipeline_id WHERE b.id = %s
"""
PARTITIONS = """
SELECT count(DISTINCT (table_id, "values")) FROM output_file
WHERE batch_id = ANY (%s::text[]) AND cardinality("values") > 0
"""
FAILED_FILES = """
SELECT bucket, key, error_message FROM file_version
WHERE batch_id = ANY (%s::text[]) AND status = 'QUARANTINED' ORDER BY bucket, key
"""
FILE_IDS = """
SELECT i.batch_id, i.uri, i.etag, f.id, p.name
FROM unnest(%(batches)s::text[], %(uris)s::text[], %(buckets)s::text[], %(keys)s::text[], %(etags)s::text[])
     AS i (batch_id, uri, bucket, key, etag)
JOIN batch b ON b.id = i.batch_id JOIN pipeline p ON p.id = b.pipeline_id
JOIN file_version f ON f.pipeline_id = b.pipeline_id AND f.bucket = i.bucket AND f.key = i.key AND f.etag = i.etag
"""
SETTLED = """
SELECT f.batch_id, 's3://' || f.bucket || '/' || f.key, s.record_no, s.batch_id
FROM dead_letter_settlement s JOIN file_version f ON f.id = s.file_id
WHERE %(pipeline)s::text IS NULL OR f.pipeline_id = (SELECT id FROM pipeline WHERE name = %(pipeline)s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRow:
    """A batch as the ledger has it now."""

    id: str
    pipeline: str
    kind: str
    state: BatchState
    epoch: int
    attempts: int
    worker: str | None
    error_message: str | None
    created_at: datetime
    committed_at: datetime | None
    done_at: datetime | None
    records_read: int
    records_written: int
    records_rejected: int
    records_rescued: int


LetterFile = tuple[str, str, str]
"""(batch id, URI, etag): whose dead letter it is."""


def pipelines(conn: psycopg.Connection) -> list[str]:
    return [row[0] for row in conn.execute(PIPELINES).fetchall()]


def versions_anywhere(conn: psycopg.Connection, key: str, pipeline: str | None = None) -> list[LedgerEntry]:
    """All versions of a key or URI, in every pipeline or in one."""
    names = pipelines(conn) if pipeline is None else [pipeline]
    return [entry for name in names for entry in versions(conn, name, key)]


def find_batch(conn: psycopg.Connection, batch_id: str) -> BatchRow | None:
    row = conn.execute(BATCH, (batch_id,)).fetchone()
    return None if row is None else _batch(row)


def partitions_written(conn: psycopg.Connection, batch_ids: Collection[str]) -> int:
    """How many different partitions the batches wrote to; tables without partition keys count none."""
    row = conn.execute(PARTITIONS, (texts(batch_ids),)).fetchone()
    return int(row[0]) if row else 0


def quarantined_by(conn: psycopg.Connection, batch_ids: Collection[str]) -> list[tuple[S3Uri, str]]:
    """(file, error) for the files that ended QUARANTINED in these batches."""
    return [(S3Uri(b, k), e or "") for b, k, e in conn.execute(FAILED_FILES, (texts(batch_ids),)).fetchall()]


def letter_files(conn: psycopg.Connection, wanted: Sequence[LetterFile]) -> dict[LetterFile, tuple[int, str]]:
    """(file id, pipeline) of the file versions that dead letters name."""
    uris = [S3Uri.parse(uri) for _, uri, _ in wanted]
    given = {
        "batches": texts(b for b, _, _ in wanted), "uris": texts(u for _, u, _ in wanted),
        "buckets": texts(u.bucket for u in uris), "keys": texts(u.key for u in uris),
        "etags": texts(e for _, _, e in wanted),
    }  # fmt: skip
    return {(b, uri, etag): (i, p) for b, uri, etag, i, p in conn.execute(FILE_IDS, given).fetchall()}


def settlements(conn: psycopg.Connection, pipeline: str | None = None) -> list[tuple[str, str, int, str]]:
    """(batch, URI, record number, replay batch) of every dead letter that a replay has turned into a record."""
    return [tuple(row) for row in conn.execute(SETTLED, {"pipeline": pipeline}).fetchall()]


def _batch(row: tuple[Any, ...]) -> BatchRow:
    return BatchRow(
        id=row[0], pipeline=row[1], kind=row[2], state=BatchState(row[3]), epoch=row[4], attempts=row[5],
        worker=row[6], error_message=row[7], created_at=row[8], committed_at=row[9], done_at=row[10],
        records_read=row[11], records_written=row[12], records_rejected=row[13], records_rescued=row[14],
    )  # fmt: skip
