"""The file ledger: which versions of which raw files are known, and what became of each.

A version is (pipeline, bucket, key, etag). This file registers versions and answers questions about them; moving them
through a batch (PROCESSING, SUCCEEDED, FAILED, QUARANTINED) is `claims.py`, `settle.py` and `failures.py`.
Every function works in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from glulam.ledger.arrays import integers, microseconds, texts
from glulam.model.errors import EntityNotFound, InvalidInput
from glulam.model.states import FileStatus
from glulam.model.uri import S3Uri
from glulam.objects.base import ObjectStat

MAX_REGISTER = 1000
CHUNK = 50  # files in a row of the queue


@dataclass(frozen=True, slots=True, kw_only=True)
class FileVersion:
    """What identifies a version of a raw file: all that a worker needs to read it."""

    id: int
    uri: S3Uri
    etag: str
    size_bytes: int
    last_modified: datetime
    retry_count: int
    """How often a batch with this file failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry(FileVersion):
    """A version with its state and its account."""

    pipeline: str
    status: FileStatus
    batch_id: str | None
    error_message: str | None
    records_read: int
    records_written: int
    records_rejected: int
    records_rescued: int
    archive_key: str | None
    """Key in the archive zone once its batch is DONE; None: it stays where it was."""
    created_at: datetime
    updated_at: datetime
    processed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What one `register` changed."""

    new: int
    """Versions that are PENDING now and were not known, or known only as SUPERSEDED (the old content is back)."""
    superseded: int
    """Older versions of the same keys that nobody had read yet."""
    doubtful: frozenset[S3Uri] = frozenset()
    """Objects left out, because a later modified version of them is known: either the listing is stale (another lister
    saw the overwrite first), or somebody put an old file back. Ask the store which version is there now."""


ENSURE_PIPELINE = """
WITH added AS (INSERT INTO pipeline (name) VALUES (%(name)s) ON CONFLICT DO NOTHING RETURNING id)
SELECT id FROM added UNION ALL SELECT id FROM pipeline WHERE name = %(name)s LIMIT 1
"""

# `known` finds, by one index look-up a key, all versions of it. The lateral join keeps the planner from reading the
# whole table instead when it has no statistics yet. An older version that is being claimed right now is left to that
# claim (SKIP LOCKED: nobody waits here); its reader will find it gone.
REGISTER = """
WITH input AS (
  SELECT bucket COLLATE "C" AS bucket, key COLLATE "C" AS key, etag, size_bytes,
         timestamptz 'epoch' + modified_us / 1000000 * interval '1 second'
                             + modified_us %% 1000000 * interval '1 microsecond' AS last_modified
  FROM unnest(%(bucket)s::text[], %(key)s::text[], %(etag)s::text[], %(size)s::bigint[], %(modified)s::bigint[])
       AS t (bucket, key, etag, size_bytes, modified_us)
), known AS MATERIALIZED (
  SELECT f.id, f.status, f.etag = i.etag AS same, f.last_modified > i.last_modified AS newer, i.bucket, i.key
  FROM input i CROSS JOIN LATERAL (
    SELECT v.id, v.status, v.etag, v.last_modified FROM file_version v
    WHERE v.pipeline_id = %(pipeline)s AND v.bucket = i.bucket AND v.key = i.key OFFSET 0) f
), doubtful AS (
  SELECT k.bucket, k.key FROM known k WHERE NOT %(current)s
  GROUP BY k.bucket, k.key
  HAVING bool_or(NOT k.same AND k.newer AND k.status <> 'SUPERSEDED') AND bool_and(NOT k.same OR k.status = 'SUPERSEDED')
), added AS (
  INSERT INTO file_version (pipeline_id, bucket, key, etag, size_bytes, last_modified)
  SELECT %(pipeline)s, i.bucket, i.key, i.etag, i.size_bytes, i.last_modified FROM input i
  WHERE NOT EXISTS (SELECT FROM known k WHERE k.same AND k.bucket = i.bucket AND k.key = i.key)
    AND NOT EXISTS (SELECT FROM doubtful d WHERE d.bucket = i.bucket AND d.key = i.key)
  ORDER BY i.bucket, i.key  -- one order everywhere, so that two listers of one folder cannot wait for each other
  ON CONFLICT (key, bucket, pipeline_id, etag) DO NOTHING
  RETURNING id, bucket, key, size_bytes
), revived AS (
  UPDATE file_version f
  SET status = 'PENDING', batch_id = NULL, error_message = NULL, updated_at = now()
  FROM known k
  WHERE k.same AND k.status = 'SUPERSEDED' AND f.id = k.id AND f.status = 'SUPERSEDED'
    AND NOT EXISTS (SELECT FROM doubtful d WHERE d.bucket = k.bucket AND d.key = k.key)
  RETURNING f.id, f.bucket, f.key, f.size_bytes
), fresh AS (
  SELECT * FROM added UNION ALL SELECT * FROM revived
), queued AS (
  INSERT INTO pending_chunk (pipeline_id, file_ids, sizes)
  SELECT %(pipeline)s, array_agg(id ORDER BY id), array_agg(size_bytes ORDER BY id)
  FROM (SELECT id, size_bytes, (row_number() OVER (ORDER BY id) - 1) / %(chunk)s AS nth FROM fresh) n
  GROUP BY nth ORDER BY nth
), superseded AS (
  UPDATE file_version f SET status = 'SUPERSEDED', updated_at = now()
  WHERE f.id IN (
    SELECT o.id FROM file_version o
    WHERE o.id IN (SELECT k.id FROM known k JOIN fresh n ON n.bucket = k.bucket AND n.key = k.key WHERE NOT k.same)
      AND o.status IN ('PENDING', 'QUARANTINED') FOR UPDATE SKIP LOCKED)
  RETURNING 1
)
SELECT (SELECT count(*) FROM fresh), (SELECT count(*) FROM superseded),
       (SELECT array_agg(bucket || '/' || key) FROM doubtful)
