"""The S3 door: HTTP requests with bodies of any length in, HTTP answers out.

    place      bucket and key from path or host
    authenticate, find the operation, read its members                 (Gate, rest.py, rest_input.py)
    body       XML within its limit, or a stream that the handler reads (bodies.py)
    authorize -> handler -> write -> record

`answer` is this list as a plain function that a thread runs. A short body is read by the event loop before, a long one goes
through a Pipe to a thread of a pool of its own, so that slow uploads hold up nobody else. A file that is answered is read
and sent piece by piece.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar
from urllib.parse import parse_qsl
from uuid import uuid4

from glulam.model import s3_errors
from glulam.model.caller import Caller
from glulam.model.errors import AccessDenied, GlulamError, InvalidInput
from glulam.model.s3_errors import S3Error
from glulam.model.streams import FileSlice
from glulam.wire.bodies import Body, Pipe, Receive, Source, Whole
from glulam.wire.checksums import expected_of
from glulam.wire.door import HttpRequest, Send
from glulam.wire.places import Places
from glulam.wire.rest import RestOperation, RestService
from glulam.wire.rest_output import Headers
from glulam.wire.s3_signing import Payload
from glulam.wire.xmlwriting import document, escape

log = logging.getLogger(__name__)

SHORT_BODY = 1 << 20
"""Bodies up to this size are read into memory before the request is looked at."""
SEND_BYTES = 1 << 20
MAX_OBJECT = 5 << 30
"""What S3 takes in one request."""

_OLD_SIGNATURE = ("AWSAccessKeyId", "Expires", "Signature")

Touched = TypeVar("Touched")


@dataclass(frozen=True, slots=True, kw_only=True)
class RestResponse:
    status: int
    headers: Headers
    content: bytes | FileSlice


class StreamGate(Protocol[Touched]):
    """Who may do what, and the record of it; `door.Gate` with a signature that leaves the body for later."""

    def authenticate_stream(self, request: HttpRequest, host_bucket: str | None) -> tuple[Caller, Payload]:
        """`host_bucket`: the bucket that the Host header names, if it does. Raises S3's errors."""

    def touched(self, caller: Caller, service: str, operation: str, asked: Mapping[str, Any]) -> Touched: ...
    def sift(self, caller: Caller, touched: Touched, asked: dict[str, Any]) -> tuple[Touched, Touched]:
        """What is allowed, and what is refused while the rest goes on; the handler finds the latter in `asked`. Raises
        AccessDenied for the whole request."""

    def record(self, request: HttpRequest, caller: Caller | None, service: str, operation: str,
               touched: Touched | None, outcome: str, seconds: float) -> None: ...  # fmt: skip


