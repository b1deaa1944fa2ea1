"""Spark scalar expressions (sqlglot trees) to DuckDB text: operators, casts, columns, CASE. Function calls go
by the table.

Every kind of node is listed; another one is `UnsupportedSql`. A node's text is safe to stand as an operand.
Left to `query.py`: SELECT and what surrounds an expression.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from sqlglot import expressions as exp

from glulam.engine.sparksql import patterns
from glulam.engine.sparksql.builders import BUILDERS
from glulam.engine.sparksql.builders_nested import NESTED_BUILDERS
from glulam.engine.sparksql.builders_number import NUMBER_BUILDERS
from glulam.engine.sparksql.builders_time import TIME_BUILDERS, current_date, current_timestamp
from glulam.engine.sparksql.calls import Call, quoted
from glulam.engine.sparksql.columns import column, element, member, name
from glulam.engine.sparksql.functions import FUNCTIONS, Function
from glulam.engine.sparksql.literals import literal, negative_literal
from glulam.engine.sparksql.operators import (
    arithmetic,
    beside_literal,
    compare,
    decimal_arithmetic,
    decimal_size,
)
from glulam.engine.sparksql.value import DUCKDB_TYPES, INTEGER_DIGITS, Value, call, coerce, unify, unsupported
from glulam.infer.types import Struct

_BUILDERS = BUILDERS | NUMBER_BUILDERS | NESTED_BUILDERS | TIME_BUILDERS
_CASTS = {
    exp.DType.TEXT: "string", exp.DType.BOOLEAN: "boolean", exp.DType.TINYINT: "tinyint",
    exp.DType.SMALLINT: "smallint", exp.DType.INT: "int", exp.DType.BIGINT: "bigint",
    exp.DType.FLOAT: "float",
    exp.DType.DOUBLE: "double", exp.DType.DATE: "date", exp.DType.TIMESTAMPTZ: "timestamp",
    exp.DType.TIMESTAMPLTZ: "timestamp", exp.DType.BINARY: "binary",
}  # fmt: skip
_COMPARISONS = {
    exp.EQ: "=", exp.NEQ: "<>", exp.GT: ">", exp.GTE: ">=", exp.LT: "<", exp.LTE: "<=",
    exp.NullSafeEQ: "IS NOT DISTINCT FROM", exp.NullSafeNEQ: "IS DISTINCT FROM",
}  # fmt: skip
_ARITHMETIC = {exp.Add: "glu_add", exp.Sub: "glu_subtract", exp.Mul: "glu_multiply", exp.Div: "glu_divide",
               exp.IntDiv: "glu_div", exp.Mod: "glu_mod"}  # fmt: skip

_OPERANDS = frozenset(("this", "expression", "expressions"))
_ARGS = {
    exp.Literal: {"this", "is_string"}, exp.Column: {"this", "table", "db", "catalog"}, exp.Cast: {"this",
    "to"},
    exp.TryCast: {"this", "to", "safe"}, exp.In: {"this", "expressions", "query"}, exp.Between: {"this",
    "low", "high"},
    exp.Like: {"this", "expression", "negate"}, exp.ILike: {"this", "expression", "negate"},
    exp.DPipe: {"this", "expression", "safe"}, exp.Case: {"this", "ifs", "default"}, exp.If: {"this", "true",
    "false"},
    exp.Div: {"this", "expression", "typed", "safe"},
}  # fmt: skip
"""What may hang on a node beside its operands: anything else would be lost in translation, so it is
refused."""

Subquery = Callable[[exp.Expression], str]


def key(node: exp.Expression) -> str:
    """The same text for the same expression, however its names are written."""
    return str(node.sql(dialect="spark", normalize=True, comments=False))


def entry_of(node: exp.Anonymous) -> Function:
    """The table's entry of a call. Raises UnsupportedSql where there is none."""
    entry = FUNCTIONS.get(str(node.this).lower()) if isinstance(node.this, str) else None
    if entry is None:
        raise unsupported(f"the function {node.this}()")
    return entry


