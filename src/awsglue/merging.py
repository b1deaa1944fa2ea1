"""What becomes of two types at one place: structs and arrays merge by member, equal types stay, others are a choice.

An int and a long are a long: every int is one, and nothing is lost. All else that differs stays a choice.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

from awsglue.gluetypes import (
    ArrayType,
    ChoiceType,
    DataType,
    DecimalType,
    Field,
    MapType,
    NullType,
    StructType,
    UnknownType,
)

_INTEGERS = ("byte", "short", "int", "long")


def nothing(kind: DataType) -> bool:
    """Whether no value of it was seen."""
    return isinstance(kind, NullType | UnknownType)


def merge(one: DataType, other: DataType) -> DataType:
    """The least type that holds both."""
    if nothing(one) or one == other:
        return other
    if nothing(other):
        return one
    if isinstance(one, ChoiceType) or isinstance(other, ChoiceType):
        return _choice([*alternatives(one), *alternatives(other)])
    return _pair(one, other) or ChoiceType([one, other])


def merge_all(kinds: Iterable[DataType]) -> DataType:
    seen: DataType = NullType()
    return reduce(merge, kinds, seen)


def alternatives(kind: DataType) -> list[DataType]:
    return list(kind.choices.values()) if isinstance(kind, ChoiceType) else [kind]


def _choice(kinds: Iterable[DataType]) -> DataType:
    found: list[DataType] = []
    for kind in kinds:
        for at, known in enumerate(found):
            both = known if known == kind else _pair(known, kind)
            if both is not None:
                found[at] = both
                break
        else:
            found.append(kind)
    return found[0] if len(found) == 1 else ChoiceType(found)


def _pair(one: DataType, other: DataType) -> DataType | None:
    """One type for both, or None when they stay apart."""
    if isinstance(one, StructType) and isinstance(other, StructType):
        return merge_structs(one, other)
    if isinstance(one, ArrayType) and isinstance(other, ArrayType):
        return ArrayType(merge(one.elementType, other.elementType))
    if isinstance(one, MapType) and isinstance(other, MapType):
        return MapType(merge(one.valueType, other.valueType), keyType=one.keyType)
    if isinstance(one, DecimalType) and isinstance(other, DecimalType):
        scale = max(one.scale, other.scale)
        digits = max(one.precision - one.scale, other.precision - other.scale) + scale
        return DecimalType(digits, scale) if digits <= 38 else None
    names = one.typeName(), other.typeName()
    if all(name in _INTEGERS for name in names):
        return max(one, other, key=lambda kind: _INTEGERS.index(kind.typeName()))
    return None


def merge_structs(one: StructType, other: StructType) -> StructType:
    """Members of `one` in their order, then those that only `other` has."""
    merged = [
        Field(f.name, merge(f.dataType, other.getField(f.name)) if other.hasField(f.name) else f.dataType)
        for f in one.fields
    ]
    return StructType([*merged, *(f for f in other.fields if not one.hasField(f.name))])
