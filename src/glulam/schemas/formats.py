"""The three data formats behind one seam, and the compatibility modes over it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from glulam.model.errors import InvalidInput
from glulam.schemas.avro import Avro
from glulam.schemas.json_schema import JsonSchema
from glulam.schemas.jsontext import InvalidDefinition
from glulam.schemas.protobuf import Protobuf


class Format(Protocol):
    """A language that schemas are written in."""

    def canonical(self, definition: str) -> bytes:
        """One form for all spellings of a definition; raises InvalidDefinition."""
        ...

    def unreadable(self, *, reader: bytes, writer: bytes) -> str | None:
        """Why data written with one schema cannot be read with another (both canonical), or None if it can."""
        ...


FORMATS: Mapping[str, Format] = {"AVRO": Avro(), "JSON": JsonSchema(), "PROTOBUF": Protobuf()}


def canonical(data_format: str, definition: str) -> bytes:
    """The canonical form. Raises InvalidInput that names the format, the place and what was expected there."""
    try:
        if "\0" in definition:
            raise InvalidDefinition("a character of code 0, which no format has")
        definition.encode()
        return FORMATS[data_format].canonical(definition)
    except (InvalidDefinition, UnicodeEncodeError) as error:
        raise InvalidInput(f"Schema definition of {data_format} data format is invalid: {error}") from error


def conflict(data_format: str, mode: str, new: bytes, earlier: Iterable[tuple[int, bytes]]) -> str | None:
    """Why a version may not follow the earlier ones (number, canonical form) under a compatibility mode, or None.

    BACKWARD: readers of the new version can read earlier data; FORWARD: earlier readers can read new data; FULL: both.
    """
    language = FORMATS[data_format]
    for number, old in earlier:
        if mode.startswith(("BACKWARD", "FULL")) and (reason := language.unreadable(reader=new, writer=old)):
            return f"the new version cannot read data of version {number}: {reason}"
        if mode.startswith(("FORWARD", "FULL")) and (reason := language.unreadable(reader=old, writer=new)):
            return f"version {number} cannot read data of the new version: {reason}"
    return None
