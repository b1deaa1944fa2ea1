"""Alerts as rows: raised or counted, acknowledged, resolved; and what their channels are still to be told.

    OPEN ── acknowledge ──▶ ACKNOWLEDGED ── resolve ──▶ RESOLVED        (OPEN ── resolve ──▶ RESOLVED)

    delivery:  PENDING ─▶ SENT | GIVEN_UP (after a day) | CANCELLED (acknowledged or resolved while it waited)

A delivery waits until `due_at`: for the end of quiet hours, for an escalation, for its next try. What is acknowledged or
resolved is told to the channels that were told of the alert, behind what they are still to be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql

from glulam.model.clock import NewId
from glulam.model.errors import EntityNotFound
from glulam.model.place import Place
from glulam.store.documents import document

TRY_FOR = timedelta(days=1)
"""From when a delivery is due first."""
NOT_TOLD: Mapping[str, list[str]] = {"ACKNOWLEDGE": ["email", "slack", "sns"], "RESOLVE": []}
"""Kinds of channels that do not hear of it: people who read a mail or a chat need not know that somebody has it in hand."""
_ALERT = """id, rule, severity, state, dedupe_key, title, message, event, events, created_at, last_at, acknowledged_at,
  acknowledged_by, resolved_at, resolved_by"""
_AT = "account_id = %(account)s AND region = %(region)s"

COUNT = f"""
UPDATE alert SET events = events + 1, last_at = %(now)s WHERE id = (
  SELECT id FROM alert WHERE {_AT} AND rule = %(rule)s AND dedupe_key = %(key)s AND created_at > %(since)s
    AND state <> 'RESOLVED' ORDER BY created_at DESC LIMIT 1)
"""  # noqa: S608
RAISE = """
INSERT INTO alert (id, account_id, region, rule, severity, dedupe_key, title, message, event, created_at, last_at)
VALUES (%(id)s, %(account)s, %(region)s, %(rule)s, %(severity)s, %(key)s, %(title)s, %(message)s, %(event)s, %(now)s, %(now)s)
"""
DELIVER = """
INSERT INTO alert_delivery (id, alert_id, channel, action, cause, due_at, expires_at)
VALUES (%(id)s, %(alert)s, %(channel)s, %(action)s, %(cause)s, %(due)s, %(expires)s)
"""
ACKNOWLEDGE = f"""
UPDATE alert SET state = 'ACKNOWLEDGED', acknowledged_at = %(now)s, acknowledged_by = %(by)s
WHERE {_AT} AND id = %(id)s AND state = 'OPEN'
"""  # noqa: S608
RESOLVE = f"""
UPDATE alert SET state = 'RESOLVED', resolved_at = %(now)s, resolved_by = %(by)s
WHERE {_AT} AND id = %(id)s AND state <> 'RESOLVED'
"""  # noqa: S608
UNRESOLVED = (
    f"SELECT id FROM alert WHERE {_AT} AND rule = %(rule)s AND dedupe_key = %(key)s AND state <> 'RESOLVED'"  # noqa: S608
)
CANCEL = """
UPDATE alert_delivery SET state = 'CANCELLED', ended_at = %(now)s, answer = %(why)s
WHERE alert_id = %(id)s AND state = 'PENDING' AND attempts = 0 AND due_at > %(now)s
"""
TOLD = """
SELECT d.channel FROM alert_delivery d JOIN alert a ON a.id = d.alert_id
JOIN alert_channel c ON c.account_id = a.account_id AND c.region = a.region AND c.name = d.channel
WHERE a.id = %(id)s AND d.action = 'TRIGGER' AND d.state IN ('PENDING', 'SENT') AND c.document->>'type' <> ALL(%(not)s)
GROUP BY d.channel ORDER BY min(d.seq)
"""
GET = f"SELECT {_ALERT} FROM alert WHERE {_AT} AND id = %(id)s"  # noqa: S608
DELIVERIES = """
SELECT alert_id, id, channel, action, cause, state, due_at, attempts, answer, ended_at FROM alert_delivery
WHERE alert_id = ANY(%s) ORDER BY seq
"""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One thing that one channel is told."""

    id: str
    channel: str
    action: str
    """TRIGGER, ACKNOWLEDGE or RESOLVE."""
    cause: str
    """RULE, QUIET_HOURS (it waited for their end), ESCALATION, FOLLOW_UP (acknowledged, or resolved)."""
    state: str
    due_at: datetime
    attempts: int
    answer: str | None
    """What the channel said last, or why it said nothing."""
    ended_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Alert:
    """Something that people should know."""

    id: str
    rule: str
    severity: str
    state: str
    dedupe_key: str
    title: str
    message: str
    event: Mapping[str, Any]
    events: int
    """How often it happened within the window."""
    created_at: datetime
    last_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    resolved_at: datetime | None
    resolved_by: str | None


@dataclass(frozen=True, kw_only=True)
class Fresh:
    """An alert to be raised."""

    rule: str
    severity: str
    dedupe_key: str
    window: timedelta
    title: str
    message: str
    event: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Telling:
    """That a channel is to be told of a fresh alert, and when."""

    channel: str
    due_at: datetime
    cause: str


def count(conn: psycopg.Connection, place: Place, fresh: Fresh, now: datetime) -> bool:
    """Whether it is an alert already, in the window; it is counted there then."""
    given = {
        **_at(place),
        "rule": fresh.rule,
        "key": fresh.dedupe_key,
        "now": now,
        "since": now - fresh.window,
    }
    return fresh.window > timedelta(0) and conn.execute(COUNT, given).rowcount == 1