class Scalar:
    """Translates expressions. `subquery` is None outside a query: then queries are refused and `a.b` is a
    member of column `a`; inside one, `a` may be a table, which DuckDB's binder finds as Spark does. `known`
    holds what the levels below have computed, by `key`: aggregates, windows, grouping keys. `columns`: their
    types, where they are known. An aggregate that is not there is refused."""

    def __init__(
        self,
        subquery: Subquery | None = None,
        known: Mapping[str, Value] | None = None,
        columns: Struct | None = None,
    ) -> None:
        self._subquery = subquery
        self._columns = columns
        self._known = known or {}
        self._handlers: dict[type[exp.Expression], Callable[[exp.Expression], Value]] = {
            exp.Literal: literal, exp.RawString: lambda n: Value(quoted(n.this), "string"),
            exp.Neg: self._negative,
            exp.Boolean: lambda n: Value("true" if n.this else "false", "boolean"),
            exp.Null: lambda _: Value("NULL", "null"),
            exp.Column: self._column, exp.Dot: self._dot, exp.Bracket: self._bracket,
            exp.Paren: lambda n: self._parenthesised(self.emit(n.this)), exp.Cast: self._cast,
            exp.TryCast: self._cast,
            exp.And: self._logical, exp.Or: self._logical, exp.Not: self._not, exp.Is: self._is,
            exp.In: self._in,
            exp.Between: self._between, exp.Like: self._like, exp.ILike: self._like, exp.Escape: self._escape,
            exp.RegexpLike: self._rlike, exp.DPipe: self._pipe, exp.Case: self._case, exp.If: self._if,
            exp.Anonymous: self._function, exp.Exists: self._query,
            exp.Subquery: self._query,
        }  # fmt: skip
        self._handlers |= dict.fromkeys(_COMPARISONS, self._comparison) | dict.fromkeys(
            _ARITHMETIC, self._arithmetic
        )

    def emit(self, node: exp.Expression) -> Value:
        """Raises UnsupportedSql for what is not supported, naming it as written."""
        if self._known:
            found = self._known.get(key(node))
            if found is not None:
                return found
        handler = self._handlers.get(type(node))
        if handler is None:
            raise unsupported(f"`{node.sql(dialect='spark')}` ({type(node).__name__})")
        extra = [
            name
            for name, value in node.args.items()
            if value and name not in _ARGS.get(type(node), _OPERANDS)
        ]
        if extra:
            raise unsupported(f"`{node.sql(dialect='spark')}` ({type(node).__name__} with {extra[0]})")
        return handler(node)

    def _parenthesised(self, value: Value) -> Value:
        return replace(value, text=f"({value.text})")

    def _negative(self, node: exp.Expression) -> Value:
        return negative_literal(node.this) or _BUILDERS["unary"](self.call("negative", [node.this]))

    def _column(self, node: exp.Expression) -> Value:
        parts = [part.this for part in node.parts]
        if len(parts) == 1 and not node.this.args.get("quoted"):
            if parts[0].lower() == "current_date":
                return current_date(self.call("current_date", []))
            if parts[0].lower() == "current_timestamp":
                return current_timestamp(self.call("current_timestamp", []))
        if self._subquery is not None:
            return Value(".".join(name(part) for part in parts))
        return column(parts, self._columns)

    def _dot(self, node: exp.Expression) -> Value:
        if not isinstance(node.expression, exp.Identifier):
            raise unsupported(f"`{node.sql(dialect='spark')}`")
        return member(self.emit(node.this), node.expression.this)

    def _bracket(self, node: exp.Expression) -> Value:
        if len(node.expressions) != 1:
            raise unsupported(f"`{node.sql(dialect='spark')}`")
        base, index = self.emit(node.this), node.expressions[0]
        if isinstance(base.type, Struct) and isinstance(index, exp.Literal) and index.is_string:
            return member(base, index.this)
        return element(base, self.emit(index), "glu_item")

    def _cast(self, node: exp.Expression) -> Value:
        target, only_if_it_fits = node.args["to"], bool(node.args.get("safe"))
        value = self.emit(node.this)
        if target.this == exp.DType.DECIMAL:
            sizes = [int(p.name) for p in target.expressions]
            kind = f"decimal({sizes[0] if sizes else 10},{sizes[1] if len(sizes) > 1 else 0})"
            source = value.text if value.kind == "null" else call("glu_decimal_source", value)
            return Value(f"try_cast({source} AS {kind})", kind)
        kind = _CASTS.get(target.this, "")
        if not kind or target.expressions:
            raise unsupported(f"CAST to {target.sql(dialect='spark')}")
        if value.kind == "null":
            return Value(f"NULL::{DUCKDB_TYPES[kind]}", kind)
        if value.kind == kind:
            return self._parenthesised(value)
        if kind == "binary":
            return Value(call("glu_binary", value), kind)
        family = f"glu_try_{kind}" if only_if_it_fits and kind in INTEGER_DIGITS else f"glu_{kind}"
        return Value(call(family, value), kind)

    def _arithmetic(self, node: exp.Expression) -> Value:
        macro, left, right = _ARITHMETIC[type(node)], self.emit(node.this), self.emit(node.expression)
        if left.is_decimal or right.is_decimal:
            sizes = decimal_size(node.this, left), decimal_size(node.expression, right)
            if sizes[0] and sizes[1]:
                return decimal_arithmetic(node, (left, sizes[0]), (right, sizes[1]))
            chosen = (
                None if isinstance(node, (exp.IntDiv, exp.Mod)) else beside_literal(node, macro, left, right)
            )
            if chosen is not None:
                return chosen
        return arithmetic(node, macro, left, right)

    def _comparison(self, node: exp.Expression) -> Value:
        return compare(_COMPARISONS[type(node)], self.emit(node.this), self.emit(node.expression))

    def _logical(self, node: exp.Expression) -> Value:
        word = "AND" if isinstance(node, exp.And) else "OR"
        return Value(f"({self.emit(node.this).text} {word} {self.emit(node.expression).text})", "boolean")

    def _not(self, node: exp.Expression) -> Value:
        return Value(f"(NOT {self.emit(node.this).text})", "boolean")

    def _is(self, node: exp.Expression) -> Value:
        if not isinstance(node.expression, (exp.Null, exp.Boolean)):
            raise unsupported(f"`{node.sql(dialect='spark')}`")
        value = self.emit(node.this)
        if isinstance(node.expression, exp.Boolean):
            value = coerce(value, "boolean")
        return Value(f"({value.text} IS {self.emit(node.expression).text})", "boolean")

    def _in(self, node: exp.Expression) -> Value:
        if node.args.get("query") is not None:
            return Value(
                f"({self.emit(node.this).text} IN {self._query(node.args['query']).text})", "boolean"
            )
        if not node.expressions:
            raise unsupported(f"`{node.sql(dialect='spark')}`")
        texts, _ = unify([self.emit(node.this), *(self.emit(item) for item in node.expressions)])
        return Value(f"({texts[0]} IN ({', '.join(texts[1:])}))", "boolean")

    def _between(self, node: exp.Expression) -> Value:
        value = self.emit(node.this)
        low = compare(">=", value, self.emit(node.args["low"]))
        return Value(f"({low.text} AND {compare('<=', value, self.emit(node.args['high'])).text})", "boolean")

    def _escape(self, node: exp.Expression) -> Value:
        return self._like(node.this, escape=str(node.expression.this))

    def _like(self, node: exp.Expression, escape: str = "\\") -> Value:
        word = "ILIKE" if isinstance(node, exp.ILike) else "LIKE"
        pattern = node.expression
        if not isinstance(pattern, (exp.Literal, exp.RawString)) or len(escape) != 1:
            raise unsupported(
                f"`{node.sql(dialect='spark')}` ({word} with a pattern that is not a text literal)"
            )
        checked = patterns.like(str(pattern.this), escape)
        text = coerce(self.emit(node.this), "string").text
        negated = "NOT " if node.args.get("negate") else ""
        return Value(f"({text} {negated}{word} {quoted(checked)} ESCAPE {quoted(escape)})", "boolean")

    def _rlike(self, node: exp.Expression) -> Value:
        return BUILDERS["rlike"](self.call("rlike", [node.this, node.expression]))

    def _pipe(self, node: exp.Expression) -> Value:
        return BUILDERS["concat"](self.call("concat", [node.this, node.expression]))

    def _case(self, node: exp.Expression) -> Value:
        whens = node.args["ifs"]
        subject = self.emit(node.this) if node.this is not None else None
        default = (
            self.emit(node.args["default"]) if node.args.get("default") is not None else Value("NULL", "null")
        )
        texts, kind = unify([*(self.emit(w.args["true"]) for w in whens), default])
        tests = [self.emit(w.this) for w in whens]
        if subject is not None:
            tests = [compare("=", subject, test) for test in tests]
        branches = " ".join(f"WHEN {t.text} THEN {r}" for t, r in zip(tests, texts, strict=False))
        return Value(f"(CASE {branches} ELSE {texts[-1]} END)", kind)

    def _if(self, node: exp.Expression) -> Value:
        default = node.args.get("false") or exp.Null()
        return BUILDERS["choose"](self.call("if", [node.this, node.args["true"], default]))

    def call(self, function: str, nodes: list[exp.Expression]) -> Call:
        distinct = len(nodes) == 1 and isinstance(nodes[0], exp.Distinct)
        found = nodes[0].expressions if distinct else nodes
        return Call(function, tuple(found), self.emit, compare, distinct)

    def _function(self, node: exp.Expression) -> Value:
        entry = entry_of(node)
        c = self.call(entry.name, node.expressions)
        if entry.aggregate or entry.window or c.distinct:
            raise unsupported(f"the aggregate or window function {node.this}() here")
        if entry.build:
            value = _BUILDERS[entry.build](c)
        else:
            c.arity(len(entry.args))
            texts = [c.arg(i, "" if kind == "any" else kind).text for i, kind in enumerate(entry.args)]
            value = Value(entry.text.format(*texts), entry.kind)
        return self._parenthesised(value)

    def _query(self, node: exp.Expression) -> Value:
        if self._subquery is None:
            raise unsupported(f"the query in `{node.sql(dialect='spark')}`")
        query = node.this if isinstance(node, (exp.Exists, exp.Subquery)) else node
        return Value(f"{'EXISTS ' if isinstance(node, exp.Exists) else ''}({self._subquery(query)})")