"""

SELECT = sql.SQL(
    """
SELECT f.id, f.bucket, f.key, f.etag, f.size_bytes, f.last_modified, f.retry_count, p.name, f.status, f.batch_id,
       f.error_message, coalesce(f.records_read, 0), coalesce(f.records_written, 0),
       coalesce(f.records_rejected, 0), coalesce(f.records_rescued, 0), f.archive_key,
       f.created_at, f.updated_at, f.processed_at
FROM file_version f JOIN pipeline p ON p.id = f.pipeline_id WHERE {where} ORDER BY f.id
"""
)
LIST = SELECT.format(
    where=sql.SQL("""
  (%(pipeline)s::text IS NULL OR p.name = %(pipeline)s) AND (%(status)s::text IS NULL OR f.status = %(status)s)
  AND (%(contains)s::text IS NULL OR position(%(contains)s in f.key) > 0) AND f.id > %(after_id)s""")
) + sql.SQL(" LIMIT %(limit)s")
BY_ID = SELECT.format(where=sql.SQL("f.id = %(id)s"))
BY_KEY = SELECT.format(
    where=sql.SQL(
        "p.name = %(pipeline)s AND f.key = %(key)s AND (%(bucket)s::text IS NULL OR f.bucket = %(bucket)s)"
    )
)
COUNT = """
SELECT f.status, count(*) FROM file_version f JOIN pipeline p ON p.id = f.pipeline_id
WHERE %(pipeline)s::text IS NULL OR p.name = %(pipeline)s GROUP BY f.status
"""
TO_PENDING = """
WITH moved AS (
  UPDATE file_version SET status = 'PENDING', batch_id = NULL, updated_at = now()
  WHERE id = %(id)s AND status IN ('QUARANTINED', 'SKIPPED') RETURNING pipeline_id, id, size_bytes)
INSERT INTO pending_chunk (pipeline_id, file_ids, sizes) SELECT pipeline_id, ARRAY[id], ARRAY[size_bytes] FROM moved
"""
BATCH_DUE_NOW = """
UPDATE batch SET not_before = now() WHERE state = 'READY' AND id = (
  SELECT batch_id FROM file_version WHERE id = %(id)s AND status = 'FAILED')