def raise_(
    conn: psycopg.Connection,
    place: Place,
    fresh: Fresh,
    told: Sequence[Telling],
    now: datetime,
    new_id: NewId,
) -> str:
    """The new alert's id. Who is told, and when, is written with it."""
    alert_id = new_id()
    conn.execute(RAISE, {**_at(place), "id": alert_id, "rule": fresh.rule, "severity": fresh.severity, "title": fresh.title,
                         "key": fresh.dedupe_key, "message": fresh.message, "event": document(fresh.event),
                         "now": now})  # fmt: skip
    for one in told:
        _deliver(conn, alert_id, one, "TRIGGER", new_id)
    return alert_id


def acknowledge(
    conn: psycopg.Connection, place: Place, alert_id: str, by: str, now: datetime, new_id: NewId
) -> bool:
    """Somebody has it in hand: no escalation, and who was told hears of it. False: it was so before, or is resolved.

    Raises EntityNotFound."""
    get(conn, place, alert_id)
    if conn.execute(ACKNOWLEDGE, {**_at(place), "id": alert_id, "by": by, "now": now}).rowcount != 1:
        return False
    _follow(conn, alert_id, "ACKNOWLEDGE", now, new_id)
    return True


def resolve(
    conn: psycopg.Connection, place: Place, alert_id: str, by: str, now: datetime, new_id: NewId
) -> bool:
    """It is over. False: it was before. Raises EntityNotFound."""
    get(conn, place, alert_id)
    if conn.execute(RESOLVE, {**_at(place), "id": alert_id, "by": by, "now": now}).rowcount != 1:
        return False
    _follow(conn, alert_id, "RESOLVE", now, new_id)
    return True


def resolve_same(
    conn: psycopg.Connection, place: Place, rule: str, key: str, by: str, now: datetime, new_id: NewId
) -> int:
    """Resolve what the rule raised under the key; how many."""
    rows = conn.execute(UNRESOLVED, {**_at(place), "rule": rule, "key": key}).fetchall()
    return sum(resolve(conn, place, alert_id, by, now, new_id) for (alert_id,) in rows)


def get(conn: psycopg.Connection, place: Place, alert_id: str) -> Alert:
    """Raises EntityNotFound."""
    row = conn.execute(GET, {**_at(place), "id": alert_id}).fetchone()
    if row is None:
        raise EntityNotFound(f"there is no alert {alert_id}")
    return _alert(row)


def newest(
    conn: psycopg.Connection, place: Place, *, states: Sequence[str] = (), rule: str | None = None,
    severity: str | None = None, limit: int,
) -> list[Alert]:  # fmt: skip
    """The newest first; states: only those in one of them."""
    parts = [sql.SQL(_AT)]
    if states:
        parts.append(sql.SQL("state = ANY(%(states)s)"))
    if rule is not None:
        parts.append(sql.SQL("rule = %(rule)s"))
    if severity is not None:
        parts.append(sql.SQL("severity = %(severity)s"))
    query = sql.SQL("SELECT {} FROM alert WHERE {} ORDER BY created_at DESC, id DESC LIMIT %(limit)s").format(
        sql.SQL(_ALERT), sql.SQL(" AND ").join(parts)
    )
    given = {**_at(place), "states": list(states), "rule": rule, "severity": severity, "limit": limit}
    return [_alert(row) for row in conn.execute(query, given).fetchall()]


def deliveries(conn: psycopg.Connection, alert_ids: Sequence[str]) -> dict[str, list[Delivery]]:
    """By alert: what its channels are told, in order."""
    found: dict[str, list[Delivery]] = {alert_id: [] for alert_id in alert_ids}
    for row in conn.execute(DELIVERIES, (list(alert_ids),)).fetchall():
        found[row[0]].append(
            Delivery(id=row[1], channel=row[2], action=row[3], cause=row[4], state=row[5], due_at=row[6], attempts=row[7],
                     answer=row[8], ended_at=row[9])
        )  # fmt: skip
    return found


def _follow(conn: psycopg.Connection, alert_id: str, action: str, now: datetime, new_id: NewId) -> None:
    """What waited is not told any more; who was told hears what became of it."""
    why = "acknowledged before it was due" if action == "ACKNOWLEDGE" else "resolved before it was due"
    conn.execute(CANCEL, {"id": alert_id, "now": now, "why": why})
    for (channel,) in conn.execute(TOLD, {"id": alert_id, "not": NOT_TOLD[action]}).fetchall():
        _deliver(conn, alert_id, Telling(channel=channel, due_at=now, cause="FOLLOW_UP"), action, new_id)


def _deliver(conn: psycopg.Connection, alert_id: str, one: Telling, action: str, new_id: NewId) -> None:
    conn.execute(DELIVER, {"id": new_id(), "alert": alert_id, "channel": one.channel, "action": action,
                           "cause": one.cause, "due": one.due_at, "expires": one.due_at + TRY_FOR})  # fmt: skip


def _alert(row: tuple[Any, ...]) -> Alert:
    return Alert(id=row[0], rule=row[1], severity=row[2], state=row[3], dedupe_key=row[4], title=row[5], message=row[6],
                 event=row[7], events=row[8], created_at=row[9], last_at=row[10], acknowledged_at=row[11],
                 acknowledged_by=row[12], resolved_at=row[13], resolved_by=row[14])  # fmt: skip


def _at(place: Place) -> dict[str, Any]:
    return {"account": place.account_id, "region": place.region}
