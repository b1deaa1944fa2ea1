"""Forgets old runs of workflows, and the events that started them."""

from __future__ import annotations

import psycopg

from glulam.orchestrate import runs

FORGET_EVENTS = """
DELETE FROM trigger_event WHERE id IN (
  SELECT id FROM trigger_event e WHERE run_id IS NOT NULL AND at < now() - make_interval(days => %(days)s)
    AND NOT EXISTS (SELECT 1 FROM workflow_run r WHERE r.id = e.run_id) LIMIT %(limit)s)
"""


def step(conn: psycopg.Connection, rows: int, *, days: int) -> int:
    """One short transaction; how much there was to do. An event is remembered as long as its run: it starts none twice."""
    forgotten = runs.forget(conn, days=days, limit=rows)
    return forgotten + conn.execute(FORGET_EVENTS, {"days": days, "limit": rows}).rowcount
