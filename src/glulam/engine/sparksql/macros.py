"""DuckDB macros that give Spark's meaning where DuckDB's own functions differ: casts, coercions, arithmetic.

A macro is chosen by the types of its arguments when DuckDB binds the query, so a translation needs no schema.
A type without an overload is a binder error, which is what "not supported" looks like at that level (see
`dialect.explain_binder_error`). A family takes its operand twice, `glu_int(x, x)`: the first only selects the
overload (a typed parameter would cast a decimal to the parameter's scale), the second is the value; the first
may be `NULL::VARCHAR` when the type is known. Arithmetic on decimals whose types a translation cannot see is
refused by overloads that are ambiguous on purpose. The text and time families stand in `macros_text.py`;
which Spark function uses which macro, in `functions.py`.

Meaning: Spark 4, spark.sql.ansi.enabled=false, session time zone UTC. Integers wrap around on overflow
(Java's rule), a double becomes an integer by truncation and saturates, division by zero is NULL, a bad cast
is NULL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

_REFUSED = ("DECIMAL(38,10)", "DECIMAL(38,11)")
"""A decimal matches both equally well, so that binding a call fails instead of computing something near."""

INTEGERS: Mapping[str, tuple[str, int]] = {
    "tinyint": ("TINYINT", 8),
    "smallint": ("SMALLINT", 16),
    "int": ("INTEGER", 32),
    "bigint": ("BIGINT", 64),
}
"""Spark's name -> DuckDB's name and bits."""

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


def family(name: str, bodies: Mapping[str, str], *, decimals: bool = True) -> str:
    """A macro `name(k, x)` with a body for each DuckDB type of k, picked without casting x."""
    overloads = [f"(k {kind}, x) AS ({body})" for kind, body in bodies.items()]
    return macro(name, *overloads, *([] if decimals else [f"(k {kind}, x) AS x" for kind in _REFUSED]))


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def wrap(value: str, bits: int) -> str:
    """The low `bits` of an integer as a signed one: Java's narrowing. One use of `value`, in 128 bits."""
    half, mask = 2 ** (bits - 1), 2**bits - 1
    kind = next(k for k, b in INTEGERS.values() if b == bits)
    wide = "HUGEINT" if bits == 64 else "BIGINT"
    return f"((((({value})::{wide}) + {half}::{wide}) & {mask}::{wide}) - {half}::{wide})::{kind}"


def _wrap_any(value: str, bits: int) -> str:
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
        bodies[name] = f"x::{kind}" if size <= bits else _wrap_any("x", bits)
    bodies |= {"FLOAT": real, "DOUBLE": real, "DECIMAL": _wrap_any("trunc(x)", bits)}
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


def _pairs(body: Callable[[str, int], str]) -> list[str]:
    """An overload for each two integers, of the wider one. All are listed: the refused decimals would tie
    otherwise."""
    kinds = list(INTEGERS.values())
    return [
        f"(x {a}, y {b}) AS {body(*max((a, m), (b, n), key=lambda k: k[1]))}"
        for a, m in kinds
        for b, n in kinds
    ]


def _arithmetic(name: str, sign: str) -> list[str]:
    def body(_: str, bits: int) -> str:
        wide = "HUGEINT" if bits == 64 else "BIGINT"
        return wrap(f"x::{wide} {sign} y::{wide}", bits)

    overloads = _pairs(body) + [f"(x {kind}, y {kind}) AS x {sign} y" for kind in ("FLOAT", "DOUBLE")]
    overloads += [t.format(f=f"{name}_real") for t in _TEXTS]
    overloads += _with_floats(f"x::FLOAT {sign} y::FLOAT") + _no_decimals()
    if sign in "+-":
        overloads.append(f"(x DATE, y INTEGER) AS x {sign} y")
    if sign == "+":
        overloads.append("(x INTEGER, y DATE) AS y + x")
    return [macro(f"{name}_real", f"(x DOUBLE, y DOUBLE) AS x {sign} y"), macro(name, *overloads)]


_TEXTS = ("(x VARCHAR, y VARCHAR) AS {f}(glu_double(x, x), glu_double(y, y))",
          "(x VARCHAR, y DOUBLE) AS {f}(glu_double(x, x), y)",
          "(x DOUBLE, y VARCHAR) AS {f}(x, glu_double(y, y))")  # fmt: skip