class RestDoor:
    """ASGI application for one REST-XML service."""

    def __init__(
        self, service: RestService, gate: StreamGate[Any], places: Places, *, pool: ThreadPoolExecutor,
        streams: ThreadPoolExecutor, max_body_bytes: int, closed: str = "",
    ) -> None:  # fmt: skip
        """`streams`: threads for requests with long bodies. `closed`: why nothing is answered here, if so."""
        self.service, self.gate, self.places = service, gate, places
        self.pool, self.streams, self.max_body_bytes, self.closed = pool, streams, max_body_bytes, closed

    def answer(self, request: HttpRequest, source: Source) -> RestResponse:
        """One request. Never raises."""
        began = time.perf_counter()
        caller: Caller | None = None
        touched: Any = None
        refused: Any = None
        name, outcome = "", "OK"
        place: Mapping[str, str] = {}
        try:
            if self.closed:
                raise s3_errors.NotImplemented(self.closed)
            host_bucket = self.places.bucket_of_host(request.header("host"))
            place = self.places.of(host_bucket, request.raw_path)
            caller, payload = self.gate.authenticate_stream(request, host_bucket)
            query, headers = _parameters(request)
            operation = self.service.find(request.method, tuple(place), query, headers)
            name = operation.name
            asked = operation.reader.read(place, query, headers)
            body = self._body(operation, source, payload, headers, asked)
            touched = self.gate.touched(caller, self.service.name, name, asked)
            touched, refused = self.gate.sift(caller, touched, asked)
            if operation.handler is None:
                raise s3_errors.NotImplemented(
                    f"{name} is not implemented by Glulam; `glulam operations` lists what is"
                )
            if operation.takes_body and source.asked:
                body.start()
            response = _respond(request, *operation.writer.write(operation.handler(caller, asked) or {}))
        except GlulamError as error:
            found = _as_s3(error)
            outcome = found.code
            response = _refuse(request, place, found)
        except Exception:
            log.exception("request %s (%s) failed", request.request_id, name)
            outcome = "InternalError"
            response = _refuse(request, place, s3_errors.InternalError(
                f"internal error; the server's log says more under request id {request.request_id}"))  # fmt: skip
        seconds = time.perf_counter() - began
        if refused:
            self.gate.record(request, caller, self.service.name, name, refused, "AccessDenied", seconds)
        if touched or not refused:
            self.gate.record(request, caller, self.service.name, name, touched, outcome, seconds)
        if not source.asked and request.header("expect"):
            response.headers.append(("connection", "close"))  # the client may or may not send what it offered
        return response

    def _body(
        self, operation: RestOperation, source: Source, payload: Payload, headers: Mapping[str, str], asked: dict[str, Any]
    ) -> Body:  # fmt: skip
        """The request's body; what is not a stream is read and added to `asked`."""
        expected = expected_of(headers, payload.sha256, checksums=operation.checks_body)
        if operation.handler and operation.wants_checksum and not expected.keys() - {"x-amz-content-sha256"}:
            raise s3_errors.InvalidRequest(
                "Missing required header for this request: Content-MD5 OR x-amz-checksum-*"
            )
        length = _length(headers, payload, needed=operation.takes_body)
        body = Body(source, payload, expected, length=length)
        if operation.takes_body:
            if length is not None and length > MAX_OBJECT:
                raise s3_errors.EntityTooLarge(ProposedSize=length, MaxSizeAllowed=MAX_OBJECT)
            asked["Body"] = body
            operation.reader.read_body(b"", asked)
        else:
            operation.reader.read_body(self._read_all(body), asked)
        return body

    def _read_all(self, body: Body) -> bytes:
        if body.length is not None and body.length > self.max_body_bytes:
            raise s3_errors.RequestTooLong(MaxMessageLengthBytes=self.max_body_bytes)
        parts, size = [], 0
        while part := body.read(SHORT_BODY):
            size += len(part)
            if size > self.max_body_bytes:
                raise s3_errors.RequestTooLong(MaxMessageLengthBytes=self.max_body_bytes)
            parts.append(part)
        return b"".join(parts)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        request = HttpRequest(
            method=scope["method"], raw_path=scope.get("raw_path", b"/").decode("latin-1").partition("?")[0],
            raw_query=scope["query_string"].decode("latin-1"), body=b"", peer=(scope.get("client") or ("",))[0],
            headers=tuple((k.decode("latin-1"), v.decode("latin-1")) for k, v in scope["headers"]),
            request_id=uuid4().hex[:16].upper(),
        )  # fmt: skip
        length = request.header("content-length") or ("0" if not request.header("transfer-encoding") else "")
        loop = asyncio.get_running_loop()
        if length.isdigit() and int(length) <= SHORT_BODY:
            whole = Whole(await _read_short(receive) if int(length) else b"")
            response = await loop.run_in_executor(self.pool, self.answer, request, whole)
        else:
            pipe = Pipe(receive, loop)
            response = await loop.run_in_executor(self.streams, self.answer, request, pipe)
            pipe.stop()
        await send({"type": "http.response.start", "status": response.status,
                    "headers": [(k.encode("latin-1"), v.encode("latin-1")) for k, v in response.headers]})  # fmt: skip
        if isinstance(response.content, FileSlice):
            await _send_file(response.content, loop, self.pool, send)
        else:
            await send({"type": "http.response.body", "body": response.content})


