"""A GetPartitions expression as SQL over catalog_partition, alias p. Values and patterns are parameters, never pasted.

PostgreSQL reads values by the patterns of partition_keys.py. A cast stands behind its pattern in a CASE, so that no value
can make it fail; what the pattern does not know is NULL, and SQL's own logic of unknowns does the rest.
"""

from __future__ import annotations

from typing import Any

from psycopg import sql

from glulam.catalog.expressions import And, Compare, Expression, In, IsNull, Like, Not, Or
from glulam.catalog.expressions import Key as ExpressionKey
from glulam.catalog.partition_keys import DECIMAL, INTEGER, NULL_VALUE, TIMESTAMP, Kind

Condition = tuple[sql.Composable, list[Any]]
"""SQL text and its parameters, in order."""

_LEAP_DAY = r"([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29"
_DAY = (
    r"[0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
    f"|{_LEAP_DAY}"
)
"""Every day there is, and no other: a cast would fail on the others, and only from PostgreSQL 16 on can one ask first."""

_READ = {
    Kind.TEXT: ("NULLIF({v}, %s)", [NULL_VALUE]),
    Kind.INTEGER: ("CASE WHEN {v} ~ %s THEN {v}::numeric END", [f"^{INTEGER}$"]),
    Kind.DECIMAL: ("CASE WHEN {v} ~ %s THEN {v}::numeric END", [f"^{DECIMAL}$"]),
    Kind.DATE: ("CASE WHEN {v} ~ %s THEN {v} END", [f"^({_DAY})$"]),
    Kind.TIMESTAMP: (
        "CASE WHEN {v} ~ %s AND left({v}, 10) ~ %s"
        " THEN rpad(CASE WHEN strpos({v}, '.') > 0 THEN {v} ELSE {v} || '.' END, 29, '0') END",
        [f"^{TIMESTAMP}$", f"^({_DAY})$"],
    ),
}
"""SQL of a value that compares as `partition_keys.read` says, NULL when it cannot be read; and its parameters."""

_OPERATORS = {op: sql.SQL(op) for op in ("=", "<>", "<", "<=", ">", ">=")}


def where(tree: Expression) -> Condition:
    """The condition: true of the partitions that are selected, false or NULL of the others."""
    if isinstance(tree, Not):
        inner, params = where(tree.term)
        return sql.SQL("(NOT {})").format(inner), params
    if isinstance(tree, And | Or):
        parts = [where(term) for term in tree.terms]
        joined = sql.SQL(" AND " if isinstance(tree, And) else " OR ").join([part for part, _ in parts])
        return sql.SQL("({})").format(joined), [param for _, params in parts for param in params]
    if isinstance(tree, IsNull):
        return sql.SQL("({} = %s)").format(_text(tree.key)), [NULL_VALUE]
    value, params = _value(tree.key)
    if isinstance(tree, Like):
        return sql.SQL("({} LIKE %s ESCAPE '')").format(value), [*params, tree.pattern]
    cast = "numeric" if tree.key.kind in (Kind.INTEGER, Kind.DECIMAL) else "text"
    if isinstance(tree, In):
        wanted = sql.SQL("{} = ANY(%s::{}[])").format(value, sql.SQL(cast))
        return wanted, [*params, [str(one) for one in tree.values]]
    return _comparison(tree, value, params, cast)


def _comparison(tree: Compare, value: sql.Composable, params: list[Any], cast: str) -> Condition:
    compared = sql.SQL("({} {} %s::{})").format(value, _OPERATORS[tree.op], sql.SQL(cast))
    return compared, [*params, str(tree.value)]


def _value(key: ExpressionKey) -> Condition:
    template, params = _READ[key.kind]
    return sql.SQL("({})").format(sql.SQL(template).format(v=_text(key))), list(params)


def _text(key: ExpressionKey) -> sql.Composable:
    return sql.SQL('p."values"[{}]').format(sql.Literal(key.position + 1))
