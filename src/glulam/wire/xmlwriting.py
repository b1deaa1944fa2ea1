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

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
Write = Callable[[Any, bool], str]
"""(value, url): the content of the value's element."""

_ENCODED = frozenset(
    {"ObjectKey", "Prefix", "Delimiter", "StartAfter", "Marker", "NextMarker", "KeyMarker", "NextKeyMarker"}
)
"""Shapes that `EncodingType=url` is about."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ufffe\uffff]")


class XmlWriters:
    """The writers of one service, compiled when first asked for."""

    def __init__(self) -> None:
        self._known: dict[str, Write] = {}

    def of(self, shape: Shape) -> Write:
        found = self._known.get(shape.name)
        if found is None:
            self._known[shape.name] = lambda v, u: self._known[shape.name](v, u)
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

        def write(value: Any, url: bool) -> str:
            return "".join([members[name](item, url) for name, item in value.items() if item is not None])

        return write

    def _member(self, name: str, shape: Shape) -> Write:
        tag = str(shape.serialization.get("name", name))
        if shape.serialization.get("xmlAttribute"):
            return lambda value, url: ""  # written by `_opening` of the element that has it
        if isinstance(shape, ListShape) and shape.serialization.get("flattened"):
            item_tag = str(shape.member.serialization.get("name", tag))
            return self._each(item_tag, shape.member)
        return self._element(tag, shape)

    def _list(self, shape: ListShape) -> Write:
        return self._each(str(shape.member.serialization.get("name", "member")), shape.member)

    def _each(self, tag: str, shape: Shape) -> Write:
        one = self._element(tag, shape)
        return lambda value, url: "".join([one(item, url) for item in value])

    def _element(self, tag: str, shape: Shape) -> Write:
        content, start, end = self.of(shape), f"<{tag}>", f"</{tag}>"
        if isinstance(shape, StringShape) and shape.enum:
            known = {word: f"{start}{escape(word)}{end}" for word in shape.enum}
            return lambda value, url: known.get(value) or f"{start}{content(value, url)}{end}"
        if not (attributes := _attributes(shape)):
            return lambda value, url: f"{start}{content(value, url)}{end}"
        return lambda value, url: f"{_opening(tag, value, attributes, shape)}{content(value, url)}{end}"


def escape(text: str) -> str:
    """As content or attribute; a character that XML cannot hold as a reference, as S3 does it."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    return text if text.isprintable() else _CONTROL.sub(lambda m: f"&#x{ord(m[0]):x};", text)


def document(root: str, namespace: str, content: str) -> bytes:
    """A whole XML document."""
    opening = f"<{root} xmlns={quoteattr(namespace)}>" if namespace else f"<{root}>"
    return f"{DECLARATION}{opening}{content}</{root}>".encode("utf-8", "surrogatepass")


def iso8601(value: datetime) -> str:
    """`2025-03-01T12:00:00.000Z`"""
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    return "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ" % (  # noqa: UP031 - a list writes thousands: a third of strftime's time
        value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond // 1000,
    )  # fmt: skip


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
        return lambda value, url: quote(value, safe="/") if url else escape(value)
    if kind == "boolean":
        return lambda value, url: "true" if value else "false"
    if kind == "timestamp":
        return lambda value, url: iso8601(value)
    if kind == "blob":
        return lambda value, url: base64.b64encode(value).decode()
    if kind == "string":
        return lambda value, url: escape(value)
    return lambda value, url: str(value)
