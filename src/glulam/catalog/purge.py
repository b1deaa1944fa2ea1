"""Takes away, a little at a time, what deleting a database or table only hid.

Deletion itself is one mark on one row, so it answers at once at any size. Each call here is one short transaction of its
caller's: some versions, or a table's row, or what is left of a database. Partitions have their own purge. The ledger keeps
what it knows of files that a table once had.
"""

from __future__ import annotations

import psycopg

from glulam.catalog.resources import Kind

_GONE_TABLES = """
SELECT id FROM catalog_table WHERE deleted_at IS NOT NULL
UNION ALL
SELECT t.id FROM catalog_database d JOIN catalog_table t ON t.database_id = d.id
WHERE d.deleted_at IS NOT NULL AND t.deleted_at IS NULL
"""
VERSIONS = f"""
DELETE FROM catalog_table_version WHERE (table_id, version) IN (
  SELECT v.table_id, v.version FROM ({_GONE_TABLES} LIMIT %(limit)s) AS gone (id)
  JOIN catalog_table_version v ON v.table_id = gone.id LIMIT %(limit)s
)
"""  # noqa: S608
TABLES = f"""
DELETE FROM catalog_table WHERE id IN (
  SELECT gone.id FROM ({_GONE_TABLES} LIMIT %(limit)s) AS gone (id)
  WHERE NOT EXISTS (SELECT FROM catalog_table_version v WHERE v.table_id = gone.id)
)
"""  # noqa: S608
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
    """Remove at most `limit` rows of what is deleted; returns how many. 0: nothing is left."""
    given = {"limit": limit, "function": Kind.FUNCTION.value}
    for statement in (VERSIONS, TABLES, DATABASES):
        removed = conn.execute(statement, given).rowcount
        if removed:
            return removed
    return 0
