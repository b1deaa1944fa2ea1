"""The scheduler: many due at once, how soon a finished run is acted on, and what a large workflow costs at the orchestrator.

    python -m bench.orchestrate [--triggers 10000] [--seconds 60] [--nodes 500]

A scheduler in a process of its own, on an embedded PostgreSQL that syncs to disk. Jobs are not carried out: this process
ends their runs, so that what is measured is the orchestrator alone. The peer is the same number of job runs started one by one
by hand (`jobs.runs.start`, each in its transaction).
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import psycopg

from glulam import scheduling
from glulam.jobs import claims, definitions, runs
from glulam.jobs.claims import Outcome
from glulam.jobs.states import RunState
from glulam.model.place import Place
from glulam.orchestrate import triggers, workflows
from glulam.settings import Settings
from glulam.store.database import Database

PLACE = Place(account_id="123456789012", region="us-east-1")
DUE = 100
PER_MINUTE = 1000
TARGET_DUE_S, TARGET_P99_MS, TARGET_NODE_MS = 2.0, 200, 50
MANY = """
INSERT INTO trigger (account_id, region, name, type, state, document)
SELECT %s, %s, 'many-' || n, 'SCHEDULED', 'ACTIVATED',
  jsonb_build_object('Schedule', 'cron(0 0 1 1 ? 2199)', 'Actions', jsonb_build_array(jsonb_build_object('JobName', 'due')))
FROM generate_series(1, %s) n
"""
SOON = """
UPDATE schedule SET next_at = date_trunc('second', now()) + interval '3 s'
WHERE name IN (SELECT name FROM schedule ORDER BY id LIMIT %s) RETURNING next_at
"""
STARTED = "SELECT count(*), max(extract(epoch FROM fired_at)) FROM workflow_run_fire WHERE fired_at >= %s"


def scheduler(home: Path, stop: object, cpu: object) -> None:
    """The child: schedules until it is told to stop, and says how much processor time it took."""
    with Database.open(Settings(home=home)) as database:
        scheduling.scheduler(database).run(stop)  # type: ignore[arg-type]
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu.value = used.ru_utime + used.ru_stime  # type: ignore[attr-defined]


@contextmanager
def scheduling_process(home: Path) -> Iterator[list[float]]:
    """Yields a list that holds the child's processor time, in seconds, after the block."""
    context = multiprocessing.get_context("spawn")
    stop, cpu, took = context.Event(), context.Value("d", 0.0), list[float]()
    child = context.Process(target=scheduler, args=(home, stop, cpu))
    child.start()
    try:
        yield took
    finally:
        stop.set()
        child.join(20)
        took.append(cpu.value)


def job(database: Database, name: str) -> None:
    with database.transaction() as conn:
        definitions.create(conn, PLACE, name, {
            "Role": "r", "Command": {"Name": "pythonshell", "ScriptLocation": "s3://s/x.py"},
            "ExecutionProperty": {"MaxConcurrentRuns": 1_000_000},
        })  # fmt: skip


def end(database: Database, run_id: str | None = None) -> bool:
    """The oldest queued run is over; False when there is none."""
    with database.transaction() as conn:
        found = claims.claim(conn, worker="bench", limit=1, lease_s=600, only=run_id)
    for run in found:
        with database.transaction() as conn:
            claims.settle(conn, run.id, run.epoch, Outcome(state=RunState.SUCCEEDED))
    return bool(found)


def by_hand(database: Database, number: int) -> float:
    """Seconds for so many runs, each started in its own transaction."""
    begun = time.perf_counter()
    for _ in range(number):
        with database.transaction() as conn:
            runs.start(conn, PLACE, "due", {})
    return time.perf_counter() - begun


def many_due(database: Database, home: Path, number: int) -> None:
    job(database, "due")
    peer = by_hand(database, DUE)
    with database.transaction() as conn:
        conn.execute(MANY, (PLACE.account_id, PLACE.region, number))
    begun = time.monotonic()
    with scheduling_process(home) as cpu:
        while _count(database, "SELECT count(*) FROM schedule WHERE next_at IS NULL"):
            time.sleep(0.2)
        with database.transaction() as conn:
            tick = conn.execute(SOON, (DUE,)).fetchall()[0][0]
            conn.execute("NOTIFY glulam_event")
        while True:
            with database.connection() as conn:
                count, last = conn.execute(STARTED, (tick,)).fetchone() or (0, None)
            if count >= DUE:
                break
            time.sleep(0.05)
        late = float(last) - tick.timestamp()
        time.sleep(5)  # and when nothing is due
        wall = time.monotonic() - begun
    print(f"{number:,} scheduled triggers, {DUE} due in one second: the last one started {late:.2f} s after its tick "
          f"(target {TARGET_DUE_S:.0f}); {late / peer:.2f} times as long as starting them by hand ({peer:.2f} s)")  # fmt: skip
    print(
        f"  processor time of the scheduler: {cpu[0]:.1f} s of {wall:.1f} s = {cpu[0] / wall:.2f} cores (target below 1)"
    )


