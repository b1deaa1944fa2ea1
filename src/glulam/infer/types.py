"""The data types that every room speaks, as values: Hive/Glue names, Arrow types, equality.

Only what JSON records and the catalog need; `Null` is the bottom of the lattice ("nothing seen yet").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from glulam.model.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Scalar:
    """A type without parts. `name` is Glue's (and Hive's) own: boolean, bigint, double, string, timestamp, ..."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Decimal:
    precision: int
    scale: int

    def __str__(self) -> str:
        return f"decimal({self.precision},{self.scale})"


@dataclass(frozen=True, slots=True)
class Array:
    element: DataType

    def __str__(self) -> str:
        return f"array<{self.element}>"


@dataclass(frozen=True, slots=True)
class Map:
    key: DataType
    value: DataType

    def __str__(self) -> str:
        return f"map<{self.key},{self.value}>"


_SAME = "\x00the name"
"""Stands for "the key is the name": the empty text cannot, because JSON has empty keys."""


@dataclass(frozen=True, slots=True)
class Field:
    """A member of a struct, or a column. `key` is the member's name in the raw JSON; `name` is the column's name,
    different only where the key could not be one (see docs/json-contract.md, "Names")."""

    name: str
    type: DataType
    key: str = _SAME

    def __post_init__(self) -> None:
        if self.key == _SAME:
            object.__setattr__(self, "key", self.name)


@dataclass(frozen=True, slots=True)
class Struct:
    fields: tuple[Field, ...]

    def __str__(self) -> str:
        return f"struct<{','.join(f'{f.name}:{f.type}' for f in self.fields)}>"

    def get(self, name: str) -> Field | None:
        return next((f for f in self.fields if f.name == name), None)


DataType: TypeAlias = Scalar | Decimal | Array | Map | Struct

NULL = Scalar("void")
BOOLEAN = Scalar("boolean")
BIGINT = Scalar("bigint")
DOUBLE = Scalar("double")
STRING = Scalar("string")
DATE = Scalar("date")
TIMESTAMP = Scalar("timestamp")
BINARY = Scalar("binary")

SCALARS = ("void", "boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "string", "date", "timestamp",
           "binary")  # fmt: skip
_ALIASES = {"integer": "int", "long": "bigint", "varchar": "string", "char": "string", "short": "smallint",
            "byte": "tinyint", "timestamp_ntz": "timestamp"}  # fmt: skip


def parse_type(text: str) -> DataType:
    """Parse a Hive type such as `struct<a:int,b:array<decimal(10,2)>>`. Raises InvalidInput with the position."""
    parser = _Parser(text)
    found = parser.type()
    parser.expect_end()
    return found


class _Parser:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def fail(self, expected: str) -> InvalidInput:
        return InvalidInput(f"type {self.text!r}, position {self.at}: expected {expected}")

    def _skip(self) -> None:
        while self.at < len(self.text) and self.text[self.at] == " ":
            self.at += 1

    def take(self, token: str) -> None:
        self._skip()
        if not self.text.startswith(token, self.at):
            raise self.fail(repr(token))
        self.at += len(token)

    def peek(self, token: str) -> bool:
        self._skip()
        return self.text.startswith(token, self.at)

    def until(self, stops: str) -> str:
        self._skip()
        start = self.at
        while self.at < len(self.text) and self.text[self.at] not in stops:
            self.at += 1
        return self.text[start : self.at].strip()

    def type(self) -> DataType:
        word = self.until("<>(),: ").lower()
        name = _ALIASES.get(word, word)
        if name == "array":
            self.take("<")
            element = self.type()
            self.take(">")
            return Array(element)
        if name == "map":
            self.take("<")
            key = self.type()
            self.take(",")
            value = self.type()
            self.take(">")
            return Map(key, value)
        if name == "struct":
            return self.struct()
        if name in ("decimal", "numeric"):
            return self.decimal()
        if self.peek("(") and word in ("varchar", "char"):
            self.until(")")
            self.take(")")
        if name not in SCALARS:
            raise self.fail(f"a type name, found {word!r}")
        return Scalar(name)

    def struct(self) -> Struct:
        self.take("<")
        fields: list[Field] = []
        while not self.peek(">"):
            if fields:
                self.take(",")
            name = self.until(":<>,")
            if not name:
                raise self.fail("a field name")
            self.take(":")
            fields.append(Field(name, self.type()))
        self.take(">")
        return Struct(tuple(fields))

    def decimal(self) -> Decimal:
        if not self.peek("("):
            return Decimal(10, 0)
        self.take("(")
        numbers = self.until(")").split(",")
        self.take(")")
        if not all(n.strip().isdigit() for n in numbers) or len(numbers) > 2:
            raise self.fail("decimal(precision,scale)")
        precision, scale = int(numbers[0]), int(numbers[1]) if len(numbers) == 2 else 0
        if not 1 <= precision <= 38 or scale > precision:
            raise self.fail("a precision from 1 to 38 and a scale not above it")
        return Decimal(precision, scale)

    def expect_end(self) -> None:
        self._skip()
        if self.at != len(self.text):
            raise self.fail("the end")
