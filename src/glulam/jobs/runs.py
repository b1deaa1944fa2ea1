"""Runs of jobs: start, look, stop. What a worker does with them is `claims.py`'s.

A run freezes its job at the start (`spec`): a later UpdateJob does not change what runs. A retry is a run of its own,
`<first run>_attempt_<n>`, as in Glue.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from glulam.jobs import definitions
from glulam.jobs.arguments import Arguments, merge
from glulam.jobs.capacity import command_name, max_capacity
from glulam.jobs.states import RunState
from glulam.model.errors import ConcurrentRunsExceeded, EntityNotFound, InvalidInput, RunEnded
from glulam.model.place import Place
from glulam.store.documents import document

WAKE = "glulam_job"
"""The channel on which workers hear of new runs and of stops."""
OVERRIDES = ("AllocatedCapacity", "Timeout", "MaxCapacity", "SecurityConfiguration", "NotificationProperty",
             "WorkerType", "NumberOfWorkers", "ExecutionClass", "ExecutionRoleSessionPolicy")  # fmt: skip
"""Members of StartJobRun that replace the job's."""


@dataclass(frozen=True, kw_only=True)
class JobRun:
    """One run, as it stands now."""

    seq: int
    id: str
    place: Place
    job_name: str
    number: int
    """Which run of its job."""
    attempt: int
    """0, and one more for each retry."""
    previous_run_id: str | None
    trigger_name: str | None
    state: RunState
    spec: Mapping[str, Any]
    arguments: Mapping[str, str]
    """Those of StartJobRun."""
    epoch: int
    worker: str | None
    created_at: datetime
    began_at: datetime | None
    changed_at: datetime
    completed_at: datetime | None
    error_message: str | None
    state_detail: str | None
    failure: Mapping[str, Any] | None
    execution_s: float | None
    dpu_seconds: float | None
    metrics: Mapping[str, Any]
    access_key_id: str | None
    not_before: datetime | None
    """When a retry may be claimed, None: at once."""
    host: str | None
    """The machine and home whose workers alone may claim it (worker.py), None: any."""

    @property
    def kind(self) -> str:
        """The command's name."""
        return command_name(self.spec)


COLUMNS = """
seq, id, account_id, region, job_name, number, attempt, previous_run_id, trigger_name, state, spec, arguments, epoch, worker,
created_at, began_at, changed_at, completed_at, error_message, state_detail, failure, execution_s, dpu_seconds, metrics,
access_key_id, not_before, host
"""
_HERE = "account_id = %(account_id)s AND region = %(region)s"
_JOB = f"{_HERE} AND job_name = %(job)s"
ACTIVE = f"SELECT count(*) FROM job_run WHERE {_JOB} AND state IN ('STARTING', 'RUNNING', 'STOPPING')"  # noqa: S608
NEXT_NUMBER = f"UPDATE job SET runs = runs + 1 WHERE {_HERE} AND name = %(job)s RETURNING runs"  # noqa: S608
INSERT = f"""
INSERT INTO job_run (id, account_id, region, job_name, number, attempt, previous_run_id, trigger_name, state, spec, arguments,
                     state_detail, not_before, host)
VALUES (%(id)s, %(account_id)s, %(region)s, %(job)s, %(number)s, %(attempt)s, %(previous)s, %(trigger)s, %(state)s, %(spec)s,
        %(arguments)s, %(detail)s, now() + make_interval(secs => nullif(%(wait_s)s::float8, 0)), %(host)s)
RETURNING {COLUMNS}
"""  # noqa: S608
INSERT_ALONE = f"""
INSERT INTO job_run (id, account_id, region, job_name, number, state, spec, arguments)
VALUES (%(id)s, %(account_id)s, %(region)s, %(job)s, 0, 'STARTING', %(spec)s, %(arguments)s) RETURNING {COLUMNS}
"""  # noqa: S608
NOTIFY = f"NOTIFY {WAKE}"
FIND = f"SELECT {COLUMNS} FROM job_run WHERE id = %s"  # noqa: S608
FIND_MANY = f"SELECT {COLUMNS} FROM job_run WHERE id = ANY(%s)"  # noqa: S608
WAITING = "SELECT id FROM job_run WHERE id = ANY(%s) AND state = 'WAITING'"
PAGE = f"""
SELECT {COLUMNS} FROM job_run
WHERE {_HERE} AND (%(job)s::text IS NULL OR job_name = %(job)s) AND (%(before)s::bigint IS NULL OR seq < %(before)s)
ORDER BY seq DESC LIMIT %(limit)s
"""  # noqa: S608
KNOWN_JOB = f"SELECT 1 FROM job_run WHERE {_JOB} LIMIT 1"  # noqa: S608
STOP = """
UPDATE job_run SET state = CASE state WHEN 'RUNNING' THEN 'STOPPING' ELSE 'STOPPED' END, changed_at = now(),
       completed_at = CASE state WHEN 'RUNNING' THEN NULL ELSE now() END
WHERE id = %s AND state IN ('WAITING', 'STARTING', 'RUNNING') RETURNING state
"""
PROMOTE = f"""
UPDATE job_run SET state = 'STARTING', state_detail = NULL, changed_at = now()
WHERE id IN (SELECT id FROM job_run WHERE {_JOB} AND state = 'WAITING' ORDER BY seq LIMIT %(places)s FOR UPDATE SKIP LOCKED)
"""  # noqa: S608


