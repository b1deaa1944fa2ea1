"""From an HTTP request to an operation's members, as the model places them: path, query, headers, body."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from glulam.model.s3_errors import InvalidArgument, InvalidRequest, InvalidStorageClass, MalformedXML
from glulam.wire import xmlreading

Read = Callable[[str], Any]


class InputReader:
    """Reads the input of one operation."""

    def __init__(self, shape: StructureShape | None) -> None:
        members = shape.members if shape is not None else {}
        self._required = tuple(shape.required_members) if shape is not None else ()
        self._headers: dict[str, tuple[str, Shape]] = {}
        self._query: dict[str, tuple[str, Shape]] = {}
        self._prefixes: list[tuple[str, str]] = []
        self._payload: tuple[str, Shape] | None = None
        for member, found in members.items():
            name = str(found.serialization.get("name", member))
            location = found.serialization.get("location")
            if location == "header":
                self._headers[name.lower()] = (member, found)
            elif location == "querystring":
                self._query[name] = (member, found)
            elif location == "headers":
                self._prefixes.append((name.lower(), member))
            elif shape is not None and shape.serialization.get("payload") == member:
                self._payload = (member, found)
        self.query_names = frozenset(self._query)

    @property
    def payload(self) -> Shape | None:
        """The shape of the member that is the body."""
        return self._payload[1] if self._payload else None

    def read(
        self, path: Mapping[str, str], query: Mapping[str, str], headers: Mapping[str, str]
    ) -> dict[str, Any]:
        """All but the body. Raises InvalidArgument or InvalidStorageClass for a value of the wrong kind."""
        found: dict[str, Any] = dict(path)
        for name, value in query.items():
            if name in self._query:
                member, shape = self._query[name]
                found[member] = _value(value, shape, name)
        for name, value in headers.items():
            if name in self._headers:
                member, shape = self._headers[name]
                read = _header_value(value, shape, name)
                if read is not None:
                    found[member] = read
        for prefix, member in self._prefixes:
            given = {n.removeprefix(prefix): text(v) for n, v in headers.items() if n.startswith(prefix)}
            if given:
                found[member] = given
        if "ContentEncoding" in found:
            _without_framing(found)
        return found

    def read_body(self, body: bytes, found: dict[str, Any]) -> None:
        """Add the body's member, and see that all that is required is there. Raises MalformedXML, InvalidRequest."""
        if self._payload is not None and body:
            member, shape = self._payload
            if isinstance(shape, StructureShape):
                root = xmlreading.parse(body)
                if root.tag.rpartition("}")[2] != shape.serialization.get("name", shape.name):
                    raise MalformedXML
                found[member] = xmlreading.read(root, shape)
            else:
                found[member] = body.decode("utf-8", "replace") if shape.type_name == "string" else body
        for name in self._required:
            if name not in found:
                if self._payload is not None and name == self._payload[0]:
                    raise MalformedXML("The request's body is missing")
                raise InvalidRequest(f"Missing required parameter or header for this request: {name}")


def text(value: str) -> str:
    """A header's value, which is UTF-8 where it can be."""
    if value.isascii():
        return value
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return value


def _value(value: str, shape: Shape, name: str) -> Any:
    """Words that the model lists are taken in any case: the C++ client writes `enabled`."""
    if isinstance(shape, StringShape) and shape.enum:
        value = next((known for known in shape.enum if known.lower() == value.lower()), value)
    try:
        return xmlreading.scalar(value, shape)
    except ValueError as error:
        if shape.name == "StorageClass":
            raise InvalidStorageClass from error
        raise InvalidArgument(
            f"The value of {name} is not valid: {error}", ArgumentName=name, ArgumentValue=value[:200]
        ) from error


def _header_value(value: str, shape: Shape, name: str) -> Any:
    """None: to be passed over, as HTTP says of a condition whose time cannot be read."""
    if isinstance(shape, ListShape):
        return [
            _value(part.strip(), shape.member, name)
            for part in next(csv.reader([value], skipinitialspace=True))
        ]
    if isinstance(shape, MapShape):
        raise InvalidArgument(f"{name} is not understood", ArgumentName=name)
    if shape.type_name == "timestamp" and name.startswith("if-"):
        try:
            return xmlreading.timestamp(value)
        except ValueError:
            return None
    return _value(text(value), shape, name)


def _without_framing(found: dict[str, Any]) -> None:
    """`aws-chunked` is about the way, not about the object."""
    kept = [p.strip() for p in found["ContentEncoding"].split(",") if p.strip() != "aws-chunked"]
    if kept:
        found["ContentEncoding"] = ",".join(kept)
    else:
        del found["ContentEncoding"]
