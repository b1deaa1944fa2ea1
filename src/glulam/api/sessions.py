"""Operations on interactive sessions and their statements."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from glulam.api.jobs import place_of
from glulam.api.paging import Paging
from glulam.catalog import tags
from glulam.jobs import sessions
from glulam.jobs.sessions import Session, Statement
from glulam.model.caller import Caller
from glulam.store.database import Database

_PAGE, _STATEMENTS = 200, 100


@dataclass(frozen=True, kw_only=True)
class Sessions:
    database: Database
    paging: Paging
    token: Callable[[str], str]
    """What lets in at the Spark Connect endpoint of the session with that run."""

    def create_session(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        given = dict(asked)
        session_id, wanted = given.pop("Id"), given.pop("Tags", {})
        given.pop("RequestOrigin", None)
        with self.database.transaction() as conn:
            found = sessions.create(conn, place_of(caller), session_id, given)
            tags.put(conn, tags.arn(caller, "session", session_id), wanted)
        return {"Session": _shown(found)}

    def get_session(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.connection() as conn:
            return {"Session": _shown(sessions.get(conn, place_of(caller), asked["Id"]))}

    def get_session_endpoint(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.connection() as conn:
            found = sessions.get(conn, place_of(caller), asked["SessionId"])
        url, until = sessions.endpoint_of(found)
        connect = {"Url": url, "AuthToken": self.token(found.run.id), "AuthTokenExpirationTime": until}
        return {"SparkConnect": connect}

    def list_sessions(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        def read(position: list[Any], limit: int) -> list[Session]:
            with self.database.connection() as conn:
                return sessions.page(
                    conn, place_of(caller), after=position[0] if position else "", limit=limit
                )

        page, token = self.paging.page("ListSessions", caller, asked, _PAGE, read, lambda s: [s.id])
        found, wanted = list(page), (asked.get("Tags") or {}).items()
        if wanted:
            with self.database.connection() as conn:
                found = [
                    s for s in found if wanted <= tags.get(conn, tags.arn(caller, "session", s.id)).items()
                ]
        return {"Ids": [s.id for s in found], "Sessions": [_shown(s) for s in found], "NextToken": token}

    def stop_session(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.transaction() as conn:
            sessions.stop(conn, place_of(caller), asked["Id"])
        return {"Id": asked["Id"]}

    def delete_session(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.transaction() as conn:
            sessions.delete(conn, place_of(caller), asked["Id"])
            tags.forget(conn, tags.arn(caller, "session", asked["Id"]))
        return {"Id": asked["Id"]}

    def run_statement(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.transaction() as conn:
            session = sessions.get(conn, place_of(caller), asked["SessionId"])
            return {"Id": sessions.add_statement(conn, session, asked["Code"]).id}

    def get_statement(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.connection() as conn:
            session = sessions.get(conn, place_of(caller), asked["SessionId"])
            return {"Statement": _statement(sessions.statement(conn, session, asked["Id"]))}

    def list_statements(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        def read(position: list[Any], limit: int) -> list[Statement]:
            with self.database.connection() as conn:
                session = sessions.get(conn, place_of(caller), asked["SessionId"])
                found = sessions.statements(conn, session)
            return [s for s in found if s.id > (position[0] if position else -1)][:limit]

        page, token = self.paging.page("ListStatements", caller, asked, _STATEMENTS, read, lambda s: [s.id])
        return {"Statements": [_statement(s) for s in page], "NextToken": token}

    def cancel_statement(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        with self.database.transaction() as conn:
            session = sessions.get(conn, place_of(caller), asked["SessionId"])
            sessions.cancel(conn, session, asked["Id"])


def _shown(found: Session) -> dict[str, Any]:
    kept = {name: value for name, value in found.document.items() if name != "Timeout"}
    return kept | {
        "Id": found.id, "CreatedOn": found.run.created_at, "Status": found.status, "ErrorMessage": found.run.error_message,
        "Progress": 1.0 if found.status == "READY" else 0.0, "MaxCapacity": found.run.spec["MaxCapacity"],
        "CompletedOn": found.run.completed_at, "ExecutionTime": found.run.execution_s,
        "DPUSeconds": found.run.dpu_seconds,
    }  # fmt: skip


def _statement(found: Statement) -> dict[str, Any]:
    ended = found.state in ("AVAILABLE", "ERROR", "CANCELLED")
    shown = {"Id": found.id, "Code": found.code, "State": found.state, "Output": found.output,
             "Progress": 1.0 if ended else 0.0}  # fmt: skip
    for name, at in (("StartedOn", found.started_at), ("CompletedOn", found.completed_at)):
        shown[name] = 0 if at is None else int(at.timestamp() * 1000)
    return shown
