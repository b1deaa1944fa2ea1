"""From values to JSON, as botocore's service model says: each shape becomes one function, made once.

Members that are None are left out. datetimes become seconds since 1970, bytes base64. A member that the model does not
know is a defect of ours and raises KeyError. What is plain JSON all the way down (`None` in place of a function) is
passed as it is: stored documents were checked when they came in.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

Write = Callable[[Any], Any]


class Writers:
    """The writers of one service, compiled when first asked for."""

    def __init__(self) -> None:
        self._known: dict[str, Write | None] = {}

    def of(self, shape: Shape) -> Write | None:
        """None: the value is JSON already."""
        if shape.name not in self._known:
            self._known[shape.name] = lambda value: self._call(shape.name, value)
            self._known[shape.name] = None if _is_plain(shape, set()) else self._compile(shape)
        return self._known[shape.name]

    def answer(self, shape: StructureShape) -> Write:
        """The writer of an operation's output. Its own members are always checked."""
        return self._structure(shape)

    def _call(self, name: str, value: Any) -> Any:
        write = self._known[name]
        return value if write is None else write(value)

    def _compile(self, shape: Shape) -> Write:
        if isinstance(shape, StructureShape):
            return self._structure(shape)
        if isinstance(shape, ListShape):
            return self._list(shape)
        if isinstance(shape, MapShape):
            return self._map(shape)
        return _timestamp if shape.type_name == "timestamp" else _blob

    def _structure(self, shape: StructureShape) -> Write:
        members = {name: self.of(member) for name, member in shape.members.items()}

        def write(value: Any) -> dict[str, Any]:
            found = {}
            for name, item in value.items():
                writer = members[name]
                if item is not None:
                    found[name] = item if writer is None else writer(item)
            return found

        return write

    def _list(self, shape: ListShape) -> Write:
        member = self.of(shape.member)
        assert member is not None
        return lambda value: [member(item) for item in value]

    def _map(self, shape: MapShape) -> Write:
        member = self.of(shape.value)
        assert member is not None
        return lambda value: {key: member(item) for key, item in value.items()}


def _is_plain(shape: Shape, above: set[str]) -> bool:
    if shape.name in above:
        return True  # as plain as the rest of it
    above = above | {shape.name}
    if isinstance(shape, StructureShape):
        return all(_is_plain(member, above) for member in shape.members.values())
    if isinstance(shape, ListShape):
        return _is_plain(shape.member, above)
    if isinstance(shape, MapShape):
        return _is_plain(shape.value, above)
    return shape.type_name not in ("timestamp", "blob")


def _timestamp(value: datetime | float) -> float:
    """Seconds since 1970, to the millisecond, as AWS writes them. A stored document holds them already."""
    return round(value.timestamp(), 3) if isinstance(value, datetime) else value


def _blob(value: bytes | str) -> str:
    """base64. A stored document holds it already."""
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value
