"""Comparison and decimal arithmetic, where Spark's rules on pairs of types differ from DuckDB's."""

from __future__ import annotations

from sqlglot import expressions as exp

from glulam.engine.sparksql.value import INTEGER_DIGITS, Value, decimal_parts, unsupported
from glulam.model.errors import UnsupportedSql

_ALIKE = (
    frozenset(("tinyint", "smallint", "int", "bigint", "float", "double")),
    frozenset(("date", "timestamp")),
)


def compare(operator: str, left: Value, right: Value) -> Value:
    """Spark compares text with another type as that type."""
    known = left.kind and right.kind
    alike = left.kind == right.kind or any({left.kind, right.kind} <= kinds for kinds in _ALIKE)
    texts = [left.text, right.text]
    if not (known and alike) and "null" not in (left.kind, right.kind):
        texts = [f"glu_beside({a.text}, {b.text}, {a.text})" for a, b in ((left, right), (right, left))]
    return Value(f"({texts[0]} {operator} {texts[1]})", "boolean")


def decimal_size(node: exp.Expression, value: Value) -> tuple[int, int] | None:
    """Precision and scale that an operand has beside a decimal, or None where its type is not known here."""
    if value.is_decimal:
        return decimal_parts(value.kind)
    if isinstance(node, exp.Literal) and value.kind in ("int", "bigint"):
        return len(str(int(node.this))), 0
    return (INTEGER_DIGITS[value.kind], 0) if value.kind in INTEGER_DIGITS else None


def decimal_arithmetic(
    node: exp.Expression, left: tuple[Value, tuple[int, int]], right: tuple[Value, tuple[int, int]]
) -> Value:
    """`+ - * /` with Spark's result types (DecimalPrecision). Where Spark would have to give up digits to
    stay within 38, and for remainders, it alone knows how."""
    (x, (p1, s1)), (y, (p2, s2)) = left, right
    sizes = {
        exp.Add: (max(p1 - s1, p2 - s2) + max(s1, s2) + 1, max(s1, s2)),
        exp.Mul: (p1 + p2 + 1, s1 + s2),
        exp.Div: (p1 - s1 + s2 + max(6, s1 + p2 + 1), max(6, s1 + p2 + 1)),
    }
    precision, scale = sizes.get(exp.Add if isinstance(node, exp.Sub) else type(node), (99, 0))
    if precision + (scale if isinstance(node, exp.Div) else 0) > 38:
        raise unsupported(f"decimal arithmetic in `{node.sql(dialect='spark')}` (CAST an operand to DOUBLE)")
    kind, kinds = f"decimal({precision},{scale})", (f"decimal({p1},{s1})", f"decimal({p2},{s2})")
    if isinstance(node, exp.Div):
        top, bottom = (f"(({v.text})::decimal({p},{s}) * {10**s}::decimal({s + 1},0))::HUGEINT"
                       for v, p, s in ((x, p1, s1), (y, p2, s2)))  # fmt: skip
        factor = 10 ** (scale + s2 - s1)
        return Value(f"(glu_half_up({top} * {factor}::HUGEINT, {bottom})::decimal({precision},0) * "
                     f"'{10**-scale:.{scale}f}'::decimal({scale},{scale}))::{kind}", kind)  # fmt: skip
    sign = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*"}[type(node)]
    kinds = kinds if sign == "*" else (kind, kind)
    return Value(f"(({x.text})::{kinds[0]} {sign} ({y.text})::{kinds[1]})::{kind}", kind)


def beside_literal(node: exp.Expression, macro: str, left: Value, right: Value) -> Value | None:
    """A column beside a decimal literal (`cents / 100.0`): decimal arithmetic if the column is an integer,
    which only the binder will know, else on doubles. None where this is not the case."""
    column, literal = (left, right) if right.is_decimal else (right, left)
    operand = (node.this if right.is_decimal else node.expression).unnest()
    if not literal.is_decimal or column.kind or not isinstance(operand, (exp.Column, exp.Dot, exp.Bracket)):
        return None
    real = Value(f"({literal.text})::DOUBLE", "double")
    on_doubles = (
        f"{macro}({(left if right.is_decimal else real).text}, {(real if right.is_decimal else right).text})"
    )
    choices, size = [], decimal_parts(literal.kind)
    for digits in (3, 5, 10, 20):
        sides = (
            [(left, (digits, 0)), (right, size)] if right.is_decimal else [(left, size), (right, (digits, 0))]
        )
        try:
            choices.append(decimal_arithmetic(node, sides[0], sides[1]).text)
        except UnsupportedSql:
            return Value(f"glu_not_integer({column.text}, 0.5, {on_doubles})", "")
    return Value(f"glu_by_integer({column.text}, {', '.join(choices)}, {on_doubles})")
