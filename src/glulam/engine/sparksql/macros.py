"""DuckDB macros that give Spark's meaning where DuckDB's own functions differ: casts, coercions, arithmetic.

A macro is chosen by the types of its arguments when DuckDB binds the query, so a translation needs no schema.
A type without an overload is a binder error, which is what "not supported" looks like at that level (see
`dialect.explain_binder_error`). Where the translation knows the type it calls the one that is meant
(`glu_int_string(x)`, `glu_add_bigint(x, y)`), which matters in deep expressions: DuckDB binds the operands of
an overloaded macro twice, so that nesting them costs 2^depth. A family takes its operand twice, `glu_int(x,
x)`: the first only selects the overload (a typed parameter would cast a decimal to the parameter's scale).
Arithmetic on decimals whose types a translation cannot see is refused by overloads that are ambiguous on
purpose. The text and time families stand in `macros_text.py`; which Spark function uses which macro, in
`functions.py`.

Meaning: Spark 4, spark.sql.ansi.enabled=false, session time zone UTC. Integers wrap around on overflow
(Java's rule), a double becomes an integer by truncation and saturates, division by zero is NULL, a bad cast
is NULL.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

REFUSED = ("DECIMAL(38,10)", "DECIMAL(38,11)")
"""A decimal matches both equally well, so that binding a call fails instead of computing something near."""

INTEGERS: Mapping[str, tuple[str, int]] = {
    "tinyint": ("TINYINT", 8),
    "smallint": ("SMALLINT", 16),
    "int": ("INTEGER", 32),
    "bigint": ("BIGINT", 64),
}
"""Spark's name -> DuckDB's name and bits."""

SPARK_NAMES = {"VARCHAR": "string", "INTEGER": "int", "BLOB": "binary"} | {
    name: name.lower()
    for name in (
        "BOOLEAN",
        "TINYINT",
        "SMALLINT",
        "BIGINT",
        "FLOAT",
        "DOUBLE",
        "DECIMAL",
        "DATE",
        "TIMESTAMP",
    )
}

_BLANK = r"[\x00-\x20\x7f]*"
_SPACE = r"[\x00-\x20]*"
_WHOLE = rf"^#{_BLANK}([+-]?)(?:(\d+)(?:\.\d*)?|\.\d*){_BLANK}$"
_WHOLE_ONLY = rf"^#{_BLANK}([+-]?)(\d+){_BLANK}$"
_REAL = (
    rf"^#{_SPACE}([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?i:infinity|inf)|(?i:nan)|[+-]NaN)"
    rf"[dDfF]?{_SPACE}$"
)
_EXACT = rf"^#{_SPACE}([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?){_SPACE}$"


def macro(name: str, *overloads: str) -> str:
    """`overloads` are `(parameters) AS body` texts."""
    return f"CREATE OR REPLACE TEMP MACRO {name}{', '.join(overloads)};"


def family(name: str, bodies: Mapping[str, str], *, decimals: bool = True) -> list[str]:
    """`name_<Spark's type>(x)` with a body for each DuckDB type, and `name(k, x)` that picks one by the type
    of k, without casting x."""
    out, overloads = [], []
    for duck, body in bodies.items():
        spark = SPARK_NAMES[duck]
        out.append(
            macro(
                f"{name}_{spark}",
                f"(x) AS ({re.sub(r'(glu_[a-z]+)[(]k, x[)]', rf'{chr(92)}1_{spark}(x)', body)})",
            )
        )
        overloads.append(f"(k {duck}, x) AS {name}_{spark}(x)")
    return [
        *out,
        macro(name, *overloads, *([] if decimals else [f"(k {kind}, x) AS x" for kind in REFUSED])),
    ]


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def wrap(value: str, bits: int) -> str:
    """The low `bits` of an integer as a signed one: Java's narrowing. One use of `value`, in 128 bits."""
    half, mask = 2 ** (bits - 1), 2**bits - 1
    kind = next(k for k, b in INTEGERS.values() if b == bits)
    wide = "HUGEINT" if bits == 64 else "BIGINT"
    return f"((((({value})::{wide}) + {half}::{wide}) & {mask}::{wide}) - {half}::{wide})::{kind}"


