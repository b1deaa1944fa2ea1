"""A whole Spark SELECT for DuckDB: clause by clause, each expression by `Scalar`. Only what reads, and only
what is listed.

DuckDB picks a macro before it knows the type of an aggregate, so aggregates and windows are computed a level
below the expressions around them:

    SELECT round(_a0 / 2, 1), ... FROM (SELECT g AS _k0, sum(x) AS _a0, ... FROM ... WHERE ... GROUP BY 1)

Left to the caller: making the tables visible to DuckDB under the names that the query uses.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import expressions as exp

from glulam.engine.sparksql.aggregates import aggregate, ordered, window
from glulam.engine.sparksql.columns import name
from glulam.engine.sparksql.functions import FUNCTIONS
from glulam.engine.sparksql.scalar import Scalar, key
from glulam.engine.sparksql.sources import only, source_text
from glulam.engine.sparksql.value import Value, unsupported

_SELECT_PARTS = {
    "with_",
    "expressions",
    "distinct",
    "from_",
    "joins",
    "where",
    "group",
    "having",
    "order",
    "limit",
    "offset",
}
_UNION_PARTS = {"with_", "this", "expression", "distinct", "order", "limit", "offset"}
_WORDS = {exp.Union: "UNION", exp.Intersect: "INTERSECT", exp.Except: "EXCEPT"}


def query(node: exp.Expression) -> str:
    """DuckDB text of a SELECT, a set operation, or either in parentheses. Raises UnsupportedSql."""
    if isinstance(node, exp.Subquery):
        only(node, {"this"})
        return f"({query(node.this)})"
    if isinstance(node, exp.Select):
        return _Select(node).text()
    if type(node) in _WORDS:
        return _set_operation(node)
    raise unsupported(f"`{node.sql(dialect='spark')}` as a query")


def _set_operation(node: exp.Expression) -> str:
    only(node, _UNION_PARTS)
    sides = [
        query(s) if isinstance(s, exp.Subquery) else f"({query(s)})" for s in (node.this, node.expression)
    ]
    word = _WORDS[type(node)] + ("" if node.args.get("distinct") else " ALL")
    order = node.args.get("order")
    keys = [_order_key(Scalar(query), item, {}) for item in order.expressions] if order is not None else []
    return _join_words(_with(node), *sides[:1], word, *sides[1:], _order_by(keys), _limit(node))


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


def _join_words(*words: str) -> str:
    return " ".join(word for word in words if word)


def _order_by(keys: list[str]) -> str:
    return "ORDER BY " + ", ".join(keys) if keys else ""


def _order_key(scalar: Scalar, item: exp.Ordered, aliases: dict[str, Value]) -> str:
    node = item.this
    if isinstance(node, exp.Literal) and not node.is_string:
        return ordered(str(node.this), item)
    if isinstance(node, exp.Column) and key(node) in aliases:
        return ordered(name(node.name), item)
    return ordered(scalar.emit(node).text, item)


def _limit(node: exp.Expression) -> str:
    parts = []
    for word in ("limit", "offset"):
        clause = node.args.get(word)
        if clause is None:
            continue
        number = clause.expression
        if not isinstance(number, exp.Literal) or not str(number.this).isdigit():
            raise unsupported(f"`{clause.sql(dialect='spark').strip()}` (a whole number is supported)")
        parts.append(f"{word.upper()} {number.this}")
    return " ".join(parts)


def _nodes(root: exp.Expression) -> Iterator[exp.Expression]:
    """The nodes of one level, outermost first, without those of subqueries."""
    yield root
    for child in root.iter_expressions():
        if not isinstance(child, exp.Query):
            yield from _nodes(child)


def _is_aggregate(node: exp.Expression) -> bool:
    inner = node.this if isinstance(node, exp.Filter) else node
    entry = FUNCTIONS.get(str(inner.this).lower()) if isinstance(inner, exp.Anonymous) else None
    over = node.parent
    return entry is not None and entry.aggregate and not (isinstance(over, exp.Window) and over.this is node)


def _outermost(root: exp.Expression, found: list[exp.Expression]) -> None:
    """Append the aggregates that stand in `root`: in the arguments of windows too, not in one another."""
    if _is_aggregate(root):
        found.append(root)
        return
    for child in root.iter_expressions():
        if not isinstance(child, exp.Query):
            _outermost(child, found)


class _Select:
    """One SELECT. `source` is the text from FROM on of the level reached so far, `known` what it has
    computed."""

    def __init__(self, node: exp.Select) -> None:
        only(node, _SELECT_PARTS)
        if node.args.get("distinct") is not None:
            only(node.args["distinct"], set())
        self.node, self.known = node, dict[str, Value]()
        self.scalar = Scalar(query)
        order = node.args.get("order")
        self.order: list[exp.Ordered] = order.expressions if order is not None else []
        self.aliased = {
            key(exp.column(i.alias)): i.this for i in node.expressions if isinstance(i, exp.Alias)
        }
        having = node.args.get("having")
        self.having: exp.Expression | None = having.this if having is not None else None
        self.source = source_text(node, self.scalar, query)
        if node.args.get("where") is not None:
            self.source += f" WHERE {self.scalar.emit(node.args['where'].this).text}"

    def text(self) -> str:
        self._group()
        self._windows()
        aliases = {alias: self.scalar.emit(node) for alias, node in self.aliased.items()}
        projections = [_projection(self.scalar, item) for item in self.node.expressions]
        outer = Scalar(query, self.known | aliases)
        keys = [_order_key(outer, item, aliases) for item in self.order]
        select = "SELECT DISTINCT" if self.node.args.get("distinct") is not None else "SELECT"
        return _join_words(
            _with(self.node), select, ", ".join(projections), self.source, _order_by(keys), _limit(self.node)
        )

    def _roots(self) -> list[exp.Expression]:
        return [*self.node.expressions, *self.order, *([self.having] if self.having is not None else [])]

    def _group(self) -> None:
        keys = self._group_keys()
        aggregates: list[exp.Expression] = []
        for root in self._roots():
            _outermost(root, aggregates)
        if not keys and not aggregates:
            if self.having is not None:
                raise unsupported("HAVING without GROUP BY")
            return
        columns = []
        for n, node in enumerate(keys):
            value = self.scalar.emit(node)
            columns.append(f'{value.text} AS "_k{n}"')
            self._know(node, Value(f'"_k{n}"', value.kind))
        for n, node in enumerate(aggregates):
            if key(node) not in self.known:
                found = aggregate(self.scalar, node)
                columns.append(f'{found.text} AS "_a{n}"')
                self.known[key(node)] = Value(found.finish(f'"_a{n}"'), found.kind)
        grouping = " GROUP BY " + ", ".join(str(n + 1) for n in range(len(keys))) if keys else ""
        self.source = f"FROM (SELECT {', '.join(columns)} {self.source}{grouping}) AS _grouped"
        if self.having is not None:
            inner = Scalar(query, self.known)
            aliases = {
                a: inner.emit(n)
                for a, n in self.aliased.items()
                if not any(isinstance(w, exp.Window) for w in _nodes(n))
            }
            self.source += f" WHERE {Scalar(query, aliases | self.known).emit(self.having).text}"
        self.scalar = Scalar(query, self.known)

    def _know(self, node: exp.Expression, value: Value) -> None:
        """A grouped column is also known by its bare name, and a bare one by each qualified name that is
        used."""
        self.known[key(node)] = value
        if not isinstance(node, exp.Column):
            return
        for root in self._roots():
            for column in root.find_all(exp.Column):
                one_is_bare = not column.table or not node.table
                if column.name.lower() == node.name.lower() and one_is_bare:
                    self.known.setdefault(key(column), value)

    def _group_keys(self) -> list[exp.Expression]:
        clause = self.node.args.get("group")
        if clause is None:
            return []
        only(clause, {"expressions"})
        keys = []
        for node in clause.expressions:
            if isinstance(node, exp.Literal) and not node.is_string:
                place = int(node.this)
                if not 1 <= place <= len(self.node.expressions):
                    raise unsupported(f"GROUP BY {place}: there is no such item in SELECT")
                node = self.node.expressions[place - 1].unalias()
            else:
                named = self.aliased.get(key(node))
                # `upper(g) AS g ... GROUP BY g` groups by the column, as Spark does.
                if named is not None and key(node) not in {key(c) for c in named.find_all(exp.Column)}:
                    node = named
            keys.append(node)
        return keys

    def _windows(self) -> None:
        found = [
            n
            for root in [*self.node.expressions, *self.order]
            for n in _nodes(root)
            if isinstance(n, exp.Window)
        ]
        if not found:
            return
        values = {key(node): window(self.scalar, node) for node in found}
        if any(item.is_star for item in self.node.expressions):
            self.known |= values  # beside `*`: in place; a macro around one of them would not bind
        else:
            columns = dict(self.known)
            if not self.known:
                used = [
                    c
                    for root in [*self.node.expressions, *self.order]
                    for c in _nodes(root)
                    if isinstance(c, exp.Column)
                ]
                used = [c for c in used if key(c) not in self.aliased or c.find_ancestor(exp.Window)]
                columns = {key(c): self.scalar.emit(c) for c in used}
            columns |= values
            named = {k: Value(f'"_w{n}"', value.kind) for n, (k, value) in enumerate(columns.items())}
            items = ", ".join(f"{columns[k].text} AS {v.text}" for k, v in named.items())
            self.source, self.known = f"FROM (SELECT {items} {self.source}) AS _windowed", named
        self.scalar = Scalar(query, self.known)


def _projection(scalar: Scalar, item: exp.Expression) -> str:
    if isinstance(item, exp.Star):
        only(item, set())
        return "*"
    if isinstance(item, exp.Column) and isinstance(item.this, exp.Star):
        return f"{name(item.table)}.*"
    if isinstance(item, exp.Alias):
        return f"{scalar.emit(item.this).text} AS {name(item.alias)}"
    column = (
        item.name
        if isinstance(item, exp.Column)
        else item.expression.name
        if isinstance(item, exp.Dot)
        else ""
    )
    return f"{scalar.emit(item).text} AS {name(column or item.sql(dialect='spark'))}"
