"""How Spark's aggregate and window functions are run. They stand in queries only, never in a transform's expression."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import expressions as exp

from glulam.engine.sparksql.builders import Aggregate, Call
from glulam.engine.sparksql.value import call, decimal_parts, unify, unsupported


def _distinct(c: Call) -> str:
    return "DISTINCT " if c.distinct else ""


def count(c: Call) -> Aggregate:
    c.arity(1)
    if isinstance(c.nodes[0], exp.Star):
        return Aggregate("count(*)", "bigint")
    return Aggregate(f"count({_distinct(c)}{c.arg(0).text})", "bigint")


def total(c: Call) -> Aggregate:
    c.arity(1)
    value = c.arg(0)
    if value.is_decimal:
        precision, scale = decimal_parts(value.kind)
        kind = f"decimal({min(38, precision + 10)},{scale})"
        return Aggregate(f"sum({_distinct(c)}{value.text})", kind, "({})::" + kind)
    return Aggregate(f"sum({_distinct(c)}{call('glu_sum_input', value)})", "", "glu_sum_result({})")


def mean(c: Call) -> Aggregate:
    c.arity(1)
    return Aggregate(f"avg({_distinct(c)}{call('glu_mean_input', c.arg(0))})", "double")


def plain(c: Call) -> Aggregate:
    c.arity(1)
    value = c.arg(0)
    return Aggregate(f"{c.name}({value.text})", value.kind)


def spread(c: Call) -> Aggregate:
    c.arity(1)
    function = {"stddev": "stddev_samp", "std": "stddev_samp", "variance": "var_samp"}.get(c.name, c.name)
    return Aggregate(f"{function}({_distinct(c)}{call('glu_mean_input', c.arg(0))})", "double")


def collect(c: Call) -> Aggregate:
    c.arity(1)
    value = c.arg(0)
    distinct = "DISTINCT " if c.distinct or c.name == "collect_set" else ""
    return Aggregate(f"list({distinct}{value.text})", "", "coalesce({}, [])", f"{value.text} IS NOT NULL")


def truth(c: Call) -> Aggregate:
    c.arity(1)
    function = "bool_and" if c.name in ("bool_and", "every") else "bool_or"
    return Aggregate(f"{function}({c.arg(0, 'boolean').text})", "boolean")


def count_if(c: Call) -> Aggregate:
    c.arity(1)
    return Aggregate(f"count({_distinct(c)}CASE WHEN {c.arg(0, 'boolean').text} THEN 1 END)", "bigint")


def rank(c: Call) -> Aggregate:
    if c.name == "ntile":
        c.arity(1)
        return Aggregate(f"ntile({c.number(0, 'a number of buckets')})", "int", "({})::INTEGER")
    c.arity(0)
    return Aggregate(f"{c.name}()", "int", "({})::INTEGER")


def share(c: Call) -> Aggregate:
    c.arity(0)
    return Aggregate(f"{c.name}()", "double")


def shift(c: Call) -> Aggregate:
    c.arity(1, 2, 3)
    offset = c.number(1, "an offset") if len(c.nodes) > 1 else 1
    if len(c.nodes) < 3:
        value = c.arg(0)
        return Aggregate(f"{c.name}({value.text}, {offset})", value.kind)
    texts, kind = unify([c.arg(0), c.arg(2)])
    return Aggregate(f"{c.name}({texts[0]}, {offset}, {texts[1]})", kind)


def edge(c: Call) -> Aggregate:
    if len(c.nodes) != 1:
        raise unsupported(f"{c.name}() with other than one argument")
    value = c.arg(0)
    return Aggregate(f"{c.name}({value.text})", value.kind)


AGGREGATE_BUILDERS: dict[str, Callable[[Call], Aggregate]] = {
    "count": count, "sum": total, "mean": mean, "plain_aggregate": plain, "spread": spread, "collect": collect,
    "bool_aggregate": truth, "count_if": count_if, "rank": rank, "share": share, "shift": shift, "edge": edge,
}  # fmt: skip
