"""JSON: drafts 04, 06 and 07 of JSON Schema. A reader can read what it accepts."""

from __future__ import annotations

from glulam.schemas.json_contains import unaccepted
from glulam.schemas.json_nodes import load
from glulam.schemas.jsontext import canonical_json, parse_json


class JsonSchema:
    """The format JSON."""

    def canonical(self, definition: str) -> bytes:
        value = parse_json(definition)
        load(value)
        return canonical_json(value)

    def unreadable(self, *, reader: bytes, writer: bytes) -> str | None:
        return unaccepted(old=load(parse_json(writer)), new=load(parse_json(reader)))
