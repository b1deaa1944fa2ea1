"""The one table of Spark functions that the DuckDB engine runs, each with how: what is not here is not
supported.

A plain entry is a DuckDB text with `{0}`, `{1}`, ... for its arguments, each coerced as Spark would. What
needs more than that (literal patterns, branches, lists) has a builder in `builders.py`, named in the table by
`build`. docs/sql.md is generated from this table, and the differential test has at least one case for each
entry.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """How one Spark function is run."""

    name: str
    group: str
    """A heading of docs/sql.md."""
    args: tuple[str, ...] = ()
    """Kinds that the arguments are coerced to; `any`: as it is; a trailing `?`: may be left out."""
    text: str = ""
    kind: str = ""
    """Kind of the result; empty when it depends on the arguments."""
    build: str = ""
    """A builder's name instead of `text`."""
    note: str = ""
    """What docs/sql.md says beyond the name: limits of this engine."""
    aggregate: bool = False
    window: bool = False


def _entries(group: str, *rows: tuple[str, str, str, str]) -> list[Function]:
    """Rows of (names, argument kinds, text, result kind)."""
    out = []
    for names, args, text, kind in rows:
        for name in names.split():
            out.append(Function(name=name, group=group, args=tuple(args.split()), text=text, kind=kind))
    return out


def _built(
    group: str, *rows: tuple[str, str, str], aggregate: bool = False, window: bool = False
) -> list[Function]:
    """Rows of (names, builder, note)."""
    return [
        Function(name=name, group=group, build=build, note=note, aggregate=aggregate, window=window)
        for names, build, note in rows
        for name in names.split()
    ]


_TEXT = _entries(
    "Text",
    ("upper ucase", "string", "glu_upper({0})", "string"),
    ("lower lcase", "string", "lower({0})", "string"),
    ("trim", "string", "trim({0}, ' ')", "string"),
    ("ltrim", "string", "ltrim({0}, ' ')", "string"),
    ("rtrim", "string", "rtrim({0}, ' ')", "string"),
    ("left", "string int", "CASE WHEN {1} <= 0 THEN left({0}, 0) ELSE left({0}, {1}) END", "string"),
    ("right", "string int", "CASE WHEN {1} <= 0 THEN left({0}, 0) ELSE right({0}, {1}) END", "string"),
    ("repeat", "string int", "glu_repeat({0}, {1})", "string"),
    ("reverse", "string", "glu_reverse({0})", "string"),
    ("initcap", "string", "glu_initcap({0})", "string"),
    ("instr", "string string", "strpos({0}, {1})::INTEGER", "int"),
    ("translate", "string string string", "translate({0}, {1}, {2})", "string"),
    ("startswith", "string string", "starts_with({0}, {1})", "boolean"),
    ("endswith", "string string", "ends_with({0}, {1})", "boolean"),
    ("contains", "string string", "contains({0}, {1})", "boolean"),
    ("ascii", "string", "CASE WHEN {0} = '' THEN 0 ELSE ascii({0}) END::INTEGER", "int"),
) + _built(
    "Text",
    ("concat", "concat", "text only, no arrays or binary"),
    ("concat_ws", "concat_ws", "text only, no arrays"),
    ("length len char_length character_length", "length", ""),
    ("substring substr", "substring", ""),
    ("replace", "replace", "the text to find is a literal and not empty"),
    ("locate position", "locate", ""),
    ("lpad rpad", "pad", ""),
    ("split", "split", "the pattern is a literal that cannot match the empty text; no limit"),
    ("split_part", "split_part", "the delimiter is a literal and not empty; the part is a literal"),
    ("regexp_replace", "regexp_replace", "pattern and replacement are literals; see Regular expressions"),
    ("regexp_extract", "regexp_extract", "pattern and group are literals; see Regular expressions"),
    ("rlike regexp regexp_like", "rlike", "the pattern is a literal; see Regular expressions"),
)

_HASH = _built("Digests and encodings", ("md5 sha sha1", "digest", ""), ("sha2", "sha2", "256 bits only"),
               ("base64", "base64", ""), ("hex", "hex", "integers, text and binary")) + _entries(
    "Digests and encodings",
    ("unbase64", "string", "glu_unbase64({0})", "binary"),
)  # fmt: skip

_REAL = "equal to Spark's to within one unit in the last place"
_MATH = _entries(
    "Numbers",
    ("sqrt", "double", "sqrt({0})", "double"),
    ("isnan", "double", "coalesce(isnan({0}), false)", "boolean"),
    ("sign signum", "double", "CASE WHEN isnan({0}) OR {0} = 0 THEN {0} WHEN {0} > 0 THEN 1::DOUBLE "
     "WHEN {0} < 0 THEN (-1)::DOUBLE END", "double"),
) + [
    Function(name=name, group="Numbers", args=args, text=text, kind="double", note=_REAL)
    for names, args, text in (
        ("exp", ("double",), "exp({0})"),
        ("ln", ("double",), "CASE WHEN {0} > 0 THEN ln({0}) END"),
        ("log10", ("double",), "CASE WHEN {0} > 0 THEN log10({0}) END"),
        ("log2", ("double",), "CASE WHEN {0} > 0 THEN log2({0}) END"),
        ("power pow", ("double", "double"), "power({0}, {1})"),
    )
    for name in names.split()
] + _built(
    "Numbers",
    ("abs", "unary", ""),
    ("negative", "unary", ""),
    ("ceil ceiling floor", "integral", "one argument"),
    ("round", "round", "integers and doubles; the number of places is a literal, 0 to 15"),
    ("mod", "mod", ""),
    ("pmod", "pmod", ""),
    ("greatest least", "extreme", ""),
)  # fmt: skip

