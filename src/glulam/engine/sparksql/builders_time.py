"""How Spark's date and time functions with patterns and units are run; the rest are plain entries of the
table."""

from __future__ import annotations

from collections.abc import Callable

from glulam.engine.sparksql import patterns
from glulam.engine.sparksql.calls import Call, quoted
from glulam.engine.sparksql.value import Value, call, coerce, typed, unsupported

_DEFAULT = "yyyy-MM-dd HH:mm:ss"
_NOW = "make_timestamp(epoch_us(now()))"
_UNITS = {
    "year": ("year", "yyyy", "yy"), "quarter": ("quarter",), "month": ("month", "mon", "mm"), "week": ("week",
    ),
    "day": ("day", "dd"), "hour": ("hour",), "minute": ("minute",), "second": ("second",),
    "millisecond": ("millisecond",), "microsecond": ("microsecond",),
}  # fmt: skip


def _read(value: Value, pattern: str, macro: str) -> str:
    expression, iso = patterns.reader(pattern)
    text = value.text if value.kind == "string" else call("glu_text", value)
    replaced = f"regexp_replace({text}, {quoted(expression)}, {quoted(iso)})"
    matches = f"regexp_matches({text}, {quoted(expression)})"
    found = f"CASE WHEN {matches} THEN glu_timestamp(NULL::VARCHAR, {replaced}) END"
    return f"{macro}({typed(value)}, {value.text}, {found})"


def to_date(c: Call) -> Value:
    c.arity(1, 2)
    if len(c.nodes) == 1:
        return c.arg(0, "date")
    return Value(_read(c.arg(0), c.literal(1, "a pattern"), "glu_read_date"), "date")


def to_timestamp(c: Call) -> Value:
    c.arity(1, 2)
    if len(c.nodes) == 1:
        return c.arg(0, "timestamp")
    return Value(_read(c.arg(0), c.literal(1, "a pattern"), "glu_read_timestamp"), "timestamp")


def unix_timestamp(c: Call) -> Value:
    c.arity(1, 2)
    pattern = c.literal(1, "a pattern") if len(c.nodes) == 2 else _DEFAULT
    return Value(f"(epoch_us({_read(c.arg(0), pattern, 'glu_read_timestamp')}) // 1000000)", "bigint")


def _write(moment: str, pattern: str) -> Value:
    form = patterns.strftime(pattern)
    return Value(f"glu_format({moment}, {quoted(form)}, {quoted(form.replace('%Y', '+%Y'))})", "string")


def from_unixtime(c: Call) -> Value:
    c.arity(1, 2)
    pattern = c.literal(1, "a pattern") if len(c.nodes) == 2 else _DEFAULT
    return _write(call("glu_timestamp", c.arg(0, "bigint")), pattern)


def date_format(c: Call) -> Value:
    c.arity(2)
    return _write(c.arg(0, "timestamp").text, c.literal(1, "a pattern"))


def timestamp_seconds(c: Call) -> Value:
    c.arity(1)
    return Value(call("glu_timestamp_seconds", c.arg(0)), "timestamp")


def _unit(text: str, units: tuple[str, ...]) -> str:
    for unit in units:
        if text.lower() in _UNITS[unit]:
            return unit
    raise unsupported(f"the unit {text!r} (supported: {', '.join(units)})")


def date_trunc(c: Call) -> Value:
    c.arity(2)
    unit = _unit(c.literal(0, "a unit"), tuple(_UNITS))
    return Value(f"date_trunc('{unit}', {c.arg(1, 'timestamp').text})", "timestamp")


def trunc(c: Call) -> Value:
    c.arity(2)
    unit = _unit(c.literal(1, "a unit"), ("year", "quarter", "month", "week"))
    return Value(f"date_trunc('{unit}', {c.arg(0, 'date').text})::DATE", "date")


def current_date(c: Call) -> Value:
    c.arity(0)
    return coerce(Value(_NOW, "timestamp"), "date")


def current_timestamp(c: Call) -> Value:
    c.arity(0)
    return Value(_NOW, "timestamp")


TIME_BUILDERS: dict[str, Callable[[Call], Value]] = {
    "to_date": to_date, "to_timestamp": to_timestamp, "unix_timestamp": unix_timestamp,
    "from_unixtime": from_unixtime, "date_format": date_format, "timestamp_seconds": timestamp_seconds,
    "date_trunc": date_trunc, "trunc": trunc, "current_date": current_date,
    "current_timestamp": current_timestamp,
}  # fmt: skip
