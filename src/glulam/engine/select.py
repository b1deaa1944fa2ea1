"""The one SELECT of a batch, as named Spark SQL expressions: what both engines run, each in its own words.

Result columns: `o<i>` the outputs, `p<i>` the partition values as text, `f<i>` whether a cast of output i failed,
`reject` and `detail` why a record is rejected (NULL: it is not). Records keep their lineage columns beside these.
"""

from __future__ import annotations

import sqlglot.expressions as exp

from glulam.engine.base import OutputColumn, TransformPlan
from glulam.records.values import RejectCode

PASS_THROUGH = ("_file", "_record_no", "_line", "_offset", "_length", "_rescued_data")


def selected(plan: TransformPlan) -> list[tuple[str, exp.Expression]]:
    """(name, Spark SQL expression over the raw columns) in order, without the pass-through columns."""
    found: list[tuple[str, exp.Expression]] = []
    failures: list[tuple[OutputColumn, exp.Expression]] = []
    rejections: list[tuple[RejectCode, str, exp.Expression]] = []
    for index, column in enumerate(plan.columns):
        failed = cast_failed(column.expression)
        found.append((f"o{index}", final_expression(column)))
        if failed is not None:
            failures.append((column, failed))
            found.append((f"f{index}", failed))
            if column.on_cast_error == "reject":
                rejections.append((RejectCode.CAST_FAILED, f"column {column.name}: a cast failed", failed))
    for index, column in enumerate(plan.partition_by):
        text = exp.cast(final_expression(column), "string", dialect="spark")
        found.append((f"p{index}", text))
    if plan.event_time is not None and plan.reject_missing_event_time:
        column = next(c for c in plan.columns if c.name == plan.event_time)
        missing = exp.Is(this=exp.paren(final_expression(column)), expression=exp.Null())
        rejections.append(
            (RejectCode.MISSING_EVENT_TIME, f"event time column {column.name} is NULL", missing)
        )
    found.append(("reject", _first([(c, str(code)) for code, _, c in rejections])))
    found.append(("detail", _first([(c, detail) for _, detail, c in rejections])))
    return found


def _first(cases: list[tuple[exp.Expression, str]]) -> exp.Expression:
    if not cases:
        return exp.cast(exp.Null(), "string", dialect="spark")
    ifs = [exp.If(this=c.copy(), true=exp.Literal.string(text)) for c, text in cases]
    return exp.Case(ifs=ifs)


def final_expression(column: OutputColumn) -> exp.Expression:
    """The column's expression with its default for failed casts."""
    failed = cast_failed(column.expression) if column.on_cast_error == "default" else None
    if failed is None or column.default is None:
        return column.expression.copy()
    return exp.Case(ifs=[exp.If(this=failed, true=column.default.copy())], default=column.expression.copy())


def cast_failed(expression: exp.Expression) -> exp.Expression | None:
    """TRUE when some CAST in the expression turned a value into NULL; None when there is no CAST."""
    tests: list[exp.Expression] = []
    for cast in expression.find_all(exp.Cast):  # TryCast is a Cast too
        present = exp.Not(this=exp.Is(this=exp.paren(cast.this.copy()), expression=exp.Null()))
        lost = exp.Is(this=exp.paren(cast.copy()), expression=exp.Null())
        tests.append(exp.paren(exp.And(this=present, expression=lost)))
    return exp.or_(*tests, copy=False) if tests else None


Named = list[tuple[str, exp.Expression]]


def hoisted(items: Named) -> tuple[list[Named], Named]:
    """The same items in steps: levels of casts as columns `:c<i>` (no raw column has a colon), each level over the one
    before, then the items over them all. An event time stands in the output, its test for failure, the partition
    columns and the rejection, and is worth parsing once."""
    names: dict[str, str] = {}
    levels: list[Named] = []

    def lift(node: exp.Expression) -> tuple[exp.Expression, int]:
        """The node over lifted columns, and how many levels it needs below it."""
        depth = 0
        for key, child in list(node.args.items()):
            children = child if isinstance(child, list) else [child]
            for index, part in enumerate(children):
                if isinstance(part, exp.Expression):
                    lifted, below = lift(part)
                    depth = max(depth, below)
                    node.set(key, lifted, index if isinstance(child, list) else None)
        if not isinstance(node, exp.Cast) or isinstance(node.this, exp.Null | exp.Literal):
            return node, depth
        text = f"{depth} {node.sql(dialect='spark')}"
        if text not in names:
            names[text] = f":c{len(names)}"
            levels.extend([] for _ in range(depth + 1 - len(levels)))
            levels[depth].append((names[text], node.copy()))
        return exp.column(names[text], quoted=True), depth + 1

    return levels, [(name, lift(e.copy())[0]) for name, e in items]