def wrap_any(value: str, bits: int) -> str:
    """Like `wrap`, for a value that may need 128 bits itself."""
    half, mask = f"{2 ** (bits - 1)}::HUGEINT", f"{2**bits - 1}::HUGEINT"
    kind = next(k for k, b in INTEGERS.values() if b == bits)
    return f"((((({value})::HUGEINT & {mask}) + {half}) & {mask}) - {half})::{kind}"


def _saturate(bits: int) -> str:
    """A double to an integer as Java does it: NaN is 0, beyond the range is its end."""
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    kind = "BIGINT" if bits == 64 else "INTEGER"
    return (
        f"CASE WHEN isnan(x) THEN 0::{kind} WHEN x >= {high}::DOUBLE THEN {high}::{kind} "
        f"WHEN x <= {low}::DOUBLE THEN ({low})::{kind} ELSE trunc(x)::{kind} END"
    )


def _text_to_integer(kind: str, pattern: str) -> str:
    return f"try_cast(regexp_replace('#' || x, {quoted(pattern)}, '\\1' || '0' || '\\2') AS {kind})"


def _to_integer(kind: str, bits: int) -> dict[str, str]:
    real = _saturate(max(bits, 32))
    real = real if bits >= 32 else wrap(real, bits)
    bodies = {"VARCHAR": _text_to_integer(kind, _WHOLE), "BOOLEAN": f"x::{kind}"}
    for name, size in INTEGERS.values():
        bodies[name] = f"x::{kind}" if size <= bits else wrap_any("x", bits)
    bodies |= {"FLOAT": real, "DOUBLE": real, "DECIMAL": wrap_any("trunc(x)", bits)}
    seconds = "epoch(date_trunc('second', x))::BIGINT"
    bodies["TIMESTAMP"] = seconds if bits == 64 else wrap(seconds, bits)
    return bodies


def _try_integer(kind: str, bits: int) -> dict[str, str]:
    """TRY_CAST: what does not fit is NULL instead of wrapped."""
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1)
    real = f"CASE WHEN x > {low - 1}::DOUBLE AND x < {high}::DOUBLE THEN try_cast(trunc(x) AS {kind}) END"
    if bits == 64:
        real = f"CASE WHEN x >= {low}::DOUBLE AND x < {high}::DOUBLE THEN try_cast(trunc(x) AS {kind}) END"
    bodies = {"VARCHAR": _text_to_integer(kind, _WHOLE_ONLY), "BOOLEAN": f"x::{kind}"}
    bodies |= {name: f"try_cast(x AS {kind})" for name, _ in INTEGERS.values()}
    bodies |= {"FLOAT": real, "DOUBLE": real, "DECIMAL": f"try_cast(trunc(x) AS {kind})"}
    bodies["TIMESTAMP"] = f"try_cast(epoch(date_trunc('second', x))::BIGINT AS {kind})"
    return bodies


def _to_real(kind: str) -> dict[str, str]:
    text = f"try_cast(regexp_replace('#' || x, {quoted(_REAL)}, '\\1') AS {kind})"
    bodies = {"VARCHAR": text, "BOOLEAN": f"x::INTEGER::{kind}", "DECIMAL": f"x::VARCHAR::{kind}"}
    bodies |= {name: f"x::{kind}" for name, _ in INTEGERS.values()}
    bodies |= {"FLOAT": f"x::{kind}", "TIMESTAMP": f"(epoch_us(x)::DOUBLE / 1000000::DOUBLE)::{kind}"}
    narrow = (
        "coalesce(try_cast(x AS FLOAT), CASE WHEN x > 0 THEN 'inf'::FLOAT WHEN x < 0 THEN '-inf'::FLOAT END)"
    )
    return bodies | {"DOUBLE": "x" if kind == "DOUBLE" else narrow}


