"""What a server does for runs in the background: it ends the runs of workers that are gone, and forgets old lines and runs.

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
OLD = """
SELECT id FROM job_run WHERE completed_at < now() - make_interval(days => %s)
ORDER BY completed_at LIMIT %s FOR UPDATE SKIP LOCKED
"""
FORGET = (
    "DELETE FROM job_log WHERE run_id = ANY (%s)",
    "DELETE FROM job_session WHERE run_id = ANY (%s)",
    "DELETE FROM job_run WHERE id = ANY (%s)",
)


def step(conn: psycopg.Connection, rows: int, *, log_days: int, run_days: int) -> int:
    """How much there was to do. rows: the most lines to forget."""
    done = claims.rescue(conn, AT_ONCE) + claims.expire(conn, AT_ONCE) + claims.tell_delays(conn, AT_ONCE)
    done += conn.execute(FORGET_KEYS, (AT_ONCE,)).rowcount
    done += _forget_runs(conn, run_days)
    return done + logs.forget(conn, older_than=timedelta(days=log_days), limit=rows)


def _forget_runs(conn: psycopg.Connection, days: int) -> int:
    """Old runs, with their lines and sessions. Bookmarks stay: each is a state of its own."""
    old = [row[0] for row in conn.execute(OLD, (days, AT_ONCE)).fetchall()]
    if old:
        for statement in FORGET:
            conn.execute(statement, (old,))
    return len(old)