"""Text in arithmetic is a double."""


def _with_floats(body: str) -> list[str]:
    """An integer beside a float becomes a float (and not a double)."""
    integers = [name for name, _ in INTEGERS.values()]
    return [f"(x {i}, y FLOAT) AS {body}" for i in integers] + [
        f"(x FLOAT, y {i}) AS {body}" for i in integers
    ]


def _no_decimals(*kinds: str) -> list[str]:
    kinds = kinds or (*(name for name, _ in INTEGERS.values()), "FLOAT")
    overloads = []
    for refused in _REFUSED:
        pairs = [(refused, refused), *((refused, k) for k in kinds), *((k, refused) for k in kinds)]
        overloads += [f"(x {a}, y {b}) AS x" for a, b in pairs]
    return overloads


def _positive(x: str, y: str, bits: int = 0) -> str:
    """pmod; Java's sum in the middle wraps around, in 32 bits or more."""
    rest = f"{x} % nullif({y}, 0)"
    total = wrap(f"({rest}) + {y}", max(bits, 32)) + "::HUGEINT" if bits else f"(({rest}) + {y})"
    return f"CASE WHEN {rest} < 0 THEN {total} % nullif({y}, 0) ELSE {rest} END"


def _division() -> list[str]:
    def division(name: str, whole: Callable[[str, int], str], real: str, single: str) -> list[str]:
        overloads = [*_pairs(whole), f"(x FLOAT, y FLOAT) AS {single}", f"(x DOUBLE, y DOUBLE) AS {real}"]
        overloads += [t.format(f=f"{name}_real") for t in _TEXTS] + _with_floats(single) + _no_decimals()
        return [macro(f"{name}_real", f"(x DOUBLE, y DOUBLE) AS {real}"), macro(name, *overloads)]

    quotient = "x::DOUBLE / nullif(y, 0)::DOUBLE"
    whole = wrap("x::HUGEINT // nullif(y, 0)::HUGEINT", 64)
    return [
        *division("glu_divide", lambda *_: quotient, quotient, quotient),
        *division("glu_mod", lambda kind, _: f"(x::HUGEINT % nullif(y, 0)::HUGEINT)::{kind}",
        "x % nullif(y, 0)",
                  "x::FLOAT % nullif(y, 0)::FLOAT"),
        *division("glu_pmod", lambda kind, bits: f"({_positive('x::HUGEINT', 'y::HUGEINT', bits)})::{kind}",
                  _positive("x", "y"), _positive("x::FLOAT", "y::FLOAT")),
        macro("glu_div", *_pairs(lambda *_: whole), *_no_decimals()),
    ]  # fmt: skip


def _unary() -> list[str]:
    def each(integer: str, real: str) -> list[str]:
        out = [f"(x {k}) AS {wrap(integer, b)}" for k, b in INTEGERS.values()]
        out += [f"(x {k}) AS {real}" for k in ("FLOAT", "DOUBLE")]
        out.append(f"(x VARCHAR) AS {real.replace('x', 'glu_double(x, x)')}")
        return [*out, *[f"(x {k}) AS x" for k in _REFUSED]]

    def integral(function: str) -> str:
        clip = _saturate(64).replace("trunc(x)", f"{function}(x)")
        overloads = [f"(x {k}) AS x::BIGINT" for k, _ in INTEGERS.values()]
        overloads += [f"(x {k}) AS {clip}" for k in ("FLOAT", "DOUBLE")]
        overloads.append(f"(x VARCHAR) AS glu_{function}_real(glu_double(x, x))")
        return macro(f"glu_{function}", *overloads, *[f"(x {k}) AS x" for k in _REFUSED])

    rounds = {name: "x" for name, _ in INTEGERS.values()}
    small = "abs(x) < 4503599627370496::DOUBLE"
    rounds |= {k: f"CASE WHEN {small} THEN r::{k} ELSE x END" for k in ("FLOAT", "DOUBLE")}
    rounding = [f"(k {kind}, x, r) AS {body}" for kind, body in rounds.items()]
    rounding += [f"(k {kind}, x, r) AS x" for kind in _REFUSED]
    out = [
        macro("glu_round", *rounding),
        macro("glu_negative", *each("-(x::HUGEINT)", "-(x)")),
        macro("glu_abs", *each("abs(x::HUGEINT)", "abs(x)")),
    ]
    for function in ("ceil", "floor"):
        clip = _saturate(64).replace("trunc(x)", f"{function}(x)")
        out += [macro(f"glu_{function}_real", f"(x DOUBLE) AS {clip}"), integral(function)]
    return out


