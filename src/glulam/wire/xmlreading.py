"""From XML to checked values, as botocore's service model says. What the model does not allow is MalformedXML.

A document type is refused before it is looked at: no entity is ever expanded. Elements that the model does not know are
refused too, for an option that is not understood must not look as if it were kept.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from glulam.model.s3_errors import MalformedXML


class _NoDoctype(TreeBuilder):
    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise MalformedXML


def parse(body: bytes) -> Element:
    """The root element. Raises MalformedXML."""
    parser = XMLParser(target=_NoDoctype())
    try:
        parser.feed(body)
        root: Element = parser.close()
    except (ParseError, ValueError, LookupError) as error:
        raise MalformedXML from error
    return root


def read(element: Element, shape: Shape) -> Any:
    """The element's value. Raises MalformedXML."""
    if isinstance(shape, StructureShape):
        return _structure(element, shape)
    if isinstance(shape, ListShape):
        return [read(item, shape.member) for item in element]
    if isinstance(shape, MapShape):
        raise MalformedXML
    if len(element):
        raise MalformedXML
    try:
        return scalar(element.text or "", shape)
    except ValueError as error:
        raise MalformedXML from error


def _structure(element: Element, shape: StructureShape) -> dict[str, Any]:
    known = _element_names(shape)
    found: dict[str, Any] = {}
    for child in element:
        name = known.get(_local(child.tag))
        if name is None:
            raise MalformedXML
        member = shape.members[name]
        if isinstance(member, ListShape) and member.serialization.get("flattened"):
            found.setdefault(name, []).append(read(child, member.member))
        elif name in found:
            raise MalformedXML
        else:
            found[name] = read(child, member)
    for name, member in shape.members.items():
        if member.serialization.get("xmlAttribute"):
            given = {_local(key): value for key, value in element.attrib.items()}
            text = given.get(str(member.serialization["name"]).rpartition(":")[2])
            if text is not None:
                found[name] = text
    if any(name not in found for name in shape.required_members):
        raise MalformedXML
    return found


def _element_names(shape: StructureShape) -> Mapping[str, str]:
    """Member by the name of its element. The items of a flattened list may be named by list or by member."""
    known = {}
    for name, member in shape.members.items():
        if member.serialization.get("xmlAttribute"):
            continue
        if isinstance(member, ListShape) and member.serialization.get("flattened"):
            known[member.member.serialization.get("name", member.serialization.get("name", name))] = name
        known[member.serialization.get("name", name)] = name
    return known


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def scalar(text: str, shape: Shape) -> Any:
    """A value out of its text, in XML, a header or the query. Raises ValueError."""
    if isinstance(shape, StringShape):
        if shape.enum and text not in shape.enum:
            raise ValueError(f"expected one of {', '.join(shape.enum)}")
        return text
    kind = shape.type_name
    if kind == "boolean":
        if text.strip().lower() not in ("true", "false"):
            raise ValueError("expected true or false")
        return text.strip().lower() == "true"
    if kind in ("integer", "long"):
        return _whole(text, 31 if kind == "integer" else 63)
    if kind in ("float", "double"):
        return float(text)
    if kind == "timestamp":
        return timestamp(text)
    if kind == "blob":
        try:
            return base64.b64decode(text, validate=True)
        except binascii.Error as error:
            raise ValueError("expected base64") from error
    raise ValueError(f"a {kind} is not expected here")


def _whole(text: str, bits: int) -> int:
    bare = text.strip()
    if not (bare.isascii() and bare.removeprefix("-").isdigit() and len(bare) < 25):
        raise ValueError("expected a whole number")
    found = int(bare)
    if not -(1 << bits) <= found < 1 << bits:
        raise ValueError("expected a smaller number")
    return found


def timestamp(text: str) -> datetime:
    """A time as RFC 1123 or ISO 8601 writes it, or in seconds since 1970. Raises ValueError."""
    bare = text.strip()
    try:
        if bare.isdigit():
            found = datetime.fromtimestamp(int(bare), UTC)
        elif bare[:4].isdigit():
            found = datetime.fromisoformat(bare)
        else:
            found = parsedate_to_datetime(bare)
    except (OverflowError, OSError, TypeError) as error:
        raise ValueError("expected a time") from error
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
