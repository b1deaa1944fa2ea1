"""Forgets what is old: events that all who read them have seen, and alerts that have nothing more to tell."""

from __future__ import annotations

import psycopg

FORGET_EVENTS = """
DELETE FROM outbox WHERE id IN (
  SELECT id FROM outbox WHERE routed AND alerted AND created_at < now() - make_interval(days => %s) LIMIT %s)
"""
FORGET_ALERTS = """
DELETE FROM alert WHERE id IN (
  SELECT id FROM alert a WHERE last_at < now() - make_interval(days => %s) AND NOT EXISTS (
    SELECT 1 FROM alert_delivery d WHERE d.alert_id = a.id AND d.state = 'PENDING') LIMIT %s)
"""


def step(conn: psycopg.Connection, rows: int, *, event_days: int, alert_days: int) -> int:
    """One short transaction; how much there was to forget, at most `rows` of each."""
    events = conn.execute(FORGET_EVENTS, (event_days, rows)).rowcount
    return events + conn.execute(FORGET_ALERTS, (alert_days, rows)).rowcount
