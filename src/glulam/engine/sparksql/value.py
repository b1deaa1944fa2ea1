"""A translated piece of SQL with what is known of its Spark type, and how one piece is coerced to another's.

`kind` is Spark's own name of the type (`int`, `string`, `decimal(10,2)`), `null` for NULL, or empty when only
DuckDB's binder will know (a column). Known kinds keep the SQL short and settle what macros cannot: decimals
and branches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from glulam.engine.sparksql.script import NAMES
from glulam.infer.types import DataType
from glulam.model.errors import UnsupportedSql

DUCKDB_TYPES = {
    "string": "VARCHAR", "boolean": "BOOLEAN", "tinyint": "TINYINT", "smallint": "SMALLINT", "int": "INTEGER",
    "bigint": "BIGINT", "float": "FLOAT", "double": "DOUBLE", "date": "DATE", "timestamp": "TIMESTAMP",
    "binary": "BLOB",
}  # fmt: skip
INTEGER_DIGITS = {"tinyint": 3, "smallint": 5, "int": 10, "bigint": 20}
NUMBERS = ("tinyint", "smallint", "int", "bigint", "float", "double")


@dataclass(frozen=True, slots=True)
class Value:
    """DuckDB text of one expression, safe to stand as an operand or argument."""

    text: str
    kind: str = ""
    type: DataType | None = None
    """Of an array, map or struct whose members are known."""

    @property
    def is_decimal(self) -> bool:
        return self.kind.startswith("decimal")


def unsupported(what: str) -> UnsupportedSql:
    return UnsupportedSql(
        f"the DuckDB engine does not run {what} as Spark would; what it supports is listed in docs/sql.md, "
        "and `--engine spark` runs everything"
    )


def typed(value: Value) -> str:
    """What selects a macro's overload: the type alone where it is known, else the operand itself."""
    if value.kind in DUCKDB_TYPES:
        return f"NULL::{DUCKDB_TYPES[value.kind]}"
    return f"NULL::{value.kind}" if value.is_decimal else value.text


def call(family: str, value: Value) -> str:
    """`value` through the macro of a family that is for its type."""
    if not value.kind:
        return f"{family}({value.text}, {value.text})"
    name = f"{family}_{'decimal' if value.is_decimal else value.kind}"
    if name not in NAMES:
        raise unsupported(
            f"{family.removeprefix('glu_').replace('_', ' ')!r} of a value of the type {value.kind}"
        )
    return f"{name}({value.text})"


def coerce(value: Value, kind: str) -> Value:
    """As Spark coerces an argument: to text, a number or a time. Binary is not taken for text."""
    if value.kind == kind:
        return value
    if value.kind == "null":
        return Value(f"NULL::{DUCKDB_TYPES[kind]}", kind)
    if kind == "string":
        if value.kind == "binary":
            raise unsupported("a binary value where text is expected (CAST it to STRING)")
        return Value(call("glu_text", value), kind)
    return Value(call(f"glu_{kind}", value), kind)


def unify(values: Sequence[Value]) -> tuple[list[str], str]:
    """Branches of one result (COALESCE, CASE, IN): their texts and their common kind, as Spark finds it."""
    kinds = {v.kind for v in values if v.kind != "null"}
    if not kinds:
        return [v.text for v in values], "null"
    if len(kinds) == 1 and "" not in kinds:
        return [v.text for v in values], kinds.pop()
    some_decimal = any(v.is_decimal for v in values)
    if (
        some_decimal
        and "" not in kinds
        and all(v.is_decimal or v.kind in (*INTEGER_DIGITS, "null") for v in values)
    ):
        return _as_decimals(values)
    if some_decimal and "" not in kinds and all(v.is_decimal or v.kind in (*NUMBERS, "null") for v in values):
        return [v.text if v.kind == "null" else coerce(v, "double").text for v in values], "double"
    if "string" in kinds:
        if kinds & {"boolean", "binary"}:
            raise unsupported(
                f"branches of the types {', '.join(sorted(k for k in kinds if k))} in one expression"
            )
        return [v.text if v.kind == "null" else coerce(v, "string").text for v in values], "string"
    if "" not in kinds and kinds <= set(NUMBERS):
        kind = max(kinds, key=NUMBERS.index)
        return [v.text if v.kind == "null" else f"({v.text})::{DUCKDB_TYPES[kind]}" for v in values], kind
    if kinds == {"date", "timestamp"}:
        return [v.text if v.kind == "null" else f"({v.text})::TIMESTAMP" for v in values], "timestamp"
    if "" not in kinds:
        raise unsupported(f"branches of the types {', '.join(sorted(kinds))} in one expression (CAST them)")
    return _beside_columns(values), ""


def _as_decimals(values: Sequence[Value]) -> tuple[list[str], str]:
    """Decimals and integers: as many digits before and after the point as any of them has."""
    known = [v for v in values if v.kind != "null"]
    sizes = [decimal_parts(v.kind) if v.is_decimal else (INTEGER_DIGITS[v.kind], 0) for v in known]
    scale = max(s for _, s in sizes)
    precision = max(p - s for p, s in sizes) + scale
    if precision > 38:
        raise unsupported("branches whose common decimal type has more than 38 digits (CAST them)")
    kind = f"decimal({precision},{scale})"
    return [v.text if v.kind == "null" else f"({v.text})::{kind}" for v in values], kind


def _beside_columns(values: Sequence[Value]) -> list[str]:
    """At least one type is known to the binder only, which then finds the common type as Spark does; but a
    decimal literal beside a bigint is one digit wider in Spark, and beside a float it makes a double."""
    out = []
    for value in values:
        text = value.text
        if value.is_decimal:
            precision, scale = decimal_parts(value.kind)
            wide = f"DECIMAL({min(38, max(INTEGER_DIGITS['bigint'], precision - scale) + scale)},{scale})"
            for column in (v for v in values if not v.kind):
                text = f"glu_number_beside({column.text}, {text}, ({value.text})::{wide})"
        out.append(text)
    return out


def decimal_parts(kind: str) -> tuple[int, int]:
    precision, _, scale = kind.removeprefix("decimal(").removesuffix(")").partition(",")
    return int(precision), int(scale)
