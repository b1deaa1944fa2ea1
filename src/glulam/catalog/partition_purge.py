"""Removes the partitions of a deleted table and all that belongs to them, a little at a time.

A table that is marked as deleted takes everything out of reach at once: readers look it up by name, and writers of its
partitions find the mark under their lock. A million partitions then go in short transactions, which block nobody.
"""

from __future__ import annotations

import psycopg

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


def purge_partitions(conn: psycopg.Connection, table_id: int, limit: int) -> int:
    """One step, in the caller's transaction: remove at most `limit` rows of a table that is marked as deleted.

    Returns how many; 0 when nothing is left of it, and the table's own row may go."""
    removed = 0
    for statement in STEPS:
        removed += conn.execute(statement, (table_id, limit - removed)).rowcount
        if removed >= limit:
            break
    return removed