def start(
    conn: psycopg.Connection,
    place: Place,
    job_name: str,
    asked: Mapping[str, Any],
    *,
    trigger: str | None = None,
    host: str | None = None,
) -> JobRun:
    """Enter a new run in the queue. `asked` holds StartJobRun's members. host: only its workers may claim it.

    Raises EntityNotFound (the job, or the run to retry), ConcurrentRunsExceeded, InvalidInput."""
    job = definitions.get(conn, place, job_name, for_update=True)
    spec = spec_of(job.document, asked)
    arguments_of(spec, asked.get("Arguments") or {}).backoff_s(1)
    previous = asked.get("JobRunId")
    if previous is not None:
        get(conn, place, job_name, previous)
    queuing = asked.get("JobRunQueuingEnabled", spec.get("JobRunQueuingEnabled", False))
    free = _places(conn, place, job_name, spec) > 0
    if not free and not queuing:
        raise ConcurrentRunsExceeded(f"Concurrent runs exceeded for {job_name}")
    made = insert(
        conn, place, job_name, spec, asked.get("Arguments") or {}, run_id="jr_" + secrets.token_hex(32), attempt=0,
        previous=previous, trigger=trigger, waits=not free, host=host,
    )  # fmt: skip
    conn.execute(NOTIFY)
    return made


def insert(
    conn: psycopg.Connection, place: Place, job_name: str, spec: Mapping[str, Any], arguments: Mapping[str, str], *,
    run_id: str, attempt: int, previous: str | None, trigger: str | None, waits: bool, wait_s: float = 0,
    host: str | None = None,
) -> JobRun:  # fmt: skip
    """One more run of a job whose row is locked. wait_s: how long nobody may claim it. Raises EntityNotFound when the job
    is gone."""
    given = {"account_id": place.account_id, "region": place.region, "job": job_name}
    numbered = conn.execute(NEXT_NUMBER, given).fetchone()
    if numbered is None:
        raise EntityNotFound(f"Job with name: {job_name} not found.")
    detail = (
        "the job runs as often as MaxConcurrentRuns allows; this run is next when one of them ends"
        if waits
        else None
    )
    row = conn.execute(
        INSERT,
        {
            **given, "id": run_id, "number": numbered[0], "attempt": attempt, "previous": previous, "trigger": trigger,
            "state": "WAITING" if waits else "STARTING", "spec": document(spec), "arguments": Jsonb(dict(arguments)),
            "detail": detail, "wait_s": wait_s, "host": host,
        },
    ).fetchone()  # fmt: skip
    assert row is not None
    return to_run(row)


def arguments_of(spec: Mapping[str, Any], asked: Mapping[str, str]) -> Arguments:
    """What the run's process gets, of the job's arguments and the run's own."""
    return merge(spec.get("DefaultArguments"), asked, spec.get("NonOverridableArguments"))


def insert_alone(
    conn: psycopg.Connection, place: Place, name: str, spec: Mapping[str, Any], arguments: Mapping[str, str]
) -> JobRun:
    """A run of no job: of a session, or of a blueprint's script. name: as it stands where runs are listed."""
    given = {"id": "jr_" + secrets.token_hex(32), "account_id": place.account_id, "region": place.region, "job": name,
             "spec": document(spec), "arguments": Jsonb(dict(arguments))}  # fmt: skip
    row = conn.execute(INSERT_ALONE, given).fetchone()
    assert row is not None
    conn.execute(NOTIFY)
    return to_run(row)


