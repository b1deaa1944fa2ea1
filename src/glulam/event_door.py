"""Takes the events of objects that others send over HTTP: S3's and MinIO's notifications, EventBridge's events.

    POST /_glulam/events    -> {"events": how many of them were news}
    HEAD /_glulam/events    is it there? (MinIO asks before it sends)

A sender shows the token of the settings (`Authorization: Bearer ...`, as MinIO's webhooks do), or signs its request for the
service `events` with a key that may PutEvents. Without either nothing is taken."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from glulam.events import announcing
from glulam.gate import SignedGate
from glulam.model.caller import Caller
from glulam.model.errors import DatabaseUnavailable, GlulamError, MissingAuthentication
from glulam.objects.notices import parse_notices
from glulam.signed_http import answer, refusal, signed, too_long
from glulam.store.database import Database
from glulam.wire.door import HttpRequest

PATH = "/_glulam/events"
MAX_BYTES = 4 << 20
_BEARER = "bearer "


@dataclass(frozen=True, kw_only=True)
class EventDoor:
    gate: SignedGate
    database: Database
    token: str | None
    """None: only signed requests are taken."""

    def routes(self) -> list[Route]:
        return [Route(PATH, self.take, methods=["POST", "HEAD"])]

    async def take(self, request: Request) -> Response:
        size, parts = 0, []
        async for part in request.stream():
            size += len(part)
            if size > MAX_BYTES:
                return too_long(MAX_BYTES)
            parts.append(part)
        return await run_in_threadpool(self._carry_out, signed(request, b"".join(parts)))

    def _carry_out(self, request: HttpRequest) -> Response:
        caller: Caller | None = None
        outcome = "ok"
        try:
            caller = self._let_in(request)
            if request.method == "HEAD":
                return answer(200, {})
            notices = parse_notices(request.body)
            with self.database.transaction() as conn:
                told = announcing.objects(conn, notices)
            return answer(200, {"events": told})
        except GlulamError as error:
            outcome = error.code
            if isinstance(error, DatabaseUnavailable):  # send it again
                return answer(503, {"code": error.code, "message": str(error)})
            return refusal(error)
        finally:
            if request.method != "HEAD":
                self.gate.record(request, caller, "events", "TakeNotifications", None, outcome, 0.0)

    def _let_in(self, request: HttpRequest) -> Caller | None:
        """Who sends it; None: who knows the token. Raises AccessRefused."""
        shown = request.header("authorization")
        if shown[: len(_BEARER)].lower() == _BEARER:
            if self.token and hmac.compare_digest(
                shown[len(_BEARER) :].strip().encode(), self.token.encode()
            ):
                return None
            raise MissingAuthentication("the token is not that of GLULAM_EVENT_TOKEN")
        caller = self.gate.authenticate(request, "events")
        self.gate.authorize(caller, self.gate.touched(caller, "events", "PutEvents", {}))
        return caller
