"""Looks what is due and has it done: ticks of schedules, batches of events, ends of what workflows set off.

Any number of schedulers may run: each takes rows that no other has locked, and whatever one does is one transaction, with the
row that says when it is due next. A notice wakes them; every few seconds they look anyway.

    next_at over    -> fire the trigger or start the crawl, work out the next tick
    events waiting  -> start the workflow when the batch is full or its window over
    a child ended   -> decide what follows in its run
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
import psycopg

from glulam.model.errors import ConcurrentRunsExceeded, DatabaseUnavailable, GlulamError
from glulam.model.failpoints import failpoint
from glulam.model.place import Place
from glulam.orchestrate import runs, triggers, workflows
from glulam.orchestrate.batching import Waiting, batches
from glulam.orchestrate.definition import Kind, TriggerState, TriggerType
from glulam.orchestrate.due import NEVER, Due, due
from glulam.orchestrate.firing import Firing
from glulam.store.database import Database
from glulam.store.listening import attend

log = logging.getLogger(__name__)

WAKE = "glulam_event"
EVENT_IDS = "aws:eventIds"
"""The run property in which Glue tells a workflow the events that started it."""
_POLL_S = 5.0
_SKIPPED_S = 0.2
_AT_ONCE = 100
_PLANNED_AT_ONCE = 500
_MOST_EVENTS = 1000
_AVOID_S = 30.0

_TAGGED = """
SELECT s.id, s.account_id, s.region, s.kind, s.name, s.expression, s.next_at, t.updated_at,
  (SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM resource_tag
   WHERE arn = 'arn:aws:glue:' || s.region || ':' || s.account_id || ':' || lower(s.kind) || '/' || s.name) AS tags
FROM schedule s LEFT JOIN trigger t
  ON s.kind = 'TRIGGER' AND t.account_id = s.account_id AND t.region = s.region AND t.name = s.name
"""
UNPLANNED = f"{_TAGGED} WHERE s.next_at IS NULL LIMIT %(limit)s FOR UPDATE OF s SKIP LOCKED"
DUE = f"""{_TAGGED} WHERE s.next_at <= %(now)s AND s.id <> ALL (%(avoid)s)
ORDER BY s.next_at LIMIT 1 FOR UPDATE OF s SKIP LOCKED"""
SET_NEXT = "UPDATE schedule SET next_at = %s WHERE id = %s"
NEXT = "SELECT min(next_at) FROM schedule"
WAITING_FOR = """
SELECT DISTINCT account_id, region, workflow FROM trigger_event WHERE run_id IS NULL
"""
WAITING = """
SELECT id, at FROM trigger_event
WHERE account_id = %(account_id)s AND region = %(region)s AND workflow = %(workflow)s AND run_id IS NULL
ORDER BY id LIMIT %(limit)s FOR UPDATE
"""
TAKE_EVENTS = "UPDATE trigger_event SET run_id = %s WHERE id = ANY (%s::bigint[])"
EVENTS = "SELECT event_id, detail, at FROM trigger_event WHERE id = ANY (%s::bigint[]) ORDER BY id"
ENDED = """
SELECT DISTINCT run_id FROM workflow_run_node WHERE child_ended AND state IS NULL AND run_id <> ALL (%s) LIMIT %s
"""


@dataclass(frozen=True, kw_only=True)
class _Row:
    id: int
    place: Place
    kind: Kind | None
    """None: a trigger's."""
    name: str
    expression: str
    next_at: datetime | None
    anchor: datetime
    tags: Mapping[str, str]

    @property
    def what(self) -> str:
        return f"{'trigger' if self.kind is None else 'crawler'} {self.name!r}"


