"""How alike two files' columns are, and the columns of a table that holds both. Pure; the lattice of docs/crawlers.md.

    void < anything        tinyint < smallint < int < bigint < decimal(38,0)        int, bigint, float < double
    date < timestamp       decimals by digits before and behind the point           structs by member, arrays, maps by part

What does not meet below `string` meets there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from glulam.crawl.findings import ColumnFinding
from glulam.infer.types import (
    DOUBLE,
    NULL,
    STRING,
    TIMESTAMP,
    Array,
    DataType,
    Decimal,
    Field,
    Map,
    Scalar,
    Struct,
)

_WHOLE = {"tinyint": 3, "smallint": 5, "int": 10, "bigint": 19}
"""Digits that every value of the type fits in."""
_FLOATING = ("float", "double")
_MOST_DIGITS = 38
_EXAMPLES = 5


def merge(one: DataType, other: DataType) -> DataType:
    """The narrowest type that holds the values of both."""
    if one == other or other == NULL:
        return one
    if one == NULL:
        return other
    if isinstance(one, Struct) and isinstance(other, Struct):
        return _structs(one, other)
    if isinstance(one, Array) and isinstance(other, Array):
        return Array(merge(one.element, other.element))
    if isinstance(one, Map) and isinstance(other, Map):
        return Map(merge(one.key, other.key), merge(one.value, other.value))
    if isinstance(one, Scalar | Decimal) and isinstance(other, Scalar | Decimal):
        return _scalars(one, other)
    return STRING


def loses(one: DataType, other: DataType) -> bool:
    """Whether the merged type says less than the two: numbers that become texts, an object beside a number."""
    merged = merge(one, other)
    if isinstance(one, Struct) and isinstance(other, Struct):
        return any((o := other.get(f.name)) is not None and loses(f.type, o.type) for f in one.fields)
    if isinstance(one, Array) and isinstance(other, Array):
        return loses(one.element, other.element)
    return merged == STRING and not (one == other or NULL in (one, other))


def _structs(one: Struct, other: Struct) -> Struct:
    fields = [
        Field(f.name, merge(f.type, found.type), f.key) if (found := other.get(f.name)) is not None else f
        for f in one.fields
    ]
    known = {f.name for f in one.fields}
    return Struct(tuple(fields + [f for f in other.fields if f.name not in known]))


def _scalars(one: Scalar | Decimal, other: Scalar | Decimal) -> DataType:
    first, second = _digits(one), _digits(other)
    if first is not None and second is not None:
        return _numbers(one, other, first, second)
    names = {str(one).partition("(")[0], str(other).partition("(")[0]}
    if names <= {*_WHOLE, *_FLOATING}:
        return DOUBLE
    if names <= {"decimal", "double", "float"}:
        return DOUBLE
    if names == {"date", "timestamp"}:
        return TIMESTAMP
    return STRING


def _digits(kind: Scalar | Decimal) -> tuple[int, int] | None:
    """Before and behind the point; None for what is no exact number."""
    if isinstance(kind, Decimal):
        return kind.precision - kind.scale, kind.scale
    return (_WHOLE[kind.name], 0) if kind.name in _WHOLE else None


def _numbers(
    one: Scalar | Decimal, other: Scalar | Decimal, first: tuple[int, int], second: tuple[int, int]
) -> DataType:
    before, behind = max(first[0], second[0]), max(first[1], second[1])
    if isinstance(one, Scalar) and isinstance(other, Scalar):
        return one if first[0] >= second[0] else other
    if before + behind > _MOST_DIGITS:
        return STRING
    return Decimal(before + behind, behind)


def merge_columns(one: Sequence[ColumnFinding], other: Sequence[ColumnFinding]) -> tuple[ColumnFinding, ...]:
    """All columns of both, the first's order first; counts added, examples of both kept."""
    known = {c.name: c for c in other}
    merged = [_column(c, known.pop(c.name)) if c.name in known else c for c in one]
    return (*merged, *(c for c in other if c.name in known))


def _column(one: ColumnFinding, other: ColumnFinding) -> ColumnFinding:
    if other is one:
        return one
    counts = dict(one.counts)
    for kind, count in other.counts.items():
        counts[kind] = counts.get(kind, 0) + count
    kind = merge(one.type, other.type)
    first, second = one.examples, other.examples
    if kind != one.type and one.type != NULL:  # the other file is what decided
        first = first[:2]
    return replace(one, type=kind, counts=counts, examples=(first + second)[:_EXAMPLES])


def similarity(one: Sequence[ColumnFinding], other: Sequence[ColumnFinding]) -> float:
    """From 0 to 1: the share of columns that both have, as the mean of both sides. One whose types lose each other
    counts half. Columns without names of their own (`col0`, `col1`, ...) are compared in number and type."""
    if not one or not other:
        return float(not one and not other)
    if _generic(one) and _generic(other):
        return _positional(one, other)
    types = {c.name: c.type for c in other}
    shared = sum((0.5 if loses(c.type, types[c.name]) else 1.0) for c in one if c.name in types)
    return (shared / len(one) + shared / len(other)) / 2


def _generic(columns: Iterable[ColumnFinding]) -> bool:
    return all(c.name == f"col{at}" for at, c in enumerate(columns))


def _positional(one: Sequence[ColumnFinding], other: Sequence[ColumnFinding]) -> float:
    alike = sum(not loses(a.type, b.type) for a, b in zip(one, other, strict=False))
    return alike / max(len(one), len(other))
