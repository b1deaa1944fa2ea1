"""Nested records whose leaves are text (XML): counted by place, with kinds of text at the leaves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from glulam.crawl.findings import ColumnFinding
from glulam.crawl.formats import columns
from glulam.crawl.formats.file import LocalFile
from glulam.crawl.formats.texts import NULLS, kind_of
from glulam.infer import shape as kinds
from glulam.infer.lattice import held, in_order
from glulam.infer.shape import Position, Shape

TextValue: TypeAlias = str | dict[str, "TextValue"] | list["TextValue"]
_KEPT = 3


def see(seen: Shape, value: TextValue, at: Position) -> None:
    """Count one value and all below it."""
    if isinstance(value, str):
        if value not in NULLS:
            seen.add(kind_of(value), at)
    elif isinstance(value, list):
        seen.add(kinds.ARRAY, at)
        seen.element = seen.element or Shape()
        for element in value:
            see(seen.element, element, at)
    else:
        seen.add(kinds.STRUCT if value else kinds.EMPTY_STRUCT, at)
        for index, (key, member) in enumerate(value.items()):
            see(seen.members.setdefault(key, Shape()), member, (*at, index))


@dataclass(slots=True)
class TextRecords:
    """The records of one file."""

    shape: Shape = field(default_factory=Shape)
    records: int = 0
    examples: dict[str, dict[str, list[tuple[int | None, str]]]] = field(default_factory=dict)

    def add(self, record: dict[str, TextValue], line: int) -> None:
        self.records += 1
        see(self.shape, record, (self.records,))
        for key, value in record.items():
            kind = _kind(value)
            if kind is not None:
                known = self.examples.setdefault(key, {}).setdefault(kind, [])
                if len(known) < _KEPT:
                    known.append((line, value if isinstance(value, str) else str(value)))

    def columns(self, file: LocalFile) -> tuple[ColumnFinding, ...]:
        found = []
        for key, member in in_order(_arrays_of_one(self.shape)):
            counts = columns.kind_counts(member, self.records)
            examples = columns.examples(file.uri, self.examples.get(key, {}), member.counts)
            found.append(columns.column(key, held(member), counts, examples))
        return columns.named(found)


def _kind(value: TextValue) -> str | None:
    if isinstance(value, str):
        return None if value in NULLS else kind_of(value)
    return kinds.ARRAY if isinstance(value, list) else kinds.STRUCT


def _arrays_of_one(seen: Shape) -> Shape:
    """Where an element came several times in one record and once in another, it is an array in both: XML has no way to
    write an array of one."""
    found = Shape(first=seen.first)
    found.members = {key: _arrays_of_one(member) for key, member in seen.members.items()}
    found.element = _arrays_of_one(seen.element) if seen.element is not None else None
    found.counts = dict(seen.counts)
    if found.element is not None and len(found.counts) > 1:
        alone = Shape(first=seen.first)
        alone.members, found.members = found.members, {}
        alone.counts = {kind: n for kind, n in found.counts.items() if kind != kinds.ARRAY}
        found.element.merge(alone)
        found.counts = {kinds.ARRAY: sum(found.counts.values())}
    return found
