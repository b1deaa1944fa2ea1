"""What our own doors share, beside those of AWS: a signed request as the gate takes it, answers and errors as JSON."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import orjson
from starlette.requests import Request
from starlette.responses import Response

from glulam.model.errors import AccessRefused, Conflict, EntityNotFound, GlulamError, SerializationFailed
from glulam.wire.door import HttpRequest


def signed(request: Request, body: bytes) -> HttpRequest:
    """The request as it was signed."""
    return HttpRequest(
        method=request.method, raw_path=request.scope.get("raw_path", b"").decode("latin-1").partition("?")[0],
        raw_query=request.scope["query_string"].decode("latin-1"),
        headers=tuple((k.decode("latin-1"), v.decode("latin-1")) for k, v in request.scope["headers"]), body=body,
        peer=request.client.host if request.client else "", request_id=str(uuid4()),
    )  # fmt: skip


def document(body: bytes) -> dict[str, Any]:
    """The body's JSON object. Raises SerializationFailed."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise SerializationFailed(f"the body is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise SerializationFailed("the body is not a JSON object")
    return found


def answer(status: int, content: dict[str, Any]) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")


def refusal(error: GlulamError) -> Response:
    """`{"code", "message"}`."""
    status = 400
    for kind, found in ((AccessRefused, 403), (EntityNotFound, 404), (Conflict, 409)):
        if isinstance(error, kind):
            status = found
    return answer(status, {"code": error.code, "message": str(error)})


def too_long(most: int) -> Response:
    text = f"the request is longer than {most} bytes"
    return answer(413, {"code": "RequestEntityTooLargeException", "message": text})
