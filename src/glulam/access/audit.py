"""The audit log: who did what to which resource, with which outcome. Rows are added, never changed: the table refuses.

    record()    into a bounded queue; waits while it is full
    a thread    takes all that is there and writes it in one statement, within half a second
    close()     writes what is left

While the database cannot be reached rows wait, and with them, when the queue is full, the requests. What cannot be written
even when the writer is closed is given to the Python log, row by row: it is never lost without a word. A connection that breaks
during a write can leave rows twice. A process that is killed loses the rows of its last half second; who cannot have that
calls `append` in the transaction of the change itself.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import psycopg

from glulam.model.errors import DatabaseUnavailable
from glulam.store.database import Database

log = logging.getLogger("glulam.audit")

MAX_QUEUE = 10_000
MAX_BATCH = 500
GATHER_S = 0.2
RETRY_S = 0.5
CLOSE_WITHIN_S = 10.0
MAX_RESOURCES = 100
MAX_TEXT = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """One request."""

    at: datetime
    request_id: str
    account_id: str
    """Empty, like region and principal, when the sender is not known."""
    region: str
    principal: str
    source_ip: str
    service: str
    operation: str
    resources: tuple[str, ...]
    outcome: str
    """`OK`, or the error's code."""
    duration_ms: float


@dataclass(frozen=True, kw_only=True)
class AuditFilter:
    """Which rows to read; what is None does not matter."""

    since: datetime | None = None
    until: datetime | None = None
    account_id: str | None = None
    principal: str | None = None
    """The whole ARN, or the user's name."""
    operation: str | None = None
    resource: str | None = None
    """The whole ARN."""
    outcome: str | None = None
    request_id: str | None = None


APPEND = """
INSERT INTO audit_log (at, request_id, account_id, region, principal, source_ip, service, operation, resources, outcome,
                       duration_ms)
SELECT at, request_id, account_id, region, principal, source_ip, service, operation, resources, outcome, duration_ms
FROM json_to_recordset(%s) AS row (at timestamptz, request_id text, account_id text, region text, principal text,
     source_ip text, service text, operation text, resources text[], outcome text, duration_ms real)
"""
READ = """
SELECT at, request_id, account_id, region, principal, source_ip, service, operation, resources, outcome, duration_ms
FROM audit_log
WHERE (%(since)s::timestamptz IS NULL OR at >= %(since)s) AND (%(until)s::timestamptz IS NULL OR at < %(until)s)
  AND (%(account_id)s::text IS NULL OR account_id = %(account_id)s)
  AND (%(principal)s::text IS NULL OR principal = %(principal)s OR split_part(principal, ':user/', 2) = %(principal)s)
  AND (%(operation)s::text IS NULL OR operation = %(operation)s)
  AND (%(resource)s::text IS NULL OR %(resource)s = ANY (resources))
  AND (%(outcome)s::text IS NULL OR outcome = %(outcome)s)
  AND (%(request_id)s::text IS NULL OR request_id = %(request_id)s)
ORDER BY at DESC, id DESC LIMIT %(limit)s
"""


def append(conn: psycopg.Connection, rows: Sequence[AuditRow]) -> None:
    """Write the rows in the caller's transaction."""
    conn.execute(APPEND, (json.dumps([_plain(row) for row in rows]),))


def read(conn: psycopg.Connection, wanted: AuditFilter, limit: int) -> list[AuditRow]:
    """The newest rows that fit, newest first."""
    found = conn.execute(READ, {**asdict(wanted), "limit": limit}).fetchall()
    return [_row(row) for row in found]


@dataclass
class _State:
    """What the writer's threads share, under one condition."""

    waiting: deque[AuditRow] = field(default_factory=deque)
    taken: int = 0
    """Rows that are being written now."""
    closing: bool = False
    give_up_at: float = float("inf")


