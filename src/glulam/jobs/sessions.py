"""Interactive sessions: a session is a run whose script (`repl.py`) asks for statements until it is stopped.

So a session is claimed, leased, limited, logged, stopped and rescued as any run is; here is only what it adds. Its process asks
the server for the next statement and brings the output back (`run_door.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from glulam.jobs import definitions, runs
from glulam.jobs.capacity import command_name
from glulam.jobs.runs import COLUMNS, JobRun, to_run
from glulam.jobs.states import RunState
from glulam.model.errors import (
    EntityNotFound,
    IdempotentMismatch,
    IllegalSessionState,
    InvalidInput,
    OperationNotSupported,
)
from glulam.model.place import Place
from glulam.store.documents import document

REPL, CONNECT = "glulam:repl", "glulam:connect"
"""The ScriptLocation of a session's run: one that takes statements, and one that Spark Connect's clients connect to."""
SPARK_CONNECT = "SPARK_CONNECT"
_DEFAULT_MINUTES = 2880
_STATUS = {
    RunState.WAITING: "PROVISIONING", RunState.STARTING: "PROVISIONING", RunState.STOPPING: "STOPPING",
    RunState.STOPPED: "STOPPED", RunState.SUCCEEDED: "STOPPED", RunState.TIMEOUT: "TIMEOUT",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Session:
    id: str
    document: Mapping[str, Any]
    ready: bool
    endpoint: str | None
    """Where Spark Connect's clients find it."""
    run: JobRun

    @property
    def kind(self) -> str:
        """Glue's SessionType."""
        return str(self.document.get("SessionType") or "LIVY")

    @property
    def status(self) -> str:
        """Glue's SessionStatus."""
        if self.run.state is RunState.RUNNING:
            return "READY" if self.ready else "PROVISIONING"
        return _STATUS.get(self.run.state, "FAILED")


@dataclass(frozen=True, kw_only=True)
class Statement:
    id: int
    code: str
    state: str
    output: Mapping[str, Any] | None
    started_at: datetime | None
    completed_at: datetime | None


_RUN_COLUMNS = ", ".join(f"r.{name.strip()}" for name in COLUMNS.split(","))
_HERE = "s.account_id = %(account_id)s AND s.region = %(region)s"
INSERT = """
INSERT INTO job_session (account_id, region, id, run_id, document)
VALUES (%(account_id)s, %(region)s, %(id)s, %(run)s, %(document)s)
"""
FIND = f"""
SELECT s.id, s.document, s.ready, s.endpoint, {_RUN_COLUMNS} FROM job_session s JOIN job_run r ON r.id = s.run_id
WHERE {_HERE} AND s.id = %(id)s
"""  # noqa: S608
PAGE = f"""
SELECT s.id, s.document, s.ready, s.endpoint, {_RUN_COLUMNS} FROM job_session s JOIN job_run r ON r.id = s.run_id
WHERE {_HERE} AND s.id > %(after)s ORDER BY s.id LIMIT %(limit)s
"""  # noqa: S608
DELETE = f"DELETE FROM job_session s WHERE {_HERE} AND s.id = %(id)s"  # noqa: S608
READY = "UPDATE job_session SET ready = true WHERE run_id = %s AND NOT ready"
LISTENS = "UPDATE job_session SET ready = true, endpoint = %s WHERE run_id = %s"
_STATEMENT = "id, code, state, output, started_at, completed_at"
ADD = f"""
INSERT INTO job_statement (run_id, id, code, state)
SELECT %(run)s, coalesce(max(id), -1) + 1, %(code)s, 'WAITING' FROM job_statement WHERE run_id = %(run)s
RETURNING {_STATEMENT}
"""  # noqa: S608
STATEMENTS = f"""
SELECT {_STATEMENT} FROM job_statement WHERE run_id = %(run)s AND (%(id)s::int IS NULL OR id = %(id)s) ORDER BY id
"""  # noqa: S608
NEXT = f"""
UPDATE job_statement SET state = 'RUNNING', started_at = now()
WHERE run_id = %(run)s AND id = (SELECT min(id) FROM job_statement WHERE run_id = %(run)s AND state = 'WAITING')
RETURNING {_STATEMENT}
"""  # noqa: S608
DONE = """
UPDATE job_statement SET state = CASE state WHEN 'CANCELLING' THEN 'CANCELLED' ELSE %(state)s END, output = %(output)s,
       completed_at = now()
WHERE run_id = %(run)s AND id = %(id)s AND state IN ('RUNNING', 'CANCELLING')
"""
CANCEL = """
UPDATE job_statement SET state = CASE state WHEN 'WAITING' THEN 'CANCELLED' ELSE 'CANCELLING' END,
       completed_at = CASE state WHEN 'WAITING' THEN now() END
WHERE run_id = %s AND id = %s AND state IN ('WAITING', 'RUNNING')
"""


