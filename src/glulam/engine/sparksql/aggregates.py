"""How Spark's aggregate and window functions are run. They stand in queries only, never in a transform's
expression."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlglot import expressions as exp

from glulam.engine.sparksql.calls import Call
from glulam.engine.sparksql.scalar import Scalar, entry_of
from glulam.engine.sparksql.value import Value, call, decimal_parts, typed, unify, unsupported


def _same(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """A call to which FILTER and OVER are added, and what is put around the result. The result's type is not
    known to the binder at the level where it is computed, so `finish` is put around a column one level up,
    and `finish_over` must not depend on it."""

    text: str
    kind: str = ""
    finish: Callable[[str], str] = _same
    finish_over: Callable[[str], str] = _same
    filter: str = ""


def _distinct(c: Call) -> str:
    return "DISTINCT " if c.distinct else ""


def _cast(text: str, kind: str) -> Aggregate:
    def finish(result: str) -> str:
        return f"({result})::{kind}"

    return Aggregate(text=text, kind=kind, finish=finish, finish_over=finish)


def count(c: Call) -> Aggregate:
    c.arity(1)
    if isinstance(c.nodes[0], exp.Star):
        return Aggregate(text="count(*)", kind="bigint")
    return Aggregate(text=f"count({_distinct(c)}{c.arg(0).text})", kind="bigint")


def total(c: Call) -> Aggregate:
    c.arity(1)
    value = c.arg(0)
    if value.is_decimal:
        precision, scale = decimal_parts(value.kind)
        kind = f"decimal({min(38, precision + 10)},{scale})"
        return _cast(f"sum({_distinct(c)}{value.text})", kind)
    return Aggregate(
        text=f"sum({_distinct(c)}{call('glu_sum_input', value)})",
        finish=lambda text: f"glu_sum_result({text})",
        finish_over=lambda text: f"glu_sum_over({typed(value)}, {text})",
    )


def mean(c: Call) -> Aggregate:
    c.arity(1)
    return Aggregate(text=f"avg({_distinct(c)}{call('glu_mean_input', c.arg(0))})", kind="double")


def plain(c: Call) -> Aggregate:
    c.arity(1)
    value = c.arg(0)
    return Aggregate(text=f"{c.name}({value.text})", kind=value.kind)


def spread(c: Call) -> Aggregate:
    c.arity(1)
    function = {"stddev": "stddev_samp", "std": "stddev_samp", "variance": "var_samp"}.get(c.name, c.name)
    return Aggregate(text=f"{function}({_distinct(c)}{call('glu_mean_input', c.arg(0))})", kind="double")


def collect(c: Call) -> Aggregate:
    c.arity(1)
    value = c.arg(0)
    distinct = "DISTINCT " if c.distinct or c.name == "collect_set" else ""
    return Aggregate(
        text=f"list({distinct}{value.text})",
        finish=lambda text: f"coalesce({text}, [])",
        finish_over=lambda text: f"coalesce({text}, [])",
        filter=f"{value.text} IS NOT NULL",
    )


def truth(c: Call) -> Aggregate:
    c.arity(1)
    function = "bool_and" if c.name in ("bool_and", "every") else "bool_or"
    return Aggregate(text=f"{function}({c.arg(0, 'boolean').text})", kind="boolean")


def count_if(c: Call) -> Aggregate:
    c.arity(1)
    return Aggregate(
        text=f"count({_distinct(c)}CASE WHEN {c.arg(0, 'boolean').text} THEN 1 END)", kind="bigint"
    )


def rank(c: Call) -> Aggregate:
    if c.name == "ntile":
        c.arity(1)
        return _cast(f"ntile({c.number(0, 'a number of buckets')})", "int")
    c.arity(0)
    return _cast(f"{c.name}()", "int")


def share(c: Call) -> Aggregate:
    c.arity(0)
    return Aggregate(text=f"{c.name}()", kind="double")


def shift(c: Call) -> Aggregate:
    c.arity(1, 2, 3)
    offset = c.number(1, "an offset") if len(c.nodes) > 1 else 1
    if len(c.nodes) < 3:
        value = c.arg(0)
        return Aggregate(text=f"{c.name}({value.text}, {offset})", kind=value.kind)
    texts, kind = unify([c.arg(0), c.arg(2)])
    return Aggregate(text=f"{c.name}({texts[0]}, {offset}, {texts[1]})", kind=kind)


def edge(c: Call) -> Aggregate:
    if len(c.nodes) != 1:
        raise unsupported(f"{c.name}() with other than one argument")
    value = c.arg(0)
    return Aggregate(text=f"{c.name}({value.text})", kind=value.kind)


AGGREGATE_BUILDERS: dict[str, Callable[[Call], Aggregate]] = {
    "count": count, "sum": total, "mean": mean, "plain_aggregate": plain, "spread": spread,
    "collect": collect,
    "bool_aggregate": truth, "count_if": count_if, "rank": rank, "share": share, "shift": shift, "edge": edge,
}  # fmt: skip


def aggregate(scalar: Scalar, node: exp.Expression) -> Aggregate:
    """One aggregate call as written, with its FILTER; `scalar` translates its arguments. Raises
    UnsupportedSql."""
    condition = node.expression if isinstance(node, exp.Filter) else None
    inner = node.this if condition is not None else node
    if not isinstance(inner, exp.Anonymous):
        raise unsupported(f"`{node.sql(dialect='spark')}`")
    entry = entry_of(inner)
    if entry.build not in AGGREGATE_BUILDERS:
        raise unsupported(f"{inner.this}() as an aggregate or over a window")
    found = AGGREGATE_BUILDERS[entry.build](scalar.call(entry.name, inner.expressions))
    filters = [found.filter] if found.filter else []
    filters += [scalar.emit(condition.this).text] if condition is not None else []
    return replace(found, text=found.text + (f" FILTER (WHERE {' AND '.join(filters)})" if filters else ""))


def window(scalar: Scalar, node: exp.Window) -> Value:
    """One window call as written."""
    extra = [
        k for k, v in node.args.items() if v and k not in ("this", "partition_by", "order", "spec", "over")
    ]
    if extra:
        raise unsupported(f"a named window in `{node.sql(dialect='spark')}`")
    found, parts = aggregate(scalar, node.this), []
    if node.args.get("partition_by"):
        parts.append("PARTITION BY " + ", ".join(scalar.emit(p).text for p in node.args["partition_by"]))
    if node.args.get("order") is not None:
        parts.append(
            "ORDER BY "
            + ", ".join(ordered(scalar.emit(i.this).text, i) for i in node.args["order"].expressions)
        )
    spec = node.args.get("spec")
    if spec is not None:
        low, high = (_bound(scalar, spec, side) for side in ("start", "end"))
        parts.append(f"{str(spec.args['kind']).upper()} BETWEEN {low} AND {high}")
    return Value(f"({found.finish_over(f'{found.text} OVER ({chr(32).join(parts)})')})", found.kind)


def _bound(scalar: Scalar, spec: exp.Expression, side: str) -> str:
    bound, where = spec.args.get(side) or "CURRENT ROW", str(spec.args.get(f"{side}_side") or "")
    if spec.args.get("exclude"):
        raise unsupported("EXCLUDE in a window")
    return f"{bound if isinstance(bound, str) else scalar.emit(bound).text} {where}".strip()


def ordered(text: str, item: exp.Ordered) -> str:
    """One key of ORDER BY with NULLs where Spark has them: first when ascending, last when descending."""
    first, descending = item.args.get("nulls_first"), item.args.get("desc")
    return f"{text} {'DESC' if descending else 'ASC'} NULLS {'FIRST' if first else 'LAST'}"
