"""A worker's hold on runs: claim, heartbeat, outcome; and what becomes of the runs of a worker that is gone.

    claim    STARTING -> RUNNING under the next epoch, with a lease on the database's clock
    beat     every few seconds, for all runs of a worker at once; answers which of them are to be stopped
    settle   the outcome, if the epoch is still ours: state, bookmark, retry and the next waiting run in one transaction
    rescue   runs whose lease is over: the same outcome, told by whoever notices

When the outcome of `settle` is unknown (connection lost) it is simply done again: the second one finds the run ended by
its own epoch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from glulam.jobs import bookmarks, definitions, runs
from glulam.jobs.capacity import capacity_of
from glulam.jobs.runs import COLUMNS, NOTIFY, JobRun, to_run
from glulam.jobs.states import RunState
from glulam.ledger.outbox import announce
from glulam.model.errors import EntityNotFound, Fenced
from glulam.model.failpoints import failpoint

CLAIM = f"""
WITH due AS (
  SELECT id AS due_id FROM job_run WHERE state = 'STARTING' AND (not_before IS NULL OR not_before <= now())
    AND (host IS NULL OR host = %(host)s) AND (%(only)s::text IS NULL OR id = %(only)s)
  ORDER BY seq LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
UPDATE job_run SET state = 'RUNNING', epoch = epoch + 1, worker = %(worker)s, began_at = now(), changed_at = now(),
       lease_until = now() + make_interval(secs => %(lease_s)s)
FROM due WHERE id = due_id RETURNING {COLUMNS}
"""  # noqa: S608
DUE_IN = """
SELECT extract(epoch FROM min(not_before) - now())::float8 FROM job_run WHERE state = 'STARTING' AND not_before > now()
"""
HAS_KEY = "UPDATE job_run SET access_key_id = %s WHERE id = %s AND epoch = %s"
BEAT = """
UPDATE job_run SET lease_until = now() + make_interval(secs => %(lease_s)s)
WHERE worker = %(worker)s AND state IN ('RUNNING', 'STOPPING') AND id = ANY (%(ids)s) RETURNING id, state
"""
HAND_BACK = """
UPDATE job_run SET state = 'STARTING', worker = NULL, lease_until = NULL, began_at = NULL, changed_at = now()
WHERE id = %s AND epoch = %s AND state = 'RUNNING'
"""
LOCK = f"SELECT {COLUMNS} FROM job_run WHERE id = %s AND epoch = %s FOR UPDATE"  # noqa: S608
SETTLE = f"""
UPDATE job_run SET state = %(state)s, lease_until = NULL, changed_at = now(), completed_at = now(),
       error_message = %(error)s, failure = %(failure)s, metrics = %(metrics)s,
       execution_s = extract(epoch FROM now() - began_at), dpu_seconds = extract(epoch FROM now() - began_at) * %(dpu)s
WHERE id = %(id)s RETURNING {COLUMNS}
"""  # noqa: S608
LOST = """
SELECT id, epoch, worker FROM job_run WHERE state IN ('RUNNING', 'STOPPING') AND lease_until < now()
ORDER BY seq LIMIT %s FOR UPDATE SKIP LOCKED
"""
GLUE, RUN_STATUS = "aws.glue", "Glue Job Run Status"
"""Source and detail-type of Glue's event on a run that takes long. How a run ended is told by the database itself."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run ended, as its worker saw it."""

    state: RunState
    error: str | None = None
    failure: Mapping[str, Any] | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)


def claim(
    conn: psycopg.Connection, *, worker: str, limit: int, lease_s: float, host: str | None = None,
    only: str | None = None,
) -> list[JobRun]:  # fmt: skip
    """Up to `limit` of the oldest queued runs that are due, for any host or this one (only: this run). Commit before the work
    starts."""
    given = {"worker": worker, "limit": limit, "lease_s": lease_s, "host": host, "only": only}
    found = [to_run(row) for row in conn.execute(CLAIM, given).fetchall()]
    return sorted(found, key=lambda run: run.seq)


def due_in(conn: psycopg.Connection) -> float | None:
    """Seconds until the next run that waits for its time may be claimed, None when none does."""
    row = conn.execute(DUE_IN).fetchone()
    return None if row is None or row[0] is None else float(row[0])


def sign_with(conn: psycopg.Connection, run: JobRun, key_id: str) -> None:
    """Write down which key the run's process has."""
    conn.execute(HAS_KEY, (key_id, run.id, run.epoch))


def beat(conn: psycopg.Connection, *, worker: str, ids: Sequence[str], lease_s: float) -> dict[str, RunState]:
    """Keep the leases. The runs that are still this worker's, with their states."""
    rows = conn.execute(BEAT, {"worker": worker, "ids": list(ids), "lease_s": lease_s}).fetchall()
    return {run_id: RunState(state) for run_id, state in rows}


def hand_back(conn: psycopg.Connection, run: JobRun) -> None:
    """Back into the queue: claimed, and not begun."""
    conn.execute(HAND_BACK, (run.id, run.epoch))
    conn.execute(NOTIFY)