def _to_boolean() -> dict[str, str]:
    yes, no = (rf"(?i){_BLANK}(?:{words}){_BLANK}" for words in ("t|true|y|yes|1", "f|false|n|no|0"))
    text = (
        f"CASE WHEN regexp_full_match(x, {quoted(yes)}) THEN true "
        f"WHEN regexp_full_match(x, {quoted(no)}) THEN false END"
    )
    numbers = [name for name, _ in INTEGERS.values()] + ["FLOAT", "DOUBLE", "DECIMAL"]
    return {"VARCHAR": text, "BOOLEAN": "x"} | dict.fromkeys(numbers, "x <> 0")


def _decimal_source() -> dict[str, str]:
    """What `try_cast(... AS DECIMAL(p,s))` reads as Spark would: text that is a number, or the number
    itself."""
    text = f"nullif(regexp_replace('#' || x, {quoted(_EXACT)}, '\\1'), '#' || x)"
    real = "CASE WHEN NOT isnan(x) AND NOT isinf(x) THEN {} END"
    bodies = {"VARCHAR": text, "BOOLEAN": "x::INTEGER", "DECIMAL": "x"}
    bodies |= {name: "x" for name, _ in INTEGERS.values()}
    return bodies | {"FLOAT": real.format("x::DOUBLE::VARCHAR"), "DOUBLE": real.format("x::VARCHAR")}


def _binary(name: str, bodies: Mapping[str, str], *extra: str) -> list[str]:
    """`name_<type>(x, y)` with a body for each type that both operands have become, and `name(x, y)` that
    picks one: the wider integer, float beside an integer, double beside a double or text."""
    integers = [k for k in INTEGERS if k in bodies]
    overloads = []
    for n, a in enumerate(integers):
        for m, b in enumerate(integers):
            overloads.append(
                f"(x {INTEGERS[a][0]}, y {INTEGERS[b][0]}) AS {name}_{integers[max(n, m)]}(x, y)"
            )
    if "double" in bodies:
        pairs = [("FLOAT", "FLOAT"), *((INTEGERS[i][0], "FLOAT") for i in integers)]
        pairs += [("FLOAT", INTEGERS[i][0]) for i in integers]
        overloads += [f"(x {a}, y {b}) AS {name}_float(x, y)" for a, b in pairs]
        overloads += [
            f"(x DOUBLE, y DOUBLE) AS {name}_double(x, y)",
            f"(x VARCHAR, y VARCHAR) AS {name}_double(glu_double_string(x), glu_double_string(y))",
            f"(x VARCHAR, y DOUBLE) AS {name}_double(glu_double_string(x), y)",
            f"(x DOUBLE, y VARCHAR) AS {name}_double(x, glu_double_string(y))",
        ]
    singles = [macro(f"{name}_{kind}", f"(x, y) AS {body}") for kind, body in bodies.items()]
    return [*singles, macro(name, *overloads, *extra, *_no_decimals())]


def _arithmetic(name: str, sign: str) -> list[str]:
    bodies = {}
    for kind, (_, bits) in INTEGERS.items():
        wide = "HUGEINT" if bits == 64 else "BIGINT"
        bodies[kind] = wrap(f"x::{wide} {sign} y::{wide}", bits)
    bodies |= {k: f"(x::{k} {sign} y::{k})" for k in ("float", "double")}
    dates = {
        "+": ["(x DATE, y INTEGER) AS x + y", "(x INTEGER, y DATE) AS y + x"],
        "-": ["(x DATE, y INTEGER) AS x - y"],
    }
    return _binary(name, bodies, *dates.get(sign, []))


