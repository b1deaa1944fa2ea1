"""How the functions on numbers are run that need more than a template: a macro for each kind of number."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import expressions as exp

from glulam.engine.sparksql.calls import Call
from glulam.engine.sparksql.operators import arithmetic
from glulam.engine.sparksql.value import NUMBERS, Value, coerce, decimal_parts, typed, unsupported


def unary(c: Call) -> Value:
    c.arity(1)
    value = c.arg(0)
    if value.is_decimal:
        return Value(f"(-({value.text}))" if c.name == "negative" else f"abs({value.text})", value.kind)
    return _of_number(f"glu_{c.name}", value)


def _of_number(macro: str, value: Value, kind: str = "") -> Value:
    """A macro for each kind of number; text becomes a double."""
    if not value.kind:
        return Value(f"{macro}({value.text})", kind)
    value = coerce(value, "double") if value.kind in ("string", "null") else value
    if value.kind not in NUMBERS:
        raise unsupported(
            f"{macro.removeprefix('glu_')}() of a value of the type {value.kind} (CAST it to DOUBLE)"
        )
    return Value(f"{macro}_{value.kind}({value.text})", kind or value.kind)


def integral(c: Call) -> Value:
    c.arity(1)
    return _of_number(f"glu_{'floor' if c.name == 'floor' else 'ceil'}", c.arg(0), "bigint")


def round_half_up(c: Call) -> Value:
    c.arity(1, 2)
    places = c.number(1, "a number of places") if len(c.nodes) == 2 else 0
    if not 0 <= places <= 15:
        raise unsupported(f"round() to {places} places (0 to 15 are supported)")
    value = c.arg(0)
    if value.is_decimal:
        precision, scale = decimal_parts(value.kind)
        kept = min(scale, places)
        kind = f"decimal({min(38, precision - scale + 1 + kept)},{kept})"
        return Value(f"round({value.text}, {kept})::{kind}", kind)
    # NaN, infinities and what is too large to have places are no such decimal, and stay.
    rounded = f"try_cast(({value.text})::VARCHAR AS DECIMAL(38,{places}))::VARCHAR"
    if value.kind in ("string", "null"):
        raise unsupported("round() of text (CAST it to DOUBLE)")
    if value.kind in NUMBERS[:4]:
        return value
    if value.kind in NUMBERS:
        return Value(f"coalesce({rounded}::{value.kind}, {value.text})", value.kind)
    if value.kind:
        raise unsupported(f"round() of a value of the type {value.kind}")
    return Value(f"glu_round({typed(value)}, {value.text}, {rounded}::DOUBLE)", value.kind)


def modulo(c: Call) -> Value:
    c.arity(2)
    node = exp.Mod(this=c.nodes[0].copy(), expression=c.nodes[1].copy())
    left, right = c.arg(0), c.arg(1)
    if left.is_decimal or right.is_decimal:
        raise unsupported(f"{c.name}() of decimals (CAST them to DOUBLE)")
    return arithmetic(node, f"glu_{c.name}", left, right)


NUMBER_BUILDERS: dict[str, Callable[[Call], Value]] = {
    "unary": unary, "integral": integral, "round": round_half_up, "mod": modulo, "pmod": modulo,
}  # fmt: skip