def latency(database: Database, home: Path, seconds: int) -> None:
    """A run ends, and a job waits for it: until that one is queued, as its workers hear of it."""
    for name in ("first", "second"):
        job(database, name)
    with database.transaction() as conn:
        triggers.create(
            conn, PLACE, "go", {"Actions": [{"JobName": "first"}]}, kind="ON_DEMAND", workflow="", start=False
        )
        triggers.create(conn, PLACE, "then", {
            "Actions": [{"JobName": "second"}],
            "Predicate": {"Conditions": [{"JobName": "first", "State": "SUCCEEDED", "LogicalOperator": "EQUALS"}]},
        }, kind="CONDITIONAL", workflow="", start=True)  # fmt: skip
        trigger = triggers.get(conn, PLACE, "go")
    number = seconds * PER_MINUTE // 60
    with database.transaction() as conn:
        conn.execute("DELETE FROM job_run")
    firing = scheduling.firing()
    for _ in range(number):
        with database.transaction() as conn:
            firing.fire_trigger(conn, PLACE, trigger)
    ended, heard, stop = dict[str, float](), dict[str, float](), threading.Event()
    listener = threading.Thread(target=listen, args=(database, heard, stop))
    listener.start()
    with scheduling_process(home):
        time.sleep(3)
        with database.connection() as conn:
            ids = [
                row[0] for row in conn.execute("SELECT id FROM job_run WHERE job_name = 'first'").fetchall()
            ]
        begun = time.monotonic()
        for place, run_id in enumerate(ids):
            time.sleep(max(0.0, begun + place * 60 / PER_MINUTE - time.monotonic()))
            end(database, run_id)
            ended[run_id] = time.monotonic()
        time.sleep(2)
    stop.set()
    listener.join()
    found = sorted((heard[run_id] - at) * 1000 for run_id, at in ended.items())
    print(f"{number} runs end, {PER_MINUTE} a minute: the next job is queued after p50 {statistics.median(found):.0f} ms, "
          f"p99 {found[int(len(found) * 0.99)]:.0f} ms (target {TARGET_P99_MS})")  # fmt: skip


def listen(database: Database, heard: dict[str, float], stop: threading.Event) -> None:
    """By the run that ended: when its successor was there."""
    with database.connection() as conn:
        conn.execute("LISTEN glulam_job")
        while not stop.is_set():
            told = list(conn.notifies(timeout=0.2, stop_after=1))
            at = time.monotonic()
            for (run_id,) in conn.execute(SUCCEEDED).fetchall() if told else ():
                heard.setdefault(run_id, at)
        conn.execute("UNLISTEN glulam_job")


SUCCEEDED = """
SELECT a.child_id FROM workflow_run_node a JOIN workflow_run_node b USING (run_id)
WHERE a.name = 'first' AND b.name = 'second'
"""


def large(database: Database, home: Path, nodes: int) -> None:
    """One job after another: each end is a decision over the whole graph."""
    names = [f"n{number:04d}" for number in range(nodes)]
    for name in names:
        job(database, name)
    with database.transaction() as conn:
        conn.execute("UPDATE job_run SET state = 'STOPPED', completed_at = now() WHERE state = 'STARTING'")
        workflows.create(conn, PLACE, "large", {})
        triggers.create(
            conn,
            PLACE,
            "large",
            {"Actions": [{"JobName": names[0]}]},
            kind="ON_DEMAND",
            workflow="large",
            start=False,
        )
        for before, name in pairwise(names):
            conditions = [{"JobName": before, "State": "SUCCEEDED", "LogicalOperator": "EQUALS"}]
            triggers.create(conn, PLACE, name, {"Actions": [{"JobName": name}], "Predicate": {"Conditions": conditions}},
                            kind="CONDITIONAL", workflow="large", start=True)  # fmt: skip
    with scheduling_process(home):
        time.sleep(3)
        with database.transaction() as conn:
            scheduling.firing().start_workflow(conn, PLACE, "large", {})
        begun, own, done = time.perf_counter(), 0.0, 0
        while done < nodes:
            at = time.perf_counter()
            run_id = _queued(database)
            if run_id is not None and end(database, run_id):
                done += 1
                own += time.perf_counter() - at
            else:
                time.sleep(0.001)
        took = time.perf_counter() - begun
    with database.connection() as conn:
        assert _state(conn) == ("COMPLETED", nodes)
    print(f"a workflow of {nodes} nodes in a row: {took:.1f} s, {own:.1f} s of it for ending the runs; "
          f"{(took - own) / nodes * 1000:.0f} ms a node at the orchestrator (target {TARGET_NODE_MS})")  # fmt: skip


def _queued(database: Database) -> str | None:
    """A run of the workflow that waits for a worker."""
    with database.connection() as conn:
        row = conn.execute(
            "SELECT id FROM job_run WHERE state = 'STARTING' AND job_name ~ '^n[0-9]+$' LIMIT 1"
        ).fetchone()
    return None if row is None else str(row[0])


def _state(conn: psycopg.Connection) -> tuple[str, int]:
    for _ in range(100):
        row = conn.execute("SELECT status, (SELECT count(*) FROM workflow_run_node WHERE run_id = id AND state = 'SUCCEEDED') "
                           "FROM workflow_run WHERE workflow = 'large'").fetchone()  # fmt: skip
        if row and row[0] == "COMPLETED":
            break
        time.sleep(0.05)
    return (row[0], row[1]) if row else ("", 0)


def _count(database: Database, query: str) -> int:
    with database.connection() as conn:
        row = conn.execute(query.encode()).fetchone()
    return int(row[0]) if row else 0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--triggers", type=int, default=10_000)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--nodes", type=int, default=500)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="glulam-bench-") as folder:
        home = Path(folder) / "home"
        with Database.open(Settings(home=home)) as database:
            many_due(database, home, asked.triggers)
            latency(database, home, asked.seconds)
            large(database, home, asked.nodes)


if __name__ == "__main__":
    main()