"""
TO_SKIPPED = """
UPDATE file_version SET status = 'SKIPPED', batch_id = NULL, updated_at = now()
WHERE id = %(id)s AND status IN ('PENDING', 'FAILED', 'QUARANTINED')
"""
RETRY_FROM = (FileStatus.QUARANTINED, FileStatus.SKIPPED, FileStatus.FAILED)
SKIP_FROM = (FileStatus.PENDING, FileStatus.FAILED, FileStatus.QUARANTINED)


def ensure_pipeline(conn: psycopg.Connection, name: str) -> int:
    """The id of the pipeline of that name, made when it is new."""
    row = conn.execute(ENSURE_PIPELINE, {"name": name}).fetchone()
    if row is None:  # made by a transaction that committed after ours took its snapshot
        row = conn.execute("SELECT id FROM pipeline WHERE name = %s", (name,)).fetchone()
    if row is None:
        raise EntityNotFound(f"pipeline {name!r} vanished while it was made")
    return int(row[0])


def register(
    conn: psycopg.Connection, pipeline_id: int, stats: Sequence[ObjectStat], *, current: bool = False
) -> Registration:
    """Make known what a listing found, at most 1,000 objects. What is known already stays as it is.

    current: the store was asked just now, and these versions are what it holds; none of them is doubtful.

    Of two versions of one key in the same call the later modified one counts."""
    if len(stats) > MAX_REGISTER:
        raise InvalidInput(f"register: {len(stats)} objects in one call; expected at most {MAX_REGISTER}")
    latest: dict[S3Uri, ObjectStat] = {}
    for stat in stats:
        other = latest.get(stat.uri)
        if other is None or stat.last_modified >= other.last_modified:
            latest[stat.uri] = stat
    found = latest.values()
    row = conn.execute(
        REGISTER,
        {
            "pipeline": pipeline_id,
            "chunk": CHUNK,
            "current": current,
            "bucket": texts(s.uri.bucket for s in found),
            "key": texts(s.uri.key for s in found),
            "etag": texts(s.etag for s in found),
            "size": integers(s.size_bytes for s in found),
            "modified": microseconds(s.last_modified for s in found),
        },
    ).fetchone()
    assert row is not None
    doubtful = frozenset(S3Uri.parse(f"s3://{name}") for name in row[2] or ())
    return Registration(new=row[0], superseded=row[1], doubtful=doubtful)


def list_files(
    conn: psycopg.Connection,
    *,
    pipeline: str | None = None,
    status: FileStatus | None = None,
    key_contains: str | None = None,
    limit: int = 100,
    after_id: int = 0,
) -> list[LedgerEntry]:
    """Versions in the order they were registered; the next page starts after the last one's id."""
    given = {"pipeline": pipeline, "status": status and str(status), "contains": key_contains}
    rows = conn.execute(LIST, {**given, "limit": limit, "after_id": after_id}).fetchall()
    return [_entry(row) for row in rows]


def get_by_id(conn: psycopg.Connection, file_id: int) -> LedgerEntry:
    """Raises EntityNotFound."""
    row = conn.execute(BY_ID, {"id": file_id}).fetchone()
    if row is None:
        raise EntityNotFound(f"the ledger has no file version {file_id}")
    return _entry(row)


def versions(conn: psycopg.Connection, pipeline: str, key: str) -> list[LedgerEntry]:
    """All versions of a key, oldest first. `key` may be a whole `s3://bucket/key`."""
    uri = S3Uri.parse(key) if key.startswith("s3://") else None
    given = {"pipeline": pipeline, "key": uri.key if uri else key, "bucket": uri.bucket if uri else None}
    return [_entry(row) for row in conn.execute(BY_KEY, given).fetchall()]


def get_by_key(conn: psycopg.Connection, pipeline: str, key: str) -> LedgerEntry:
    """The newest version of a key (or whole URI). Raises EntityNotFound."""
    found = versions(conn, pipeline, key)
    if not found:
        raise EntityNotFound(f"the ledger of pipeline {pipeline!r} has no file {key!r}")
    return found[-1]


def count_by_status(conn: psycopg.Connection, pipeline: str | None = None) -> dict[FileStatus, int]:
    """How many versions are in each state; states that none is in are left out."""
    return {FileStatus(s): n for s, n in conn.execute(COUNT, {"pipeline": pipeline}).fetchall()}


def retry(conn: psycopg.Connection, pipeline: str, key: str) -> LedgerEntry:
    """Have the newest version of a key tried (again): at once if it waits for its next attempt, else as PENDING."""
    file = get_by_key(conn, pipeline, key)
    moved = conn.execute(TO_PENDING, {"id": file.id}).rowcount
    if not moved and not conn.execute(BATCH_DUE_NOW, {"id": file.id}).rowcount:
        raise _wrong_state("retried", get_by_id(conn, file.id), RETRY_FROM)
    return get_by_id(conn, file.id)


def skip(conn: psycopg.Connection, pipeline: str, key: str) -> LedgerEntry:
    """Leave the newest version of a key out; `retry` takes it back in. A batch that waits goes on without it."""
    file = get_by_key(conn, pipeline, key)
    if not conn.execute(TO_SKIPPED, {"id": file.id}).rowcount:
        raise _wrong_state("skipped", get_by_id(conn, file.id), SKIP_FROM)
    return get_by_id(conn, file.id)


def _wrong_state(what: str, file: LedgerEntry, allowed: tuple[FileStatus, ...]) -> InvalidInput:
    return InvalidInput(
        f"{file.uri} (version {file.id}) is {file.status} and cannot be {what}; expected one of {', '.join(allowed)}"
    )


def _entry(row: tuple[Any, ...]) -> LedgerEntry:
    return LedgerEntry(
        id=row[0], uri=S3Uri(row[1], row[2]), etag=row[3], size_bytes=row[4], last_modified=row[5],
        retry_count=row[6], pipeline=row[7], status=FileStatus(row[8]), batch_id=row[9], error_message=row[10],
        records_read=row[11], records_written=row[12], records_rejected=row[13], records_rescued=row[14],
        archive_key=row[15], created_at=row[16], updated_at=row[17], processed_at=row[18],
    )  # fmt: skip
