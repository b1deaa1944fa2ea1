"""What the process of a job run asks its server, beside the AWS operations: its bookmark.

    GET /_glulam/job-runs/<run id>/bookmark    {"job_name", "version", "run_id", "state"}; state null: there is none yet
        ?run=<run id>                          as that run left it, for --job-bookmark-from and -to
    PUT /_glulam/job-runs/<run id>/bookmark    {"state": {...}}: counts once the run has succeeded

Signed like a request to Glue. Only the run's own key may put.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from glulam.gate import SignedGate
from glulam.jobs import bookmarks, runs
from glulam.jobs.place import Place
from glulam.jobs.runs import JobRun
from glulam.model.caller import Caller
from glulam.model.errors import AccessDenied, AccessRefused, EntityNotFound, GlulamError, SerializationFailed
from glulam.store.database import Database
from glulam.wire.door import HttpRequest

MAX_BYTES = 64 << 20


@dataclass(frozen=True, kw_only=True)
class RunDoor:
    """The routes' handlers."""

    gate: SignedGate
    database: Database

    def routes(self) -> list[Route]:
        return [Route("/_glulam/job-runs/{run_id}/bookmark", self.bookmark, methods=["GET", "PUT"])]

    async def bookmark(self, request: Request) -> Response:
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > MAX_BYTES:
                return _answer(
                    413, {"code": "RequestEntityTooLargeException", "message": f"more than {MAX_BYTES} bytes"}
                )
        return await run_in_threadpool(self._answer, request, bytes(body))

    def _answer(self, request: Request, body: bytes) -> Response:
        run_id = request.path_params["run_id"]
        try:
            caller = self.gate.authenticate(_signed(request, body), "glue")
            if request.method == "GET":
                return _answer(200, self._load(caller, run_id, request.query_params.get("run")))
            return _answer(200, self._commit(caller, run_id, body))
        except GlulamError as error:
            status = (
                403 if isinstance(error, AccessRefused) else 404 if isinstance(error, EntityNotFound) else 400
            )
            return _answer(status, {"code": error.code, "message": str(error)})

    def _load(self, caller: Caller, run_id: str, of: str | None) -> dict[str, Any]:
        with self.database.connection() as conn:
            run = runs.get(conn, _place(caller), None, run_id)
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
            run = runs.get(conn, _place(caller), None, run_id)
            _require_own(caller, run)
            bookmarks.send(conn, run, state)
        return {}


def _require_own(caller: Caller, run: JobRun) -> None:
    if caller.arn != f"arn:aws:iam::{run.place.account_id}:user/job-run-{run.seq}":
        raise AccessDenied(
            f"{caller.arn} may not commit the bookmark of job run {run.id}: only the run itself may"
        )


def _state(body: bytes) -> dict[str, Any]:
    try:
        state = orjson.loads(body)["state"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise SerializationFailed(f'the body is not a JSON document with "state": {error}') from error
    if not isinstance(state, dict):
        raise SerializationFailed('"state" is not a JSON object')
    return state


def _place(caller: Caller) -> Place:
    return Place(account_id=caller.account_id, region=caller.region)


def _signed(request: Request, body: bytes) -> HttpRequest:
    return HttpRequest(
        method=request.method, raw_path=request.scope.get("raw_path", b"").decode("latin-1").partition("?")[0],
        raw_query=request.scope["query_string"].decode("latin-1"),
        headers=tuple((k.decode("latin-1"), v.decode("latin-1")) for k, v in request.scope["headers"]), body=body,
        peer=request.client.host if request.client else "", request_id=str(uuid4()),
    )  # fmt: skip


def _answer(status: int, document: dict[str, Any]) -> Response:
    return Response(orjson.dumps(document), status, media_type="application/json")
