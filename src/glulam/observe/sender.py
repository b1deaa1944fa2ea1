"""Sends what is due: at least once, each delivery under an id that stays the same.

    claim (due_at moves a lease ahead, attempts + 1) ─▶ send ─▶ SENT
                                                       └─ failed ─▶ due again after 5 s, 10 s, ... half an hour; a day long
    killed in between: the lease runs out, somebody sends it again

Whoever says how it went names its attempt: a sender that lost its lease changes nothing any more. What one alert still has to
tell a channel goes out in order. The database's clock decides."""

from __future__ import annotations

import logging
import os
import random
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import psycopg

from glulam.model.errors import GlulamError, NotDelivered
from glulam.model.failpoints import failpoint
from glulam.model.place import Place
from glulam.observe import definitions, secrets
from glulam.observe.events import DatabaseClock, database_time
from glulam.observe.notification import Notification
from glulam.observe.outlets import deliver
from glulam.observe.reach import Reach
from glulam.observe.secrets import Box
from glulam.store.database import Database

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=120)
"""Longer than any channel may take."""
FIRST_S, LONGEST_S = 5.0, 1800.0
AT_ONCE = 8
EACH_CHANNEL = 2
"""So many of one channel at once: one that hangs does not hold up the others."""

CLAIM = """
UPDATE alert_delivery d SET attempts = attempts + 1, due_at = %(now)s + %(lease)s
FROM alert a
WHERE a.id = d.alert_id AND d.id IN (
  SELECT id FROM alert_delivery WHERE state = 'PENDING' AND due_at <= %(now)s AND id IN (
    SELECT id FROM (
      SELECT w.id, w.due_at, row_number() OVER (PARTITION BY w.channel ORDER BY w.due_at, w.seq) AS place
      FROM alert_delivery w
      WHERE w.state = 'PENDING' AND w.due_at <= %(now)s AND NOT EXISTS (
        SELECT 1 FROM alert_delivery e
        WHERE e.alert_id = w.alert_id AND e.channel = w.channel AND e.seq < w.seq AND e.state = 'PENDING')
    ) waiting WHERE place <= %(each)s ORDER BY due_at LIMIT %(most)s)
  FOR UPDATE SKIP LOCKED)
RETURNING d.id, d.alert_id, d.action, d.cause, a.rule, a.severity, a.title, a.message, a.events, a.created_at,
  CASE d.action WHEN 'RESOLVE' THEN a.resolved_by WHEN 'ACKNOWLEDGE' THEN a.acknowledged_by END, a.event,
  a.account_id, a.region, d.channel, d.attempts, d.expires_at
"""
END = """
UPDATE alert_delivery SET state = %(state)s, answer = %(answer)s, ended_at = %(now)s
WHERE id = %(id)s AND attempts = %(attempts)s AND state = 'PENDING'
"""
AGAIN = """
UPDATE alert_delivery SET due_at = %(due)s, answer = %(answer)s
WHERE id = %(id)s AND attempts = %(attempts)s AND state = 'PENDING'
"""


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """A delivery that is ours for as long as the lease lasts."""

    told: Notification
    place: Place
    channel: str
    attempts: int
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class AlertSender:
    """Any number may run side by side, on one machine or many."""

    database: Database
    box: Box
    reach: Reach
    clock: DatabaseClock = database_time
    chance: Callable[[], float] = random.random
    env: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def step(self) -> bool:
        """Send some of what is due; whether there was any."""
        with self.database.transaction() as conn:
            given = {"now": self.clock(conn), "lease": LEASE, "each": EACH_CHANNEL, "most": AT_ONCE}
            claimed = [_claimed(row) for row in conn.execute(CLAIM, given).fetchall()]
        if not claimed:
            return False
        failpoint("alert.after_claim")
        with ThreadPoolExecutor(len(claimed), thread_name_prefix="alert") as pool:
            for done in [pool.submit(self._carry_out, one) for one in claimed]:
                done.result()
        return True

    def _carry_out(self, one: Claimed) -> None:
        hidden: list[str] = []
        try:
            answer = self._send(one, hidden)
        except psycopg.Error:
            raise
        except Exception as error:
            if not isinstance(error, GlulamError):
                log.error("a defect: %s", secrets.scrubbed(traceback.format_exc(), hidden))
            after = error.retry_after_s if isinstance(error, NotDelivered) else None
            self._failed(one, secrets.scrubbed(str(error), hidden), after)
        else:
            failpoint("alert.after_send")
            self._end(one, "SENT", secrets.scrubbed(answer, hidden))

    def _send(self, one: Claimed, hidden: list[str]) -> str:
        with self.database.connection() as conn:
            opened = definitions.open_channel(conn, one.place, one.channel, self.box, self.env)
        hidden += opened.hidden
        return deliver(opened.channel, one.told, self.reach)

    def _failed(self, one: Claimed, why: str, after_s: float | None) -> None:
        with self.database.connection() as conn:
            now = self.clock(conn)
        due = now + timedelta(seconds=pause_s(one.attempts, self.chance(), after_s))
        where = f"alert {one.told.alert_id} to channel {one.channel} (delivery {one.told.delivery_id})"
        if now >= one.expires_at:
            log.error("%s: given up after %d tries: %s", where, one.attempts, why)
            self._end(one, "GIVEN_UP", why)
            return
        log.warning("%s: try %d failed: %s", where, one.attempts, why)
        given = {"id": one.told.delivery_id, "attempts": one.attempts, "answer": why,
                 "due": min(due, one.expires_at)}  # fmt: skip
        with self.database.transaction() as conn:
            conn.execute(AGAIN, given)

    def _end(self, one: Claimed, state: str, answer: str) -> None:
        with self.database.transaction() as conn:
            conn.execute(END, {"id": one.told.delivery_id, "attempts": one.attempts, "state": state,
                               "answer": answer, "now": self.clock(conn)})  # fmt: skip


def pause_s(attempts: int, chance: float, asked_s: float | None = None) -> float:
    """Before the next try: doubled each time, half of it by chance (0 to 1), not less than the channel asked for."""
    whole = min(LONGEST_S, FIRST_S * 2.0 ** min(attempts - 1, 20))
    return max(whole * (0.5 + chance / 2), min(asked_s or 0.0, LONGEST_S))


def _claimed(row: tuple[Any, ...]) -> Claimed:
    told = Notification(
        delivery_id=row[0], alert_id=row[1], action=row[2], cause=row[3], rule=row[4], severity=row[5], title=row[6],
        message=row[7], events=row[8], raised_at=row[9], by=row[10], event=row[11],
    )  # fmt: skip
    place = Place(account_id=row[12], region=row[13])
    return Claimed(told=told, place=place, channel=row[14], attempts=row[15], expires_at=row[16])
