"""FROM and JOIN of a Spark query for DuckDB: tables by name, subqueries, join conditions."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import expressions as exp

from glulam.engine.sparksql.columns import name
from glulam.engine.sparksql.scalar import Scalar
from glulam.engine.sparksql.value import unsupported

_JOINS = {"", "INNER", "LEFT", "RIGHT", "FULL", "LEFT OUTER", "RIGHT OUTER", "FULL OUTER", "LEFT SEMI",
          "LEFT ANTI",
          "SEMI", "ANTI"}  # fmt: skip


def only(node: exp.Expression, allowed: set[str]) -> None:
    """Raises UnsupportedSql where a node has more to it than what is translated."""
    extra = sorted(k for k, v in node.args.items() if v and k not in allowed)
    if extra:
        raise unsupported(f"the clause {extra[0].strip('_')} in `{node.sql(dialect='spark')}`")


def source_text(node: exp.Select, scalar: Scalar, query: Callable[[exp.Expression], str]) -> str:
    """`FROM ... JOIN ...`, or nothing."""
    if node.args.get("from_") is None:
        return ""
    joins = [_join(scalar, join, query) for join in node.args.get("joins") or []]
    return " ".join(["FROM", _source(node.args["from_"].this, query), *joins])


def _source(node: exp.Expression, query: Callable[[exp.Expression], str]) -> str:
    if isinstance(node, exp.Subquery):
        only(node, {"this", "alias"})
        return f"({query(node.this)})" + _alias(node)
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
        only(node, {"this", "db", "catalog", "alias"})
        return ".".join(name(part.name) for part in node.parts) + _alias(node)
    raise unsupported(f"`{node.sql(dialect='spark')}` in FROM")


def _alias(node: exp.Expression) -> str:
    alias = node.args.get("alias")
    if alias is None:
        return ""
    columns = [name(c.name) for c in alias.args.get("columns") or []]
    return f" AS {name(alias.name)}" + (f"({', '.join(columns)})" if columns else "")


def _join(scalar: Scalar, node: exp.Expression, query: Callable[[exp.Expression], str]) -> str:
    only(node, {"this", "on", "using", "side", "kind"})
    words = " ".join(w for w in (node.args.get("side"), node.args.get("kind")) if w).upper()
    on, using, source = node.args.get("on"), node.args.get("using"), _source(node.this, query)
    if on is None and not using and words in ("", "CROSS", "INNER"):
        return f"CROSS JOIN {source}"
    if words not in _JOINS or (on is None and not using):
        raise unsupported(f"`{node.sql(dialect='spark')}`")
    condition = (
        f"ON {scalar.emit(on).text}"
        if on is not None
        else f"USING ({', '.join(name(c.name) for c in using)})"
    )
    if words.endswith(("SEMI", "ANTI")):
        words = words.removeprefix("LEFT ")
    return f"{words} JOIN {source} {condition}".strip()
