"""Glue's data types as scripts see them: `frame.schema().fields[0].dataType.typeName()`, and the choice type.

A choice says that a field holds values of different types in different records. Types are values: equal when their parts
are. How they merge stands in `merging.py`, how they lie in a DataFrame in `physical.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any


class DataType:
    """A type. `typeName()` is Glue's name for it, which make_cols and make_struct use for new columns."""

    name = "unknown"

    def __init__(self, properties: dict[str, Any] | None = None) -> None:
        self.properties = properties or {}

    @classmethod
    def typeName(cls) -> str:
        return cls.name

    def parts(self) -> tuple[Any, ...]:
        return ()

    def jsonValue(self) -> dict[str, Any]:
        return {"dataType": self.typeName(), "properties": self.properties}

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.parts() == other.parts()

    def __hash__(self) -> int:
        return hash((type(self).__name__, self.parts()))

    def __str__(self) -> str:
        return self.typeName()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.parts()))})"


class AtomicType(DataType):
    """A type without parts."""


class UnknownType(AtomicType):
    name = "unknown"


class NullType(AtomicType):
    name = "null"


class BooleanType(AtomicType):
    name = "boolean"


class ByteType(AtomicType):
    name = "byte"


class ShortType(AtomicType):
    name = "short"


class IntegerType(AtomicType):
    name = "int"


class LongType(AtomicType):
    name = "long"


class FloatType(AtomicType):
    name = "float"


class DoubleType(AtomicType):
    name = "double"


class StringType(AtomicType):
    name = "string"


class BinaryType(AtomicType):
    name = "binary"


class DateType(AtomicType):
    name = "date"


class TimestampType(AtomicType):
    name = "timestamp"


class DecimalType(AtomicType):
    name = "decimal"

    def __init__(self, precision: int = 10, scale: int = 2, properties: dict[str, Any] | None = None) -> None:
        super().__init__(properties)
        self.precision, self.scale = precision, scale

    def parts(self) -> tuple[Any, ...]:
        return (self.precision, self.scale)

    def jsonValue(self) -> dict[str, Any]:
        return {**super().jsonValue(), "precision": self.precision, "scale": self.scale}


class ArrayType(DataType):
    name = "array"

    def __init__(self, elementType: DataType | None = None, properties: dict[str, Any] | None = None) -> None:
        super().__init__(properties)
        self.elementType = elementType or UnknownType()

    def parts(self) -> tuple[Any, ...]:
        return (self.elementType,)

    def jsonValue(self) -> dict[str, Any]:
        return {**super().jsonValue(), "elementType": self.elementType.jsonValue()}


class SetType(ArrayType):
    name = "set"


class MapType(DataType):
    """A map; keys are texts unless said otherwise."""

    name = "map"

    def __init__(
        self, valueType: DataType | None = None, properties: dict[str, Any] | None = None,
        keyType: DataType | None = None,
    ) -> None:  # fmt: skip
        super().__init__(properties)
        self.valueType, self.keyType = valueType or UnknownType(), keyType or StringType()

    def parts(self) -> tuple[Any, ...]:
        return (self.keyType, self.valueType)

    def jsonValue(self) -> dict[str, Any]:
        return {**super().jsonValue(), "valueType": self.valueType.jsonValue()}


class Field:
    """A named member of a struct, or a column."""

    def __init__(self, name: str, dataType: DataType, properties: dict[str, Any] | None = None) -> None:
        self.name, self.dataType, self.properties = name, dataType, properties or {}

    def jsonValue(self) -> dict[str, Any]:
        return {"name": self.name, "container": self.dataType.jsonValue(), "properties": self.properties}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Field) and (self.name, self.dataType) == (other.name, other.dataType)

    def __hash__(self) -> int:
        return hash((self.name, self.dataType))

    def __repr__(self) -> str:
        return f"Field({self.name!r}, {self.dataType!r})"


