"""Takes away, a little at a time, what deleting a database or table only hid.

Deletion itself is one mark on one row, so it answers at once at any size. Each call here is one short transaction of its
caller's, and goes on where the last one ended: a table's versions, its partitions, its row; then databases that have no
table left. The ledger keeps what it knows of files that a table once had; and while there are such files, the table's row
stays, for a new table that takes them over (`deleted.py`).
"""

from __future__ import annotations

import psycopg

from glulam.catalog.deleted import DELETED, LIVE_FILES
from glulam.catalog.partition_purge import purge_partitions
from glulam.catalog.resources import Kind

MOST_TABLES = 200
"""Tables that one call looks at."""

GONE = f"""
SELECT id FROM catalog_table t WHERE id IN (
  SELECT id FROM ({DELETED}) t
  WHERE NOT EXISTS ({LIVE_FILES})
     OR EXISTS (SELECT FROM catalog_table_version v WHERE v.table_id = t.id)
     OR EXISTS (SELECT FROM catalog_partition p WHERE p.table_id = t.id)
     OR EXISTS (SELECT FROM catalog_column_statistics c WHERE c.table_id = t.id)
     OR EXISTS (SELECT FROM catalog_storage_descriptor s WHERE s.table_id = t.id)
     OR EXISTS (SELECT FROM catalog_partition_index i WHERE i.table_id = t.id)
  LIMIT %s
) FOR UPDATE SKIP LOCKED
"""  # noqa: S608
VERSIONS = """
DELETE FROM catalog_table_version WHERE ctid = ANY (ARRAY (
  SELECT ctid FROM catalog_table_version WHERE table_id = %s LIMIT %s))
"""
TABLE = f"DELETE FROM catalog_table t WHERE id = %s AND NOT EXISTS ({LIVE_FILES})"  # noqa: S608
DATABASES = """
WITH gone AS (
  SELECT id, catalog_id, region FROM catalog_database d
  WHERE deleted_at IS NOT NULL AND NOT EXISTS (SELECT FROM catalog_table t WHERE t.database_id = d.id)
  LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), functions AS (
  DELETE FROM catalog_resource r USING gone
  WHERE r.account_id = gone.catalog_id AND r.region = gone.region AND r.kind = %(function)s AND r.parent = gone.id::text
)
DELETE FROM catalog_database WHERE id IN (SELECT id FROM gone)
"""


def purge(conn: psycopg.Connection, limit: int) -> int:
    """Remove about `limit` rows of what is deleted; returns how many. 0: nothing is left, or others are at it."""
    removed = 0
    for (table_id,) in conn.execute(GONE, (min(limit, MOST_TABLES),)).fetchall():
        removed += conn.execute(VERSIONS, (table_id, limit - removed)).rowcount
        if removed < limit:
            removed += purge_partitions(conn, table_id, limit - removed)
        if removed >= limit:
            return removed
        removed += conn.execute(TABLE, (table_id,)).rowcount
    if removed < limit:
        given = {"limit": limit - removed, "function": Kind.FUNCTION.value}
        removed += conn.execute(DATABASES, given).rowcount
    return removed
