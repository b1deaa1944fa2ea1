"""From the outbox to alerts: each event is shown to every rule of its account and region, once.

    event ─▶ rule fits? ─▶ the same within the window? ─ yes ─▶ counted
                                     └─ no ─▶ alert + a delivery for each channel, now, after quiet hours, or as escalation
          ─▶ resolves? ─▶ alerts of the rule under the key are resolved

Alerts, deliveries and the tick of the events are one transaction; a router that dies in it has done nothing. One router is at
it at a time (an advisory lock): counting the same needs the order."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

import psycopg

from glulam.model.clock import NewId, new_batch_id
from glulam.model.errors import InvalidInput
from glulam.model.event_patterns import Pattern
from glulam.model.failpoints import failpoint
from glulam.model.place import Place
from glulam.observe import alerts, definitions, events, rules
from glulam.observe.alerts import Fresh, Telling
from glulam.observe.events import DatabaseClock, Event, database_time
from glulam.observe.rules import Rule
from glulam.store.database import Database

log = logging.getLogger(__name__)

LOCK = 0x616C65727473  # "alerts"
AT_ONCE = 200
"""Events of one transaction."""


@dataclass(frozen=True, kw_only=True)
class Readied:
    """A rule with its patterns made."""

    name: str
    rule: Rule
    pattern: Pattern
    resolving: Pattern | None


@dataclass(frozen=True, kw_only=True)
class Routes:
    """The rules of one place, and who takes alerts whose rules name nobody."""

    rules: list[Readied]
    takers: dict[str, list[str]]
    """Channels by severity."""


@dataclass(frozen=True, kw_only=True)
class AlertRouter:
    """Any number may run side by side."""

    database: Database
    home: Place
    """Whose events are that name no account."""
    clock: DatabaseClock = database_time
    new_id: NewId = new_batch_id

    def step(self) -> bool:
        """Route what waits, at most AT_ONCE events; whether there was any."""
        with self.database.transaction() as conn:
            row = conn.execute("SELECT pg_try_advisory_xact_lock(%s)", (LOCK,)).fetchone()
            if row is None or not row[0]:
                return False
            found = events.waiting(conn, self.home, AT_ONCE)
            if not found:
                return False
            now = self.clock(conn)
            routes = {place: self._routes(conn, place) for place in {event.place for event in found}}
            for event in found:
                for readied in routes[event.place].rules:
                    self._show(conn, readied, event, routes[event.place], now)
            events.tick(conn, found)
            failpoint("alert.route.before_commit")
        return True

    def _routes(self, conn: psycopg.Connection, place: Place) -> Routes:
        readied = []
        for name, rule in definitions.loaded_rules(conn, place).items():
            if isinstance(rule, InvalidInput):
                log.error("%s; the rule is left out", rule)
                continue
            resolving = None if rule.resolved_by is None else rule.resolved_by.compiled()
            readied.append(Readied(name=name, rule=rule, pattern=rule.compiled(), resolving=resolving))
        takers: dict[str, list[str]] = {}
        for name, channel in definitions.list_channels(conn, place).items():
            for severity in channel.get("severities", ()):
                takers.setdefault(severity, []).append(name)
        return Routes(rules=readied, takers=takers)

    def _show(
        self, conn: psycopg.Connection, readied: Readied, event: Event, routes: Routes, now: datetime
    ) -> None:
        rule, name = readied.rule, readied.name
        fields = {**event.document, "rule": name, "severity": rule.severity}
        if readied.resolving is not None and readied.resolving.matches(event.document):
            by = f"event {event.document['id']}"
            alerts.resolve_same(conn, event.place, name, rules.dedupe_key(rule, fields), by, now, self.new_id)
        if not readied.pattern.matches(event.document):
            return
        fresh = Fresh(
            rule=name, severity=rule.severity, dedupe_key=rules.dedupe_key(rule, fields), window=rule.dedupe.window,
            title=rules.title(rule, fields), message=rules.message(rule, fields), event=event.document,
        )  # fmt: skip
        if not alerts.count(conn, event.place, fresh, now):
            told = tellings(rule, rule.channels or tuple(routes.takers.get(rule.severity, ())), now)
            alerts.raise_(conn, event.place, fresh, told, now, self.new_id)


def tellings(rule: Rule, channels: tuple[str, ...], now: datetime) -> list[Telling]:
    """Who is told of a fresh alert, and when. Pure. An escalation counts from when the others are told."""
    held = None if rule.quiet_hours is None else rule.quiet_hours.hours().until(now, rule.severity)
    due, cause = (now, "RULE") if held is None else (held, "QUIET_HOURS")
    told = [Telling(channel=channel, due_at=due, cause=cause) for channel in dict.fromkeys(channels)]
    for step in rule.escalate:
        told += [
            Telling(channel=channel, due_at=due + step.after, cause="ESCALATION") for channel in step.channels
        ]
    return told