class StructType(DataType):
    name = "struct"

    def __init__(
        self, fields: Iterable[Field] | None = None, properties: dict[str, Any] | None = None
    ) -> None:
        super().__init__(properties)
        self.fields = list(fields or ())
        self.field_map = {field.name: field for field in self.fields}

    def parts(self) -> tuple[Any, ...]:
        return tuple(self.fields)

    def add(self, field: Field) -> StructType:
        return StructType([*self.fields, field], self.properties)

    def hasField(self, name: str) -> bool:
        return name in self.field_map

    def getField(self, name: str) -> DataType:
        """The type of a member. Raises KeyError."""
        return self.field_map[name].dataType

    def jsonValue(self) -> dict[str, Any]:
        return {**super().jsonValue(), "fields": [field.jsonValue() for field in self.fields]}

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)


class EntityType(DataType):
    name = "entity"

    def __init__(self, baseType: DataType | None = None, properties: dict[str, Any] | None = None) -> None:
        super().__init__(properties)
        self.baseType = baseType or UnknownType()

    def parts(self) -> tuple[Any, ...]:
        return (self.baseType,)


class ChoiceType(DataType):
    """Several types at one place, one for each type name, in the order of their names."""

    name = "choice"

    def __init__(
        self, choices: Iterable[DataType] | None = None, properties: dict[str, Any] | None = None
    ) -> None:
        super().__init__(properties)
        self.choices = {
            choice.typeName(): choice for choice in sorted(choices or (), key=lambda c: c.typeName())
        }

    def add(self, choice: DataType) -> ChoiceType:
        return ChoiceType([*self.choices.values(), choice], self.properties)

    def parts(self) -> tuple[Any, ...]:
        return tuple(self.choices.values())

    def jsonValue(self) -> dict[str, Any]:
        return {**super().jsonValue(), "choices": [choice.jsonValue() for choice in self.choices.values()]}


ATOMIC: dict[str, type[AtomicType]] = {
    kind.name: kind
    for kind in (
        UnknownType, NullType, BooleanType, ByteType, ShortType, IntegerType, LongType, FloatType, DoubleType,
        StringType, BinaryType, DateType, TimestampType, DecimalType,
    )
}  # fmt: skip


def from_json(value: dict[str, Any]) -> DataType:
    """The type that `jsonValue()` was made from. Raises ValueError for a name that is none."""
    name = value["dataType"]
    if name == "struct":
        return StructType([Field(f["name"], from_json(f["container"])) for f in value["fields"]])
    if name in ("array", "set"):
        return (SetType if name == "set" else ArrayType)(from_json(value["elementType"]))
    if name == "map":
        return MapType(from_json(value["valueType"]))
    if name == "choice":
        return ChoiceType(from_json(choice) for choice in value["choices"])
    if name == "decimal":
        return DecimalType(value["precision"], value["scale"])
    if name not in ATOMIC:
        raise ValueError(f"not a type of Glue: {name!r}; expected one of {', '.join(sorted(ATOMIC))}")
    return ATOMIC[name]()


def tree(schema: StructType) -> str:
    """The text that printSchema() shows."""
    return "\n".join(["root", *_lines(schema, "|")])


def _lines(kind: DataType, indent: str) -> Iterator[str]:
    if isinstance(kind, StructType):
        for field in kind.fields:
            yield f"{indent}-- {field.name}: {_label(field.dataType)}"
            yield from _lines(field.dataType, f"{indent}    |")
    elif isinstance(kind, ChoiceType):
        for choice in kind.choices.values():
            yield f"{indent}-- {_label(choice)}"
            yield from _lines(choice, f"{indent}    |")
    elif isinstance(kind, ArrayType):
        yield f"{indent}-- element: {_label(kind.elementType)}"
        yield from _lines(kind.elementType, f"{indent}    |")
    elif isinstance(kind, MapType):
        yield f"{indent}-- keyType: {_label(kind.keyType)}"
        yield f"{indent}-- valueType: {_label(kind.valueType)}"
        yield from _lines(kind.valueType, f"{indent}    |")


def _label(kind: DataType) -> str:
    return f"decimal({kind.precision},{kind.scale})" if isinstance(kind, DecimalType) else kind.typeName()