def spec_of(job: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """The job's definition with what one run asks for instead. Raises InvalidInput."""
    changed = {name: asked[name] for name in OVERRIDES if asked.get(name) is not None}
    if "WorkerType" in changed and "MaxCapacity" in changed:
        raise InvalidInput("expected MaxCapacity, or WorkerType and NumberOfWorkers; found both")
    spec = {**job, **changed}
    if "MaxCapacity" in changed or "AllocatedCapacity" in changed:
        spec.pop("WorkerType", None)
        spec.pop("NumberOfWorkers", None)
        spec["MaxCapacity"] = float(changed.get("MaxCapacity") or changed["AllocatedCapacity"])
    definitions.check_minutes(spec)
    spec["MaxCapacity"] = max_capacity(spec)
    spec["AllocatedCapacity"] = int(spec["MaxCapacity"])
    return spec


def find(conn: psycopg.Connection, run_id: str) -> JobRun | None:
    row = conn.execute(FIND, (run_id,)).fetchone()
    return None if row is None else to_run(row)


def attempts(conn: psycopg.Connection, run_ids: Sequence[str]) -> dict[str, list[JobRun]]:
    """Each of these runs that is there, behind the attempts before it."""
    names = {one: [*_before(one), one] for one in run_ids}
    rows = conn.execute(FIND_MANY, ([name for each in names.values() for name in each],)).fetchall()
    known = {run.id: run for run in map(to_run, rows)}
    return {
        one: [known[name] for name in each if name in known] for one, each in names.items() if one in known
    }


def _before(run_id: str) -> list[str]:
    first, _, attempt = run_id.partition("_attempt_")
    return [first, *(attempt_id(first, n) for n in range(1, int(attempt)))] if attempt else []


def waiting(conn: psycopg.Connection, run_ids: Sequence[str]) -> set[str]:
    """Which of these runs wait for a place."""
    return {name for (name,) in conn.execute(WAITING, (list(run_ids),)).fetchall()}


def retry_of(conn: psycopg.Connection, run: JobRun) -> JobRun | None:
    """The next attempt at a run that failed, if there is one."""
    return find(conn, attempt_id(run.id, run.attempt + 1))


def attempt_id(run_id: str, attempt: int) -> str:
    """As Glue names retries: `<first run>_attempt_<n>`."""
    return f"{run_id.partition('_attempt_')[0]}_attempt_{attempt}"


def get(conn: psycopg.Connection, place: Place, job_name: str | None, run_id: str) -> JobRun:
    """Raises EntityNotFound, also for a run of another place or job."""
    found = find(conn, run_id)
    if found is None or found.place != place or (job_name is not None and found.job_name != job_name):
        raise EntityNotFound(
            f"Job run {run_id} of job {job_name} not found." if job_name else f"Job run {run_id} not found."
        )
    return found


def page(
    conn: psycopg.Connection, place: Place, job_name: str | None, *, before: int | None = None, limit: int
) -> list[JobRun]:
    """The newest first. Raises EntityNotFound when there is neither the job nor a run of it."""
    given = {
        "account_id": place.account_id,
        "region": place.region,
        "job": job_name,
        "before": before,
        "limit": limit,
    }
    rows = conn.execute(PAGE, given).fetchall()
    if not rows and job_name is not None and conn.execute(KNOWN_JOB, given).fetchone() is None:
        definitions.get(conn, place, job_name)
    return [to_run(row) for row in rows]


def stop(conn: psycopg.Connection, place: Place, job_name: str, run_id: str) -> None:
    """A run that has not begun is STOPPED at once, a running one by its worker. Raises EntityNotFound, RunEnded."""
    with suppress(EntityNotFound):  # deleted: what runs can still be stopped
        definitions.get(conn, place, job_name, for_update=True)
    found = get(conn, place, job_name, run_id)
    row = conn.execute(STOP, (run_id,)).fetchone()
    if row is None:
        if found.state is not RunState.STOPPING:
            raise RunEnded(f"Job run {run_id} is {found.state} and cannot be stopped")
        return
    if row[0] == RunState.STOPPED:
        promote(conn, place, job_name, found.spec)
    conn.execute(NOTIFY)


def promote(conn: psycopg.Connection, place: Place, job_name: str, spec: Mapping[str, Any]) -> int:
    """Let waiting runs of the job start where there are places. The caller holds the job's row."""
    places = _places(conn, place, job_name, spec)
    if places <= 0:
        return 0
    given = {"account_id": place.account_id, "region": place.region, "job": job_name, "places": places}
    return conn.execute(PROMOTE, given).rowcount


def _places(conn: psycopg.Connection, place: Place, job_name: str, spec: Mapping[str, Any]) -> int:
    given = {"account_id": place.account_id, "region": place.region, "job": job_name}
    row = conn.execute(ACTIVE, given).fetchone()
    assert row is not None
    return int((spec.get("ExecutionProperty") or {}).get("MaxConcurrentRuns") or 1) - int(row[0])


def to_run(row: Sequence[Any]) -> JobRun:
    """From COLUMNS."""
    return JobRun(
        seq=row[0], id=row[1], place=Place(account_id=row[2], region=row[3]), job_name=row[4], number=row[5],
        attempt=row[6], previous_run_id=row[7], trigger_name=row[8], state=RunState(row[9]), spec=row[10],
        arguments=row[11], epoch=row[12], worker=row[13], created_at=row[14], began_at=row[15], changed_at=row[16],
        completed_at=row[17], error_message=row[18], state_detail=row[19], failure=row[20], execution_s=row[21],
        dpu_seconds=row[22], metrics=row[23], access_key_id=row[24], not_before=row[25], host=row[26],
    )  # fmt: skip
