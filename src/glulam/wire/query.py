"""AWS's Query protocol, which STS speaks: a form with an Action in, XML out. Else the door is that of AWS JSON.

Action=GetSessionToken&Version=2011-06-15&DurationSeconds=900
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl

from botocore.model import ListShape, Shape, StructureShape

from glulam.model.errors import SerializationFailed, UnknownOperation
from glulam.wire.door import AwsDoor, Gate, HttpRequest, HttpResponse
from glulam.wire.services import Operation, Service
from glulam.wire.xmlreading import scalar
from glulam.wire.xmlwriting import XmlWriters, document, escape

CODES = {
    "AccessDeniedException": ("AccessDenied", 403),
    "ExpiredTokenException": ("ExpiredToken", 403),
    "IncompleteSignatureException": ("IncompleteSignature", 400),
    "InternalServiceException": ("InternalFailure", 500),
    "InvalidInputException": ("ValidationError", 400),
    "InvalidSignatureException": ("SignatureDoesNotMatch", 403),
    "MissingAuthenticationTokenException": ("MissingAuthenticationToken", 403),
    "OperationNotSupportedException": ("NotImplemented", 501),
    "RequestEntityTooLargeException": ("RequestEntityTooLarge", 413),
    "SerializationException": ("MalformedInput", 400),
    "UnknownOperationException": ("InvalidAction", 400),
    "UnrecognizedClientException": ("InvalidClientTokenId", 403),
    "ValidationException": ("ValidationError", 400),
}
"""What the Query services call the errors of the JSON services."""


class QueryDoor(AwsDoor):
    """ASGI application for one service of the Query protocol."""

    def __init__(
        self, service: Service, gate: Gate[Any], pool: ThreadPoolExecutor, *, max_body_bytes: int
    ) -> None:
        super().__init__((), gate, pool, max_body_bytes=max_body_bytes)
        self.services = {"": service}
        self._writers = XmlWriters()

    def _target(self, request: HttpRequest) -> tuple[Service, str]:
        service = self.services[""]
        given, version = _form(request), str(service.model.metadata["apiVersion"])
        if given.get("Version", version) != version:
            raise UnknownOperation(f"Version {given['Version'][:40]!r}: expected {version}")
        return service, given.get("Action", "")

    def _asked(self, operation: Operation, request: HttpRequest) -> dict[str, Any]:
        given = {n: v for n, v in _form(request).items() if n not in ("Action", "Version")}
        shape = operation.model.input_shape
        if shape is None:
            return {}
        found = _structure(given, shape, "")
        if given:
            raise SerializationFailed(f"{operation.name} has no parameter {sorted(given)[0]}")
        return operation.read(found)

    def _answered(
        self, request: HttpRequest, service: Service, operation: Operation, answer: Mapping[str, Any] | None
    ) -> HttpResponse:
        shape, content = operation.model.output_shape, ""
        if shape is not None:
            members = self._writers.structure(shape)(answer or {}, False)
            wrapper = shape.serialization.get("resultWrapper", f"{operation.name}Result")
            content = f"<{wrapper}>{members}</{wrapper}>"
        content += f"<ResponseMetadata><RequestId>{request.request_id}</RequestId></ResponseMetadata>"
        return _response(request, 200, document(f"{operation.name}Response", _namespace(service), content))

    def _failed(
        self, request: HttpRequest, service: Service, code: str, text: str, status: int | None
    ) -> HttpResponse:
        code, found = CODES.get(code, (code, 400))
        kind = "Sender" if found < 500 else "Receiver"
        content = (
            f"<Error><Type>{kind}</Type><Code>{escape(code)}</Code><Message>{escape(text)}</Message></Error>"
            f"<RequestId>{request.request_id}</RequestId>"
        )
        return _response(request, found, document("ErrorResponse", _namespace(service), content))


def _form(request: HttpRequest) -> dict[str, str]:
    text = request.raw_query if request.method == "GET" else request.body.decode("latin-1")
    try:
        return dict(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=1000))
    except ValueError as error:
        raise SerializationFailed(
            "expected a form: name=value pairs with & between, percent-encoded UTF-8"
        ) from error


def _structure(given: dict[str, str], shape: StructureShape, prefix: str) -> dict[str, Any]:
    """The members below `prefix`, taken out of `given`."""
    found = {}
    for name, member in shape.members.items():
        key = f"{prefix}{member.serialization.get('name', name)}"
        if key in given or any(other.startswith(f"{key}.") for other in given):
            found[name] = _value(given, member, key)
    return found


def _value(given: dict[str, str], shape: Shape, key: str) -> Any:
    if isinstance(shape, StructureShape):
        return _structure(given, shape, f"{key}.")
    if isinstance(shape, ListShape):
        found, infix = [], f".{shape.member.serialization.get('name', 'member')}."
        number = 1
        while any(
            other == f"{key}{infix}{number}" or other.startswith(f"{key}{infix}{number}.") for other in given
        ):
            found.append(_value(given, shape.member, f"{key}{infix}{number}"))
            number += 1
        return found
    text = given.pop(key, None)
    if text is None:
        raise SerializationFailed(f"{key}: expected one value, found members")
    if shape.type_name == "string":
        return text
    try:
        return scalar(text, shape)
    except ValueError as error:
        raise SerializationFailed(f"{key}: {error}") from error


def _namespace(service: Service) -> str:
    return str(service.model.metadata["xmlNamespace"])


def _response(request: HttpRequest, status: int, body: bytes) -> HttpResponse:
    headers = (
        ("content-type", "text/xml"), ("content-length", str(len(body))), ("x-amzn-requestid", request.request_id),
    )  # fmt: skip
    return HttpResponse(status=status, headers=headers, body=body)
