"""Job definitions: documents as CreateJob gave them, with the defaults that Glue fills in.

What a definition means is for others: `arguments.py`, `capacity.py`, `plan.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import psycopg

from glulam.jobs.capacity import command_name, max_capacity
from glulam.model.errors import EntityNotFound, IdempotentMismatch, InvalidInput
from glulam.model.place import Place
from glulam.store.documents import document

KINDS = ("glueetl", "gluestreaming", "pythonshell", "glueray", "glulam")
MOST_MINUTES = 7 * 24 * 60
_OLD_VERSIONS = ("0.9", "1.0", "2.0", "3.0", "4.0")
_OLD_MINUTES, _NEW_MINUTES = 2880, 480
_GLUE_VERSION = "6.0"


@dataclass(frozen=True, kw_only=True)
class Job:
    """One definition."""

    name: str
    document: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime


_COLUMNS = "name, document, created_at, updated_at"
_HERE = "account_id = %(account_id)s AND region = %(region)s"
CREATE = f"""
INSERT INTO job (account_id, region, name, document) VALUES (%(account_id)s, %(region)s, %(name)s, %(document)s)
ON CONFLICT DO NOTHING RETURNING {_COLUMNS}
"""  # noqa: S608
FIND = f"SELECT {_COLUMNS} FROM job WHERE {_HERE} AND name = %(name)s"  # noqa: S608
UPDATE = f"""
UPDATE job SET document = %(document)s, updated_at = now() WHERE {_HERE} AND name = %(name)s RETURNING {_COLUMNS}
"""  # noqa: S608
DELETE = f"DELETE FROM job WHERE {_HERE} AND name = %(name)s"  # noqa: S608
FORGET_BOOKMARKS = f"DELETE FROM job_bookmark WHERE {_HERE} AND job_name = %(name)s"  # noqa: S608
END_QUEUED = f"""
UPDATE job_run SET state = 'ERROR', error_message = 'the job was deleted before this run began', changed_at = now(),
       completed_at = now()
WHERE {_HERE} AND job_name = %(name)s AND state IN ('WAITING', 'STARTING')
"""  # noqa: S608
PAGE = f"""
SELECT {_COLUMNS} FROM job
WHERE {_HERE} AND name > %(after)s
  AND (%(names)s::text[] IS NULL OR name = ANY (%(names)s))
ORDER BY name LIMIT %(limit)s
"""  # noqa: S608


def create(conn: psycopg.Connection, place: Place, name: str, given: Mapping[str, Any]) -> Job:
    """Make the job; once more with the same definition is no error. Raises IdempotentMismatch, InvalidInput."""
    content = completed(given)
    row = conn.execute(CREATE, {**_at(place, name), "document": document(content)}).fetchone()
    if row is not None:
        return _job(row)
    found = get(conn, place, name)
    if found.document != _plain(content):
        raise IdempotentMismatch(f"Job with name {name} already submitted with different configuration")
    return found


def update(conn: psycopg.Connection, place: Place, name: str, given: Mapping[str, Any]) -> Job:
    """Replace the definition. Raises EntityNotFound, InvalidInput."""
    if not given.get("Role") or not given.get("Command"):
        raise InvalidInput(
            f"JobUpdate of {name}: expected Role and Command; an update replaces the whole definition"
        )
    row = conn.execute(UPDATE, {**_at(place, name), "document": document(completed(given))}).fetchone()
    if row is None:
        raise _not_found(name)
    return _job(row)


def delete(conn: psycopg.Connection, place: Place, name: str) -> bool:
    """Delete the job and its bookmark; queued runs end with ERROR, running ones go on. Whether it was there."""
    if conn.execute(DELETE, _at(place, name)).rowcount != 1:
        return False
    conn.execute(FORGET_BOOKMARKS, _at(place, name))
    conn.execute(END_QUEUED, _at(place, name))
    return True


def get(conn: psycopg.Connection, place: Place, name: str, *, for_update: bool = False) -> Job:
    """Raises EntityNotFound. for_update: no other run of the job starts or ends before the transaction does."""
    row = conn.execute(FIND + (" FOR UPDATE" if for_update else ""), _at(place, name)).fetchone()
    if row is None:
        raise _not_found(name)
    return _job(row)


def page(
    conn: psycopg.Connection, place: Place, *, after: str = "", names: Sequence[str] | None = None, limit: int
) -> list[Job]:
    """By name; names: only these."""
    given = {
        **_at(place, ""),
        "after": after,
        "names": None if names is None else list(names),
        "limit": limit,
    }
    return [_job(row) for row in conn.execute(PAGE, given).fetchall()]


def completed(given: Mapping[str, Any]) -> dict[str, Any]:
    """The definition with Glue's defaults. Raises InvalidInput for what cannot be run."""
    kind = command_name(given)
    if kind not in KINDS:
        raise InvalidInput(f"Command.Name is {kind!r}; expected one of {', '.join(KINDS)}")
    if given.get("WorkerType") and given.get("MaxCapacity") is not None:
        raise InvalidInput("expected MaxCapacity, or WorkerType and NumberOfWorkers; found both")
    found = dict(given)
    found["Command"] = {**given.get("Command", {}), "Name": kind}
    found.setdefault("JobMode", "SCRIPT")
    found["ExecutionProperty"] = {"MaxConcurrentRuns": 1, **(given.get("ExecutionProperty") or {})}
    found.setdefault("MaxRetries", 0)
    found.setdefault("ExecutionClass", "STANDARD")
    if kind in ("glueetl", "gluestreaming"):
        found.setdefault("GlueVersion", _GLUE_VERSION)
    if kind != "gluestreaming":
        found.setdefault("Timeout", default_minutes(found))
    check_minutes(found)
    found["MaxCapacity"] = max_capacity(found)
    found["AllocatedCapacity"] = int(found["MaxCapacity"])
    return found


def default_minutes(spec: Mapping[str, Any]) -> int:
    old = command_name(spec) == "pythonshell" or spec.get("GlueVersion") in _OLD_VERSIONS
    return _OLD_MINUTES if old else _NEW_MINUTES


def check_minutes(spec: Mapping[str, Any]) -> None:
    """Raises InvalidInput."""
    minutes = spec.get("Timeout")
    if minutes is not None and minutes > MOST_MINUTES and command_name(spec) != "gluestreaming":
        raise InvalidInput(f"Timeout is {minutes} minutes; expected at most {MOST_MINUTES} (seven days)")


def _plain(content: Mapping[str, Any]) -> Any:
    """As it comes back from the database."""
    return orjson.loads(orjson.dumps(content))


def _not_found(name: str) -> EntityNotFound:
    return EntityNotFound(f"Job with name: {name} not found.")


def _job(row: tuple[Any, ...]) -> Job:
    return Job(name=row[0], document=row[1], created_at=row[2], updated_at=row[3])


def _at(place: Place, name: str) -> dict[str, Any]:
    return {"account_id": place.account_id, "region": place.region, "name": name}
