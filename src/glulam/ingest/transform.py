"""From the YAML's SQL texts to the plan of one batch: pure, and the same for every engine.

Done anew for each batch, because `*` means the columns that the data has by then. The rules (what `*` leaves out, what
happens to a column that is not there yet, who gets which name) stand in docs/pipeline.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sqlglot.expressions as exp

from glulam.engine.base import OutputColumn, TransformPlan
from glulam.engine.dialect import column_references, parse
from glulam.engine.staging import SYSTEM_COLUMNS
from glulam.infer.resolve import column_name
from glulam.infer.types import Array, DataType, Struct
from glulam.ingest.config import Item, Transform
from glulam.model.errors import InvalidConfig, InvalidInput
from glulam.records.scan import LINEAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parsed:
    """One item of the YAML. `renames` is the raw column it renames or casts whole, if that is all it does."""

    name: str
    expression: exp.Expression
    item: Item
    renames: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedTransform:
    items: tuple[_Parsed | None, ...]
    """None stands for `*`."""
    partition_by: tuple[_Parsed, ...]
    event_time: str | None
    reject_missing: bool


def parse_transform(transform: Transform) -> ParsedTransform:
    """Parse every expression. Raises InvalidConfig that names the item."""
    items: list[_Parsed | None] = []
    names: set[str] = set()
    for index, item in enumerate(transform.select):
        where = f"transform.select[{index}]"
        if item.sql.strip() == "*":
            if None in items:
                raise InvalidConfig(f"{where}: '*' stands twice")
            items.append(None)
            continue
        parsed = _parse(item, where)
        if parsed.name in names:
            raise InvalidConfig(f"{where}: column {parsed.name!r} stands twice")
        names.add(parsed.name)
        items.append(parsed)
    partitions = tuple(
        _parse(Item(sql=sql), f"transform.partition_by[{i}]") for i, sql in enumerate(transform.partition_by)
    )
    keys = [p.name for p in partitions]
    if len(set(keys)) != len(keys):
        raise InvalidConfig(f"transform.partition_by: a name stands twice in {keys}")
    event_time = transform.event_time.lower() if transform.event_time else None
    if event_time is not None and event_time not in names:
        raise InvalidConfig(f"transform.event_time: {event_time!r} is not a named item of transform.select")
    return ParsedTransform(items=tuple(items), partition_by=partitions, event_time=event_time,
                           reject_missing=transform.missing_event_time == "dead_letter")  # fmt: skip


def _parse(item: Item, where: str) -> _Parsed:
    try:
        tree = parse(item.sql)
    except InvalidInput as error:
        raise InvalidConfig(f"{where}: {error}") from None
    expression = tree.this if isinstance(tree, exp.Alias) else tree
    if not isinstance(tree, exp.Alias | exp.Column) or expression.find(exp.Select, exp.AggFunc, exp.Window):
        raise InvalidConfig(
            f"{where}: {item.sql!r}: expected one expression of a row with a name (`... AS name`)"
        )
    name = tree.alias_or_name.lower()
    if name in SYSTEM_COLUMNS or column_name(name) != name:
        raise InvalidConfig(f"{where}: {name!r} cannot be a column's name")
    core = expression.this if isinstance(expression, exp.Cast) else expression
    whole = isinstance(core, exp.Column) and not core.args.get("table")
    if item.on_cast_error == "default" and item.default is None:
        raise InvalidConfig(f"{where}: on_cast_error is default; expected `default:` with a value")
    return _Parsed(name=name, expression=expression, item=item, renames=core.name.lower() if whole else None)


def reserved_names(parsed: ParsedTransform) -> frozenset[str]:
    """Names that raw columns may not take: partition columns that are computed, system columns, and those that a
    record's place has while a batch is worked on."""
    own = {p.name for p in parsed.partition_by if p.renames != p.name}
    return frozenset(own) | SYSTEM_COLUMNS | frozenset(LINEAGE.names)


def plan(parsed: ParsedTransform, schema: Struct) -> TransformPlan:
    """The plan for records of this schema."""
    outputs: list[OutputColumn] = []
    partition_names = {p.name for p in parsed.partition_by}
    named = [p for p in parsed.items if p is not None]
    for item in parsed.items:
        found = _star(schema, named, partition_names) if item is None else [_output(item, schema)]
        outputs += [c for c in found if c is not None]
    kept = [c for c in outputs if c.name not in partition_names]
    by_name = {c.name: c for c in outputs}
    partitions = [_partition(p, by_name, schema) for p in parsed.partition_by]
    return TransformPlan(columns=tuple(kept), partition_by=tuple(partitions), event_time=_event(parsed, kept, schema),
                         reject_missing_event_time=parsed.reject_missing)  # fmt: skip


def _event(parsed: ParsedTransform, kept: list[OutputColumn], schema: Struct) -> str | None:
    if parsed.event_time is None or not schema.fields:
        return None
    if all(c.name != parsed.event_time for c in kept):
        raise InvalidConfig(
            f"transform.event_time: {parsed.event_time!r} depends on a column that no record has; "
            "give it a type with CAST(... AS TIMESTAMP) to let its records go to the dead letters"
        )
    return parsed.event_time


def _star(schema: Struct, named: list[_Parsed], partitions: set[str]) -> list[OutputColumn | None]:
    """Every raw column that no other item renames, casts or is named like."""
    taken = {p.name for p in named} | {p.renames for p in named if p.renames}
    return [
        OutputColumn(name=f.name, expression=exp.column(exp.to_identifier(f.name, quoted=True)))
        for f in schema.fields
        if f.name not in taken and f.name not in partitions
    ]


def _output(item: _Parsed, schema: Struct) -> OutputColumn | None:
    expression = _with_known_columns(item.expression, schema)
    if expression is None:
        return None
    default = exp.convert(item.item.default) if item.item.default is not None else None
    if default is not None and isinstance(item.expression, exp.Cast):
        default = exp.cast(default, item.expression.to, dialect="spark")
    return OutputColumn(
        name=item.name, expression=expression, on_cast_error=item.item.on_cast_error, default=default
    )


def _partition(item: _Parsed, outputs: dict[str, OutputColumn], schema: Struct) -> OutputColumn:
    """A partition column, with output columns it names replaced by what they are."""

    def substitute(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Column) and not node.args.get("table"):
            output = outputs.get(node.name.lower())
            if output is not None:
                return exp.paren(output.expression.copy())
        return node

    expression = _with_known_columns(item.expression.copy().transform(substitute), schema)
    if expression is None:  # nothing typed it yet: every record goes to the default partition
        expression = exp.cast(exp.Null(), "string", dialect="spark")
    return OutputColumn(name=item.name, expression=expression)


def _with_known_columns(expression: exp.Expression, schema: Struct) -> exp.Expression | None:
    """The expression with columns that no record has as NULL. None when its type is then unknown."""
    missing = {path for path in column_references(expression) if not _has(schema, path)}
    if not missing:
        return expression.copy()
    typed = isinstance(expression, exp.Cast)

    def blank(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Column | exp.Dot) and _path(node) in missing:
            return exp.Null()
        return node

    return expression.copy().transform(blank) if typed else None


def _path(node: exp.Expression) -> tuple[str, ...]:
    found = column_references(node)
    return next(iter(found)) if len(found) == 1 else ()


def _has(schema: Struct, path: Iterable[str]) -> bool:
    kind: DataType = schema
    for step in path:
        while isinstance(kind, Array):
            kind = kind.element
        if not isinstance(kind, Struct):
            return False
        member = next((f for f in kind.fields if f.name.lower() == step.lower()), None)
        if member is None:
            return False
        kind = member.type
    return True
