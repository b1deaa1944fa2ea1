"""From the outbox to the workflows that wait: events that match a rule are put before its targets; every event is ticked off.

Both are one transaction: an event is routed once, whatever dies. Any number of routers may run. What becomes of a waiting
event, and when, is the scheduler's."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from glulam.events import rules
from glulam.ledger.arrays import texts
from glulam.ledger.outbox import FIELDS, Written
from glulam.model.failpoints import failpoint
from glulam.model.place import Place
from glulam.store.database import Database
from glulam.store.documents import document
from glulam.store.listening import attend

log = logging.getLogger(__name__)

WAKE = "glulam_event"
BATCH = 500
_POLL_S = 5.0

UNROUTED = f"SELECT {FIELDS} FROM outbox WHERE NOT routed ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED"  # noqa: S608
TICK_OFF = "UPDATE outbox SET routed = true WHERE id = ANY (%s::bigint[])"
PUT = """
INSERT INTO trigger_event (account_id, region, workflow, event_id, detail)
SELECT g.account_id, g.region, g.workflow, g.event_id, g.detail
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::jsonb[]) WITH ORDINALITY
  g (account_id, region, workflow, event_id, detail, place)
JOIN workflow w ON w.account_id = g.account_id AND w.region = g.region AND w.name = g.workflow
ORDER BY g.place ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, kw_only=True)
class Router:
    database: Database
    account_id: str
    """Whose the events of the installation are."""

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set. Notify WAKE to have it seen at once."""
        attend(self.database, WAKE, lambda: 0.0 if self.step() else _POLL_S, stop, name="event router")

    def step(self) -> bool:
        """Route a batch; whether there was one, and so may be more."""
        with self.database.transaction() as conn:
            rows = [Written.of(row) for row in conn.execute(UNROUTED, (BATCH,)).fetchall()]
            if not rows:
                return False
            self._put(conn, rows, rules.routes(conn))
            conn.execute(TICK_OFF, ([row.number for row in rows],))
            failpoint("events.before_routed")
        failpoint("events.after_routed")
        return True

    def _put(self, conn: psycopg.Connection, rows: Sequence[Written], routes: Sequence[rules.Route]) -> None:
        found: list[tuple[Place, str, dict[str, Any]]] = []
        for row in rows:
            for route in routes:
                if route.place != row.place and (row.place or route.place.account_id != self.account_id):
                    continue
                event = row.event(route.place)
                if route.pattern.matches(event):
                    found += [(route.place, workflow, event) for workflow in route.workflows]
        if found:
            put = conn.execute(PUT, (
                texts(place.account_id for place, _, _ in found), texts(place.region for place, _, _ in found),
                texts(workflow for _, workflow, _ in found), texts(event["id"] for _, _, event in found),
                [document(event) for _, _, event in found],
            )).rowcount  # fmt: skip
            if put < len({(place, workflow, event["id"]) for place, workflow, event in found}):
                log.warning("events of a rule were dropped: a workflow that it names is not there any more")
