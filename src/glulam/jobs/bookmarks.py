"""Bookmarks of jobs, the server's half: versions of an opaque state, one for each job.

What a script sends with job.commit() waits at its run and becomes the job's bookmark in the transaction that makes the
run SUCCEEDED. Reset and rewind are new versions, so nothing that was committed is forgotten. What stands in a state, and
what is unread by it, is the business of `awsglue`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from glulam.jobs.runs import JobRun
from glulam.model.errors import ConcurrentModification, EntityNotFound
from glulam.model.place import Place


@dataclass(frozen=True, kw_only=True)
class Bookmark:
    """One version."""

    job_name: str
    version: int
    run_id: str | None
    """None: it was reset."""
    run: int
    """The number of that run among the job's."""
    attempt: int
    previous_run_id: str | None
    state: Mapping[str, Any]
    committed_at: datetime


_COLUMNS = "job_name, version, run_id, run, attempt, previous_run_id, state, committed_at"
_JOB = "account_id = %(account_id)s AND region = %(region)s AND job_name = %(job)s"
CURRENT = f"SELECT {_COLUMNS} FROM job_bookmark WHERE {_JOB} ORDER BY version DESC LIMIT 1"  # noqa: S608
OF_RUN = f"""
SELECT {_COLUMNS} FROM job_bookmark WHERE {_JOB} AND run_id = %(run)s ORDER BY version DESC LIMIT 1
"""  # noqa: S608
AT_TIME = f"""
SELECT {_COLUMNS} FROM job_bookmark WHERE {_JOB} AND committed_at <= %(at)s ORDER BY version DESC LIMIT 1
"""  # noqa: S608
HISTORY = f"SELECT {_COLUMNS} FROM job_bookmark WHERE {_JOB} ORDER BY version DESC LIMIT %(limit)s"  # noqa: S608
ADD = f"""
INSERT INTO job_bookmark (account_id, region, job_name, version, run_id, run, attempt, previous_run_id, state)
SELECT %(account_id)s, %(region)s, %(job)s, coalesce(max(version), 0) + 1, %(run_id)s, %(run)s, %(attempt)s, %(previous)s,
       %(state)s
FROM job_bookmark WHERE {_JOB}
RETURNING {_COLUMNS}
"""  # noqa: S608
SEND = "UPDATE job_run SET bookmark = %s WHERE id = %s AND state IN ('RUNNING', 'STOPPING')"
PENDING = "SELECT bookmark FROM job_run WHERE id = %s"


def current(conn: psycopg.Connection, place: Place, job_name: str) -> Bookmark:
    """The job's bookmark. Raises EntityNotFound when no run of it ever committed one."""
    return _one(conn, CURRENT, place, job_name)


def of_run(conn: psycopg.Connection, place: Place, job_name: str, run_id: str) -> Bookmark:
    """The bookmark as that run left it. Raises EntityNotFound."""
    return _one(conn, OF_RUN, place, job_name, run=run_id)


def history(conn: psycopg.Connection, place: Place, job_name: str, limit: int) -> list[Bookmark]:
    """The newest first."""
    rows = conn.execute(HISTORY, {**_at(place, job_name), "limit": limit}).fetchall()
    return [_bookmark(row) for row in rows]


def reset(conn: psycopg.Connection, place: Place, job_name: str) -> Bookmark:
    """Forget what was read. Raises EntityNotFound when there is nothing to forget."""
    current(conn, place, job_name)
    return _add(conn, place, job_name, run_id=None, run=0, attempt=0, previous=None, state={})


def rewind(
    conn: psycopg.Connection,
    place: Place,
    job_name: str,
    *,
    run_id: str | None = None,
    at: datetime | None = None,
) -> Bookmark:
    """Back to how a run left it, or how it stood at a time: the next run reads what came after. Raises EntityNotFound."""
    wanted = of_run(conn, place, job_name, run_id) if run_id else _one(conn, AT_TIME, place, job_name, at=at)
    return _add(conn, place, job_name, run_id=wanted.run_id, run=wanted.run, attempt=wanted.attempt,
                previous=wanted.previous_run_id, state=wanted.state)  # fmt: skip


def send(conn: psycopg.Connection, run: JobRun, state: Mapping[str, Any]) -> None:
    """What job.commit() sends; the last one counts. Raises ConcurrentModification when the run is over."""
    if conn.execute(SEND, (Jsonb(dict(state)), run.id)).rowcount != 1:
        raise ConcurrentModification(f"job run {run.id} is over: its bookmark cannot be committed any more")


def promote_pending(conn: psycopg.Connection, run: JobRun) -> None:
    """Make what the run sent the job's bookmark; nothing, when it sent nothing."""
    row = conn.execute(PENDING, (run.id,)).fetchone()
    if row is not None and row[0] is not None:
        _add(conn, run.place, run.job_name, run_id=run.id, run=run.number, attempt=run.attempt,
             previous=run.previous_run_id, state=row[0])  # fmt: skip


def _add(
    conn: psycopg.Connection, place: Place, job_name: str, *, run_id: str | None, run: int, attempt: int,
    previous: str | None, state: Mapping[str, Any],
) -> Bookmark:  # fmt: skip
    given = {**_at(place, job_name), "run_id": run_id, "run": run, "attempt": attempt, "previous": previous,
             "state": Jsonb(dict(state))}  # fmt: skip
    try:
        with conn.transaction():
            row = conn.execute(ADD, given).fetchone()
    except (
        psycopg.errors.UniqueViolation
    ):  # another run of the job committed in this moment: ours comes after it
        row = conn.execute(ADD, given).fetchone()
    assert row is not None
    return _bookmark(row)


def _one(conn: psycopg.Connection, query: str, place: Place, job_name: str, **more: Any) -> Bookmark:
    row = conn.execute(query, {**_at(place, job_name), **more}).fetchone()
    if row is None:
        raise EntityNotFound(f"Continuation for job {job_name} not found.")
    return _bookmark(row)


def _bookmark(row: tuple[Any, ...]) -> Bookmark:
    return Bookmark(job_name=row[0], version=row[1], run_id=row[2], run=row[3], attempt=row[4], previous_run_id=row[5],
                    state=row[6], committed_at=row[7])  # fmt: skip


def _at(place: Place, job_name: str) -> dict[str, Any]:
    return {"account_id": place.account_id, "region": place.region, "job": job_name}
