"""Removes what deleted tables left behind, a little at a time.

Deleting a table takes its one row away, and with it everything out of reach; a trigger enters its id in catalog_purge.
A million partitions then go in steps of a short transaction each, which block nobody: no other table has these rows.
"""

from __future__ import annotations

import psycopg

NEXT = "SELECT table_id FROM catalog_purge ORDER BY created_at, table_id LIMIT 1 FOR UPDATE SKIP LOCKED"
STEPS = (
    """DELETE FROM catalog_partition WHERE ctid = ANY (ARRAY (
         SELECT ctid FROM catalog_partition WHERE table_id = %s LIMIT %s))""",
    """DELETE FROM catalog_column_statistics WHERE ctid = ANY (ARRAY (
         SELECT ctid FROM catalog_column_statistics WHERE table_id = %s LIMIT %s))""",
    """DELETE FROM catalog_storage_descriptor WHERE ctid = ANY (ARRAY (
         SELECT ctid FROM catalog_storage_descriptor WHERE table_id = %s LIMIT %s))""",
    """DELETE FROM catalog_partition_index WHERE ctid = ANY (ARRAY (
         SELECT ctid FROM catalog_partition_index WHERE table_id = %s LIMIT %s))""",
)
DONE = "DELETE FROM catalog_purge WHERE table_id = %s"


def purge_partitions(conn: psycopg.Connection, limit: int) -> int:
    """One step, in the caller's transaction: remove at most `limit` rows of one deleted table.

    Returns how many, at least 1; 0 when nothing is left (or another process is at it). Call it until then."""
    row = conn.execute(NEXT).fetchone()
    if row is None:
        return 0
    table_id, removed = row[0], 0
    for statement in STEPS:
        removed += conn.execute(statement, (table_id, limit - removed)).rowcount
        if removed >= limit:
            return removed
    conn.execute(DONE, (table_id,))
    return max(1, removed)