async def _read_short(receive: Receive) -> bytes:
    """The whole body, or what came of it before the client went away."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


async def _send_file(
    slice_: FileSlice, loop: asyncio.AbstractEventLoop, pool: ThreadPoolExecutor, send: Send
) -> None:
    """Send it, reading the next piece meanwhile. When the file turns out shorter the connection is broken off."""
    left = slice_.length
    with contextlib.closing(slice_.file) as file:
        file.seek(slice_.offset)
        ahead = loop.run_in_executor(pool, file.read, min(left, SEND_BYTES))
        while piece := await ahead:
            left -= len(piece)
            if left:
                ahead = loop.run_in_executor(pool, file.read, min(left, SEND_BYTES))
            try:
                await send({"type": "http.response.body", "body": piece, "more_body": left > 0})
            except BaseException:
                await ahead
                raise
            if not left:
                return
    log.warning("%s became shorter while it was sent", getattr(slice_.file, "name", "a file"))


def _parameters(request: HttpRequest) -> tuple[dict[str, str], dict[str, str]]:
    """Query without what is about the signature, and headers. A presigned URL may hold `x-amz-` headers in its query."""
    headers: dict[str, str] = {}
    for name, value in request.headers:
        headers[name] = f"{headers[name]},{value}" if name in headers else value.strip()
    query: dict[str, str] = {}
    if request.raw_query:
        try:
            pairs = parse_qsl(request.raw_query, keep_blank_values=True, errors="strict", max_num_fields=200)
        except ValueError as error:
            raise s3_errors.InvalidURI from error
        for name, value in pairs:
            if name.startswith("x-amz-") or name in ("content-type", "content-md5"):
                headers.setdefault(name, value)
            elif not name.startswith("X-Amz-") and name not in _OLD_SIGNATURE:
                query.setdefault(name, value)
    return query, headers


def _length(headers: Mapping[str, str], payload: Payload, *, needed: bool) -> int | None:
    """Size of the decoded body, where it is said. Raises MissingContentLength when it is `needed` and is not."""
    name = "x-amz-decoded-content-length" if payload.chunked else "content-length"
    text = headers.get(name)
    if text is None:
        if needed:
            raise s3_errors.MissingContentLength
        return None if "transfer-encoding" in headers or payload.chunked else 0
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise s3_errors.InvalidArgument(f"{name} is not a number", ArgumentName=name, ArgumentValue=text[:40])
    return int(text)


def _as_s3(error: GlulamError) -> S3Error:
    if isinstance(error, S3Error):
        return error
    if isinstance(error, AccessDenied):
        return s3_errors.AccessDenied(str(error))
    if isinstance(error, InvalidInput):
        return s3_errors.InvalidRequest(str(error))
    return s3_errors.InternalError(str(error))


def _refuse(request: HttpRequest, place: Mapping[str, str], error: S3Error) -> RestResponse:
    parts = {"Code": error.code, "Message": str(error), **error.details}
    if error.http_status in (404, 409) and "Bucket" in place:
        parts.setdefault("Key" if "Key" in place else "BucketName", place.get("Key", place["Bucket"]))
    parts |= {"Resource": request.raw_path, "RequestId": request.request_id, "HostId": _host_id(request)}
    content = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in parts.items())
    headers = [*error.headers.items()]
    if error.http_status != 304:
        headers.append(("content-type", "application/xml"))
    return _respond(request, error.http_status, headers, document("Error", "", content))


def _respond(request: HttpRequest, status: int, headers: Headers, content: bytes | FileSlice) -> RestResponse:
    """HEAD has the headers of GET and no body; its answer says the length itself."""
    if request.method == "HEAD" or status in (204, 304):
        if isinstance(content, FileSlice):
            content.file.close()
        content = b""
    else:
        if isinstance(content, FileSlice) and content.length <= SEND_BYTES:
            content = _read(content)
        size = content.length if isinstance(content, FileSlice) else len(content)
        headers = [(name, value) for name, value in headers if name != "content-length"]
        headers.append(("content-length", str(size)))
    headers += [("x-amz-request-id", request.request_id), ("x-amz-id-2", _host_id(request))]
    return RestResponse(status=status, headers=headers, content=content)


def _read(slice_: FileSlice) -> bytes:
    """A short piece of a file, read here and now. Raises InternalError when there is less of it than there should be."""
    with contextlib.closing(slice_.file) as file:
        file.seek(slice_.offset)
        found = file.read(slice_.length)
    if len(found) != slice_.length:
        raise s3_errors.InternalError("the object was changed while it was read; please try again")
    return found


def _host_id(request: HttpRequest) -> str:
    return f"glulam/{request.request_id}"