class AuditWriter:
    """Collects rows from many threads and writes them from one. Close it: it is a context manager."""

    def __init__(self, database: Database, *, max_queue: int = MAX_QUEUE) -> None:
        self._database, self._max_queue, self._batch = database, max_queue, min(MAX_BATCH, max_queue)
        self._state = _State()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._thread.start()

    def record(self, row: AuditRow) -> None:
        """Have the row written. Waits while the queue is full; after `close` it writes at once."""
        with self._changed:
            while len(self._state.waiting) >= self._max_queue and not self._state.closing:
                self._changed.wait()
            if not self._state.closing:
                self._state.waiting.append(row)
                if len(self._state.waiting) in (1, self._batch):
                    self._changed.notify_all()
                return
        _tell_lost(self._write([row]))

    def flush(self, within_s: float = CLOSE_WITHIN_S) -> bool:
        """Wait until all that was recorded so far is written; False when that took too long."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._state.waiting and not self._state.taken, within_s)

    def close(self, within_s: float = CLOSE_WITHIN_S) -> None:
        """Write what is left and end the thread; what cannot be written in that time goes to the Python log."""
        with self._changed:
            self._state.closing = True
            self._state.give_up_at = time.monotonic() + within_s
            self._changed.notify_all()
        self._thread.join()

    def __enter__(self) -> AuditWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        while rows := self._take():
            while rows := self._write(rows):
                if self._too_late(RETRY_S):
                    _tell_lost(rows)
                    break
            with self._changed:
                self._state.taken = 0
                self._changed.notify_all()

    def _take(self) -> list[AuditRow]:
        """The next rows, a moment after the first of them; none when the writer is closed and nothing is left."""
        with self._changed:
            state = self._state
            self._changed.wait_for(lambda: state.waiting or state.closing)
            self._changed.wait_for(lambda: len(state.waiting) >= self._batch or state.closing, GATHER_S)
            rows = [state.waiting.popleft() for _ in range(min(len(state.waiting), self._batch))]
            state.taken = len(rows)
            self._changed.notify_all()
            return rows

    def _too_late(self, wait_s: float) -> bool:
        """Wait before another attempt; True when the writer was told to end by now."""
        with self._changed:
            left = self._state.give_up_at - time.monotonic()
            if left > 0:
                self._changed.wait(min(wait_s, left))
            return time.monotonic() >= self._state.give_up_at

    def _write(self, rows: list[AuditRow]) -> list[AuditRow]:
        """Returns the rows that must wait for the database. One that it will never take goes to the Python log."""
        try:
            with self._database.connection() as conn:
                append(conn, rows)
        except (psycopg.OperationalError, DatabaseUnavailable) as error:
            log.warning("audit log: %d rows wait for the database: %s", len(rows), error)
            return rows
        except Exception:
            if len(rows) > 1:
                half = len(rows) // 2
                return self._write(rows[:half]) + self._write(rows[half:])
            log.exception("audit log: a row was refused")
            _tell_lost(rows)
        return []


def _tell_lost(rows: Sequence[AuditRow]) -> None:
    for row in rows:
        log.error("audit log: not written: %s", json.dumps(_plain(row)))


def _plain(row: AuditRow) -> dict[str, Any]:
    shown = [_clean(arn) for arn in row.resources[:MAX_RESOURCES]]
    if len(row.resources) > MAX_RESOURCES:
        shown.append(f"... and {len(row.resources) - MAX_RESOURCES} more")
    return {
        "at": row.at.isoformat(), "request_id": _clean(row.request_id), "account_id": row.account_id,
        "region": _clean(row.region), "principal": _clean(row.principal), "source_ip": _clean(row.source_ip),
        "service": _clean(row.service), "operation": _clean(row.operation), "resources": shown,
        "outcome": _clean(row.outcome), "duration_ms": round(row.duration_ms, 3),
    }  # fmt: skip


def _clean(text: str) -> str:
    """PostgreSQL takes neither NUL nor half a surrogate pair; a log should show no control character either."""
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "..."


def _row(row: tuple[Any, ...]) -> AuditRow:
    return AuditRow(at=row[0], request_id=row[1], account_id=row[2], region=row[3], principal=row[4], source_ip=row[5],
                    service=row[6], operation=row[7], resources=tuple(row[8]), outcome=row[9], duration_ms=row[10])  # fmt: skip
