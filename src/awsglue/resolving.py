"""resolveChoice: what becomes of fields that hold several types.

cast:long       one field, each value converted; what cannot be is null
project:long    one field, values of the other types dropped
make_cols       a field for each type: price_double, price_string
make_struct     a struct with a member for each type
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pyspark.sql import Column

from awsglue import gluetypes as gt
from awsglue.merging import nothing
from awsglue.paths import ELEMENT, Path, locate, split
from awsglue.physical import cast, null, parse
from awsglue.records import Member, Records
from glulam.model.errors import InvalidInput

log = logging.getLogger("awsglue")
Action = Callable[[str, Column, gt.DataType], list[Member]]


@dataclass(frozen=True)
class ResolveOption:
    """For toDF(): `action` is Project, Cast or KeepAsStruct; `target` the type's name for the first two."""

    path: str
    action: str
    target: str | None = None

    def spec(self) -> tuple[str, str]:
        action = self.action.lower()
        return self.path, f"{action}:{self.target}" if self.target else action


def resolve(
    records: Records, specs: Iterable[Sequence[str]] | None, choice: str, catalog: gt.StructType | None = None
) -> Records:
    """`catalog`: the columns of the table that match_catalog goes by. Raises InvalidInput for both or an unknown action."""
    listed = list(specs or ())
    if listed and choice:
        raise InvalidInput("resolveChoice: give specs or choice, not both")
    if choice.lower() == "match_catalog":
        if catalog is None:
            raise InvalidInput("resolveChoice: match_catalog needs database and table_name")
        return _matched(records, catalog)
    if choice:
        action = parse_action(choice)
        return records.rewritten(
            lambda path, column, kind: (
                action(path[-1], column, kind) if isinstance(kind, gt.ChoiceType) else None
            )
        )
    if not listed:
        log.warning("resolveChoice: neither specs nor choice is given; nothing is resolved")
    return _by_specs(records, listed)


def _by_specs(records: Records, specs: list[Sequence[str]]) -> Records:
    actions: dict[Path, Action] = {}
    for spec in specs:
        if len(spec) != 2:
            raise InvalidInput(f"resolveChoice: spec {tuple(spec)!r}: expected (path, action)")
        path = locate(records.schema, spec[0])
        if path is None:
            log.warning("resolveChoice: no record has the field %r", spec[0])
            path = split(spec[0])
        actions[path] = parse_action(spec[1])

    def visit(path: Path, column: Column, kind: gt.DataType) -> list[Member] | None:
        action = actions.get(path)
        return action(path[-1], column, kind) if action else None

    return records.rewritten(visit)


def _matched(records: Records, catalog: gt.StructType) -> Records:
    wanted = {field.name.lower(): field.dataType for field in catalog.fields}

    def visit(path: Path, column: Column, kind: gt.DataType) -> list[Member] | None:
        want = wanted.get(path[0].lower()) if len(path) == 1 else None
        if want is None or not isinstance(kind, gt.ChoiceType):
            return None
        return [(path[-1], cast(column, kind, want), want)]

    return records.rewritten(visit)


def parse_action(text: str) -> Action:
    """The action of a spec. Raises InvalidInput with the actions that there are."""
    word, _, target = text.partition(":")
    word = word.strip().lower()
    if word in ("cast", "project") and target:
        return _cast_to(parse(target)) if word == "cast" else _project(target)
    if word == "make_cols" and not target:
        return _make_cols
    if word in ("make_struct", "keep_as_struct", "keepasstruct") and not target:
        return _make_struct
    raise InvalidInput(
        f"resolveChoice: action {text!r}: expected cast:TYPE, project:TYPE, make_cols, make_struct, keep_as_struct"
        " or, as choice, match_catalog"
    )


def _cast_to(want: gt.DataType) -> Action:
    return lambda name, column, kind: [(name, cast(column, kind, want), want)]


def _project(target: str) -> Action:
    want = parse(target)
    of = (
        target.strip().lower() if nothing(want) else want.typeName()
    )  # struct, array: which members, the data says

    def project(name: str, column: Column, kind: gt.DataType) -> list[Member]:
        choices = kind.choices if isinstance(kind, gt.ChoiceType) else {kind.typeName(): kind}
        chosen = choices.get(of)
        if chosen is None:
            return [(name, null(want), want)]
        return [(name, column.getField(of) if isinstance(kind, gt.ChoiceType) else column, chosen)]

    return project


def _make_cols(name: str, column: Column, kind: gt.DataType) -> list[Member]:
    if not isinstance(kind, gt.ChoiceType):
        return [(name, column, kind)]
    if name == ELEMENT:
        raise InvalidInput(
            "resolveChoice: make_cols cannot make columns of an array's elements; use make_struct"
        )
    return [(f"{name}_{of}", column.getField(of), choice) for of, choice in kind.choices.items()]


def _make_struct(name: str, column: Column, kind: gt.DataType) -> list[Member]:
    """The choice lies in the DataFrame as this struct already: only its type changes."""
    if not isinstance(kind, gt.ChoiceType):
        return [(name, column, kind)]
    return [(name, column, gt.StructType([gt.Field(of, c) for of, c in kind.choices.items()]))]
