"""Lines that runs wrote: in the database, so that every worker can add and every server can read them.

A worker adds a handful of lines at a time (`add`); readers go on behind a position (`read`). A position is a row's id and
the line's place in it: what is written meanwhile comes after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import psycopg
from psycopg.types.json import Jsonb


class Stream(StrEnum):
    OUTPUT = "output"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a run."""

    row: int
    place: int
    """Its place in the row: (row, place) is its position."""
    run_id: str
    stream: Stream
    at_ms: int
    """Milliseconds since 1970, when the worker got it."""
    text: str


ADD = """
INSERT INTO job_log (run_id, stream, first_at, last_at, events) VALUES (%s, %s, %s, %s, %s)
"""
READ = """
SELECT id, run_id, stream, events FROM job_log
WHERE run_id = ANY (%(runs)s) AND (%(stream)s::text IS NULL OR stream = %(stream)s) AND id >= %(row)s
ORDER BY id LIMIT %(rows)s
"""
LAST = """
SELECT id, run_id, stream, events FROM job_log
WHERE run_id = ANY (%(runs)s) AND (%(stream)s::text IS NULL OR stream = %(stream)s) AND id <= %(row)s
ORDER BY id DESC LIMIT %(rows)s
"""
FORGET = """
DELETE FROM job_log WHERE id IN (SELECT id FROM job_log WHERE last_at < %s ORDER BY last_at LIMIT %s)
"""
_ROWS = 200


def add(conn: psycopg.Connection, run_id: str, stream: Stream, events: Sequence[tuple[int, str]]) -> None:
    """Add lines as (milliseconds, text)."""
    if not events:
        return
    first, last = (datetime.fromtimestamp(events[i][0] / 1000, UTC) for i in (0, -1))
    clean = [[at, text.replace("\0", "�")] for at, text in events]
    conn.execute(ADD, (run_id, stream, first, last, Jsonb(clean)))


def read(
    conn: psycopg.Connection, run_ids: Sequence[str], *, stream: Stream | None = None,
    after: tuple[int, int] = (0, -1),
) -> Iterator[Line]:  # fmt: skip
    """The lines behind a position, in the order in which they came."""
    position = after
    while True:
        given = {"runs": list(run_ids), "stream": stream, "row": position[0], "rows": _ROWS}
        rows = conn.execute(READ, given).fetchall()
        for line in (line for row in rows for line in _lines(row)):
            if (line.row, line.place) > position:
                yield line
        if len(rows) < _ROWS:
            return
        position = (rows[-1][0], len(rows[-1][3]) - 1)


def read_back(
    conn: psycopg.Connection, run_ids: Sequence[str], *, stream: Stream | None = None,
    before: tuple[int, int] = ((1 << 62), 0),
) -> Iterator[Line]:  # fmt: skip
    """The lines before a position, the last one first."""
    position = before
    while True:
        given = {"runs": list(run_ids), "stream": stream, "row": position[0], "rows": _ROWS}
        rows = conn.execute(LAST, given).fetchall()
        for line in (line for row in rows for line in reversed(list(_lines(row)))):
            if (line.row, line.place) < position:
                yield line
        if len(rows) < _ROWS:
            return
        position = (rows[-1][0], 0)


def forget(conn: psycopg.Connection, *, older_than: timedelta, limit: int) -> int:
    """Remove lines that are older, at most `limit` rows of them."""
    return conn.execute(FORGET, (datetime.now(UTC) - older_than, limit)).rowcount


def _lines(row: Sequence[Any]) -> Iterator[Line]:
    for place, (at, text) in enumerate(row[3]):
        yield Line(row=row[0], place=place, run_id=row[1], stream=Stream(row[2]), at_ms=at, text=text)
