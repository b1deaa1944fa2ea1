"""Runs of workflows as rows: started, looked at, stopped; which triggers fired in them and what these set off.

What a single trigger outside of workflows sets off is a run, too, of no workflow: so what belongs together is known, and
one set of rules decides. Left to others: what follows (`decide.py`), carrying it out (`firing.py`)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from glulam.ledger.outbox import announce
from glulam.model.errors import EntityNotFound
from glulam.model.place import Place
from glulam.orchestrate.decide import Node, RunStatus
from glulam.orchestrate.definition import Kind, Trigger, read_trigger
from glulam.store.documents import document

STATE_CHANGE = "Glue Workflow Run State Change"
_COLUMNS = """id, seq, account_id, region, workflow, status, properties, triggers, events, previous_id, error, started_at,
  completed_at"""
_HERE = "account_id = %(account_id)s AND region = %(region)s AND workflow = %(workflow)s"
INSERT = f"""
INSERT INTO workflow_run (id, account_id, region, workflow, status, properties, triggers, events, previous_id, error,
                          completed_at)
VALUES (%(id)s, %(account_id)s, %(region)s, %(workflow)s, %(status)s, %(properties)s, %(triggers)s, %(events)s, %(previous)s,
        %(error)s, CASE WHEN %(status)s = 'ERROR' THEN now() END) RETURNING {_COLUMNS}
"""  # noqa: S608
GET = f"SELECT {_COLUMNS} FROM workflow_run WHERE id = %s"  # noqa: S608
LOCK = f"{GET} FOR UPDATE"
TRY_LOCK = f"{GET} FOR UPDATE SKIP LOCKED"
ACTIVE = f"SELECT count(*) FROM workflow_run WHERE {_HERE} AND completed_at IS NULL"  # noqa: S608
PAGE = f"""
SELECT {_COLUMNS} FROM workflow_run WHERE {_HERE} AND (%(before)s::bigint IS NULL OR seq < %(before)s)
ORDER BY seq DESC LIMIT %(limit)s
"""  # noqa: S608
LAST = f"""
SELECT DISTINCT ON (workflow) {_COLUMNS} FROM workflow_run
WHERE account_id = %s AND region = %s AND workflow = ANY (%s) ORDER BY workflow, seq DESC
"""  # noqa: S608
SET_STATUS = """
UPDATE workflow_run SET status = %(status)s,
  completed_at = CASE WHEN %(ended)s THEN now() END WHERE id = %(id)s
"""
SET_PROPERTIES = "UPDATE workflow_run SET properties = properties || %s WHERE id = %s"
FIRED = "SELECT trigger, fired_at FROM workflow_run_fire WHERE run_id = %s"
FIRE = "INSERT INTO workflow_run_fire (run_id, trigger, tick) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
_NODE = "kind, name, trigger, action, child_id, state, error, started_at, ended_at"
NODES = f"SELECT {_NODE} FROM workflow_run_node WHERE run_id = %s ORDER BY started_at, trigger, action"  # noqa: S608
ENDED = f"SELECT {_NODE} FROM workflow_run_node WHERE run_id = %s AND child_ended AND state IS NULL"  # noqa: S608
ADD_NODE = """
INSERT INTO workflow_run_node (run_id, kind, name, trigger, action, child_id, state, error, started_at, ended_at)
VALUES (%(run)s, %(kind)s, %(name)s, %(trigger)s, %(action)s, %(child)s, %(state)s, %(error)s,
        coalesce(%(started_at)s, now()), CASE WHEN %(state)s::text IS NOT NULL THEN coalesce(%(ended_at)s, now()) END)
"""
SET_NODE = """
UPDATE workflow_run_node SET child_id = %(child)s, child_ended = %(state)s::text IS NOT NULL, state = %(state)s,
  error = %(error)s, ended_at = CASE WHEN %(state)s::text IS NOT NULL THEN now() END
WHERE run_id = %(run)s AND trigger = %(trigger)s AND action = %(action)s
"""
FORGET = """
DELETE FROM workflow_run WHERE id IN (
  SELECT id FROM workflow_run WHERE completed_at < now() - make_interval(days => %(days)s) ORDER BY seq LIMIT %(limit)s)
"""


@dataclass(frozen=True, kw_only=True)
class WorkflowRun:
    """One run, as it stands now."""

    id: str
    seq: int
    place: Place
    workflow: str
    """Empty: what one trigger set off, outside of workflows."""
    status: RunStatus
    properties: Mapping[str, str]
    triggers: tuple[Trigger, ...]
    """The workflow's as they were when the run began."""
    events: Mapping[str, Any] | None
    previous_id: str | None
    error: str | None
    started_at: datetime
    completed_at: datetime | None


def insert(
    conn: psycopg.Connection, place: Place, workflow: str, triggers: Sequence[Trigger], properties: Mapping[str, str], *,
    events: Mapping[str, Any] | None = None, previous: str | None = None, error: str | None = None,
) -> WorkflowRun:  # fmt: skip
    """A new run. error: it cannot begin, and stands in the history as such."""
    frozen = [
        {"name": t.name, "kind": t.type, "state": t.state, "workflow": t.workflow, "document": t.document} for t in triggers
    ]  # fmt: skip
    status = RunStatus.RUNNING if error is None else RunStatus.ERROR
    row = conn.execute(INSERT, {
        "id": "wr_" + secrets.token_hex(32), "account_id": place.account_id, "region": place.region, "workflow": workflow,
        "status": status, "properties": Jsonb(dict(properties)), "triggers": document(frozen),
        "events": None if events is None else document(events), "previous": previous, "error": error,
    }).fetchone()  # fmt: skip
    assert row is not None
    made = _run(row)
    if error is not None:
        _tell(conn, made, status, error)
    return made