def _beside() -> str:
    """`glu_beside(x, y, x)`: x as Spark coerces it to compare it with y (text gives way to the other
    type)."""
    targets = {"BOOLEAN": "boolean", "FLOAT": "float", "DOUBLE": "double", "DECIMAL": "double",
    "DATE": "date",
               "TIMESTAMP": "timestamp"} | {duck: spark for spark, (duck, _) in INTEGERS.items()}  # fmt: skip
    overloads = [f"(kx VARCHAR, ky {duck}, x) AS glu_{spark}(kx, x)" for duck, spark in targets.items()]
    overloads.append("(kx DECIMAL, ky VARCHAR, x) AS glu_double(kx, x)")
    return macro("glu_beside", *overloads, "(kx, ky, x) AS x")


def _number_beside() -> list[str]:
    """See value.py and operators.py: `c` is a column beside a decimal literal."""
    narrow = [f"(c {name}, d, w) AS d" for name, bits in INTEGERS.values() if bits < 64]
    reals = ["(c FLOAT, d, w) AS d::DOUBLE", "(c DOUBLE, d, w) AS d::DOUBLE"]
    others = ["(c DECIMAL(38,10), d, w) AS d", "(c VARCHAR, d, w) AS d::VARCHAR"]
    picks = [f"(c {name}, p3, p5, p10, p20, r) AS p{digits}" for name, digits in
             (("TINYINT", 3), ("SMALLINT", 5), ("INTEGER", 10), ("BIGINT", 20))]  # fmt: skip
    picks += [f"(c {name}, p3, p5, p10, p20, r) AS r" for name in ("FLOAT", "DOUBLE", "VARCHAR", *_REFUSED)]
    refused = [f"(c {name}, z {kind}, r) AS r" for name, _ in INTEGERS.values() for kind in _REFUSED]
    refused += [f"(c {name}, z DECIMAL(38,10), r) AS r" for name in ("FLOAT", "DOUBLE", "VARCHAR")]
    return [
        macro("glu_not_integer", *refused),
        macro("glu_number_beside", *narrow, "(c BIGINT, d, w) AS w", *reals, *others),
        macro("glu_by_integer", *picks),
        macro(
            "glu_half_up",
            "(n, d) AS CASE WHEN d <> 0 THEN sign(n)::HUGEINT * sign(d)::HUGEINT * "
            "((2 * abs(n) + abs(d)) // (2 * abs(d))) END",
        ),
    ]


def _aggregates() -> list[str]:
    integers = {name: "x::BIGINT" for name, _ in INTEGERS.values()}
    reals = {"FLOAT": "x::DOUBLE", "DOUBLE": "x", "VARCHAR": "glu_double(k, x)"}
    return [
        family("glu_sum_input", integers | reals | {"DECIMAL": "x"}),
        macro("glu_sum_result", f"(x HUGEINT) AS {_wrap_any('x', 64)}", "(x) AS x"),
        macro("glu_sum_over", *[f"(k {name}, x) AS {_wrap_any('x', 64)}" for name in integers],
              *[f"(k {name}, x) AS x" for name in (*reals, "DECIMAL")]),
        family("glu_mean_input", dict.fromkeys(integers, "x::DOUBLE") | reals, decimals=False),
    ]  # fmt: skip


def number_macros() -> list[str]:
    out = []
    for spark, (duck, bits) in INTEGERS.items():
        out.append(family(f"glu_{spark}", _to_integer(duck, bits)))
        out.append(family(f"glu_try_{spark}", _try_integer(duck, bits)))
    out += [family("glu_float", _to_real("FLOAT")), family("glu_double", _to_real("DOUBLE"))]
    out += [family("glu_boolean", _to_boolean()), family("glu_decimal_source", _decimal_source())]
    out += [
        *_arithmetic("glu_add", "+"),
        *_arithmetic("glu_subtract", "-"),
        *_arithmetic("glu_multiply", "*"),
    ]
    return [*out, *_division(), *_unary()]


def coercion_macros() -> list[str]:
    """Those that use the text and time families too; created last."""
    return [_beside(), *_number_beside(), *_aggregates()]
