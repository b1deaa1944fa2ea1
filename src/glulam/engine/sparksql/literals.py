"""Literals with the types that Spark gives them, which DuckDB would otherwise guess from where they stand."""

from __future__ import annotations

from sqlglot import expressions as exp

from glulam.engine.sparksql.calls import quoted
from glulam.engine.sparksql.value import DUCKDB_TYPES, Value, unsupported


def literal(node: exp.Expression) -> Value:
    text = str(node.this)
    if node.args["is_string"]:
        return Value(quoted(text), "string")
    if "e" in text.lower():
        return Value(f"'{text}'::DOUBLE", "double")
    whole, _, fraction = text.partition(".")
    digits = (whole + fraction).lstrip("0")
    if "." not in text and int(text) < 2**63:
        kind = "int" if int(text) < 2**31 else "bigint"
        return Value(f"{int(text)}::{DUCKDB_TYPES[kind]}", kind)
    precision = max(len(digits), len(fraction), 1)
    if precision > 38:
        raise unsupported(f"the number {text}, of more than 38 digits")
    kind = f"decimal({precision},{len(fraction)})"
    return Value(f"'{text}'::{kind}", kind)


def negative_literal(node: exp.Expression) -> Value | None:
    """A minus sign before a whole number belongs to it: -2147483648 is an int. None for anything else."""
    if not isinstance(node, exp.Literal) or node.is_string or not str(node.this).isdigit():
        return None
    number = -int(node.this)
    if number < -(2**63):
        return None
    kind = "int" if number >= -(2**31) else "bigint"
    return Value(f"({number})::{DUCKDB_TYPES[kind]}", kind)
