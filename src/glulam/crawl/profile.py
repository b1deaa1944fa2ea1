"""A profile of a table's values, when it is asked for: statistics in the shape of the catalog's, and tags for what looks
like personal data, with how sure that is.

Values come in batches of Arrow columns; memory is bounded by the columns, not the rows (distinct values are estimated once
they are many). Left to others: reading the values, writing statistics and tags.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal as Number
from hashlib import blake2b
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from glulam.crawl.personal import Tag, TagCounter
from glulam.infer.types import DataType, Decimal

_HASHES = 4096
"""Distinct values are counted exactly up to so many, then estimated from the smallest hashes: within about 2 %."""
_SPAN = 1 << 64


@dataclass(slots=True)
class Distinct:
    """How many different values: the k smallest hashes of them (Bar-Yossef et al., 2002)."""

    smallest: set[int] = field(default_factory=set)
    _bound: int = _SPAN

    def add(self, values: Sequence[Any]) -> None:
        for value in values:
            digest = int.from_bytes(blake2b(repr(value).encode(), digest_size=8).digest(), "big")
            if digest < self._bound:
                self.smallest.add(digest)
        if len(self.smallest) > 2 * _HASHES:
            kept = sorted(self.smallest)[:_HASHES]
            self.smallest, self._bound = set(kept), kept[-1] + 1

    def count(self) -> int:
        if len(self.smallest) <= _HASHES and self._bound == _SPAN:
            return len(self.smallest)
        kept = sorted(self.smallest)[:_HASHES]
        return round((_HASHES - 1) * _SPAN / kept[-1])


@dataclass(slots=True, kw_only=True)
class ColumnProfile:
    """What was seen in one column."""

    type: DataType
    rows: int = 0
    nulls: int = 0
    least: Any = None
    greatest: Any = None
    trues: int = 0
    longest: int = 0
    total_length: int = 0
    distinct: Distinct = field(default_factory=Distinct)
    tags: TagCounter = field(default_factory=TagCounter)

    def add(self, values: pa.Array) -> None:
        """Count some values; nested ones are counted as rows and nulls only."""
        self.rows += len(values)
        self.nulls += values.null_count
        values = values.drop_null()
        if not len(values) or pa.types.is_nested(values.type):
            return
        unique = pc.unique(values)
        self.distinct.add(unique.to_pylist())
        if pa.types.is_boolean(values.type):
            self.trues += int(pc.sum(values).as_py())
        elif pa.types.is_string(values.type) or pa.types.is_binary(values.type):
            lengths = pc.binary_length(values)
            self.longest = max(self.longest, int(pc.max(lengths).as_py()))
            self.total_length += int(pc.sum(lengths).as_py())
            if pa.types.is_string(values.type):
                self.tags.add(unique.to_pylist())
        else:
            bounds = pc.min_max(values).as_py()
            if bounds["min"] is not None:
                self.least = bounds["min"] if self.least is None else min(self.least, bounds["min"])
                self.greatest = bounds["max"] if self.greatest is None else max(self.greatest, bounds["max"])

    def personal(self, name: str) -> tuple[Tag, ...]:
        """What the column's values look like, surest first."""
        return self.tags.tags(name)

    def statistics(self) -> dict[str, Any] | None:
        """Glue's ColumnStatisticsData; None for a type that has none (arrays, maps, structs)."""
        member, make = _member(self.type)
        return None if make is None else {"Type": member.upper(), f"{member}ColumnStatisticsData": make(self)}


Make = Callable[[ColumnProfile], dict[str, Any]]


def _member(kind: DataType) -> tuple[str, Make | None]:
    if isinstance(kind, Decimal):
        return "Decimal", _decimal
    return _MEMBERS.get(str(kind), ("", None))


def _counts(seen: ColumnProfile) -> dict[str, Any]:
    return {"NumberOfNulls": seen.nulls, "NumberOfDistinctValues": seen.distinct.count()}


def _range(seen: ColumnProfile, to: Callable[[Any], Any]) -> dict[str, Any]:
    if seen.least is None:
        return _counts(seen)
    return {"MinimumValue": to(seen.least), "MaximumValue": to(seen.greatest), **_counts(seen)}


def _long(seen: ColumnProfile) -> dict[str, Any]:
    return _range(seen, int)


def _timestamp(seen: ColumnProfile) -> dict[str, Any]:
    """Timestamps are Long, in seconds since 1970, as Hive keeps them."""
    return _range(seen, lambda value: int(value.replace(tzinfo=value.tzinfo or UTC).timestamp()))


def _date(seen: ColumnProfile) -> dict[str, Any]:
    return _range(seen, lambda value: datetime(value.year, value.month, value.day, tzinfo=UTC))


def _decimal(seen: ColumnProfile) -> dict[str, Any]:
    return _range(seen, decimal_number)


def decimal_number(value: Number) -> dict[str, Any]:
    """Glue's DecimalNumber: the digits as two's complement, big-endian, and how many stand after the point."""
    sign, digits, exponent = value.as_tuple()
    scale = max(0, -int(exponent))
    whole = int("".join(map(str, digits)) or "0") * 10 ** max(int(exponent), 0) * (-1 if sign else 1)
    size = whole.bit_length() // 8 + 1
    return {"UnscaledValue": whole.to_bytes(size, "big", signed=True), "Scale": scale}


def _lengths(seen: ColumnProfile) -> dict[str, Any]:
    values = seen.rows - seen.nulls
    return {"MaximumLength": seen.longest, "AverageLength": seen.total_length / values if values else 0.0}


def _string(seen: ColumnProfile) -> dict[str, Any]:
    return {**_lengths(seen), **_counts(seen)}


def _binary(seen: ColumnProfile) -> dict[str, Any]:
    return {**_lengths(seen), "NumberOfNulls": seen.nulls}


def _boolean(seen: ColumnProfile) -> dict[str, Any]:
    falses = seen.rows - seen.nulls - seen.trues
    return {"NumberOfTrues": seen.trues, "NumberOfFalses": falses, "NumberOfNulls": seen.nulls}


_MEMBERS: Mapping[str, tuple[str, Make]] = {
    **dict.fromkeys(("tinyint", "smallint", "int", "bigint"), ("Long", _long)), "timestamp": ("Long", _timestamp),
    **dict.fromkeys(("float", "double"), ("Double", lambda seen: _range(seen, float))),
    "string": ("String", _string), "binary": ("Binary", _binary), "boolean": ("Boolean", _boolean), "date": ("Date", _date),
}  # fmt: skip


def profile(types: Mapping[str, DataType], batches: Iterable[pa.RecordBatch]) -> dict[str, ColumnProfile]:
    """The profiles of some columns over batches that have them."""
    found = {name: ColumnProfile(type=kind) for name, kind in types.items()}
    for batch in batches:
        for name, seen in found.items():
            seen.add(batch.column(name))
    return found
