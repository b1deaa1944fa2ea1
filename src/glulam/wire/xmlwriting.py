"""From values to XML, as botocore's service model says: each shape becomes one function, made once.

Members that are None are left out; one that the model does not know is a defect of ours and raises KeyError. With
`url=True` the names of keys are percent-encoded, as `EncodingType=url` asks: XML cannot say every character of a key.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from botocore.model import ListShape, MapShape, Shape, StructureShape

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
Write = Callable[[Any, list[str], bool], None]
"""(value, where to, url): appends the content of the value's element."""

_ENCODED = frozenset(
    {"ObjectKey", "Prefix", "Delimiter", "StartAfter", "Marker", "NextMarker", "KeyMarker", "NextKeyMarker"}
)
"""Shapes that `EncodingType=url` is about."""
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
_SPECIAL = re.compile(r'[&<>"\x00-\x1f\x7f\ufffe\uffff]')


class XmlWriters:
    """The writers of one service, compiled when first asked for."""

    def __init__(self) -> None:
        self._known: dict[str, Write] = {}

    def of(self, shape: Shape) -> Write:
        found = self._known.get(shape.name)
        if found is None:
            self._known[shape.name] = lambda v, o, u: self._known[shape.name](v, o, u)
            found = self._known[shape.name] = self._compile(shape)
        return found

    def _compile(self, shape: Shape) -> Write:
        if isinstance(shape, StructureShape):
            return self.structure(shape)
        if isinstance(shape, ListShape):
            return self._list(shape)
        if isinstance(shape, MapShape):
            raise TypeError(f"{shape.name}: maps have no place in this service's XML")
        return _scalar(shape)

    def structure(self, shape: StructureShape) -> Write:
        """The members that have no place in a header."""
        members = {name: self._member(name, member) for name, member in shape.members.items()
                   if "location" not in member.serialization}  # fmt: skip

        def write(value: Any, out: list[str], url: bool) -> None:
            for name, item in value.items():
                if item is not None:
                    members[name](item, out, url)

        return write

    def _member(self, name: str, shape: Shape) -> Write:
        tag = str(shape.serialization.get("name", name))
        if shape.serialization.get("xmlAttribute"):
            return lambda value, out, url: None  # written by `_opening` of the element that has it
        if isinstance(shape, ListShape) and shape.serialization.get("flattened"):
            item_tag = str(shape.member.serialization.get("name", tag))
            return self._each(item_tag, shape.member)
        return self._element(tag, shape)

    def _list(self, shape: ListShape) -> Write:
        return self._each(str(shape.member.serialization.get("name", "member")), shape.member)

    def _each(self, tag: str, shape: Shape) -> Write:
        one = self._element(tag, shape)

        def write(value: Any, out: list[str], url: bool) -> None:
            for item in value:
                one(item, out, url)

        return write

    def _element(self, tag: str, shape: Shape) -> Write:
        content, start, end = self.of(shape), f"<{tag}>", f"</{tag}>"
        attributes = _attributes(shape)

        def write(value: Any, out: list[str], url: bool) -> None:
            out.append(start if not attributes else _opening(tag, value, attributes, shape))
            content(value, out, url)
            out.append(end)

        return write


def escape(text: str) -> str:
    """As content or attribute; a character that XML cannot hold as a reference, as S3 does it."""
    if _SPECIAL.search(text) is None:
        return text
    return _SPECIAL.sub(lambda m: _ESCAPES.get(m[0]) or f"&#x{ord(m[0]):x};", text)


def document(root: str, namespace: str, content: str) -> bytes:
    """A whole XML document."""
    opening = f"<{root} xmlns={quoteattr(namespace)}>" if namespace else f"<{root}>"
    return f"{DECLARATION}{opening}{content}</{root}>".encode("utf-8", "surrogatepass")


def iso8601(value: datetime) -> str:
    """`2025-03-01T12:00:00.000Z`"""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}Z"


def _attributes(shape: Shape) -> dict[str, str]:
    if not isinstance(shape, StructureShape):
        return {}
    return {name: str(member.serialization["name"]) for name, member in shape.members.items()
            if member.serialization.get("xmlAttribute")}  # fmt: skip


def _opening(tag: str, value: Any, attributes: dict[str, str], shape: Shape) -> str:
    space = shape.serialization.get("xmlNamespace", {})
    parts = [tag, f"xmlns:{space['prefix']}={quoteattr(space['uri'])}"] if space else [tag]
    parts += [f"{attributes[n]}={quoteattr(v)}" for n, v in value.items() if n in attributes]
    return f"<{' '.join(parts)}>"


def _scalar(shape: Shape) -> Write:
    kind = shape.type_name
    if shape.name in _ENCODED:
        return lambda value, out, url: out.append(quote(value, safe="/") if url else escape(value))
    if kind == "boolean":
        return lambda value, out, url: out.append("true" if value else "false")
    if kind == "timestamp":
        return lambda value, out, url: out.append(iso8601(value))
    if kind == "blob":
        return lambda value, out, url: out.append(base64.b64encode(value).decode())
    if kind == "string":
        return lambda value, out, url: out.append(escape(value))
    return lambda value, out, url: out.append(str(value))