_TIME = _entries(
    "Dates and times",
    ("year", "date", "year({0})::INTEGER", "int"),
    ("quarter", "date", "quarter({0})::INTEGER", "int"),
    ("month", "date", "month({0})::INTEGER", "int"),
    ("day dayofmonth", "date", "day({0})::INTEGER", "int"),
    ("dayofyear", "date", "dayofyear({0})::INTEGER", "int"),
    ("dayofweek", "date", "(dayofweek({0}) + 1)::INTEGER", "int"),
    ("weekday", "date", "(isodow({0}) - 1)::INTEGER", "int"),
    ("weekofyear", "date", "weekofyear({0})::INTEGER", "int"),
    ("hour", "timestamp", "hour({0})::INTEGER", "int"),
    ("minute", "timestamp", "minute({0})::INTEGER", "int"),
    ("second", "timestamp", "second({0})::INTEGER", "int"),
    ("date_add dateadd", "date int", "({0} + {1})", "date"),
    ("date_sub", "date int", "({0} - {1})", "date"),
    ("datediff date_diff", "date date", "({0} - {1})::INTEGER", "int"),
    ("add_months", "date int", "({0} + to_months({1}))::DATE", "date"),
    ("last_day", "date", "last_day({0})", "date"),
    ("make_date", "int int int", "try(make_date({0}, {1}, {2}))", "date"),
    ("timestamp_millis", "bigint", "make_timestamp_ms({0})", "timestamp"),
    ("timestamp_micros", "bigint", "make_timestamp({0})", "timestamp"),
    ("unix_seconds", "timestamp", "epoch(date_trunc('second', {0}))::BIGINT", "bigint"),
    ("unix_millis", "timestamp", "epoch_ms(date_trunc('millisecond', {0}))", "bigint"),
    ("unix_micros", "timestamp", "epoch_us({0})", "bigint"),
) + _built(
    "Dates and times",
    ("to_date", "to_date", "the pattern, if any, is a literal; see Date patterns"),
    ("to_timestamp", "to_timestamp", "the pattern, if any, is a literal; see Date patterns"),
    ("date_format", "date_format", "the pattern is a literal; see Date patterns"),
    ("unix_timestamp to_unix_timestamp", "unix_timestamp", "with an argument; the pattern is a literal"),
    ("from_unixtime", "from_unixtime", "the pattern is a literal"),
    ("timestamp_seconds", "timestamp_seconds", "integers and doubles"),
    ("date_trunc", "date_trunc", "the unit is a literal"),
    ("trunc", "trunc", "dates only; the unit is a literal"),
    ("current_date curdate", "current_date", "UTC"),
    ("current_timestamp now", "current_timestamp", "UTC"),
)

_CHOICE = _built(
    "Conditions and NULL",
    ("coalesce ifnull nvl", "coalesce", ""),
    ("nvl2", "nvl2", ""),
    ("if", "choose", ""),
    ("nullif", "nullif", ""),
    ("isnull isnotnull", "is_null", ""),
)

_NESTED = _built(
    "Structs, arrays and maps",
    ("struct", "struct", "of columns and aliased expressions"),
    ("named_struct", "named_struct", "names are literals"),
    ("array", "array", ""),
    ("element_at", "element_at", "arrays by position, maps by a text key"),
    ("array_join", "array_join", "two arguments"),
) + _entries(
    "Structs, arrays and maps",
    ("size cardinality", "any", "glu_size({0})", "int"),
    ("array_contains", "any any", "glu_array_contains({0}, {1})", "boolean"),
)

_AGGREGATE = _built(
    "Aggregates (queries only)",
    ("count", "count", "`DISTINCT` of one expression"),
    ("sum", "sum", "of decimals: decimal(38,s)"),
    ("avg mean", "mean", "not of decimals"),
    ("min max", "plain_aggregate", ""),
    ("stddev stddev_samp std", "spread", _REAL), ("stddev_pop", "spread", _REAL),
    ("variance var_samp", "spread", _REAL), ("var_pop", "spread", _REAL),
    ("collect_list", "collect", "in no promised order, as in Spark"),
    ("collect_set", "collect", "in no promised order, as in Spark"),
    ("bool_and every", "bool_aggregate", ""), ("bool_or some", "bool_aggregate", ""),
    ("count_if", "count_if", ""),
    aggregate=True,
)  # fmt: skip

_WINDOW = _built(
    "Window functions (queries only)",
    ("row_number rank dense_rank ntile", "rank", ""),
    ("percent_rank cume_dist", "share", ""),
    ("lag lead", "shift", ""),
    ("first_value last_value", "edge", "with an ORDER BY"),
    window=True,
)

FUNCTIONS: dict[str, Function] = {
    f.name: f for f in [*_TEXT, *_HASH, *_MATH, *_TIME, *_CHOICE, *_NESTED, *_AGGREGATE, *_WINDOW]
}
