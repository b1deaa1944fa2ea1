"""From what was seen (`Shape`) and what the table has, decide each column's type: pure, the same on every engine.

The rules are in docs/json-contract.md ("Types", "Names"); the modes and policies in docs/pipeline.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from glulam.infer import shape as kinds
from glulam.infer.shape import Position, Shape
from glulam.infer.types import BIGINT, BOOLEAN, DOUBLE, STRING, Array, DataType, Decimal, Field, Struct
from glulam.model.errors import SchemaRefused

BIG_DECIMAL = Decimal(38, 0)
_NOT_IN_NAMES = re.compile(r'[,:;<>()`"\x00-\x1f]')


class SchemaMode(StrEnum):
    ADD_COLUMNS = "add_columns"
    ADD_COLUMNS_WITH_WIDENING = "add_columns_with_widening"
    RESCUE = "rescue"
    FAIL_ON_NEW_COLUMNS = "fail_on_new_columns"
    FROZEN = "frozen"


class OnConflict(StrEnum):
    RESCUE = "rescue"
    NEW_COLUMN = "new_column"
    STRING = "string"
    FAIL = "fail"


@dataclass(frozen=True, kw_only=True)
class SchemaPolicy:
    mode: SchemaMode = SchemaMode.ADD_COLUMNS
    on_conflict: OnConflict = OnConflict.RESCUE
    hints: Mapping[str, DataType] = field(default_factory=dict)
    """Types by path (`price`, `device.id`)."""
    reserved: frozenset[str] = frozenset()
    """Column names (lower case) that data may not take: partition and system columns."""


def resolve(seen: Shape, existing: Struct | None, policy: SchemaPolicy) -> Struct:
    """The schema of raw records after this batch. Raises SchemaRefused where the policy forbids what was seen."""
    return _Resolver(policy, new_table=existing is None).struct(seen, existing, ())


def column_name(key: str) -> str:
    """The name a key would like to have; collisions are settled by `Names`."""
    return _NOT_IN_NAMES.sub("_", key).lower() or "_"


class Names:
    """Hands out member names so that no two are equal and none is reserved."""

    def __init__(self, taken: frozenset[str]) -> None:
        self.taken = set(taken)

    def give(self, wish: str) -> str:
        name, number = wish, 1
        while name in self.taken:
            number += 1
            name = f"{wish}__{number}"
        self.taken.add(name)
        return name


def name_order(key: str) -> tuple[bool, str]:
    """The order in which keys are given names: those that are names already come first."""
    return (column_name(key) != key, key)


_SIMPLE: Mapping[str, DataType] = {
    kinds.STRING: STRING, kinds.BOOLEAN: BOOLEAN, kinds.BIGINT: BIGINT, kinds.DOUBLE: DOUBLE, kinds.BIGGER: BIG_DECIMAL,
}  # fmt: skip


@dataclass(frozen=True)
class _Resolver:
    policy: SchemaPolicy
    new_table: bool

    def struct(self, seen: Shape, existing: Struct | None, path: tuple[str, ...]) -> Struct:
        names = Names(self.policy.reserved if not path else frozenset())
        fields: list[Field] = []
        known = {f.key for f in existing.fields} if existing else set()
        for old in existing.fields if existing else ():
            names.taken.add(old.name)
            member = seen.members.get(old.key)
            kind = old.type if member is None else self.known_type(member, old.type, (*path, old.key))
            fields.append(Field(old.name, kind, old.key))
        for old in existing.fields if existing else ():
            member = seen.members.get(old.key)
            twins = [f for f in fields if f.key == old.key]
            if member is not None and twins[0].name == old.name:
                fields += self.twins(member, twins, names, (*path, old.key))
        added: list[tuple[Position, list[Field]]] = []
        for key in sorted(seen.members.keys() - known, key=name_order):
            member = seen.members[key]
            added.append((member.first or (), self.new_field(key, member, names, path)))
        for _, new in sorted(added, key=lambda pair: pair[0]):
            fields += new
        return Struct(tuple(fields))

    def new_field(self, key: str, seen: Shape, names: Names, path: tuple[str, ...]) -> list[Field]:
        here = (*path, key)
        kind = self.hint(here) or self.new_type(seen, here)
        if kind is None or not self.may_add(here):
            return []
        first = Field(names.give(column_name(key)), kind, key)
        return [first, *self.twins(seen, [first], names, here)]

    def may_add(self, path: tuple[str, ...]) -> bool:
        if self.new_table or self.policy.mode in (
            SchemaMode.ADD_COLUMNS,
            SchemaMode.ADD_COLUMNS_WITH_WIDENING,
        ):
            return True
        if self.policy.mode is SchemaMode.FAIL_ON_NEW_COLUMNS:
            raise SchemaRefused(f"new column {'.'.join(path)!r}: the schema mode is fail_on_new_columns")
        return False

    def twins(self, seen: Shape, have: list[Field], names: Names, path: tuple[str, ...]) -> list[Field]:
        """With on_conflict new_column: a column beside, `name__type`, for each kind that no column of the key takes."""
        if self.policy.on_conflict is not OnConflict.NEW_COLUMN or not have:
            return []
        added: list[Field] = []
        for kind in _candidates(seen):
            if all(_conflicting(kind, f.type) for f in have + added) and self.may_add(path):
                found = self.of_kind(kind, seen, path)
                if found is not None:
                    wish = f"{have[0].name}__{str(found).partition('<')[0].partition('(')[0]}"
                    added.append(Field(names.give(wish), found, path[-1]))
        return added

    def hint(self, path: tuple[str, ...]) -> DataType | None:
        return self.policy.hints.get(".".join(path))

    def new_type(self, seen: Shape, path: tuple[str, ...]) -> DataType | None:
        """The type of a place that nothing has typed yet; None while only nulls and empty values were seen."""
        candidates = _candidates(seen)
        if not candidates:
            return None
        if len(candidates) > 1:
            self.refuse_conflict(seen, path)
            if self.policy.on_conflict is OnConflict.STRING:
                return STRING
        return self.of_kind(candidates[0], seen, path)

    def of_kind(self, kind: str, seen: Shape, path: tuple[str, ...]) -> DataType | None:
        if kind == kinds.STRUCT:
            members = self.struct(seen, None, path)
            return members if members.fields else None
        if kind == kinds.ARRAY:
            element = self.new_type(seen.element, path) if seen.element else None
            return Array(element) if element is not None else None
        return _SIMPLE[kind]

    def known_type(self, seen: Shape, have: DataType, path: tuple[str, ...]) -> DataType:
        """The type of a place that the table has typed as `have`."""
        if isinstance(have, Struct):
            changed: DataType = self.struct(seen, have, path)
        elif isinstance(have, Array) and seen.element is not None:
            changed = Array(self.known_type(seen.element, have.element, path))
        else:
            changed = have
        strange = [k for k in _candidates(seen) if _conflicting(k, have)]
        if not strange or self.hint(path) is not None or self.policy.mode is SchemaMode.FROZEN:
            return changed
        if self.policy.mode is SchemaMode.ADD_COLUMNS_WITH_WIDENING and have == BIGINT:
            if strange == [kinds.DOUBLE]:
                return DOUBLE
            if strange == [kinds.BIGGER]:
                return BIG_DECIMAL
        self.refuse_conflict(seen, path, have)
        return changed  # with on_conflict string, too: files that are there hold the old type

    def refuse_conflict(self, seen: Shape, path: tuple[str, ...], have: DataType | None = None) -> None:
        if self.policy.on_conflict is OnConflict.FAIL:
            found = ", ".join(f"{count} {kind}" for kind, count in sorted(seen.counts.items()))
            column = f" (the table has {have})" if have is not None else ""
            raise SchemaRefused(f"column {'.'.join(path)!r}{column}: found {found}; on_conflict is fail")


_TIE = (kinds.STRING, kinds.STRUCT, kinds.ARRAY, kinds.DOUBLE, kinds.BIGGER, kinds.BIGINT, kinds.BOOLEAN)


def _candidates(seen: Shape) -> list[str]:
    """The kinds seen, integers joined into the wider number they fit, most frequent first."""
    counts = {k: n for k, n in seen.counts.items() if k in _TIE}
    whole = counts.get(kinds.BIGINT, 0)
    if whole and counts.get(kinds.DOUBLE, 0) >= counts.get(kinds.BIGGER, 0) and kinds.DOUBLE in counts:
        counts[kinds.DOUBLE] += counts.pop(kinds.BIGINT)
    elif whole and kinds.BIGGER in counts:
        counts[kinds.BIGGER] += counts.pop(kinds.BIGINT)
    return sorted(counts, key=lambda k: (-counts[k], _TIE.index(k)))


def _conflicting(kind: str, have: DataType) -> bool:
    """Whether values of this kind (as a whole) do not fit the type. Single values that do not fit (an integer that a
    double cannot hold) are found when records are conformed."""
    if isinstance(have, Struct):
        return kind != kinds.STRUCT
    if isinstance(have, Array):
        return kind != kinds.ARRAY
    if isinstance(have, Decimal):
        return kind not in (kinds.BIGINT, kinds.BIGGER)
    fits = {"boolean": (kinds.BOOLEAN,), "bigint": (kinds.BIGINT,), "double": (kinds.DOUBLE, kinds.BIGINT),
            "string": (kinds.STRING,)}  # fmt: skip
    return kind not in fits.get(str(have), ())


def widens(old: DataType, new: DataType) -> bool:
    """Whether every value of `old` is a value of `new` by plain casting (struct members may be added)."""
    if isinstance(old, Struct) and isinstance(new, Struct):
        return all((found := new.get(f.name)) is not None and found.key == f.key and widens(f.type, found.type)
                   for f in old.fields)  # fmt: skip
    if isinstance(old, Array) and isinstance(new, Array):
        return widens(old.element, new.element)
    return old == new or (old == BIGINT and new in (DOUBLE, BIG_DECIMAL))