def create(conn: psycopg.Connection, place: Place, session_id: str, given: Mapping[str, Any]) -> Session:
    """Raises IdempotentMismatch (the name is taken), InvalidInput."""
    connects = given.get("SessionType") == SPARK_CONNECT
    if connects and command_name(given) != "glueetl":
        raise InvalidInput(
            f"a session of type {SPARK_CONNECT}: expected Command.Name glueetl, found {command_name(given)}"
        )
    spec = definitions.completed(
        {**given, "Timeout": given.get("Timeout") or _DEFAULT_MINUTES,
         "Command": {**given["Command"], "ScriptLocation": CONNECT if connects else REPL}}
    )  # fmt: skip
    idle = given.get("IdleTimeout") or _DEFAULT_MINUTES
    run = runs.insert_alone(conn, place, f"session {session_id}", spec, {"--idle-minutes": str(idle)})
    named = {"account_id": place.account_id, "region": place.region, "id": session_id, "run": run.id}
    try:
        with conn.transaction():
            conn.execute(INSERT, {**named, "document": document(given)})
    except psycopg.errors.UniqueViolation as error:
        raise IdempotentMismatch(f"Session already created, sessionId={session_id}") from error
    return get(conn, place, session_id)


def get(conn: psycopg.Connection, place: Place, session_id: str) -> Session:
    """Raises EntityNotFound."""
    given = {"account_id": place.account_id, "region": place.region, "id": session_id}
    row = conn.execute(FIND, given).fetchone()
    if row is None:
        raise EntityNotFound(f"Session not found: {session_id}")
    return _session(row)


def page(conn: psycopg.Connection, place: Place, *, after: str = "", limit: int) -> list[Session]:
    """By id."""
    given = {"account_id": place.account_id, "region": place.region, "after": after, "limit": limit}
    return [_session(row) for row in conn.execute(PAGE, given).fetchall()]


def stop(conn: psycopg.Connection, place: Place, session_id: str) -> None:
    """Raises EntityNotFound, IllegalSessionState."""
    found = get(conn, place, session_id)
    if found.run.state.ended:
        raise IllegalSessionState(f"Session {session_id} is {found.status} and cannot be stopped")
    runs.stop(conn, place, found.run.job_name, found.run.id)


def delete(conn: psycopg.Connection, place: Place, session_id: str) -> None:
    """Raises EntityNotFound, IllegalSessionState while it runs."""
    found = get(conn, place, session_id)
    if not found.run.state.ended:
        raise IllegalSessionState(f"Session {session_id} is {found.status}; stop it before it is deleted")
    conn.execute(DELETE, {"account_id": place.account_id, "region": place.region, "id": session_id})


def add_statement(conn: psycopg.Connection, session: Session, code: str) -> Statement:
    """Raises IllegalSessionState when the session is not READY, OperationNotSupported when it takes no statements."""
    if session.kind == SPARK_CONNECT:
        raise OperationNotSupported(
            f"Session {session.id} is of type {SPARK_CONNECT}: expected LIVY for statements"
        )
    if session.status != "READY":
        raise IllegalSessionState(f"Session {session.id} is {session.status}; expected READY")
    row = conn.execute(ADD, {"run": session.run.id, "code": code}).fetchone()
    assert row is not None
    return _statement(row)


def listens(conn: psycopg.Connection, run_id: str, endpoint: str) -> None:
    """The session's process is ready for Spark Connect's clients."""
    conn.execute(LISTENS, (endpoint, run_id))


def endpoint_of(session: Session) -> tuple[str, datetime]:
    """Where to connect, and until when it is there. Raises OperationNotSupported, IllegalSessionState."""
    if session.kind != SPARK_CONNECT:
        raise OperationNotSupported(
            f"Session {session.id} is of type {session.kind}: expected {SPARK_CONNECT}"
        )
    if session.status != "READY" or session.endpoint is None or session.run.began_at is None:
        raise IllegalSessionState(f"Session {session.id} is {session.status}; expected READY")
    return session.endpoint, session.run.began_at + timedelta(minutes=session.run.spec["Timeout"])


def statements(conn: psycopg.Connection, session: Session) -> list[Statement]:
    rows = conn.execute(STATEMENTS, {"run": session.run.id, "id": None}).fetchall()
    return [_statement(row) for row in rows]


def statement(conn: psycopg.Connection, session: Session, number: int) -> Statement:
    """Raises EntityNotFound."""
    row = conn.execute(STATEMENTS, {"run": session.run.id, "id": number}).fetchone()
    if row is None:
        raise EntityNotFound(f"Statement {number} of session {session.id} not found")
    return _statement(row)


def cancel(conn: psycopg.Connection, session: Session, number: int) -> None:
    """A statement that is over stays as it is. Raises EntityNotFound."""
    statement(conn, session, number)
    conn.execute(CANCEL, (session.run.id, number))


def following(conn: psycopg.Connection, run_id: str) -> Statement | None:
    """The next statement for the session's process, which is ready for it."""
    conn.execute(READY, (run_id,))
    row = conn.execute(NEXT, {"run": run_id}).fetchone()
    return None if row is None else _statement(row)


def done(conn: psycopg.Connection, run_id: str, number: int, state: str, output: Mapping[str, Any]) -> None:
    conn.execute(DONE, {"run": run_id, "id": number, "state": state, "output": Jsonb(dict(output))})


def is_cancelled(conn: psycopg.Connection, run_id: str, number: int) -> bool:
    row = conn.execute(STATEMENTS, {"run": run_id, "id": number}).fetchone()
    return row is not None and row[2] == "CANCELLING"


def _session(row: tuple[Any, ...]) -> Session:
    return Session(id=row[0], document=row[1], ready=row[2], endpoint=row[3], run=to_run(row[4:]))


def _statement(row: tuple[Any, ...]) -> Statement:
    return Statement(
        id=row[0], code=row[1], state=row[2], output=row[3], started_at=row[4], completed_at=row[5]
    )
