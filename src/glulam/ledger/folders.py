"""Folders that the lister has seen, for pipelines that ask for new folders only."""

from __future__ import annotations

from collections.abc import Iterable

import psycopg

from glulam.ledger.arrays import texts
from glulam.model.uri import S3Uri

SEEN = "SELECT 1 FROM listed_folder WHERE pipeline_id = %s AND uri = %s"
MARK = "INSERT INTO listed_folder (pipeline_id, uri) SELECT %s, unnest(%s::text[]) ON CONFLICT DO NOTHING"


def seen(conn: psycopg.Connection, pipeline_id: int, folder: S3Uri) -> bool:
    return conn.execute(SEEN, (pipeline_id, str(folder))).fetchone() is not None


def mark_seen(conn: psycopg.Connection, pipeline_id: int, folders: Iterable[S3Uri]) -> None:
    conn.execute(MARK, (pipeline_id, texts(str(folder) for folder in folders)))
