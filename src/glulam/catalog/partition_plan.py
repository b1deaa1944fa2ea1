"""Finds what of an expression an index can answer. Pure: the answer is ranges, which the whole expression filters again.

Only what every selected partition must fulfil counts: the terms of the outermost AND. Equality and IN (and IS NULL) on the
leading keys of an index give points, a comparison on the next key a range behind each:

    index (country, year, month), country IN ('DE', 'FR') AND year >= 2020  ->  DE 2020..., FR 2020...
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from glulam.catalog.expressions import And, Compare, Expression, In, IsNull
from glulam.catalog.partition_indexes import PartitionIndex
from glulam.catalog.partition_keys import (
    ENCODED_NULL,
    INDEXED,
    READABLE_FROM,
    READABLE_TO,
    Kind,
    after_prefix,
    encode_value,
)

MAX_RANGES = 1000
Range = tuple[bytes, bytes]
"""First key, and the first one beyond."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    index: PartitionIndex
    ranges: tuple[Range, ...]
    """Without overlap; none when the expression contradicts itself."""


@dataclass(kw_only=True)
class _Known:
    """What the terms say of one partition key, encoded."""

    points: list[bytes] | None = None
    low: bytes = READABLE_FROM
    high: bytes = READABLE_TO

    @property
    def bounded(self) -> bool:
        return (self.low, self.high) != (READABLE_FROM, READABLE_TO)


def plan(tree: Expression, indexes: Sequence[PartitionIndex]) -> Plan | None:
    """The use of the index that fixes most keys; None when none helps."""
    known = _known(tree)
    best: tuple[float, Plan] | None = None
    for index in indexes:
        fixed, ranges = _ranges(index, known)
        if fixed and (best is None or fixed > best[0]):
            best = fixed, Plan(index=index, ranges=tuple(ranges))
    return best[1] if best else None


def natural_range(tree: Expression) -> tuple[list[str], list[str]] | None:
    """First values, and the first beyond, by the leading keys that are texts with one value: the table's own order.

    No text lies between 'x' and 'x' followed by U+0001, and arrays compare element by element."""
    given = {
        term.key.position: str(term.value)
        for term in _terms(tree)
        if isinstance(term, Compare) and term.op == "=" and term.key.kind is Kind.TEXT
    }
    values: list[str] = []
    while len(values) in given:
        values.append(given[len(values)])
    return (values, [*values[:-1], values[-1] + "\x01"]) if values else None


def _terms(tree: Expression) -> Iterator[Expression]:
    if isinstance(tree, And):
        for term in tree.terms:
            yield from _terms(term)
    else:
        yield tree


def _known(tree: Expression) -> dict[int, _Known]:
    known: dict[int, _Known] = {}
    for term in _terms(tree):
        if not isinstance(term, Compare | In | IsNull) or term.key.kind not in INDEXED:
            continue
        of_key = known.setdefault(term.key.position, _Known())
        if isinstance(term, IsNull):
            _points(of_key, [ENCODED_NULL])
        elif isinstance(term, In):
            _points(of_key, [encode_value(value) for value in term.values])
        elif term.op == "=":
            _points(of_key, [encode_value(term.value)])
        else:
            _bound(of_key, term.op, encode_value(term.value))
    return known


def _points(of_key: _Known, points: list[bytes]) -> None:
    if of_key.points is None or len(points) < len(of_key.points):
        of_key.points = points


def _bound(of_key: _Known, op: str, value: bytes) -> None:
    if op in (">", ">="):
        of_key.low = max(of_key.low, value if op == ">=" else after_prefix(value))
    elif op in ("<", "<="):
        of_key.high = min(of_key.high, value if op == "<" else after_prefix(value))


def _ranges(index: PartitionIndex, known: dict[int, _Known]) -> tuple[float, list[Range]]:
    """How many keys are fixed (a range counts half), and the ranges."""
    prefixes, fixed = [b""], 0
    for position in index.positions:
        of_key = known.get(position, _Known())
        if of_key.points is not None and len(prefixes) * len(of_key.points) <= MAX_RANGES:
            prefixes = [prefix + point for prefix in prefixes for point in of_key.points]
            fixed += 1
            continue
        if of_key.bounded:
            behind = [(prefix + of_key.low, prefix + of_key.high) for prefix in prefixes]
            return fixed + 0.5, [one for one in behind if one[0] < one[1]]
        break
    return fixed, [(prefix, after_prefix(prefix)) for prefix in prefixes if prefix]
