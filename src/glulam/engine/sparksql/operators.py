"""Comparison and decimal arithmetic, where Spark's rules on pairs of types differ from DuckDB's."""

from __future__ import annotations

from sqlglot import expressions as exp

from glulam.engine.sparksql.value import INTEGER_DIGITS, NUMBERS, Value, coerce, decimal_parts, unsupported
from glulam.model.errors import UnsupportedSql


def compare(operator: str, left: Value, right: Value) -> Value:
    """Spark compares text with another type as that type (with a decimal: both as doubles)."""
    kinds = (left.kind, right.kind)
    if "null" in kinds or kinds[0] == kinds[1] != "":
        texts = [left.text, right.text]
    elif "" in kinds:
        texts = [f"glu_beside({a.text}, {b.text}, {a.text})" for a, b in ((left, right), (right, left))]
    else:
        texts = [_beside(left, right).text, _beside(right, left).text]
    return Value(f"({texts[0]} {operator} {texts[1]})", "boolean")


def _beside(value: Value, other: Value) -> Value:
    if "string" in (value.kind, other.kind) and (value.is_decimal or other.is_decimal):
        return coerce(value, "double")
    return coerce(value, other.kind) if value.kind == "string" else value


def arithmetic(node: exp.Expression, macro: str, left: Value, right: Value) -> Value:
    """`+ - * / div %` on two values that are not both decimals."""
    result = {exp.Div: "double", exp.IntDiv: "bigint"}.get(type(node), "")
    if not left.kind or not right.kind:
        return Value(f"{macro}({left.text}, {right.text})", result)
    if left.kind == "date" and right.kind in NUMBERS[:3] and isinstance(node, (exp.Add, exp.Sub)):
        return Value(f"({left.text} {'+' if isinstance(node, exp.Add) else '-'} {right.text})", "date")
    if right.kind == "date" and left.kind in NUMBERS[:3] and isinstance(node, exp.Add):
        return Value(f"({right.text} + {left.text})", "date")
    left, right = (coerce(v, "double") if v.kind == "string" or v.is_decimal else v for v in (left, right))
    kinds = [k for k in (left.kind, right.kind) if k != "null"] or ["double"]
    if not set(kinds) <= set(NUMBERS) or (
        isinstance(node, exp.IntDiv) and not set(kinds) <= set(NUMBERS[:4])
    ):
        raise unsupported(f"`{node.sql(dialect='spark')}` on {left.kind} and {right.kind}")
    kind = max(kinds, key=NUMBERS.index)
    return Value(f"{macro}_{kind}({left.text}, {right.text})", result or kind)


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
    # DuckDB multiplies in 64 bits, and fails, unless an operand needs more than 18 digits.
    kinds = (f"decimal({max(p1, 19 if p1 + p2 > 18 else 1)},{s1})", kinds[1]) if sign == "*" else (kind, kind)
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
