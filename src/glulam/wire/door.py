"""The AWS door: HTTP bytes in, HTTP bytes out, for every service that speaks AWS JSON.

    body within its limit
    -> X-Amz-Target names service and operation
    -> authenticate    whose signature is it?                 (Gate)
    -> read            JSON to values, checked by the model
    -> authorize       may they do this to that?              (Gate)
    -> handler         one call into the api
    -> write           values to JSON, by the model
    -> record          who did what with which outcome        (Gate)

`answer` is this list as a plain function of one request, which a thread runs; `__call__` is ASGI around it. Knows no
noun of any service. Errors carry their code; what is not a GlulamError is a defect: it is logged with the request id, and
the client is told that id and nothing else.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar
from uuid import uuid4

import orjson

from glulam.model.caller import Caller
from glulam.model.errors import (
    GlulamError,
    OperationNotSupported,
    RequestTooLarge,
    SerializationFailed,
    UnknownOperation,
    ValidationFailed,
)
from glulam.wire.services import Operation, Service

log = logging.getLogger(__name__)

_STATUS = {"InternalServiceException": 500, "InternalFailure": 500, "OperationNotSupportedException": 501,
           "RequestEntityTooLargeException": 413, "ServiceUnavailableException": 503}  # fmt: skip
"""Codes that are not answered with 400, unless the error says otherwise itself (`http_status`)."""

BODY_S = 60
"""So long a body may take to arrive."""

Touched = TypeVar("Touched")

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """One request as it came over the wire."""

    method: str
    raw_path: str
    """As sent, percent-encoding included."""
    raw_query: str
    headers: tuple[tuple[str, str], ...]
    """Lower-case names, in order, doubles included."""
    body: bytes
    peer: str
    """Address of the sender."""
    request_id: str

    def header(self, name: str) -> str:
        """The first header of that (lower-case) name; empty when there is none."""
        return next((value for key, value in self.headers if key == name), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Gate(Protocol[Touched]):
    """Who may do what, and the record of it."""

    def authenticate(self, request: HttpRequest, signing_name: str) -> Caller:
        """Raises an error that carries AWS's code for what is wrong with the signature."""

    def touched(self, caller: Caller, service: str, operation: str, asked: Mapping[str, Any]) -> Touched:
        """The resources that the request is about, as the other two want them."""

    def authorize(self, caller: Caller, touched: Touched) -> None:
        """Raises AccessDenied."""

    def record(self, request: HttpRequest, caller: Caller | None, service: str, operation: str,
               touched: Touched | None, outcome: str, seconds: float) -> None:  # fmt: skip
        """`outcome` is `OK` or the error's code; what is None was not known yet when it failed."""