def settle(conn: psycopg.Connection, run_id: str, epoch: int, outcome: Outcome) -> JobRun:
    """End the run, in the caller's transaction. Once more with the same epoch changes nothing.

    Raises Fenced when another worker has the run, or it was rescued meanwhile with another outcome."""
    row = conn.execute(LOCK, (run_id, epoch)).fetchone()
    if row is None:
        raise Fenced(f"job run {run_id} is no longer of epoch {epoch}")
    before = to_run(row)
    state = _final(before.state, outcome.state)
    if before.state.ended:
        if before.state is state and before.error_message == outcome.error:
            return before
        raise Fenced(f"job run {run_id} has ended already: {before.state}")
    given = {
        "id": run_id, "state": state, "error": outcome.error if state is not RunState.SUCCEEDED else None,
        "failure": Jsonb(dict(outcome.failure)) if outcome.failure and state is RunState.FAILED else None,
        "metrics": Jsonb(dict(outcome.metrics)), "dpu": capacity_of(before.spec).dpu,
    }  # fmt: skip
    ended_row = conn.execute(SETTLE, given).fetchone()
    assert ended_row is not None
    ended = to_run(ended_row)
    failpoint("job.settle.after_state")
    if state is RunState.SUCCEEDED:
        bookmarks.promote_pending(conn, ended)
    _what_follows(conn, ended)
    return ended


def rescue(conn: psycopg.Connection, limit: int) -> int:
    """End the runs whose worker was not heard of within its lease; returns how many."""
    found = conn.execute(LOST, (limit,)).fetchall()
    for run_id, epoch, worker in found:
        error = f"worker {worker} was not heard of any more: it was killed, or lost its database; the run was ended"
        settle(conn, run_id, epoch, Outcome(state=RunState.FAILED, error=error))
    return len(found)


def _final(before: RunState, outcome: RunState) -> RunState:
    """A run that was asked to stop is STOPPED, unless its script was done before the stop reached it."""
    if before is RunState.STOPPING and outcome is not RunState.SUCCEEDED:
        return RunState.STOPPED
    return outcome


def _what_follows(conn: psycopg.Connection, ended: JobRun) -> None:
    """The retry, the next waiting run."""
    try:
        definitions.get(conn, ended.place, ended.job_name, for_update=True)
    except EntityNotFound:
        return
    retried = ended.state is RunState.FAILED and ended.attempt < int(ended.spec.get("MaxRetries") or 0)
    if retried:
        attempt = ended.attempt + 1
        wait_s = runs.arguments_of(ended.spec, ended.arguments).backoff_s(attempt)
        runs.insert(
            conn, ended.place, ended.job_name, ended.spec, ended.arguments, attempt=attempt, previous=ended.id,
            run_id=runs.attempt_id(ended.id, attempt), trigger=ended.trigger_name, waits=False, wait_s=wait_s,
            host=ended.host,
        )  # fmt: skip
    if runs.promote(conn, ended.place, ended.job_name, ended.spec) or retried:
        conn.execute(NOTIFY)


DELAYED = f"""
UPDATE job_run SET delay_told = true
WHERE id IN (
  SELECT id FROM job_run
  WHERE state IN ('RUNNING', 'STOPPING') AND NOT delay_told
    AND began_at < now() - make_interval(mins => (spec->'NotificationProperty'->>'NotifyDelayAfter')::int)
  LIMIT %s FOR UPDATE SKIP LOCKED)
RETURNING {COLUMNS}
"""  # noqa: S608
EXPIRE = """
UPDATE job_run SET state = 'EXPIRED', changed_at = now(), completed_at = now(), state_detail = NULL,
       error_message = 'no place became free for the run within its timeout'
WHERE id IN (
  SELECT id FROM job_run
  WHERE state = 'WAITING' AND created_at < now() - make_interval(mins => (spec->>'Timeout')::int)
  LIMIT %s FOR UPDATE SKIP LOCKED)
"""
STRANDED = f"""
SELECT DISTINCT ON (account_id, region, job_name) {COLUMNS} FROM job_run w
WHERE state = 'WAITING' AND NOT EXISTS (
  SELECT 1 FROM job_run a WHERE a.account_id = w.account_id AND a.region = w.region AND a.job_name = w.job_name
    AND a.state IN ('STARTING', 'RUNNING', 'STOPPING'))
LIMIT %s
"""  # noqa: S608


def tell_delays(conn: psycopg.Connection, limit: int) -> int:
    """One event for each run that takes longer than its NotifyDelayAfter."""
    found = [to_run(row) for row in conn.execute(DELAYED, (limit,)).fetchall()]
    for run in found:
        minutes = run.spec["NotificationProperty"]["NotifyDelayAfter"]
        message = f"the run has taken longer than {minutes} minutes"
        detail = {"jobName": run.job_name, "jobRunId": run.id, "state": run.state, "severity": "INFO", "message": message,
                  "notificationCondition": {"NotifyDelayAfter": minutes}}  # fmt: skip
        announce(
            conn, RUN_STATUS, detail, source=GLUE, account_id=run.place.account_id, region=run.place.region
        )
    return len(found)


def expire(conn: psycopg.Connection, limit: int) -> int:
    """End runs that waited longer than they may run; let those go on that nobody holds up any more."""
    expired = conn.execute(EXPIRE, (limit,)).rowcount
    started = 0
    for run in [to_run(row) for row in conn.execute(STRANDED, (limit,)).fetchall()]:
        started += runs.promote(conn, run.place, run.job_name, run.spec)
    if started:
        conn.execute(NOTIFY)
    return expired + started
