"""Comparison and decimal arithmetic, where Spark's rules on pairs of types differ from DuckDB's."""

from __future__ import annotations

from sqlglot import expressions as exp

from glulam.engine.sparksql.value import INTEGER_DIGITS, Value, decimal_parts, unsupported

_ALIKE = (frozenset(("tinyint", "smallint", "int", "bigint", "float", "double")), frozenset(("date", "timestamp")))


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
    node: exp.Expression, sign: str, left: tuple[Value, tuple[int, int]], right: tuple[Value, tuple[int, int]]
) -> Value:
    """`sign` is +, - or *. Spark's result types (DecimalPrecision); where it would have to give up digits, and for
    division and remainder (an empty sign), Spark alone knows how."""
    (p1, s1), (p2, s2) = left[1], right[1]
    scale = s1 + s2 if sign == "*" else max(s1, s2)
    precision = p1 + p2 + 1 if sign == "*" else max(p1 - s1, p2 - s2) + scale + 1
    if not sign or precision > 38:
        raise unsupported(f"decimal arithmetic in `{node.sql(dialect='spark')}` (CAST an operand to DOUBLE)")
    kind = f"decimal({precision},{scale})"
    kinds = (f"decimal({p1},{s1})", f"decimal({p2},{s2})") if sign == "*" else (kind, kind)
    first, second = f"({left[0].text})::{kinds[0]}", f"({right[0].text})::{kinds[1]}"
    return Value(f"({first} {sign} {second})::{kind}", kind)
