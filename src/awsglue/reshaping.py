"""Transformations that choose, name and convert fields: apply_mapping, select, drop, rename, split, drop nulls."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any

from pyspark.sql import Column
from pyspark.sql import functions as F

from awsglue import gluetypes as gt
from awsglue.merging import merge, merge_structs, nothing
from awsglue.paths import Path, locate, split
from awsglue.physical import cast, lift, null, parse, struct_of
from awsglue.records import Member, Records, schema_of, top
from glulam.model.errors import InvalidInput

log = logging.getLogger("awsglue")


class _Node(dict[str, "tuple[Column, gt.DataType] | _Node"]):
    """Fields to build: a name leads to a value or to further names."""

    def place(self, path: Path, column: Column, kind: gt.DataType) -> None:
        node = self
        for step in path[:-1]:
            below = node.setdefault(step, _Node())
            if not isinstance(below, _Node):
                raise InvalidInput(f"{'.'.join(path)}: {step!r} is a field with a value of its own already")
            node = below
        node[path[-1]] = (column, kind)

    def members(self) -> list[Member]:
        found: list[Member] = []
        for name, value in self.items():
            if isinstance(value, _Node):
                inner = value.members()
                found.append((name, struct_of([m[:2] for m in inner]), schema_of(inner)))
            else:
                found.append((name, *value))
        return found


def apply_mapping(
    records: Records, mappings: Iterable[Sequence[str]], *, case_sensitive: bool = True
) -> Records:
    """The fields that the mappings name, nothing else. A source that no record has gives no field."""
    node = _Node()
    for mapping in mappings:
        source, _, target, target_type = _mapping(mapping)
        path = locate(records.schema, source)
        if path is None and not case_sensitive:
            same = [f.name for f in records.schema.fields if f.name.lower() == source.lower()]
            path = (same[0],) if same else None
        if path is None:
            log.warning("apply_mapping: no record has the field %r; %r is left out", source, target)
            continue
        column, have = records.at(path)
        want = parse(target_type)
        node.place(split(target), cast(column, have, want), have if nothing(want) else _whole(have, want))
    return records.made(node.members())


def _mapping(mapping: Sequence[str]) -> Sequence[str]:
    if len(mapping) == 2:
        return mapping[0], "unknown", mapping[1], "unknown"
    if len(mapping) == 3:
        return mapping[0], mapping[1], mapping[0], mapping[2]
    if len(mapping) != 4:
        raise InvalidInput(
            f"mapping {tuple(mapping)!r}: expected (source field, source type, target field, target type)"
        )
    return mapping


def _whole(have: gt.DataType, want: gt.DataType) -> gt.DataType:
    """A cast between equal types keeps the members of a nested one."""
    return have if have == want else want


def select_fields(records: Records, paths: Iterable[str]) -> Records:
    """These fields; nested ones in the structs that they were in. Names that are not there are left out."""
    node = _Node()
    for text in paths:
        path = locate(records.schema, text)
        if path is not None:
            node.place(path, *records.at(path))
    return records.made(node.members())


def drop_fields(records: Records, paths: Iterable[str]) -> Records:
    """All fields but these. Names that are not there are no error."""
    gone = {locate(records.schema, text) for text in paths}
    return records.rewritten(lambda path, _, __: [] if path in gone else None)


def rename_field(records: Records, old: str, new: str) -> Records:
    """Within one struct in place; a path in another struct moves the field to its end."""
    path, target = records.located(old), split(new)
    if path[:-1] == target[:-1]:
        return records.rewritten(lambda p, column, kind: [(target[-1], column, kind)] if p == path else None)
    column, kind = records.at(path)
    node = _Node()
    for name, other, its_kind in records.members():
        if (name,) == path:
            continue
        if name == target[0] and isinstance(its_kind, gt.StructType):
            for field in its_kind.fields:
                node.place((name, field.name), other.getField(field.name), field.dataType)
        else:
            node.place((name,), other, its_kind)
    node.place(target, column, kind)
    moved = records.made(node.members())
    return moved if len(path) == 1 else drop_fields(moved, [".".join(f"`{step}`" for step in path)])


def drop_nulls(records: Records) -> Records:
    """Without the fields that no record has a value for."""
    return records.rewritten(lambda _, __, kind: [] if nothing(kind) else None)


_COMPARE = {
    ">": lambda c, v: c > v, "<": lambda c, v: c < v, ">=": lambda c, v: c >= v, "<=": lambda c, v: c <= v,
    "=": lambda c, v: c == v, "==": lambda c, v: c == v, "!=": lambda c, v: c != v, "<>": lambda c, v: c != v,
}  # fmt: skip


def compared(records: Records, comparisons: dict[str, dict[str, Any]]) -> Column:
    """Whether a record fulfils `{"age": {">": 10, "<": 20}}`. Unknown is no."""
    condition = F.lit(True)
    for text, tests in comparisons.items():
        column, kind = records.at(records.located(text))
        for operator, value in tests.items():
            if operator not in _COMPARE:
                raise InvalidInput(
                    f"split_rows: {text!r} {operator!r}: expected one of {', '.join(_COMPARE)}"
                )
            literal = F.lit(value)
            if isinstance(kind, gt.ChoiceType):
                column = cast(column, kind, gt.StringType() if isinstance(value, str) else gt.DoubleType())
            condition = condition & _COMPARE[operator](column, literal)
    return F.coalesce(condition, F.lit(False))


def union(one: Records, other: Records) -> Records:
    """The records of both; fields whose types differ become choices."""
    schema = merge_structs(one.schema, other.schema)
    frames = [lifted(records, schema).frame for records in (one, other)]
    return Records(frame=frames[0].union(frames[1]), schema=schema, errors=one.errors + other.errors)


def lifted(records: Records, schema: gt.StructType) -> Records:
    """The same records under a schema that holds theirs."""
    have = records.schema
    return records.made(
        (f.name, lift(columns[f.name], have.getField(f.name), f.dataType), f.dataType)
        if f.name in columns
        else (f.name, null(f.dataType), f.dataType)
        for columns in [{name: column for name, column, _ in records.members()}]
        for f in schema.fields
    )


def merge_frames(source: Records, stage: Records, keys: Sequence[str]) -> Records:
    """Records of `stage`, and those of `source` whose keys `stage` does not have."""
    if not keys:
        raise InvalidInput("mergeDynamicFrame: primary_keys is empty")
    left, right = source.frame, stage.frame
    there = right.select(
        *(stage.at(stage.located(k))[0].alias(f"__{i}") for i, k in enumerate(keys))
    ).distinct()
    condition = F.lit(True)
    for i, key in enumerate(keys):
        condition = condition & source.at(source.located(key))[0].eqNullSafe(F.col(f"__{i}"))
    kept = left.join(there, condition, "left_anti")
    return union(Records(frame=kept, schema=source.schema, errors=source.errors), stage)


def join(one: Records, other: Records, paths1: Sequence[str], paths2: Sequence[str]) -> Records:
    """Pairs of records with equal keys. A name that both have is `.name` for the second's field."""
    if len(paths1) != len(paths2) or not paths1:
        raise InvalidInput(f"join: {len(paths1)} keys on one side, {len(paths2)} on the other")
    names = {name for name, _, _ in one.members()}
    second = other.made((f".{n}" if n in names else n, c, k) for n, c, k in other.members())
    left_keys, right_keys = [], []
    for text1, text2 in zip(paths1, paths2, strict=True):
        (a, a_kind), path2 = one.at(one.located(text1)), other.located(text2)
        b, b_kind = second.at((f".{path2[0]}" if path2[0] in names else path2[0], *path2[1:]))
        both = merge(a_kind, b_kind)
        left_keys.append(lift(a, a_kind, both))
        right_keys.append(lift(b, b_kind, both))
    left = one.frame.select("*", *(c.alias(f"__l{i}") for i, c in enumerate(left_keys)))
    right = second.frame.select("*", *(c.alias(f"__r{i}") for i, c in enumerate(right_keys)))
    condition = F.lit(True)
    for i in range(len(left_keys)):
        condition = condition & (F.col(f"__l{i}") == F.col(f"__r{i}"))
    schema = gt.StructType([*one.schema.fields, *second.schema.fields])
    joined = left.join(right, condition).select(*(top(f.name) for f in schema.fields))
    return Records(frame=joined, schema=schema, errors=one.errors + other.errors)
