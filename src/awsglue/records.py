"""What a DynamicFrame holds: a DataFrame, Glue's types of its columns, and the records that could not be transformed.

Records
  frame    DataFrame; a choice lies in it as a struct of its alternatives (physical.py)
  schema   gluetypes.StructType of the same columns
  errors   one StageErrors for each transformation that may have failed for some records, evaluated when asked
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from awsglue import gluetypes as gt
from awsglue.paths import ELEMENT, Path, locate, type_at
from awsglue.physical import struct_from_spark, struct_of
from glulam.model.errors import InvalidInput

Member = tuple[str, Column, gt.DataType]
Visitor = Callable[[Path, Column, gt.DataType], "list[Member] | None"]
"""What becomes of the field at a path: other fields in its place (none drops it), or None: look inside it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class StageErrors:
    """Records that one transformation failed for. `found` has one text column `error`: JSON of msg, stackTrace and
    dynamicRecord (the record that went in)."""

    stage: int
    """Number of the DynamicFrame that made them."""
    site: str
    info: str
    found: DataFrame

    @cached_property
    def count(self) -> int:
        return int(self.found.count())


@dataclass(frozen=True, kw_only=True, eq=False)
class Records:
    frame: DataFrame
    schema: gt.StructType
    errors: tuple[StageErrors, ...] = ()

    @classmethod
    def of(cls, frame: DataFrame) -> Records:
        return cls(frame=frame, schema=struct_from_spark(frame.schema))

    def members(self) -> list[Member]:
        return [(f.name, top(f.name), f.dataType) for f in self.schema.fields]

    def made(self, members: Iterable[Member]) -> Records:
        """These columns instead. Raises InvalidInput when two have one name."""
        kept = list(members)
        names = [name for name, _, _ in kept]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise InvalidInput(f"more than one field would be named {', '.join(map(repr, twice))}")
        return replace(
            self,
            frame=self.frame.select(*(column.alias(name) for name, column, _ in kept)),
            schema=schema_of(kept),
        )

    def filtered(self, condition: Column) -> Records:
        return replace(self, frame=self.frame.filter(condition))

    def located(self, text: str) -> Path:
        """The path that `text` names. Raises InvalidInput with the fields that there are."""
        found = locate(self.schema, text)
        if found is None:
            there = ", ".join(f.name for f in self.schema.fields)
            raise InvalidInput(f"no field {text!r}; the fields are {there or 'none'}")
        return found

    def at(self, path: Path) -> tuple[Column, gt.DataType]:
        """The value at a path that leads through structs only. Raises InvalidInput for one through an array."""
        if ELEMENT in path:
            raise InvalidInput(f"{'.'.join(path)}: a value inside an array cannot be taken out of it")
        column, kind = top(path[0]), self.schema.getField(path[0])
        for step in path[1:]:
            if isinstance(kind, gt.ChoiceType):
                column, kind = column.getField("struct"), kind.choices["struct"]
            column, kind = column.getField(step), type_at(kind, (step,)) or gt.UnknownType()
        return column, kind

    def rewritten(self, visit: Visitor) -> Records:
        return self.made(rewrite((), self.members(), visit))


def top(name: str) -> Column:
    """The column of that very name, whatever characters are in it."""
    return F.col(f"`{name.replace('`', '``')}`")


def schema_of(members: Iterable[Member]) -> gt.StructType:
    return gt.StructType([gt.Field(name, kind) for name, _, kind in members])


def rewrite(path: Path, members: list[Member], visit: Visitor) -> list[Member]:
    found: list[Member] = []
    for name, column, kind in members:
        here = (*path, name)
        instead = visit(here, column, kind)
        found += [(name, *_inside(here, column, kind, visit))] if instead is None else instead
    return found


def _inside(path: Path, column: Column, kind: gt.DataType, visit: Visitor) -> tuple[Column, gt.DataType]:
    """The value with the members of its structs and the elements of its arrays rewritten: `column` itself where only
    types changed."""
    if isinstance(kind, gt.StructType):
        before = [(f.name, column.getField(f.name), f.dataType) for f in kind.fields]
        after = rewrite(path, before, visit)
        if _same(before, after):
            return column, schema_of(after)
        return F.when(column.isNotNull(), struct_of([m[:2] for m in after])), schema_of(after)
    if isinstance(kind, gt.ChoiceType):
        return _inside_choice(path, column, kind, visit)
    if isinstance(kind, gt.ArrayType):
        return _inside_array((*path, ELEMENT), column, kind, visit)
    return column, kind


def _inside_choice(
    path: Path, column: Column, kind: gt.ChoiceType, visit: Visitor
) -> tuple[Column, gt.DataType]:
    before = [(name, column.getField(name), choice) for name, choice in kind.choices.items()]
    after = [(name, *_inside(path, value, choice, visit)) for name, value, choice in before]
    resolved = gt.ChoiceType(choice for _, _, choice in after)
    if _same(before, after):
        return column, resolved
    return F.when(column.isNotNull(), struct_of([member[:2] for member in after])), resolved


def _inside_array(
    path: Path, column: Column, kind: gt.ArrayType, visit: Visitor
) -> tuple[Column, gt.DataType]:
    seen: list[gt.DataType] = []
    changed: list[bool] = []

    def element(value: Column) -> Column:
        instead = visit(path, value, kind.elementType)
        if instead is not None and len(instead) != 1:
            raise InvalidInput(f"{'.'.join(path)}: an element of an array can become one value only")
        made, type_ = instead[0][1:] if instead else _inside(path, value, kind.elementType, visit)
        seen.append(type_)
        changed.append(made is not value)
        return made

    made = F.transform(column, element)
    return made if any(changed) else column, gt.ArrayType(seen[-1])


def _same(before: list[Member], after: list[Member]) -> bool:
    return len(before) == len(after) and all(
        a[0] == b[0] and a[1] is b[1] for a, b in zip(before, after, strict=True)
    )


def opened(text: str) -> dict[str, Any]:
    """One error as a dict: msg, stackTrace, dynamicRecord."""
    found: dict[str, Any] = json.loads(text)
    return found
