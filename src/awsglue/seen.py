"""Which types stand at which place of some records: counted by workers, sent as JSON, merged on the driver.

Runs in Spark's Python workers: knows nothing of Spark. Every record is looked at, none is sampled.
"""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

from awsglue import gluetypes as gt
from awsglue.merging import merge_all

Seen = dict[Any, Any]
"""By type name; under "struct" the members, under "array" the elements, under "decimal" [digits before, after the dot]."""

HUGE = "huge"
"""Beside "double": one of them may be an integer beyond 64 bits, which the fast JSON parser reads as a float."""
_EXACT = 9.2e18
_INT_MIN, _INT_MAX = -(2**31), 2**31 - 1
_LONG_MIN, _LONG_MAX = -(2**63), 2**63 - 1
_OTHERS: dict[type, str] = {
    datetime.datetime: "timestamp",
    datetime.date: "date",
    bytes: "binary",
    bytearray: "binary",
}


def look(value: Any, seen: Seen) -> None:
    """Enter the type of a value, and of all in it. Raises TypeError for an object that no type is for."""
    kind = type(value)
    if kind is str:
        seen["string"] = True
    elif kind is int:
        if _INT_MIN <= value <= _INT_MAX:
            seen["int"] = True
        elif _LONG_MIN <= value <= _LONG_MAX:
            seen["long"] = True
        else:
            seen["string" if abs(value) >= 10**38 else "big"] = True
    elif value is None:
        pass
    elif kind is float:
        seen["double"] = True
        if not -_EXACT < value < _EXACT:
            seen[HUGE] = True
    elif kind is bool:
        seen["boolean"] = True
    elif kind is dict:
        members = seen.setdefault("struct", {})
        for name, member in value.items():
            below = members.get(name)
            if below is None:
                below = members[str(name)] = {}
            look(member, below)
    elif kind is list:
        elements = seen.setdefault("array", {})
        for element in value:
            look(element, elements)
    else:
        _look_at_others(value, seen)


def look_at_all(values: Sequence[Any], seen: Seen) -> None:
    """As `look` at each, for many values out of JSON: by columns, with what Python does in C. NaN is none of them."""
    kinds = set(map(type, values))
    for kind in kinds:
        some: Sequence[Any] = values
        if len(kinds) > 1:
            some = [value for value in values if type(value) is kind]
        if kind is str:
            seen["string"] = True
        elif kind is int:
            _look_at_integers(some, seen)
        elif kind is float:
            seen["double"] = True
            if min(some) <= -_EXACT or max(some) >= _EXACT:
                seen[HUGE] = True
        elif kind is dict:
            _look_at_structs(some, seen.setdefault("struct", {}))
        elif kind is list:
            elements = seen.setdefault("array", {})
            look_at_all(list(chain.from_iterable(some)), elements)
        else:
            look(some[0], seen)


def _look_at_integers(values: Sequence[int], seen: Seen) -> None:
    low, high = min(values), max(values)
    if low >= _INT_MIN and high <= _INT_MAX:
        seen["int"] = True
    elif low >= _LONG_MIN and high <= _LONG_MAX:
        seen["long"] = True  # whether there are ints beside makes no difference: both are a long
    else:
        for value in values:
            look(value, seen)


def _look_at_structs(values: Sequence[dict[str, Any]], members: Seen) -> None:
    """Records with the same fields in the same order make columns."""
    groups: dict[tuple[str, ...], list[Iterable[Any]]] = {}
    for value in values:
        groups.setdefault(tuple(value), []).append(value.values())
    for names, rows in groups.items():
        for name, column in zip(names, zip(*rows, strict=True), strict=True):
            look_at_all(column, members.setdefault(name, {}))


