"""What lies in the curated and dead-letter zones: one row a file that is, or is about to be, published."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import psycopg
from psycopg.types.json import Jsonb

from glulam.ledger.arrays import texts
from glulam.model.errors import AlreadyExists, ConcurrentModification
from glulam.model.uri import S3Uri


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFile:
    """One Parquet file of a table, under its final name."""

    uri: S3Uri
    values: tuple[str, ...]
    """Partition values, in the order of the table's partition keys."""
    record_count: int
    size_bytes: int
    checksum: str
    batch_id: str = ""
    """The batch that wrote it; `add` sets it."""


ADD = """
INSERT INTO output_file (batch_id, table_id, uri, "values", record_count, size_bytes, checksum)
SELECT %(batch)s, %(table)s, uri, "values", record_count, size_bytes, checksum
FROM jsonb_to_recordset(%(files)s)
     AS t (uri text, "values" text[], record_count bigint, size_bytes bigint, checksum text)
ON CONFLICT (uri) DO NOTHING
"""
LIVE = """
SELECT uri, "values", record_count, size_bytes, checksum, batch_id FROM output_file
WHERE table_id = %(table)s AND retired_by IS NULL AND (%(values)s::text[] IS NULL OR "values" = %(values)s)
ORDER BY "values", id
"""
RETIRE = """
UPDATE output_file SET retired_by = %(batch)s WHERE uri = ANY (%(uris)s::text[]) AND retired_by IS NULL
"""
HAND_OVER = """
UPDATE output_file SET table_id = %(to)s
WHERE table_id = %(from)s AND retired_by IS NULL AND uri = ANY (%(uris)s::text[])
"""


def add(conn: psycopg.Connection, batch_id: str, table_id: int, files: Sequence[OutputFile]) -> None:
    """Record what a batch publishes. Raises AlreadyExists when a name is taken: names are deterministic and unique."""
    rows = [
        {
            "uri": str(f.uri),
            "values": list(f.values),
            "record_count": f.record_count,
            "size_bytes": f.size_bytes,
            "checksum": f.checksum,
        }
        for f in files
    ]
    added = conn.execute(ADD, {"batch": batch_id, "table": table_id, "files": Jsonb(rows)}).rowcount
    if added != len(files):
        raise AlreadyExists(
            f"batch {batch_id}: {len(files) - added} of its {len(files)} files are known already"
        )


def live(conn: psycopg.Connection, table_id: int, values: Sequence[str] | None = None) -> list[OutputFile]:
    """The files that make up a table now, or one partition of it; by partition, then age."""
    given = {"table": table_id, "values": None if values is None else list(values)}
    return [
        OutputFile(
            uri=S3Uri.parse(uri),
            values=tuple(found),
            record_count=records,
            size_bytes=size,
            checksum=checksum,
            batch_id=batch,
        )
        for uri, found, records, size, checksum, batch in conn.execute(LIVE, given).fetchall()
    ]


def retire(conn: psycopg.Connection, batch_id: str, uris: Collection[S3Uri]) -> None:
    """Mark files as replaced by a batch. Raises ConcurrentModification unless all of them were live."""
    given = {"batch": batch_id, "uris": texts(str(uri) for uri in uris)}
    retired = conn.execute(RETIRE, given).rowcount
    if retired != len(set(uris)):
        raise ConcurrentModification(
            f"batch {batch_id} replaces {len(set(uris))} files, {retired} of them are live; "
            "others were retired by another batch: plan again"
        )


def hand_over(conn: psycopg.Connection, table_id: int, to_table_id: int, uris: Collection[S3Uri]) -> int:
    """Live files of one table become another's; returns how many."""
    given = {"from": table_id, "to": to_table_id, "uris": texts(str(uri) for uri in uris)}
    return conn.execute(HAND_OVER, given).rowcount
