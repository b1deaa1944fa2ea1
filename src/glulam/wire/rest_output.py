"""From an operation's answer to an HTTP response, as the model places its members: status, headers, body.

What the model does not say of S3 stands here: the names of root elements, and the one answer that is a bare text.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from glulam.model.streams import FileSlice
from glulam.wire.xmlwriting import XmlWriters, document, escape, iso8601

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
ROOTS = {
    "ListBuckets": "ListAllMyBucketsResult",
    "ListObjects": "ListBucketResult",
    "ListObjectsV2": "ListBucketResult",
    "ListObjectVersions": "ListVersionsResult",
    "CreateMultipartUpload": "InitiateMultipartUploadResult",
    "DeleteObjects": "DeleteResult",
    "GetBucketLocation": "LocationConstraint",
    "GetObjectAttributes": "GetObjectAttributesResponse",
    "GetObjectTagging": "Tagging",
    "GetBucketTagging": "Tagging",
    "GetBucketLifecycleConfiguration": "LifecycleConfiguration",
    "GetBucketNotificationConfiguration": "NotificationConfiguration",
    "GetBucketVersioning": "VersioningConfiguration",
    "GetBucketAcl": "AccessControlPolicy",
    "GetObjectAcl": "AccessControlPolicy",
    "GetBucketRequestPayment": "RequestPaymentConfiguration",
    "GetBucketCors": "CORSConfiguration",
    "GetBucketLogging": "BucketLoggingStatus",
    "GetBucketAccelerateConfiguration": "AccelerateConfiguration",
    "GetBucketWebsite": "WebsiteConfiguration",
}
"""Root elements of answers; any other is `<operation>Result`, or the name of the payload's shape."""

Headers = list[tuple[str, str]]
Content = bytes | FileSlice


class OutputWriter:
    """Writes the output of one operation."""

    def __init__(self, model: OperationModel, writers: XmlWriters) -> None:
        shape = model.output_shape
        self._status = int(model.http.get("responseCode", 200))
        self._root = ROOTS.get(model.name, f"{model.name}Result")
        self._bare = model.name == "GetBucketLocation"
        self._headers: dict[str, Callable[[Any, Headers], None]] = {}
        self._payload = ""
        self._payload_is_xml = False
        members = shape.members if shape is not None else {}
        for name, member in members.items():
            if "location" in member.serialization:
                self._headers[name] = _header(name, member)
        self._body_members = frozenset(members) - self._headers.keys()
        self._write = writers.structure(shape) if shape is not None else None
        if shape is not None and "payload" in shape.serialization:
            self._payload = str(shape.serialization["payload"])
            found = members[self._payload]
            self._payload_is_xml = isinstance(found, StructureShape)
            if self._payload_is_xml:
                self._root = str(found.serialization.get("name", found.name))
                self._write = writers.of(found)

    def write(self, answer: Mapping[str, Any]) -> tuple[int, Headers, Content]:
        """Status, headers (without Content-Length) and body. A member that the model does not know is a KeyError."""
        headers: Headers = []
        body: dict[str, Any] = {}
        for name, value in answer.items():
            if value is None:
                continue
            if name in self._headers:
                self._headers[name](value, headers)
            elif name in self._body_members:
                body[name] = value
            else:
                raise KeyError(name)
        status = 206 if "ContentRange" in answer else self._status
        return status, headers, self._body(body, headers)

    def _body(self, body: Mapping[str, Any], headers: Headers) -> Content:
        if self._payload and not self._payload_is_xml:
            content = body.get(self._payload, b"")
            return content.encode() if isinstance(content, str) else content
        if not self._body_members or self._write is None or self._status == 204:
            return b""
        headers.append(("content-type", "application/xml"))
        if self._bare:
            return document(self._root, NAMESPACE, escape("".join(body.values())))
        value = body.get(self._payload, {}) if self._payload else body
        return document(self._root, NAMESPACE, self._write(value, body.get("EncodingType") == "url"))


def _header(name: str, shape: Shape) -> Callable[[Any, Headers], None]:
    header = str(shape.serialization.get("name", name)).lower()
    if shape.serialization["location"] == "statusCode":
        return lambda value, out: None
    if isinstance(shape, MapShape):
        return lambda value, out: out.extend((header + key, header_text(text)) for key, text in value.items())
    if isinstance(shape, ListShape):
        return lambda value, out: out.append((header, ",".join(value)))
    kind = shape.type_name
    if kind == "boolean":
        return lambda value, out: out.append((header, "true" if value else "false"))
    if kind == "timestamp":
        iso = shape.serialization.get("timestampFormat") == "iso8601"
        return lambda value, out: out.append((header, _time(value, iso)))
    return lambda value, out: out.append((header, header_text(str(value))))


def _time(value: datetime | str, iso: bool) -> str:
    """A text is passed on: what a client once said of Expires need not be a time."""
    if isinstance(value, str):
        return header_text(value)
    return iso8601(value) if iso else rfc1123(value)


def rfc1123(value: datetime) -> str:
    """`Sat, 01 Mar 2025 12:00:00 GMT`"""
    return format_datetime(value.astimezone(UTC), usegmt=True)


def header_text(value: str) -> str:
    """A value that fits into a header: what is not printable ASCII is written as RFC 2047 has it, as S3 does."""
    if value.isascii() and value.isprintable():
        return value
    return f"=?UTF-8?B?{base64.b64encode(value.encode('utf-8', 'surrogatepass')).decode()}?="
