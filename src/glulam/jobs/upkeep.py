"""What a server does for runs in the background: it ends the runs of workers that are gone, and forgets old lines.

One step is a short transaction. Workers rescue, too; whoever is first does it.
"""

from __future__ import annotations

from datetime import timedelta

import psycopg

from glulam.jobs import claims, logs

AT_ONCE = 100
FORGET_KEYS = """
DELETE FROM access_key WHERE id IN (
  SELECT k.id FROM access_key k JOIN job_run r ON r.access_key_id = k.id WHERE r.completed_at IS NOT NULL LIMIT %s)
"""


def step(conn: psycopg.Connection, rows: int, *, log_days: int) -> int:
    """How much there was to do. rows: the most lines to forget."""
    done = claims.rescue(conn, AT_ONCE) + claims.expire(conn, AT_ONCE) + claims.tell_delays(conn, AT_ONCE)
    done += conn.execute(FORGET_KEYS, (AT_ONCE,)).rowcount
    return done + logs.forget(conn, older_than=timedelta(days=log_days), limit=rows)