def _no_decimals() -> list[str]:
    kinds = (*(name for name, _ in INTEGERS.values()), "FLOAT")
    overloads = []
    for refused in REFUSED:
        pairs = [(refused, refused), *((refused, k) for k in kinds), *((k, refused) for k in kinds)]
        overloads += [f"(x {a}, y {b}) AS x" for a, b in pairs]
    return overloads


def _positive(x: str, y: str, bits: int = 0) -> str:
    """pmod; Java's sum in the middle wraps around, in 32 bits or more."""
    rest = f"{x} % nullif({y}, 0)"
    total = wrap(f"({rest}) + {y}", max(bits, 32)) + "::HUGEINT" if bits else f"(({rest}) + {y})"
    return f"CASE WHEN {rest} < 0 THEN {total} % nullif({y}, 0) ELSE {rest} END"


def _division() -> list[str]:
    reals = ("float", "double")
    quotient = "(x::DOUBLE / nullif(y, 0)::DOUBLE)"
    remainder = {k: f"(x::HUGEINT % nullif(y, 0)::HUGEINT)::{duck}" for k, (duck, _) in INTEGERS.items()}
    positive = {
        k: f"({_positive('x::HUGEINT', 'y::HUGEINT', bits)})::{duck}" for k, (duck, bits) in INTEGERS.items()
    }
    return [
        *_binary("glu_divide", dict.fromkeys((*INTEGERS, *reals), quotient)),
        *_binary("glu_mod", remainder | {k: f"(x::{k} % nullif(y, 0)::{k})" for k in reals}),
        *_binary("glu_pmod", positive | {k: f"({_positive(f'x::{k}', f'y::{k}')})" for k in reals}),
        *_binary("glu_div", dict.fromkeys(INTEGERS, wrap("x::HUGEINT // nullif(y, 0)::HUGEINT", 64))),
    ]


def _unary(name: str, bodies: Mapping[str, str]) -> list[str]:
    singles = [macro(f"{name}_{kind}", f"(x) AS ({body})") for kind, body in bodies.items()]
    overloads = [f"(x {INTEGERS[k][0] if k in INTEGERS else k}) AS {name}_{k}(x)" for k in bodies]
    overloads.append(f"(x VARCHAR) AS {name}_double(glu_double_string(x))")
    return [*singles, macro(name, *overloads, *[f"(x {k}) AS x" for k in REFUSED])]


def _unaries() -> list[str]:
    out = []
    for name, function in (("glu_negative", "-({})"), ("glu_abs", "abs({})")):
        bodies = {k: wrap(function.format("x::HUGEINT"), bits) for k, (_, bits) in INTEGERS.items()}
        out += _unary(name, bodies | dict.fromkeys(("float", "double"), function.format("x")))
    for function in ("ceil", "floor"):
        clip = _saturate(64).replace("trunc(x)", f"{function}(x)")
        out += _unary(
            f"glu_{function}", dict.fromkeys(INTEGERS, "x::BIGINT") | dict.fromkeys(("float", "double"), clip)
        )
    overloads = [f"(k {name}, x, r) AS x" for name, _ in INTEGERS.values()]
    overloads += [f"(k {k}, x, r) AS coalesce(r::{k}, x)" for k in ("FLOAT", "DOUBLE")]
    return [*out, macro("glu_round", *overloads, *[f"(k {k}, x, r) AS x" for k in REFUSED])]


def number_macros() -> list[str]:
    out = []
    for spark, (duck, bits) in INTEGERS.items():
        out += family(f"glu_{spark}", _to_integer(duck, bits))
        out += family(f"glu_try_{spark}", _try_integer(duck, bits))
    out += [*family("glu_float", _to_real("FLOAT")), *family("glu_double", _to_real("DOUBLE"))]
    out += [*family("glu_boolean", _to_boolean()), *family("glu_decimal_source", _decimal_source())]
    for name, sign in (("glu_add", "+"), ("glu_subtract", "-"), ("glu_multiply", "*")):
        out += _arithmetic(name, sign)
    return [*out, *_division(), *_unaries()]
