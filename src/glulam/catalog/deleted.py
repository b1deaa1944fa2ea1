"""Tables that were deleted and whose files still lie where they were: what a new table at their place starts from.

As in Glue, deleting a table takes away its description and none of its data. `purge.py` leaves such a row be."""

from __future__ import annotations

import psycopg

from glulam.catalog.scope import Scope
from glulam.catalog.tables import COLUMNS, Table, to_table

LIVE_FILES = "SELECT FROM output_file o WHERE o.table_id = t.id AND o.retired_by IS NULL"
DELETED = """
  SELECT id FROM catalog_table WHERE deleted_at IS NOT NULL
  UNION ALL
  SELECT t.id FROM catalog_database d JOIN catalog_table t ON t.database_id = d.id
  WHERE d.deleted_at IS NOT NULL AND t.deleted_at IS NULL
"""
"""Ids of the tables that are deleted, themselves or with their database."""
LAST = f"""
SELECT {COLUMNS} FROM catalog_table t JOIN catalog_database d ON d.id = t.database_id
WHERE t.id IN ({DELETED}) AND d.catalog_id = %(catalog)s AND d.region = %(region)s
  AND rtrim(t.document -> 'StorageDescriptor' ->> 'Location', '/') = %(location)s
  AND t.document -> 'Parameters' ->> %(parameter)s = %(value)s AND EXISTS ({LIVE_FILES})
ORDER BY t.id DESC LIMIT 1
"""  # noqa: S608


def last_deleted(
    conn: psycopg.Connection, location: str, parameter: tuple[str, str], *, scope: Scope
) -> Table | None:
    """The newest deleted table at a location that has this parameter, and files in the ledger."""
    given = {
        "catalog": scope.catalog_id, "region": scope.region, "location": location.rstrip("/"),
        "parameter": parameter[0], "value": parameter[1],
    }  # fmt: skip
    row = conn.execute(LAST, given).fetchone()
    return None if row is None else to_table(row)