@dataclass
class Scheduler:
    database: Database
    firing: Firing
    clock: Callable[[], datetime] | None = None
    """None: the database's. Tests turn it."""
    _avoid: dict[int | str, float] = field(default_factory=dict)
    """Rows and runs over which something unforeseen went wrong, and until when others go first."""

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set. Notify WAKE to have it seen at once."""
        attend(self.database, WAKE, self.step, stop, name="scheduler")

    def step(self) -> float:
        """Do what is due now. Seconds until something is due again, as far as is known; 0: there may be more at once."""
        now = self._now()
        self._avoid = {key: until for key, until in self._avoid.items() if until > time.monotonic()}
        planned = self._plan(now)
        ticked = sum(1 for _ in zip(range(_AT_ONCE), self._ticks(now), strict=False))
        ended, skipped = self._ends()
        look_again_at = self._events(now)
        if planned == _PLANNED_AT_ONCE or ticked == _AT_ONCE or ended:
            return 0.0
        if skipped:
            return _SKIPPED_S
        with self.database.connection() as conn:
            [next_at] = conn.execute(NEXT).fetchone() or (None,)
        soonest = min((at for at in (next_at, look_again_at) if at is not None), default=None)
        left_s = _POLL_S if soonest is None else (soonest - self._now()).total_seconds()
        return max(0.0, min(_POLL_S, left_s))

    def _plan(self, now: datetime) -> int:
        """Work out the first tick of schedules that are new or were changed."""
        with self.database.transaction() as conn:
            found = [_row(row) for row in conn.execute(UNPLANNED, {"limit": _PLANNED_AT_ONCE}).fetchall()]
            for row in found:
                conn.execute(SET_NEXT, (_due(row, now).next_at, row.id))
        return len(found)

    def _ticks(self, now: datetime) -> Iterator[None]:
        """Each schedule that is due, in a transaction of its own."""
        while True:
            row: _Row | None = None
            try:
                with self.database.transaction() as conn:
                    avoid = [key for key in self._avoid if isinstance(key, int)]
                    found = conn.execute(DUE, {"now": now, "avoid": avoid}).fetchone()
                    if found is None:
                        return
                    row = _row(found)
                    self._tick(conn, row, now)
                failpoint("orchestrate.after_tick")
            except psycopg.errors.DeadlockDetected:
                log.info("another scheduler was in the way; its turn, then ours")
            except (psycopg.OperationalError, DatabaseUnavailable):
                raise
            except Exception:
                if row is None:
                    raise
                log.exception("schedule of %s: tried again in %d seconds", row.what, _AVOID_S)
                self._avoid[row.id] = time.monotonic() + _AVOID_S
            yield

    def _tick(self, conn: psycopg.Connection, row: _Row, now: datetime) -> None:
        decided = _due(row, now)
        conn.execute(SET_NEXT, (decided.next_at, row.id))
        for tick in decided.ticks:
            try:
                with conn.transaction():
                    self._act(conn, row, tick)
            except GlulamError as error:
                log.warning("%s is due at %s and does not start: %s", row.what, tick, error)
                self._note(conn, row, tick, str(error))

    def _act(self, conn: psycopg.Connection, row: _Row, tick: datetime) -> None:
        if row.kind is None:
            self.firing.fire_trigger(conn, row.place, triggers.get(conn, row.place, row.name), tick=tick)
        else:
            self.firing.children.start(conn, row.place, row.kind, row.name, {}, "")

    def _note(self, conn: psycopg.Connection, row: _Row, tick: datetime, error: str) -> None:
        """A tick that could not start its workflow stands in the workflow's history."""
        if row.kind is not None:
            return
        trigger = triggers.get(conn, row.place, row.name)
        made = runs.insert(
            conn, row.place, trigger.workflow, triggers.of_workflow(conn, row.place, trigger.workflow)
            if trigger.workflow else (), {}, error=error,
        )  # fmt: skip
        runs.fire(conn, made.id, row.name, tick)

    def _events(self, now: datetime) -> datetime | None:
        """Start workflows whose batches are complete. When the next window ends."""
        with self.database.connection() as conn:
            waiting = conn.execute(WAITING_FOR).fetchall()
        ends = []
        for account_id, region, workflow in waiting:
            try:
                with self.database.transaction() as conn:
                    place = Place(account_id=account_id, region=region)
                    ends.append(self._batch(conn, place, workflow, now))
            except psycopg.errors.DeadlockDetected:
                ends.append(now)  # another scheduler was in the way: look again at once
            except GlulamError as error:
                log.warning("events for workflow %r wait: %s", workflow, error)
        return min((at for at in ends if at is not None), default=None)

    def _batch(self, conn: psycopg.Connection, place: Place, workflow: str, now: datetime) -> datetime | None:
        workflows.get(conn, place, workflow, for_update=True)  # one scheduler at a time
        trigger = triggers.starting(triggers.of_workflow(conn, place, workflow))
        if (
            trigger is None
            or trigger.type is not TriggerType.EVENT
            or trigger.state is not TriggerState.ACTIVATED
        ):
            return None  # they wait until it is
        given = {
            "account_id": place.account_id,
            "region": place.region,
            "workflow": workflow,
            "limit": _MOST_EVENTS,
        }
        waiting = [Waiting(id=row[0], at=row[1]) for row in conn.execute(WAITING, given).fetchall()]
        found = batches(waiting, now, size=trigger.batch_size, window_s=trigger.batch_window_s)
        for ids in found.full:
            rows = conn.execute(EVENTS, (list(ids),)).fetchall()
            events = {
                "BatchSize": len(rows), "BatchWindow": max(0, round((now - rows[0][2]).total_seconds())),
                "Events": [{"Id": row[0], "Detail": row[1]} for row in rows],
            }  # fmt: skip
            named = {EVENT_IDS: orjson.dumps([row[0] for row in rows]).decode()}
            try:
                with conn.transaction():
                    run = self.firing.start_workflow(conn, place, workflow, named, events=events)
            except ConcurrentRunsExceeded:
                return now + timedelta(seconds=_POLL_S)  # the batch waits; a run that ends wakes us, too
            conn.execute(TAKE_EVENTS, (run.id, list(ids)))
            failpoint("orchestrate.after_batch")
        return found.look_again_at

    def _ends(self) -> tuple[int, int]:
        """Runs in which something ended: how many were gone on with, how many somebody else holds."""
        avoid = [key for key in self._avoid if isinstance(key, str)]
        with self.database.connection() as conn:
            found = [row[0] for row in conn.execute(ENDED, (avoid, _AT_ONCE)).fetchall()]
        done = 0
        for run_id in found:
            try:
                with self.database.transaction() as conn:
                    done += self.firing.advance(conn, run_id)
            except psycopg.errors.DeadlockDetected:
                done += 1  # another scheduler was in the way: look again at once
            except (psycopg.OperationalError, DatabaseUnavailable):
                raise
            except Exception:
                log.exception("workflow run %s: tried again in %d seconds", run_id, _AVOID_S)
                self._avoid[run_id] = time.monotonic() + _AVOID_S
        return done, len(found) - done

    def _now(self) -> datetime:
        if self.clock is not None:
            return self.clock()
        with self.database.connection() as conn:
            row = conn.execute("SELECT clock_timestamp()").fetchone()
        assert row is not None
        found: datetime = row[0]
        return found


def _due(row: _Row, now: datetime) -> Due:
    """A schedule that says nothing (its tags are off) is never due; setting it anew plans it again."""
    try:
        return due(row.expression, row.next_at, now, anchor=row.anchor, tags=row.tags)
    except GlulamError as error:
        log.warning("%s has no next tick: %s", row.what, error)
        return Due(next_at=NEVER)


def _row(row: tuple[Any, ...]) -> _Row:
    now_at: datetime | None = row[6]
    anchor: datetime | None = row[7]
    return _Row(
        id=row[0], place=Place(account_id=row[1], region=row[2]), kind=Kind.CRAWLER if row[3] == "CRAWLER" else None,
        name=row[4], expression=row[5], next_at=now_at, anchor=anchor or _EPOCH, tags=row[8],
    )  # fmt: skip


_EPOCH = datetime.fromisoformat("2000-01-01T00:00:00+00:00")
