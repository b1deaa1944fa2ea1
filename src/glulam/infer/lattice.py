"""The least type that holds what two types hold: how findings of rows, files and partitions become one column.

Pure, associative enough to fold in any order of files. Nothing is lost by joining: what has no wider type than both
becomes `string`, never a rounded number. What an ingest does with values that do not fit a column that exists is
`resolve.py`; the rules in words are in docs/crawlers.md, "Types".
"""

from __future__ import annotations

from glulam.infer import shape as kinds
from glulam.infer.resolve import Names, column_name, name_order
from glulam.infer.shape import Shape
from glulam.infer.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    NULL,
    STRING,
    TIMESTAMP,
    Array,
    DataType,
    Decimal,
    Field,
    Map,
    Scalar,
    Struct,
    parse_type,
)

MAP_MEMBERS = 16
"""An object place with fewer different keys than this is always a struct."""
MAP_SHARE = 0.25
"""A place is a map when its keys are, on average, in less than this part of its objects."""
MAP_ALWAYS = 256
"""More different keys than this make a map, however often each one comes."""

_WHOLE = ("tinyint", "smallint", "int", "bigint")
_DIGITS = {"tinyint": 3, "smallint": 5, "int": 10, "bigint": 19}
_REAL = ("float", "double")


def join(a: DataType, b: DataType) -> DataType:
    """The least type that holds both; `void` is below everything, `string` above everything."""
    if a == b or b == NULL:
        return a
    if a == NULL:
        return b
    if isinstance(a, Array) and isinstance(b, Array):
        return Array(join(a.element, b.element))
    if isinstance(a, Map) and isinstance(b, Map):
        return Map(join(a.key, b.key), join(a.value, b.value))
    if isinstance(a, Struct) and isinstance(b, Struct):
        return _joined_structs(a, b)
    if isinstance(a, Struct) and isinstance(b, Map):
        return _widened_map(b, a)
    if isinstance(a, Map) and isinstance(b, Struct):
        return _widened_map(a, b)
    if isinstance(a, Scalar | Decimal) and isinstance(b, Scalar | Decimal):
        return _joined_scalars(a, b)
    return STRING


def join_all(types: list[DataType]) -> DataType:
    """`void` when there are none."""
    found: DataType = NULL
    for kind in types:
        found = join(found, kind)
    return found


def _joined_scalars(a: Scalar | Decimal, b: Scalar | Decimal) -> DataType:
    if isinstance(a, Decimal) or isinstance(b, Decimal):
        return _joined_decimals(a, b)
    if a.name in _WHOLE and b.name in _WHOLE:
        return max(a, b, key=lambda t: _WHOLE.index(t.name))
    if a.name in _WHOLE + _REAL and b.name in _WHOLE + _REAL:
        return DOUBLE
    if {a, b} == {DATE, TIMESTAMP}:
        return TIMESTAMP
    return STRING


def _joined_decimals(a: Scalar | Decimal, b: Scalar | Decimal) -> DataType:
    parts = []
    for kind in (a, b):
        if isinstance(kind, Decimal):
            parts.append((kind.precision - kind.scale, kind.scale))
        elif kind.name in _WHOLE:
            parts.append((_DIGITS[kind.name], 0))
        else:
            return STRING
    return decimal_of(max(whole for whole, _ in parts), max(scale for _, scale in parts))


def decimal_of(whole: int, scale: int) -> DataType:
    """A decimal with so many digits before and after the point; `string` where no decimal has as many."""
    return Decimal(max(whole + scale, 1), scale) if whole + scale <= 38 else STRING


def _joined_structs(a: Struct, b: Struct) -> DataType:
    members = {f.key: f.type for f in a.fields}
    for f in b.fields:
        members[f.key] = join(members[f.key], f.type) if f.key in members else f.type
    if len(members) > MAP_ALWAYS:
        return Map(STRING, join_all(list(members.values())))
    return struct_of(members)


def _widened_map(have: Map, seen: Struct) -> DataType:
    if have.key != STRING:
        return STRING
    return Map(STRING, join_all([have.value, *(f.type for f in seen.fields)]))


def struct_of(members: dict[str, DataType]) -> Struct:
    """Members by key, named by the rule of `resolve.column_name`, collisions settled: keys that are names come first."""
    names = Names(frozenset())
    given = {key: names.give(column_name(key)) for key in sorted(members, key=name_order)}
    return Struct(tuple(Field(given[key], kind, key) for key, kind in members.items()))


def finished(kind: DataType) -> DataType:
    """The type for a catalog: places where nothing was ever seen (`void`, objects without members) become `string`."""
    if isinstance(kind, Struct):
        if not kind.fields:
            return STRING
        return Struct(tuple(Field(f.name, finished(f.type), f.key) for f in kind.fields))
    if isinstance(kind, Array):
        return Array(finished(kind.element))
    if isinstance(kind, Map):
        return Map(finished(kind.key), finished(kind.value))
    return STRING if kind == NULL else kind


_KINDS: dict[str, DataType] = {
    kinds.BOOLEAN: BOOLEAN, kinds.BIGINT: BIGINT, kinds.BIGGER: Decimal(38, 0), kinds.HUGE: STRING,
    kinds.DOUBLE: DOUBLE, kinds.STRING: STRING,
}  # fmt: skip


def held(seen: Shape) -> DataType:
    """The least type that holds all that was seen at a place. Kinds that are no word of `shape.py` are type names."""
    found: list[DataType] = []
    for kind, count in seen.counts.items():
        if not count:
            continue
        if kind == kinds.STRUCT:
            found.append(_object(seen))
        elif kind == kinds.EMPTY_STRUCT:
            found.append(Struct(()))
        elif kind == kinds.ARRAY:
            found.append(Array(held(seen.element) if seen.element else NULL))
        elif kind == kinds.EMPTY_ARRAY:
            found.append(Array(NULL))
        else:
            found.append(_KINDS.get(kind) or parse_type(kind))
    return join_all(found)


def _object(seen: Shape) -> DataType:
    members = {key: held(member) for key, member in in_order(seen)}
    if is_map(seen):
        value = join_all(list(members.values()))
        if value != STRING or all(m in (STRING, NULL) for m in members.values()):
            return Map(STRING, value)
    return struct_of(members)


def is_map(seen: Shape) -> bool:
    """Whether the keys of the objects seen here are data more than they are names: many, each in few objects."""
    count = len(seen.members)
    if count < MAP_MEMBERS:
        return False
    present = sum(sum(m.counts.values()) for m in seen.members.values())
    return count > MAP_ALWAYS or present < MAP_SHARE * count * seen.counts.get(kinds.STRUCT, 0)


def in_order(seen: Shape) -> list[tuple[str, Shape]]:
    """Members in the order of the data; those without a value last, as they were met."""
    last = (1 << 62,)
    return sorted(seen.members.items(), key=lambda item: item[1].first or last)
