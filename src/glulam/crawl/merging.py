"""How alike two files' columns are, and the columns of a table that holds both. Pure; types join as `infer/lattice.py` says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from glulam.crawl.findings import ColumnFinding
from glulam.infer.lattice import join
from glulam.infer.types import NULL, STRING, Array, DataType, Struct

_EXAMPLES = 5


def loses(one: DataType, other: DataType) -> bool:
    """Whether the type that holds both says less than each of them: numbers beside texts, an object beside a number."""
    if one == other or NULL in (one, other):
        return False
    if isinstance(one, Struct) and isinstance(other, Struct):
        return any((o := other.get(f.name)) is not None and loses(f.type, o.type) for f in one.fields)
    if isinstance(one, Array) and isinstance(other, Array):
        return loses(one.element, other.element)
    return join(one, other) == STRING


def merge_columns(one: Sequence[ColumnFinding], other: Sequence[ColumnFinding]) -> tuple[ColumnFinding, ...]:
    """All columns of both, the first's order first; counts added, examples of both kept."""
    known = {c.name: c for c in other}
    merged = [_column(c, known.pop(c.name)) if c.name in known else c for c in one]
    return (*merged, *(c for c in other if c.name in known))


def _column(one: ColumnFinding, other: ColumnFinding) -> ColumnFinding:
    if other is one:
        return one
    counts = dict(one.counts)
    for seen, count in other.counts.items():
        counts[seen] = counts.get(seen, 0) + count
    kind = join(one.type, other.type)
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
