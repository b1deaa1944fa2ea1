"""A world with a turned clock: a random project, schedulers that die, jobs that end somehow; and what must be true at the end.

Everything but the passing of time and the ends of jobs is real: the database, the schedulers, the rows of job runs."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from glulam.catalog import tags
from glulam.jobs import claims, definitions
from glulam.jobs.claims import Outcome
from glulam.jobs.states import RunState
from glulam.model.place import Place
from glulam.orchestrate import runs, triggers, workflows
from glulam.orchestrate.definition import Kind, Trigger
from glulam.orchestrate.due import MISSED_TAG
from glulam.orchestrate.firing import Firing
from glulam.orchestrate.scheduler import Scheduler
from glulam.scheduling import JobsAndCrawls
from glulam.store.database import Database

PLACE = Place(account_id="123456789012", region="us-sim-1")
BEGIN = datetime(2026, 5, 4, tzinfo=UTC)
STATES = ("SUCCEEDED", "FAILED", "TIMEOUT")
STRAY = """
SELECT r.id FROM job_run r
WHERE r.id <> ALL (%s) AND NOT EXISTS (SELECT 1 FROM job_run n WHERE n.previous_run_id = r.id)
"""


class Crash(BaseException):
    """A scheduler dies: its transaction is rolled back, and nothing of its memory is left."""


@dataclass
class Fragile(JobsAndCrawls):
    """Jobs and crawls, and now and then death in the middle of a decision."""

    chance: random.Random
    share: float = 0.0

    def start(
        self,
        conn: psycopg.Connection,
        place: Place,
        kind: Kind,
        name: str,
        asked: Mapping[str, Any],
        trigger: str,
    ) -> str:
        if self.chance.random() < self.share / 2:
            raise Crash
        found = super().start(conn, place, kind, name, asked, trigger)
        if self.chance.random() < self.share / 2:
            raise Crash
        return found


@dataclass
class World:
    database: Database
    chance: random.Random
    now: datetime = BEGIN
    looks: list[datetime] = field(default_factory=list)
    """When a scheduler looked and lived."""
    jobs: list[str] = field(default_factory=list)
    crashes: int = 0

    def __post_init__(self) -> None:
        self.fragile = Fragile(chance=self.chance)

    def build(self) -> None:
        """A workflow that starts every few minutes, and a chain outside of workflows."""
        with self.database.transaction() as conn:
            self.jobs = [f"j{n}" for n in range(self.chance.randint(3, 8))]
            for job in self.jobs:
                definitions.create(conn, PLACE, job, {
                    "Role": "r", "Command": {"Name": "pythonshell", "ScriptLocation": "s3://s/x.py"},
                    "MaxRetries": self.chance.choice([0, 0, 0, 1, 2]), "ExecutionProperty": {"MaxConcurrentRuns": 1000},
                })  # fmt: skip
            workflows.create(conn, PLACE, "w", {})
            self.every = self.chance.choice([5, 10, 15, 60])
            self.policy = self.chance.choice(["once", "once", "all", "skip"])
            tags.put(conn, PLACE.arn("trigger", "start"), {MISSED_TAG: self.policy})
            schedule = {
                "Schedule": f"cron(0/{self.every} * * * ? *)" if self.every < 60 else "cron(0 * * * ? *)"
            }
            self._trigger(conn, "start", "SCHEDULED", "w", schedule)
            self._trigger(conn, "demand", "ON_DEMAND", "", {})
            for workflow in ("w", ""):
                for number in range(self.chance.randint(1, 6)):
                    self._trigger(
                        conn, f"{workflow or 'x'}{number}", "CONDITIONAL", workflow, self._predicate()
                    )

    def _predicate(self) -> dict[str, Any]:
        conditions = [
            {
                "JobName": self.chance.choice(self.jobs),
                "State": self.chance.choice(STATES),
                "LogicalOperator": "EQUALS",
            }
            for _ in range(self.chance.randint(1, 3))
        ]
        return {"Predicate": {"Logical": self.chance.choice(["AND", "ANY"]), "Conditions": conditions}}

    def _trigger(
        self, conn: psycopg.Connection, name: str, kind: str, workflow: str, more: Mapping[str, Any]
    ) -> None:
        actions = [{"JobName": job} for job in self.chance.sample(self.jobs, self.chance.randint(1, 2))]
        triggers.create(
            conn,
            PLACE,
            name,
            {"Actions": actions, **more},
            kind=kind,
            workflow=workflow,
            start=kind != "ON_DEMAND",
        )

    def live(self, moves: int, crash_share: float) -> None:
        """Time passes, jobs end, people start what is on demand; schedulers look, one or two at once."""
        self.look()  # the schedule is on from here
        self.fragile.share = crash_share
        for _ in range(moves):
            self.now += timedelta(
                minutes=self.chance.choice([0, 1, 4, 15, 70]), seconds=self.chance.randint(0, 59)
            )
            if self.chance.random() < 0.1:
                self.now -= timedelta(minutes=self.chance.randint(1, 30))
            for _ in range(self.chance.randint(0, 4)):
                self.end_one()
            if self.chance.random() < 0.3:
                with self.database.transaction() as conn:
                    Firing(children=JobsAndCrawls()).fire_trigger(
                        conn, PLACE, triggers.get(conn, PLACE, "demand")
                    )
            if self.chance.random() < 0.7:
                self.look()
        self.fragile.share = 0.0
        self.look()
        while self.end_one():
            self.look()

    def look(self) -> None:
        """Schedulers of two processes look at the same moment, until one of them lives: the fifth time nobody dies."""
        share = self.fragile.share
        for attempt in range(5):
            self.fragile.share = share if attempt < 4 else 0.0
            with ThreadPoolExecutor(2) as pool:
                lived = list(pool.map(lambda _: self._one(), range(self.chance.randint(1, 2))))
            self.crashes += lived.count(False)
            if any(lived):
                break
        self.fragile.share = share
        self.looks.append(self.now)

    def _one(self) -> bool:
        """Whether it lived. (A clock for each: it does not move while one looks.)"""
        now = self.now
        scheduler = Scheduler(database=self.database, firing=Firing(children=self.fragile), clock=lambda: now)
        try:
            while scheduler.step() == 0.0:
                pass
        except Crash:
            return False
        return True

    def end_one(self) -> bool:
        """A job run ends somehow; False when none is open."""
        with self.database.transaction() as conn:
            found = claims.claim(conn, worker="w", limit=1, lease_s=600)
        for run in found:
            state = RunState(self.chance.choice(STATES))
            with self.database.transaction() as conn:
                claims.settle(
                    conn,
                    run.id,
                    run.epoch,
                    Outcome(state=state, error=None if state == "SUCCEEDED" else "no"),
                )
        return bool(found)


def check(world: World) -> Counter[str]:
    """Everything that must hold when nothing is open any more; what there was of each thing."""
    seen: Counter[str] = Counter(crashes=world.crashes)
    with world.database.connection() as conn:
        assert _ticks(conn) == _expected(world)
        found = [row[0] for row in conn.execute("SELECT id FROM workflow_run ORDER BY seq").fetchall()]
        children = list[str]()
        for run_id in found:
            run = runs.lock(conn, run_id)
            assert run is not None
            assert run.status == "COMPLETED"
            nodes, fired = runs.nodes(conn, run_id), set(runs.fired(conn, run_id))
            waiting = run.triggers if run.workflow else _outside(conn)
            by_name = {t.name: t for t in waiting}
            ended = {(node.name, node.state) for node in nodes}
            for trigger in (t for t in waiting if t.type == "CONDITIONAL"):
                assert _holds(trigger, ended) == (trigger.name in fired), f"{trigger.name} in {run_id}"
                seen["fired"] += trigger.name in fired
                seen["not fired"] += trigger.name not in fired
            assert len(fired - {t.name for t in waiting if t.type == "CONDITIONAL"}) == 1, (
                "one trigger starts a run"
            )
            assert sorted((node.trigger, node.action) for node in nodes) == sorted(
                (name, number) for name in fired for number in range(len(by_name[name].actions))
            )
            children += [node.child_id or "" for node in nodes]
            for node in nodes:
                row = conn.execute(
                    "SELECT job_name, state FROM job_run WHERE id = %s", (node.child_id,)
                ).fetchone()
                assert row == (node.name, node.state)
        assert len(set(children)) == len(children)
        stray = conn.execute(STRAY, (children,)).fetchall()
        assert stray == [], "a run that no trigger set off, or whose end nobody saw"
    seen["runs"], seen["nodes"], seen["ticks"] = len(found), len(children), len(_expected(world))
    return seen


def _ticks(conn: psycopg.Connection) -> list[datetime]:
    rows = conn.execute("SELECT tick FROM workflow_run_fire WHERE trigger = 'start' ORDER BY tick").fetchall()
    return [row[0] for row in rows]


def _expected(world: World) -> list[datetime]:
    """By counting minutes: which ticks the looks had to act on."""
    step = timedelta(minutes=world.every)
    following = BEGIN + (world.looks[0] - BEGIN) // step * step + step
    found: list[datetime] = []
    for now in world.looks[1:]:
        missed = []
        while following <= now:
            missed.append(following)
            following += step
        if world.policy == "all":
            found += missed
        elif missed and (world.policy == "once" or now - missed[-1] < timedelta(seconds=60)):
            found.append(missed[-1])
    return found


def _outside(conn: psycopg.Connection) -> list[Trigger]:
    return triggers.of_workflow(conn, PLACE, "")


def _holds(trigger: Trigger, ended: set[tuple[str, str | None]]) -> bool:
    """The predicate as Glue's documentation says it, read from its members."""
    predicate = trigger.document["Predicate"]
    met = [(c["JobName"], c["State"]) in ended for c in predicate["Conditions"]]
    return any(met) if predicate["Logical"] == "ANY" else all(met)
