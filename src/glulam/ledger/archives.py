"""Where the raw file of each ingested version went."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg

from glulam.ledger.arrays import integers

EARLIER = """
SELECT f.id FROM unnest(%s::bigint[]) AS i (id) JOIN file_version f ON f.id = i.id
WHERE EXISTS (SELECT FROM file_version e WHERE e.pipeline_id = f.pipeline_id AND e.bucket = f.bucket
              AND e.key = f.key AND e.id < f.id AND e.archive_key IS NOT NULL)
"""
KEYS = """
SELECT id, archive_key FROM file_version
WHERE id = ANY (%s::bigint[]) AND archive_key IS NOT NULL AND status = 'SUCCEEDED'
"""
TAKEN = """
UPDATE file_version f SET archive_key = NULL, updated_at = now()
FROM unnest(%s::bigint[]) AS i (id)
WHERE f.id = i.id AND EXISTS (SELECT FROM file_version l WHERE l.pipeline_id = f.pipeline_id AND l.bucket = f.bucket
                              AND l.key = f.key AND l.id > f.id AND l.archive_key = f.archive_key)
"""
MOVED = "UPDATE file_version SET archive_key = %s, updated_at = now() WHERE id = %s"


def archived_before(conn: psycopg.Connection, file_ids: Sequence[int]) -> set[int]:
    """Those of the files whose key has an older version in the archive: they need a name of their own there."""
    return {row[0] for row in conn.execute(EARLIER, (integers(file_ids),)).fetchall()}


def archive_keys(conn: psycopg.Connection, file_ids: Sequence[int]) -> dict[int, str]:
    """By file id, for those that have one."""
    return dict(conn.execute(KEYS, (integers(file_ids),)).fetchall())


def forget_taken_names(conn: psycopg.Connection, file_ids: Sequence[int]) -> None:
    """Call after archiving. A later version under the same archive key was committed before it could see ours: it
    has that name, and ours was overwritten in the raw zone before it could be archived."""
    conn.execute(TAKEN, (integers(file_ids),))


def set_archive_key(conn: psycopg.Connection, file_id: int, key: str | None) -> None:
    """Correct where a version is: another name was needed, or the file was gone before it could be archived."""
    conn.execute(MOVED, (key, file_id))
