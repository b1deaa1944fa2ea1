"""The tree of a GetPartitions expression, and what it means.

    year >= 2020 AND (month IN ('01', '02') OR NOT day LIKE '3%')

`expression_parser.py` makes the tree, `partition_sql.py` has PostgreSQL evaluate it, `partition_plan.py` finds an index
for it. `matches` says the same in Python, slowly: tests compare the two.
NULL and values that their type cannot read are unknown, as in SQL: neither a condition nor its NOT is true of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from glulam.catalog.partition_keys import NULL_VALUE, Kind, Value, read


@dataclass(frozen=True, kw_only=True)
class Key:
    """A partition key that an expression names."""

    position: int
    """Among the table's partition keys, from 0."""
    kind: Kind


@dataclass(frozen=True, kw_only=True)
class Compare:
    key: Key
    op: str
    """One of = <> < <= > >=."""
    value: Value


@dataclass(frozen=True, kw_only=True)
class In:
    key: Key
    values: tuple[Value, ...]


@dataclass(frozen=True, kw_only=True)
class Like:
    key: Key
    pattern: str
    """% stands for any text, _ for one character; nothing escapes them, as in Glue."""


@dataclass(frozen=True, kw_only=True)
class IsNull:
    key: Key


@dataclass(frozen=True, kw_only=True)
class Not:
    term: Expression


@dataclass(frozen=True, kw_only=True)
class And:
    terms: tuple[Expression, ...]


@dataclass(frozen=True, kw_only=True)
class Or:
    terms: tuple[Expression, ...]


Expression = Compare | In | Like | IsNull | Not | And | Or

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {"=": eq, "<>": ne, "<": lt, "<=": le, ">": gt, ">=": ge}


def matches(tree: Expression, values: Sequence[str]) -> bool | None:
    """Whether the partition with those values is selected; None when that is unknown (it is not selected)."""
    if isinstance(tree, Not):
        found = matches(tree.term, values)
        return None if found is None else not found
    if isinstance(tree, And | Or):
        decided = isinstance(tree, Or)  # one true term decides an OR, one false term an AND
        seen = [matches(term, values) for term in tree.terms]
        return decided if decided in seen else (None if None in seen else not decided)
    text = values[tree.key.position]
    if isinstance(tree, IsNull):
        return text == NULL_VALUE
    value = read(tree.key.kind, text)
    if value is None:
        return None
    if isinstance(tree, In):
        return value in tree.values
    if isinstance(tree, Like):
        return like(tree.pattern, str(value))
    return OPERATORS[tree.op](value, tree.value)


def like(pattern: str, text: str) -> bool:
    parts = {"%": ".*", "_": "."}
    regex = "".join(parts.get(character) or re.escape(character) for character in pattern)
    return re.fullmatch(regex, text, re.DOTALL) is not None
