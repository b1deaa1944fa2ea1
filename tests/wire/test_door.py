"""The AWS door: which requests reach a handler, and what every other one is told."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from glulam.model.caller import Caller
from glulam.model.errors import AccessDenied, EntityNotFound
from glulam.wire.door import AwsDoor, HttpRequest, HttpResponse
from glulam.wire.services import Service

CALLER = Caller(account_id="123456789012", region="eu-west-1", arn="arn:x", role="admin", request_id="r-1")


class Part:
    """Two operations that do no more than the tests need."""

    def get_database(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        if asked["Name"] == "broken":
            raise ZeroDivisionError("secret detail")
        if asked["Name"] != "db":
            raise EntityNotFound(f"Database {asked['Name']} not found.")
        return {"Database": {"Name": "db", "CatalogId": caller.account_id, "LocationUri": caller.region}}

    def delete_database(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        return None


class NotedGate:
    """Lets everybody in but to DeleteDatabase, and notes what it is told."""

    def __init__(self) -> None:
        self.noted: list[tuple[str, str, bool]] = []

    def authenticate(self, request: HttpRequest, signing_name: str) -> Caller:
        assert signing_name == "glue"
        if not request.header("authorization"):
            raise AccessDenied("who are you?")
        return CALLER

    def touched(self, caller: Caller, service: str, operation: str, asked: Mapping[str, Any]) -> list[str]:
        return [operation, *sorted(asked)]

    def authorize(self, caller: Caller, touched: list[str]) -> None:
        if touched[0] == "DeleteDatabase":
            raise AccessDenied("not you")

    def record(self, request: HttpRequest, caller: Caller | None, service: str, operation: str,
               touched: list[str] | None, outcome: str, seconds: float) -> None:  # fmt: skip
        assert seconds >= 0
        self.noted.append((operation, outcome, caller is not None))


@pytest.fixture
def gate() -> NotedGate:
    return NotedGate()


@pytest.fixture
def door(gate: NotedGate) -> AwsDoor:
    return AwsDoor([Service("glue", [Part()])], gate, ThreadPoolExecutor(1), max_body_bytes=100)


def ask(door: AwsDoor, operation: str, asked: Any = None, **changes: Any) -> HttpResponse:
    headers = (("x-amz-target", f"AWSGlue.{operation}"), ("authorization", "yes"))
    given: dict[str, Any] = {"method": "POST", "raw_path": "/", "raw_query": "", "headers": headers, "peer": "::1",
                             "body": json.dumps(asked or {}).encode(), "request_id": "r-1", **changes}  # fmt: skip
    return door.answer(HttpRequest(**given))


def test_an_answer(door: AwsDoor, gate: NotedGate) -> None:
    found = ask(door, "GetDatabase", {"Name": "db"})
    assert found.status == 200
    assert json.loads(found.body) == {
        "Database": {"Name": "db", "CatalogId": "123456789012", "LocationUri": "eu-west-1"}
    }
    assert dict(found.headers) == {
        "content-type": "application/x-amz-json-1.1", "content-length": str(len(found.body)), "x-amzn-requestid": "r-1"
    }  # fmt: skip
    assert gate.noted == [("GetDatabase", "OK", True)]


@pytest.mark.parametrize(
    ("operation", "asked", "changes", "status", "code", "said"),
    [
        ("GetDatabase", {"Name": "x"}, {}, 400, "EntityNotFoundException", "Database x not found."),
        ("GetDatabase", {}, {}, 400, "ValidationException", "Member must not be null"),
        ("GetDatabase", {}, {"body": b"{"}, 400, "SerializationException", "not JSON"),
        ("GetDatabase", {}, {"body": b"\xff"}, 400, "SerializationException", "not JSON"),
        ("DeleteDatabase", {"Name": "x"}, {}, 400, "AccessDeniedException", "not you"),
        ("GetJobs", {}, {}, 501, "OperationNotSupportedException", "GetJobs is not implemented"),
        ("GetNothing", {}, {}, 400, "UnknownOperationException", "no operation 'GetNothing'"),
        ("GetJobs", {}, {"headers": ()}, 400, "UnknownOperationException", "expected AWSGlue.<operation>"),
        ("GetJobs", {}, {"method": "GET"}, 400, "UnknownOperationException", "expected POST"),
        ("GetJobs", {}, {"headers": (("x-amz-target", "AWSGlue.GetJobs"),)}, 400, "AccessDeniedException", "who are"),
        ("GetDatabase", {"Name": "broken"}, {}, 500, "InternalServiceException", "request id r-1"),
    ],
)  # fmt: skip
def test_errors(door: AwsDoor, gate: NotedGate, operation: str, asked: Any, changes: Any, status: int, code: str,
                said: str, caplog: pytest.LogCaptureFixture) -> None:  # fmt: skip
    with caplog.at_level(logging.CRITICAL):
        found = ask(door, operation, asked, **changes)
    body = json.loads(found.body)
    assert (found.status, body["__type"], dict(found.headers)["x-amzn-errortype"]) == (status, code, code)
    text = body.get("Message") or body.get("message")
    assert said in text
    assert "secret detail" not in text
    assert gate.noted[0][1] == code


def asgi(door: AwsDoor, *parts: bytes) -> tuple[int, bytes]:
    """The door as the server calls it, with a body that comes in parts."""
    messages = [{"type": "http.request", "body": p, "more_body": True} for p in parts]
    messages.append({"type": "http.request", "body": b"", "more_body": False})
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "raw_path": b"/", "query_string": b"", "client": ("127.0.0.1", 1),
             "headers": [(b"x-amz-target", b"AWSGlue.GetDatabase"), (b"authorization", b"yes")]}  # fmt: skip
    asyncio.run(door(scope, receive, send))
    return sent[0]["status"], sent[1]["body"]


def test_a_body_in_parts_is_joined(door: AwsDoor) -> None:
    status, body = asgi(door, b'{"Na', b'me": ', b'"db"}')
    assert status == 200
    assert json.loads(body)["Database"]["Name"] == "db"


def test_a_body_beyond_the_limit_is_not_read_on(door: AwsDoor, gate: NotedGate) -> None:
    status, body = asgi(door, b"x" * 60, b"x" * 60, b"x" * 60)
    assert status == 413
    assert b"larger than 100 bytes" in body
    assert gate.noted == []