class AwsDoor:
    """ASGI application for `POST /` with X-Amz-Target. How requests and answers are written is in its four `_` methods
    `_target`, `_asked`, `_answered` and `_failed`, which `query.py` has otherwise."""

    def __init__(
        self, services: Iterable[Service], gate: Gate[Any], pool: ThreadPoolExecutor, *, max_body_bytes: int
    ) -> None:
        self.services = {service.target_prefix: service for service in services}
        self.gate, self.pool, self.max_body_bytes = gate, pool, max_body_bytes

    def answer(self, request: HttpRequest) -> HttpResponse:
        """One request, from its bytes to the answer's. Never raises."""
        began = time.perf_counter()
        caller: Caller | None = None
        touched: Any = None
        service, operation, outcome = next(iter(self.services.values())), "", "OK"
        try:
            service, name = self._target(request)
            operation = name
            caller = self.gate.authenticate(request, service.signing_name)
            found = self._operation(service, name)
            asked = self._asked(found, request)
            touched = self.gate.touched(caller, service.name, name, asked)
            self.gate.authorize(caller, touched)
            if found.handler is None:
                raise OperationNotSupported(
                    f"{name} is not implemented by Glulam; `glulam operations` lists what is"
                )
            response = self._answered(request, service, found, found.handler(caller, asked))
        except GlulamError as error:
            outcome = error.code
            response = self._failed(
                request, service, error.code, str(error), getattr(error, "http_status", None)
            )
        except Exception:
            log.exception("request %s (%s) failed", request.request_id, operation)
            outcome = "InternalServiceException"
            text = f"internal error; the server's log says more under request id {request.request_id}"
            response = self._failed(request, service, outcome, text, None)
        self.gate.record(
            request, caller, service.name, operation, touched, outcome, time.perf_counter() - began
        )
        return response

    def _target(self, request: HttpRequest) -> tuple[Service, str]:
        if request.method != "POST":
            raise UnknownOperation(f"{request.method} {request.raw_path}: expected POST with X-Amz-Target")
        prefix, _, name = request.header("x-amz-target").rpartition(".")
        service = self.services.get(prefix)
        if service is None:
            known = ", ".join(f"{p}.<operation>" for p in self.services)
            raise UnknownOperation(f"X-Amz-Target {request.header('x-amz-target')!r}: expected {known}")
        return service, name

    def _asked(self, operation: Operation, request: HttpRequest) -> dict[str, Any]:
        return operation.read(_json(request.body))

    def _answered(
        self, request: HttpRequest, service: Service, operation: Operation, answer: Mapping[str, Any] | None
    ) -> HttpResponse:
        return _response(request, service, 200, orjson.dumps(operation.write(answer)))

    def _failed(
        self, request: HttpRequest, service: Service, code: str, text: str, status: int | None
    ) -> HttpResponse:
        body = orjson.dumps({"__type": code, service.message_name(code): text})
        return _response(request, service, status or _STATUS.get(code, 400), body, ("x-amzn-errortype", code))

    @staticmethod
    def _operation(service: Service, name: str) -> Operation:
        found = service.operations.get(name)
        if found is None:
            raise UnknownOperation(f"the service {service.name} has no operation {name!r}")
        return found

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        headers = tuple((k.decode("latin-1"), v.decode("latin-1")) for k, v in scope["headers"])
        try:
            async with asyncio.timeout(BODY_S):
                body = await _read_body(receive, self.max_body_bytes)
        except TimeoutError:
            log.warning("a request of %s was given up: no whole body in %d s", scope.get("client"), BODY_S)
            await send({"type": "http.response.start", "status": 408, "headers": [(b"connection", b"close")]})
            await send({"type": "http.response.body", "body": b""})
            return
        request = HttpRequest(
            method=scope["method"], raw_path=scope.get("raw_path", b"/").decode("latin-1").partition("?")[0],
            raw_query=scope["query_string"].decode("latin-1"), headers=headers, body=body or b"",
            peer=(scope.get("client") or ("",))[0], request_id=str(uuid4()),
        )  # fmt: skip
        if body is None:
            error = RequestTooLarge(f"the request is larger than {self.max_body_bytes} bytes")
            service = next(iter(self.services.values()))
            response = self._failed(request, service, error.code, str(error), None)
        else:
            response = await asyncio.get_running_loop().run_in_executor(self.pool, self.answer, request)
        await send({"type": "http.response.start", "status": response.status,
                    "headers": [(k.encode(), v.encode()) for k, v in response.headers]})  # fmt: skip
        await send({"type": "http.response.body", "body": response.body})


async def _read_body(receive: Receive, limit: int) -> bytes | None:
    """The whole body; None when it is longer than the limit (the rest is not read)."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            return None
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def _json(body: bytes) -> Any:
    try:
        found = orjson.loads(body) if body else {}
    except orjson.JSONDecodeError as error:
        raise SerializationFailed(f"the request body is not JSON: {error}") from error
    if b"\\u0000" in body:  # the only way to write it
        _refuse_nul(found, "")
    return found


def _refuse_nul(value: Any, path: str) -> None:
    """No text that a service keeps may hold U+0000: PostgreSQL has none. Raises ValidationFailed."""
    if isinstance(value, dict):
        for name, item in value.items():
            _refuse_nul(name, f"{path} (a name in it)")
            _refuse_nul(item, f"{path}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value, 1):
            _refuse_nul(item, f"{path}.{index}.member")
    elif isinstance(value, str) and "\0" in value:
        raise ValidationFailed(
            f"1 validation error detected: Value at '{path.lstrip('.')}' failed to satisfy constraint: Member must "
            "not hold the character U+0000"
        )


def _response(
    request: HttpRequest, service: Service, status: int, body: bytes, *more: tuple[str, str]
) -> HttpResponse:
    headers = (
        ("content-type", service.content_type), ("content-length", str(len(body))),
        ("x-amzn-requestid", request.request_id), *more,
    )  # fmt: skip
    return HttpResponse(status=status, headers=headers, body=body)