def get(
    conn: psycopg.Connection, place: Place, workflow: str, run_id: str, *, for_update: bool = False
) -> WorkflowRun:
    """Raises EntityNotFound, also for a run of another workflow."""
    row = conn.execute(LOCK if for_update else GET, (run_id,)).fetchone()
    found = None if row is None else _run(row)
    if found is None or found.place != place or found.workflow != workflow:
        raise EntityNotFound(f"Workflow run {run_id} of workflow {workflow} not found.")
    return found


def lock(conn: psycopg.Connection, run_id: str) -> WorkflowRun | None:
    """None when it is gone, or somebody else decides on it now."""
    row = conn.execute(TRY_LOCK, (run_id,)).fetchone()
    return None if row is None else _run(row)


def page(
    conn: psycopg.Connection, place: Place, workflow: str, *, before: int | None = None, limit: int
) -> list[WorkflowRun]:
    """The newest first."""
    given = {
        "account_id": place.account_id,
        "region": place.region,
        "workflow": workflow,
        "before": before,
        "limit": limit,
    }
    return [_run(row) for row in conn.execute(PAGE, given).fetchall()]


def last(conn: psycopg.Connection, place: Place, workflows: Sequence[str]) -> dict[str, WorkflowRun]:
    """The latest run of each."""
    rows = conn.execute(LAST, (place.account_id, place.region, list(workflows))).fetchall()
    return {run.workflow: run for run in map(_run, rows)}


def active(conn: psycopg.Connection, place: Place, workflow: str) -> int:
    """How many are not over."""
    row = conn.execute(
        ACTIVE, {"account_id": place.account_id, "region": place.region, "workflow": workflow}
    ).fetchone()
    assert row is not None
    return int(row[0])


def move(conn: psycopg.Connection, run: WorkflowRun, status: RunStatus) -> None:
    conn.execute(SET_STATUS, {"id": run.id, "status": status, "ended": status.ended})
    if run.workflow:
        _tell(conn, run, status, "")


def set_properties(conn: psycopg.Connection, run_id: str, properties: Mapping[str, str]) -> None:
    """Add to the run's properties, or change those that are there."""
    conn.execute(SET_PROPERTIES, (Jsonb(dict(properties)), run_id))


def fired(conn: psycopg.Connection, run_id: str) -> dict[str, datetime]:
    """When each trigger fired that did."""
    return dict(conn.execute(FIRED, (run_id,)).fetchall())


def fire(conn: psycopg.Connection, run_id: str, trigger: str, tick: datetime | None = None) -> bool:
    """Write down that a trigger fires; False when it has already."""
    return conn.execute(FIRE, (run_id, trigger, tick)).rowcount == 1


def nodes(conn: psycopg.Connection, run_id: str, *, ended_now: bool = False) -> list[Node]:
    """What the run set off. ended_now: only those whose end nobody has dealt with."""
    return [_node(row) for row in conn.execute(ENDED if ended_now else NODES, (run_id,)).fetchall()]


def add_node(conn: psycopg.Connection, run_id: str, node: Node) -> None:
    conn.execute(ADD_NODE, {
        "run": run_id, "kind": node.kind, "name": node.name, "trigger": node.trigger, "action": node.action,
        "child": node.child_id, "state": node.state, "error": node.error, "started_at": node.started_at,
        "ended_at": node.ended_at,
    })  # fmt: skip


def set_node(conn: psycopg.Connection, run_id: str, node: Node) -> None:
    """How a node stands: its child ended, or another attempt took its place."""
    conn.execute(SET_NODE, {
        "run": run_id, "trigger": node.trigger, "action": node.action, "child": node.child_id, "state": node.state,
        "error": node.error,
    })  # fmt: skip


def forget(conn: psycopg.Connection, *, days: int, limit: int) -> int:
    """Drop old runs; how many."""
    return conn.execute(FORGET, {"days": days, "limit": limit}).rowcount


def _tell(conn: psycopg.Connection, run: WorkflowRun, status: RunStatus, message: str) -> None:
    detail = {"workflowName": run.workflow, "runId": run.id, "state": status, "message": message}
    announce(
        conn,
        STATE_CHANGE,
        detail,
        source="aws.glue",
        account_id=run.place.account_id,
        region=run.place.region,
    )


def _run(row: tuple[Any, ...]) -> WorkflowRun:
    triggers = tuple(
        read_trigger(t["name"], t["kind"], t["state"], t["workflow"], t["document"]) for t in row[7]
    )
    return WorkflowRun(
        id=row[0], seq=row[1], place=Place(account_id=row[2], region=row[3]), workflow=row[4], status=RunStatus(row[5]),
        properties=row[6], triggers=triggers, events=row[8], previous_id=row[9], error=row[10], started_at=row[11],
        completed_at=row[12],
    )  # fmt: skip


def _node(row: tuple[Any, ...]) -> Node:
    return Node(
        kind=Kind(row[0]), name=row[1], trigger=row[2], action=row[3], child_id=row[4], state=row[5], error=row[6],
        started_at=row[7], ended_at=row[8],
    )  # fmt: skip
