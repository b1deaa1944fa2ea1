"""What was seen at each place of a set of JSON records: counts by kind, a value that merges.

Schema inference is two steps that know nothing of each other: count (here), then decide (`resolve.py`). Counting merges
in any order and from any worker, so a batch is inferred over all of its records, on any engine.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

BOOLEAN, BIGINT, BIGGER, HUGE, DOUBLE, STRING = "boolean", "bigint", "bigger", "huge", "double", "string"
STRUCT, ARRAY, EMPTY_STRUCT, EMPTY_ARRAY = "struct", "array", "empty_struct", "empty_array"


Position = tuple[int, ...]


@dataclass(slots=True)
class Shape:
    """`counts` by kind (nulls are not counted); `members` of the objects and `element` of the arrays seen here.
    `first` is the earliest place, as (file, record number, position in the record's objects...), in which anything but
    null was seen: it orders new columns as the data does, and names the file that brought one."""

    counts: dict[str, int] = field(default_factory=dict)
    members: dict[str, Shape] = field(default_factory=dict)
    element: Shape | None = None
    first: Position | None = None

    def add(self, kind: str, at: Position | None, count: int = 1) -> None:
        self.counts[kind] = self.counts.get(kind, 0) + count
        if at is not None and (self.first is None or at < self.first):
            self.first = at

    def see(self, value: Any, at: Position) -> None:
        """Count one decoded value (see records/strict.py for its Python types) and all below it."""
        if value is None:
            return
        if isinstance(value, str):
            self.add(STRING, at)
        elif isinstance(value, bool):
            self.add(BOOLEAN, at)
        elif isinstance(value, int):
            self.add(BIGINT, at)
        elif isinstance(value, float):
            self.add(DOUBLE, at)
        elif isinstance(value, dict):
            self.add(STRUCT if value else EMPTY_STRUCT, at)
            for index, (key, member) in enumerate(value.items()):
                if (shape := self.members.get(key)) is None:
                    shape = self.members[key] = Shape()
                shape.see(member, (*at, index))
        elif isinstance(value, list):
            self.add(ARRAY if value else EMPTY_ARRAY, at)
            if value:
                self.see_elements(value, at)
        else:  # BigInteger
            self.add(BIGGER if len(value.text.lstrip("-")) <= 38 else HUGE, at)

    def see_elements(self, values: Iterable[Any], at: Position) -> None:
        if self.element is None:
            self.element = Shape()
        for value in values:
            self.element.see(value, at)

    def merge(self, other: Shape) -> None:
        """Add what `other` saw."""
        for kind, count in other.counts.items():
            self.add(kind, other.first, count)
        for key, member in other.members.items():
            self.members.setdefault(key, Shape()).merge(member)
        if other.element is not None:
            self.element = self.element or Shape()
            self.element.merge(other.element)

    def to_json(self) -> dict[str, Any]:
        """A plain form for sending between processes."""
        return {
            "c": self.counts,
            "m": {k: m.to_json() for k, m in self.members.items()},
            "e": self.element.to_json() if self.element else None,
            "f": self.first,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Shape:
        element = cls.from_json(data["e"]) if data["e"] else None
        return cls(
            dict(data["c"]),
            {k: cls.from_json(m) for k, m in data["m"].items()},
            element,
            tuple(data["f"]) if data["f"] else None,
        )
