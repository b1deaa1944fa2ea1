"""What the process of a job run asks its server, beside the AWS operations: its bookmark, and a session's
statements.

    GET /_glulam/job-runs/<run id>/bookmark    {"job_name", "version", "run_id", "state"}; state null: there is none yet
        ?run=<run id>                          as that run left it, for --job-bookmark-from and -to
    PUT /_glulam/job-runs/<run id>/bookmark    {"state": {...}}: counts once the run has succeeded
    POST /_glulam/blueprints/<run id>/layout    the workflow that a blueprint's script describes: it is made
    POST /_glulam/sessions/<run id>/next        {"done": the last statement's output} -> the next statement, when there is one
    POST /_glulam/sessions/<run id>/watch       {"id"} -> {"cancel"}
    POST /_glulam/sessions/<run id>/token       -> {"token"}: for those who connect to the session
    POST /_glulam/sessions/<run id>/endpoint    {"url"}: where it listens for them
    GET /_glulam/system-logs/<run id>           the whole log; the link itself is what is signed (jobs/system_logs.py)

The others are signed like a request to Glue. Only the run's own key may put and post.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from glulam.api.blueprints import make_workflow, note_refusal
from glulam.api.jobs import place_of
from glulam.gate import SignedGate
from glulam.jobs import bookmarks, runs, sessions, system_logs
from glulam.jobs.runs import JobRun
from glulam.jobs.system_logs import LogLinks
from glulam.model.caller import Caller
from glulam.model.errors import AccessDenied, EntityNotFound, GlulamError, SerializationFailed
from glulam.signed_http import answer, document, refusal, signed, too_long
from glulam.store.database import Database

MAX_BYTES = 64 << 20
LOOKS, LOOK_S = 100, 0.1
"""How often, and with which pauses, a request for a statement looks for one."""
NOTHING = b"{}"
Work = Callable[[Caller, Request, bytes], dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class RunDoor:
    """The routes' handlers."""

    gate: SignedGate
    database: Database
    links: LogLinks
    session_token: Callable[[str], str]
    """Of the session with that run."""

    def routes(self) -> list[Route]:
        return [
            Route("/_glulam/job-runs/{run_id}/bookmark", self.bookmark, methods=["GET", "PUT"]),
            Route("/_glulam/blueprints/{run_id}/layout", self.layout, methods=["POST"]),
            Route("/_glulam/sessions/{run_id}/next", self.next_statement, methods=["POST"]),
            Route("/_glulam/sessions/{run_id}/watch", self.watch, methods=["POST"]),
            Route("/_glulam/sessions/{run_id}/token", self.token, methods=["POST"]),
            Route("/_glulam/sessions/{run_id}/endpoint", self.endpoint, methods=["POST"]),
            Route("/_glulam/system-logs/{run_id}", self.system_log, methods=["GET"]),
        ]

    def system_log(self, request: Request) -> Response:
        """Runs in a thread; so does the reading, while it is sent."""
        run_id, asked = request.path_params["run_id"], request.query_params
        try:
            self.links.prove(run_id, asked.get("until", ""), asked.get("signature", ""))
        except AccessDenied as error:
            return refusal(error)
        return StreamingResponse(self._log_lines(run_id), media_type="application/jsonl")

    def _log_lines(self, run_id: str) -> Iterator[bytes]:
        """By way of a file: a client that reads slowly holds no database session."""
        with tempfile.TemporaryFile() as spool:
            with self.database.connection() as conn:
                spool.writelines(system_logs.document(conn, run_id))
            spool.seek(0)
            while part := spool.read(1 << 16):
                yield part

    async def bookmark(self, request: Request) -> Response:
        return await self._carry_out(request, self._bookmark)

    async def next_statement(self, request: Request) -> Response:
        """Waits for a statement a little while; without one, the session's process asks again."""
        found = await self._carry_out(request, self._report)
        for _ in range(LOOKS):
            if found.body != NOTHING or await request.is_disconnected():
                break
            await asyncio.sleep(LOOK_S)
            found = await self._carry_out(request, self._next)
        return found

    async def layout(self, request: Request) -> Response:
        return await self._carry_out(request, self._layout)

    async def watch(self, request: Request) -> Response:
        return await self._carry_out(request, self._watch)

    async def token(self, request: Request) -> Response:
        return await self._carry_out(request, self._token)

    async def endpoint(self, request: Request) -> Response:
        return await self._carry_out(request, self._endpoint)

    async def _carry_out(self, request: Request, work: Work) -> Response:
        """The whole request, in a thread."""
        body = await request.body()
        if len(body) > MAX_BYTES:
            return too_long(MAX_BYTES)
        return await run_in_threadpool(self._answer, request, body, work)

    def _bookmark(self, caller: Caller, request: Request, body: bytes) -> dict[str, Any]:
        run_id = request.path_params["run_id"]
        if request.method == "GET":
            return self._load(caller, run_id, request.query_params.get("run"))
        return self._commit(caller, run_id, body)

    def _report(self, caller: Caller, request: Request, body: bytes) -> dict[str, Any]:
        """Take the last statement's output in, then as `_next`."""
        done = document(body).get("done")
        if done is not None:
            with self.database.transaction() as conn:
                run = self._own(conn, caller, request)
                sessions.done(conn, run.id, int(done["id"]), str(done["state"]), dict(done["output"]))
        return self._next(caller, request, body)

    def _next(self, caller: Caller, request: Request, body: bytes) -> dict[str, Any]:
        with self.database.transaction() as conn:
            run = self._own(conn, caller, request)
            found = sessions.following(conn, run.id)
        return {} if found is None else {"id": found.id, "code": found.code}

    def _layout(self, caller: Caller, request: Request, body: bytes) -> dict[str, Any]:
        """Make all of it, or nothing and say why in the blueprint's run."""
        try:
            with self.database.transaction() as conn:
                run = self._own(conn, caller, request)
                make_workflow(conn, run.place, run.id, document(body))
        except GlulamError as error:
            with self.database.transaction() as conn:
                note_refusal(conn, self._own(conn, caller, request).id, str(error))
            raise
        return {}

    def _watch(self, caller: Caller, request: Request, body: bytes) -> dict[str, Any]:
        with self.database.connection() as conn:
            run = self._own(conn, caller, request)
            return {"cancel": sessions.is_cancelled(conn, run.id, int(document(body)["id"]))}

    def _token(self, caller: Caller, request: Request, body: bytes) -> dict[str, Any]:
        with self.database.connection() as conn:
            return {"token": self.session_token(self._own(conn, caller, request).id)}

    def _endpoint(self, caller: Caller, request: Request, body: bytes) -> dict[str, Any]:
        with self.database.transaction() as conn:
            sessions.listens(conn, self._own(conn, caller, request).id, str(document(body)["url"]))
        return {}

    def _own(self, conn: psycopg.Connection, caller: Caller, request: Request) -> JobRun:
        run = runs.get(conn, place_of(caller), None, request.path_params["run_id"])
        _require_own(caller, run)
        return run

    def _answer(self, request: Request, body: bytes, work: Work) -> Response:
        try:
            caller = self.gate.authenticate(signed(request, body), "glue")
            return answer(200, work(caller, request, body))
        except GlulamError as error:
            return refusal(error)

    def _load(self, caller: Caller, run_id: str, of: str | None) -> dict[str, Any]:
        with self.database.connection() as conn:
            run = runs.get(conn, place_of(caller), None, run_id)
            try:
                found = (
                    bookmarks.of_run(conn, run.place, run.job_name, of) if of
                    else bookmarks.current(conn, run.place, run.job_name)
                )  # fmt: skip
            except EntityNotFound:
                if of:
                    raise
                return {"job_name": run.job_name, "version": 0, "run_id": None, "state": None}
        return {"job_name": run.job_name, "version": found.version, "run_id": found.run_id,
                "state": found.state or None}  # fmt: skip

    def _commit(self, caller: Caller, run_id: str, body: bytes) -> dict[str, Any]:
        state = _state(body)
        with self.database.transaction() as conn:
            run = runs.get(conn, place_of(caller), None, run_id)
            _require_own(caller, run)
            bookmarks.send(conn, run, state)
        return {}


def _require_own(caller: Caller, run: JobRun) -> None:
    if caller.arn != f"arn:aws:iam::{run.place.account_id}:user/job-run-{run.seq}":
        raise AccessDenied(
            f"{caller.arn} may not commit the bookmark of job run {run.id}: only the run itself may"
        )


def _state(body: bytes) -> dict[str, Any]:
    state = document(body).get("state")
    if not isinstance(state, dict):
        raise SerializationFailed('"state" is missing, or not a JSON object')
    return state
