"""Triggers as the database keeps them. That a schedule is on is a row of `schedule`, which the database itself keeps in step.

Left to others: what triggers do (`firing.py`), and whether the jobs and crawlers that they name are there (the caller)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import psycopg

from glulam.model.errors import AlreadyExists, EntityNotFound, InvalidInput
from glulam.model.place import Place
from glulam.orchestrate.definition import Trigger, TriggerState, TriggerType, check_trigger, read_trigger
from glulam.store.documents import document

_COLUMNS = "name, type, state, workflow, document"
_HERE = "account_id = %(account_id)s AND region = %(region)s"
_ONE = f"{_HERE} AND name = %(name)s"
INSERT = f"""
INSERT INTO trigger (account_id, region, name, type, state, workflow, document)
VALUES (%(account_id)s, %(region)s, %(name)s, %(type)s, %(state)s, %(workflow)s, %(document)s)
ON CONFLICT DO NOTHING RETURNING {_COLUMNS}
"""  # noqa: S608
GET = f"SELECT {_COLUMNS} FROM trigger WHERE {_ONE}"  # noqa: S608
LOCK = f"{GET} FOR UPDATE"
UPDATE = f"""
UPDATE trigger SET document = %(document)s, state = %(state)s, updated_at = now() WHERE {_ONE} RETURNING {_COLUMNS}
"""  # noqa: S608
DELETE = f"DELETE FROM trigger WHERE {_ONE}"  # noqa: S608
PAGE = f"""
SELECT {_COLUMNS} FROM trigger WHERE {_HERE} AND name > %(after)s
  AND (%(names)s::text[] IS NULL OR name = ANY (%(names)s))
  AND (%(job)s::text IS NULL OR jsonb_path_exists(document, '$.Actions[*].JobName ? (@ == $job)', jsonb_build_object('job', %(job)s::text)))
ORDER BY name LIMIT %(limit)s
"""  # noqa: S608, E501
OF_WORKFLOW = f"SELECT {_COLUMNS} FROM trigger WHERE {_HERE} AND workflow = %(workflow)s ORDER BY name"  # noqa: S608
CONDITIONAL = f"""
SELECT {_COLUMNS} FROM trigger WHERE {_HERE} AND workflow = '' AND type = 'CONDITIONAL' AND state = 'ACTIVATED'
  AND jsonb_path_exists(document, '$.Predicate.Conditions[*] ? (@.JobName == $names[*] || @.CrawlerName == $names[*])',
                        jsonb_build_object('names', %(names)s::text[]))
ORDER BY name
"""  # noqa: S608
NEXT_TICKS = """
SELECT name, next_at FROM schedule
WHERE account_id = %(account_id)s AND region = %(region)s AND kind = 'TRIGGER' AND next_at < '9999-01-01'
"""


def create(
    conn: psycopg.Connection, place: Place, name: str, given: Mapping[str, Any], *, kind: str, workflow: str, start: bool
) -> Trigger:  # fmt: skip
    """`given`: CreateTrigger's members that a Trigger keeps. The caller has locked the workflow, if there is one.

    Raises InvalidInput, AlreadyExists."""
    check_trigger(name, kind, workflow, given)
    if start and kind == TriggerType.ON_DEMAND:
        raise InvalidInput(f"trigger {name!r}: StartOnCreation is for triggers that wait; this one is {kind}")
    if workflow and kind != TriggerType.CONDITIONAL:
        first = starting(of_workflow(conn, place, workflow))
        if first is not None:
            raise InvalidInput(
                f"trigger {name!r}: workflow {workflow!r} starts with {first.name!r} already; expected a CONDITIONAL one"
            )
    state = TriggerState.ACTIVATED if start else TriggerState.CREATED
    row = conn.execute(
        INSERT,
        {**_at(place, name), "type": kind, "state": state, "workflow": workflow, "document": document(given)},
    ).fetchone()
    if row is None:
        raise AlreadyExists(f"Trigger with name: {name} already submitted")
    return read_trigger(*row)


def update(conn: psycopg.Connection, place: Place, name: str, given: Mapping[str, Any]) -> Trigger:
    """Members that are not given stay as they are. Raises EntityNotFound, InvalidInput."""
    found = get(conn, place, name, for_update=True)
    changed = {**found.document, **given}
    check_trigger(name, found.type, found.workflow, changed)
    return _save(conn, place, found, changed, found.state)


def switch(conn: psycopg.Connection, place: Place, name: str, *, on: bool) -> Trigger:
    """Activate or deactivate a trigger that waits for something. Raises EntityNotFound, InvalidInput."""
    found = get(conn, place, name, for_update=True)
    if found.type is TriggerType.ON_DEMAND:
        raise InvalidInput(
            f"trigger {name!r} is ON_DEMAND: it waits for nothing that could be {'on' if on else 'off'}"
        )
    state = TriggerState.ACTIVATED if on else TriggerState.DEACTIVATED
    return _save(conn, place, found, found.document, state)


def delete(conn: psycopg.Connection, place: Place, name: str) -> bool:
    """Whether there was one."""
    return conn.execute(DELETE, _at(place, name)).rowcount == 1


def get(conn: psycopg.Connection, place: Place, name: str, *, for_update: bool = False) -> Trigger:
    """Raises EntityNotFound."""
    row = conn.execute(LOCK if for_update else GET, _at(place, name)).fetchone()
    if row is None:
        raise EntityNotFound(f"Trigger with name: {name} not found.")
    return read_trigger(*row)


def page(
    conn: psycopg.Connection, place: Place, *, after: str = "", limit: int, names: Sequence[str] | None = None,
    job: str | None = None,
) -> list[Trigger]:  # fmt: skip
    """By name. job: only those that start it."""
    given = {
        **_at(place, ""),
        "after": after,
        "limit": limit,
        "names": None if names is None else list(names),
        "job": job,
    }
    return [read_trigger(*row) for row in conn.execute(PAGE, given).fetchall()]


def of_workflow(conn: psycopg.Connection, place: Place, workflow: str) -> list[Trigger]:
    given = {**_at(place, ""), "workflow": workflow}
    return [read_trigger(*row) for row in conn.execute(OF_WORKFLOW, given).fetchall()]


def conditional_on(conn: psycopg.Connection, place: Place, names: Sequence[str]) -> list[Trigger]:
    """Active conditional triggers outside of workflows that wait for one of these jobs or crawlers."""
    given = {**_at(place, ""), "names": list(names)}
    return [read_trigger(*row) for row in conn.execute(CONDITIONAL, given).fetchall()]


def next_ticks(conn: psycopg.Connection, place: Place) -> dict[str, datetime]:
    """When each trigger is due next that has a schedule which is on."""
    return dict(conn.execute(NEXT_TICKS, _at(place, "")).fetchall())


def starting(found: Sequence[Trigger]) -> Trigger | None:
    """The one with which a workflow begins."""
    return next((t for t in found if t.type is not TriggerType.CONDITIONAL), None)


def _save(
    conn: psycopg.Connection, place: Place, found: Trigger, changed: Mapping[str, Any], state: TriggerState
) -> Trigger:
    row = conn.execute(
        UPDATE, {**_at(place, found.name), "document": document(changed), "state": state}
    ).fetchone()
    assert row is not None  # its row is locked
    return read_trigger(*row)


def _at(place: Place, name: str) -> dict[str, Any]:
    return {"account_id": place.account_id, "region": place.region, "name": name}
