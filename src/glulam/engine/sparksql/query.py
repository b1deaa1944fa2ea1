"""A whole Spark SELECT for DuckDB: clause by clause, each expression by `Scalar`. Only what reads, and only what is listed.

Left to the caller: making the tables visible to DuckDB under the names the query uses.
"""

from __future__ import annotations

from sqlglot import expressions as exp

from glulam.engine.sparksql.scalar import Scalar, name
from glulam.engine.sparksql.value import unsupported

_SELECT_PARTS = {"with_", "expressions", "distinct", "from_", "joins", "where", "group", "having", "order", "limit",
                 "offset", "kind", "hint", "operation_modifiers"}  # fmt: skip
_UNION_PARTS = {"with_", "this", "expression", "distinct", "order", "limit", "offset"}
_JOINS = {"", "INNER", "CROSS", "LEFT", "RIGHT", "FULL", "LEFT OUTER", "RIGHT OUTER", "FULL OUTER", "LEFT SEMI",
          "LEFT ANTI", "SEMI", "ANTI"}  # fmt: skip
_WORDS = {exp.Union: "UNION", exp.Intersect: "INTERSECT", exp.Except: "EXCEPT"}


def query(node: exp.Expression) -> str:
    """DuckDB text of a SELECT, a set operation, or either in parentheses. Raises UnsupportedSql."""
    if isinstance(node, exp.Subquery):
        _only(node, {"this"})
        return f"({query(node.this)})"
    if isinstance(node, exp.Select):
        return _select(node)
    if type(node) in _WORDS:
        return _set_operation(node)
    raise unsupported(f"`{node.sql(dialect='spark')}` as a query")


def _only(node: exp.Expression, allowed: set[str]) -> None:
    extra = sorted(k for k, v in node.args.items() if v and k not in allowed)
    if extra:
        raise unsupported(f"the clause {extra[0].strip('_')} in `{node.sql(dialect='spark')}`")


def _select(node: exp.Select) -> str:
    _only(node, _SELECT_PARTS)
    scalar = Scalar(query)
    if node.args.get("distinct") is not None:
        _only(node.args["distinct"], set())
    words = [_with(node), "SELECT DISTINCT" if node.args.get("distinct") else "SELECT"]
    words.append(", ".join(_projection(scalar, item) for item in node.expressions))
    if node.args.get("from_") is not None:
        words.append("FROM " + _source(node.args["from_"].this))
    words += [_join(scalar, join) for join in node.args.get("joins") or []]
    for key, word in (("where", "WHERE"), ("group", "GROUP BY"), ("having", "HAVING")):
        clause = node.args.get(key)
        if clause is not None:
            words.append(f"{word} {_group(scalar, clause) if key == 'group' else scalar.emit(clause.this).text}")
    return " ".join(w for w in [*words, _tail(scalar, node)] if w)


def _set_operation(node: exp.Expression) -> str:
    _only(node, _UNION_PARTS)
    sides = [query(side) if isinstance(side, exp.Subquery) else f"({query(side)})" for side in (node.this, node.expression)]
    word = _WORDS[type(node)] + ("" if node.args.get("distinct") else " ALL")
    return " ".join(w for w in (_with(node), sides[0], word, sides[1], _tail(Scalar(query), node)) if w)


def _with(node: exp.Expression) -> str:
    clause = node.args.get("with_")
    if clause is None:
        return ""
    if clause.args.get("recursive"):
        raise unsupported("WITH RECURSIVE")
    tables = []
    for table in clause.expressions:
        columns = [name(c.name) for c in table.args["alias"].args.get("columns") or []]
        heading = name(table.alias) + (f"({', '.join(columns)})" if columns else "")
        tables.append(f"{heading} AS ({query(table.this)})")
    return "WITH " + ", ".join(tables)


def _projection(scalar: Scalar, item: exp.Expression) -> str:
    if isinstance(item, exp.Star):
        _only(item, set())
        return "*"
    if isinstance(item, exp.Column) and isinstance(item.this, exp.Star):
        return f"{name(item.table)}.*"
    if isinstance(item, exp.Alias):
        return f"{scalar.emit(item.this).text} AS {name(item.alias)}"
    text = scalar.emit(item).text
    return text if isinstance(item, (exp.Column, exp.Dot)) else f"{text} AS {name(item.sql(dialect='spark'))}"


def _source(node: exp.Expression) -> str:
    if isinstance(node, exp.Subquery):
        _only(node, {"this", "alias"})
        return f"({query(node.this)})" + _alias(node)
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
        _only(node, {"this", "db", "catalog", "alias"})
        return ".".join(name(part.name) for part in node.parts) + _alias(node)
    raise unsupported(f"`{node.sql(dialect='spark')}` in FROM")


def _alias(node: exp.Expression) -> str:
    alias = node.args.get("alias")
    if alias is None:
        return ""
    columns = [name(c.name) for c in alias.args.get("columns") or []]
    return f" AS {name(alias.name)}" + (f"({', '.join(columns)})" if columns else "")


def _join(scalar: Scalar, node: exp.Expression) -> str:
    _only(node, {"this", "on", "using", "side", "kind"})
    words = " ".join(w for w in (node.args.get("side"), node.args.get("kind")) if w).upper()
    if words not in _JOINS:
        raise unsupported(f"{words} JOIN")
    on, using = node.args.get("on"), node.args.get("using")
    source = _source(node.this)
    if on is not None:
        condition = f" ON {scalar.emit(on).text}"
    elif using:
        condition = f" USING ({', '.join(name(c.name) for c in using)})"
    else:
        return f"CROSS JOIN {source}"
    if words in ("SEMI", "ANTI"):
        words = f"LEFT {words}"
    return f"{words.removeprefix('LEFT ') if words.endswith(('SEMI', 'ANTI')) else words} JOIN {source}{condition}".strip()


def _group(scalar: Scalar, node: exp.Expression) -> str:
    _only(node, {"expressions"})
    keys = []
    for key in node.expressions:
        ordinal = isinstance(key, exp.Literal) and not key.is_string
        keys.append(str(key.this) if ordinal else scalar.emit(key).text)
    return ", ".join(keys)


def _tail(scalar: Scalar, node: exp.Expression) -> str:
    parts = []
    if node.args.get("order") is not None:
        parts.append(scalar.order(node.args["order"]))
    for key in ("limit", "offset"):
        clause = node.args.get(key)
        if clause is None:
            continue
        number = clause.expression
        if not isinstance(number, exp.Literal) or not str(number.this).isdigit():
            raise unsupported(f"`{clause.sql(dialect='spark').strip()}` (a whole number is supported)")
        parts.append(f"{key.upper()} {number.this}")
    return " ".join(parts)