def _look_at_others(value: Any, seen: Seen) -> None:
    if isinstance(value, decimal.Decimal):
        _, digits, exponent = value.as_tuple()
        after = max(-exponent, 0) if isinstance(exponent, int) else 0
        before = max(len(digits) + (exponent if isinstance(exponent, int) else 0), 1)
        old = seen.get("decimal", [0, 0])
        seen["decimal"] = [max(old[0], before), max(old[1], after)]
        return
    for known, name in _OTHERS.items():
        if isinstance(value, known):
            seen[name] = True
            return
    plain = {dict: dict, str: str, bool: bool, int: int, float: float, tuple: list, set: list, list: list}
    for base, as_plain in plain.items():
        if isinstance(value, base):
            return look(as_plain(value), seen)
    raise TypeError(f"a record cannot hold a {type(value).__module__}.{type(value).__qualname__}")


def merge_seen(one: Seen, other: Seen) -> Seen:
    """`one`, with what `other` saw."""
    for name, value in other.items():
        if name == "struct":
            members = one.setdefault("struct", {})
            for member, below in value.items():
                merge_seen(members.setdefault(member, {}), below)
        elif name == "array":
            merge_seen(one.setdefault("array", {}), value)
        elif name == "decimal":
            old = one.get("decimal", [0, 0])
            one["decimal"] = [max(pair) for pair in zip(old, value, strict=True)]
        else:
            one[name] = True
    return one


def kind_of(seen: Seen) -> gt.DataType:
    """The type that holds all that was seen."""
    return merge_all(_kind(name, below, seen) for name, below in seen.items() if name != HUGE)


def has_huge(seen: Seen) -> bool:
    """Whether some float may be an integer, anywhere."""
    below = [*seen.get("struct", {}).values(), *([seen["array"]] if "array" in seen else [])]
    return HUGE in seen or any(has_huge(inner) for inner in below)


def struct_of(seen: Seen) -> gt.StructType:
    """The columns, for records that were seen."""
    kind = kind_of({"struct": seen.get("struct", {})})
    assert isinstance(kind, gt.StructType)
    return kind


def _kind(name: str, below: Any, seen: Seen) -> gt.DataType:
    if name == "struct":
        return gt.StructType([gt.Field(member, kind_of(inside)) for member, inside in below.items()])
    if name == "array":
        return gt.ArrayType(kind_of(below))
    if name == "decimal":
        before, after = below
        return (
            gt.DecimalType(38, min(after, 18))
            if before + after > 38
            else gt.DecimalType(max(before + after, 1), after)
        )
    if name in ("int", "long") and "big" in seen:
        return gt.DecimalType(38, 0)
    return gt.DecimalType(38, 0) if name == "big" else gt.ATOMIC[name]()


def keeping(found: gt.StructType, before: gt.StructType) -> gt.StructType:
    """`found`, with the types that the same fields had before where they hold it too: a function that leaves a long alone
    gives a long, though all its values are small."""
    return gt.StructType([
        gt.Field(f.name, _kept(f.dataType, before.getField(f.name)) if before.hasField(f.name) else f.dataType)
        for f in found.fields
    ])  # fmt: skip


def _kept(found: gt.DataType, before: gt.DataType) -> gt.DataType:
    names = found.typeName(), before.typeName()
    if names in (("int", "long"), ("null", names[1])):
        return before
    if isinstance(found, gt.DecimalType) and isinstance(before, gt.DecimalType):
        holds = (
            before.scale >= found.scale and before.precision - before.scale >= found.precision - found.scale
        )
        return before if holds else found
    if isinstance(found, gt.StructType) and isinstance(before, gt.StructType):
        return keeping(found, before)
    if isinstance(found, gt.StructType) and isinstance(before, gt.MapType):
        return before if all(f.dataType == before.valueType for f in found.fields) else found
    if isinstance(found, gt.ArrayType) and isinstance(before, gt.ArrayType):
        return gt.ArrayType(_kept(found.elementType, before.elementType))
    if isinstance(found, gt.ChoiceType) and isinstance(before, gt.ChoiceType):
        return gt.ChoiceType(
            _kept(kind, before.choices.get(name, before.choices.get("long", kind)))
            for name, kind in found.choices.items()
        )
    return found
