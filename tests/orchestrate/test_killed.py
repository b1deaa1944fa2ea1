"""A scheduler that the kernel kills in the middle of a decision: the next one does what is left, and nothing twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from glulam import scheduling
from glulam.jobs import claims, definitions
from glulam.jobs.claims import Outcome
from glulam.jobs.states import RunState
from glulam.model.place import Place
from glulam.orchestrate import triggers, workflows
from glulam.store.database import Database

ROOT = Path(__file__).parents[2]
PLACE = Place(account_id="123456789012", region="us-east-1")
TELL = """
INSERT INTO trigger_event (account_id, region, workflow, event_id, detail) VALUES (%s, %s, 'w', %s, '{}')
"""
STEP = """
import sys
from glulam import scheduling
from glulam.settings import Settings
from glulam.store.database import Database
with Database.open(Settings(database_url=sys.argv[1])) as database:
    scheduling.scheduler(database).step()
"""


@pytest.fixture
def project(database: Database) -> Database:
    """first (by the clock) -> a, b -> second -> c"""
    with database.transaction() as conn:
        for name in "abc":
            definitions.create(conn, PLACE, name, {
                "Role": "r", "Command": {"Name": "pythonshell", "ScriptLocation": "s3://s/x.py"},
                "ExecutionProperty": {"MaxConcurrentRuns": 9},
            })  # fmt: skip
        workflows.create(conn, PLACE, "w", {})
        both = [{"JobName": name, "State": "SUCCEEDED", "LogicalOperator": "EQUALS"} for name in "ab"]
        _trigger(conn, "first", "SCHEDULED", ["a", "b"], Schedule="cron(0 0 1 1 ? *)")
        _trigger(conn, "second", "CONDITIONAL", ["c"], Predicate={"Logical": "AND", "Conditions": both})
    return database


def _trigger(conn: Any, name: str, kind: str, jobs: list[str], **more: Any) -> None:
    given = {"Actions": [{"JobName": job} for job in jobs], **more}
    triggers.create(conn, PLACE, name, given, kind=kind, workflow="w", start=True)


def _killed(url: str, point: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", STEP, url], check=False, capture_output=True, timeout=60,
        env={**os.environ, "GLULAM_FAILPOINT": point, "PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


def _due(database: Database) -> None:
    scheduling.scheduler(database).step()  # works the next tick out
    with database.transaction() as conn:
        conn.execute("UPDATE schedule SET next_at = now()")


def _end(database: Database) -> None:
    """All runs that are queued succeed."""
    with database.transaction() as conn:
        for run in claims.claim(conn, worker="w", limit=9, lease_s=60):
            claims.settle(conn, run.id, run.epoch, Outcome(state=RunState.SUCCEEDED))


def _jobs(database: Database) -> list[str]:
    with database.connection() as conn:
        return [row[0] for row in conn.execute("SELECT job_name FROM job_run ORDER BY job_name").fetchall()]


@pytest.mark.parametrize("point", ["orchestrate.after_fire", "orchestrate.after_tick"])
def test_killed_while_a_tick_fires(project: Database, database_url: str, point: str) -> None:
    _due(project)
    _killed(database_url, point)
    assert _jobs(project) == ([] if point == "orchestrate.after_fire" else ["a", "b"])
    for _ in range(2):
        scheduling.scheduler(project).step()
    assert _jobs(project) == ["a", "b"]


@pytest.mark.parametrize("point", ["orchestrate.after_ends", "orchestrate.after_fire"])
def test_killed_while_it_acts_on_an_end(project: Database, database_url: str, point: str) -> None:
    _due(project)
    scheduling.scheduler(project).step()
    _end(project)
    _killed(database_url, point)
    assert _jobs(project) == ["a", "b"]
    for _ in range(2):
        scheduling.scheduler(project).step()
    assert _jobs(project) == ["a", "b", "c"]
    _end(project)
    scheduling.scheduler(project).step()
    with project.connection() as conn:
        assert conn.execute("SELECT status FROM workflow_run").fetchall() == [("COMPLETED",)]


def test_killed_while_a_batch_of_events_starts_a_workflow(project: Database, database_url: str) -> None:
    with project.transaction() as conn:
        triggers.delete(conn, PLACE, "first")
        _trigger(conn, "first", "EVENT", ["a", "b"], EventBatchingCondition={"BatchSize": 2})
        for one in ("1", "2", "3", "4"):
            conn.execute(TELL, (PLACE.account_id, PLACE.region, one))
    _killed(database_url, "orchestrate.after_batch:2")
    assert _jobs(project) == []
    for _ in range(2):
        scheduling.scheduler(project).step()
    assert _jobs(project) == ["a", "a", "b", "b"]
