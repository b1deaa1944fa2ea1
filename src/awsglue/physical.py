"""How Glue's types lie in a DataFrame, and the columns that bring a value from one type to another.

    choice of int and string  =  struct<int: int, string: string>, of whose members at most one is not null

Everything is a Column of the DataFrame API, so that it runs in classic Spark and over Spark Connect. Casts never raise:
a text that is no number becomes null, in ANSI mode too.
"""

from __future__ import annotations

from collections.abc import Callable

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql import types as sp

from awsglue import gluetypes as gt
from awsglue.merging import alternatives, nothing
from glulam.infer import types as hive
from glulam.infer.types import parse_type
from glulam.model.errors import InvalidInput

_SPARK: dict[str, sp.DataType] = {
    "null": sp.NullType(), "unknown": sp.NullType(), "boolean": sp.BooleanType(), "byte": sp.ByteType(),
    "short": sp.ShortType(), "int": sp.IntegerType(), "long": sp.LongType(), "float": sp.FloatType(),
    "double": sp.DoubleType(), "string": sp.StringType(), "binary": sp.BinaryType(), "date": sp.DateType(),
    "timestamp": sp.TimestampType(),
}  # fmt: skip
_GLUE = {kind.typeName(): name for name, kind in _SPARK.items() if name != "unknown"}
_ALIASES = {"integer": "int", "bigint": "long", "tinyint": "byte", "smallint": "short", "str": "string",
            "bool": "boolean", "varchar": "string", "char": "string", "timestamp_ntz": "timestamp"}  # fmt: skip


def to_spark(kind: gt.DataType) -> sp.DataType:
    """The DataFrame's type for one of Glue's."""
    if isinstance(kind, gt.StructType):
        return struct_to_spark(kind)
    if isinstance(kind, gt.ChoiceType):
        return sp.StructType([sp.StructField(n, to_spark(k)) for n, k in kind.choices.items()])
    if isinstance(kind, gt.ArrayType):
        return sp.ArrayType(to_spark(kind.elementType))
    if isinstance(kind, gt.MapType):
        return sp.MapType(to_spark(kind.keyType), to_spark(kind.valueType))
    if isinstance(kind, gt.DecimalType):
        return sp.DecimalType(kind.precision, kind.scale)
    return _SPARK[kind.typeName()]


def struct_to_spark(kind: gt.StructType) -> sp.StructType:
    return sp.StructType([sp.StructField(f.name, to_spark(f.dataType)) for f in kind.fields])


def from_spark(kind: sp.DataType) -> gt.DataType:
    """Glue's type for one of a DataFrame. Raises InvalidInput for those that Glue has none for."""
    if isinstance(kind, sp.StructType):
        return struct_from_spark(kind)
    if isinstance(kind, sp.ArrayType):
        return gt.ArrayType(from_spark(kind.elementType))
    if isinstance(kind, sp.MapType):
        return gt.MapType(from_spark(kind.valueType), keyType=from_spark(kind.keyType))
    if isinstance(kind, sp.DecimalType):
        return gt.DecimalType(kind.precision, kind.scale)
    name = "string" if isinstance(kind, sp.VarcharType | sp.CharType) else _GLUE.get(kind.typeName())
    if kind.typeName() == "timestamp_ntz":
        name = "timestamp"
    if name is None:
        raise InvalidInput(
            f"DynamicFrames have no type for {kind.simpleString()!r}; cast it in the DataFrame first"
        )
    return gt.ATOMIC[name]()


def struct_from_spark(kind: sp.StructType) -> gt.StructType:
    return gt.StructType([gt.Field(f.name, from_spark(f.dataType)) for f in kind.fields])


def parse(text: str) -> gt.DataType:
    """A type as mappings and casts name it: `long`, `bigint`, `decimal(10,2)`, `array<int>`. Raises InvalidInput."""
    word = text.strip().lower()
    word = _ALIASES.get(word, word)
    if word in gt.ATOMIC and word != "decimal":
        return gt.ATOMIC[word]()
    if word in ("struct", "array", "map", "choice", "set"):
        return (
            gt.UnknownType()
        )  # mappings name nested types without their members: the value's own type stays
    return from_hive(parse_type(text.strip()))


def from_hive(kind: hive.DataType) -> gt.DataType:
    """Glue's type for one of the catalog's."""
    if isinstance(kind, hive.Struct):
        return gt.StructType([gt.Field(f.name, from_hive(f.type)) for f in kind.fields])
    if isinstance(kind, hive.Array):
        return gt.ArrayType(from_hive(kind.element))
    if isinstance(kind, hive.Map):
        return gt.MapType(from_hive(kind.value), keyType=from_hive(kind.key))
    if isinstance(kind, hive.Decimal):
        return gt.DecimalType(kind.precision, kind.scale)
    return gt.ATOMIC[_ALIASES.get(kind.name, "null" if kind.name == "void" else kind.name)]()


def to_hive(kind: gt.DataType) -> str:
    """The catalog's name for a type; a choice is the struct that it is written as."""
    if isinstance(kind, gt.StructType | gt.ChoiceType):
        members = (
            kind.choices.items()
            if isinstance(kind, gt.ChoiceType)
            else [(f.name, f.dataType) for f in kind.fields]
        )
        return f"struct<{','.join(f'{name}:{to_hive(member)}' for name, member in members)}>"
    if isinstance(kind, gt.ArrayType):
        return f"array<{to_hive(kind.elementType)}>"
    if isinstance(kind, gt.MapType):
        return f"map<{to_hive(kind.keyType)},{to_hive(kind.valueType)}>"
    if isinstance(kind, gt.DecimalType):
        return f"decimal({kind.precision},{kind.scale})"
    hives = {"long": "bigint", "short": "smallint", "byte": "tinyint", "null": "string", "unknown": "string"}
    return hives.get(kind.typeName(), kind.typeName())


def null(kind: gt.DataType) -> Column:
    return F.lit(None).cast(to_spark(kind))


def struct_of(members: list[tuple[str, Column]]) -> Column:
    return F.struct(*(column.alias(name) for name, column in members))


def _unless_null(column: Column, made: Column) -> Column:
    return F.when(column.isNotNull(), made)


def lift(column: Column, have: gt.DataType, want: gt.DataType) -> Column:
    """`column` of type `have` as type `want`, which holds it (see merging.py). Nothing is converted but widths."""
    if have == want:
        return column
    if nothing(have):
        return null(want)
    if isinstance(want, gt.ChoiceType):
        return _lift_choice(column, have, want)
    if isinstance(want, gt.StructType) and isinstance(have, gt.StructType):
        members = [
            (f.name, lift(column.getField(f.name), have.getField(f.name), f.dataType))
            if have.hasField(f.name)
            else (f.name, null(f.dataType))
            for f in want.fields
        ]
        return _unless_null(column, struct_of(members))
    if isinstance(want, gt.ArrayType) and isinstance(have, gt.ArrayType):
        one, other = have.elementType, want.elementType
        return F.transform(column, lambda element: lift(element, one, other))
    if isinstance(want, gt.MapType) and isinstance(have, gt.MapType):
        one, other = have.valueType, want.valueType
        return F.transform_values(column, lambda _, value: lift(value, one, other))
    return column.cast(to_spark(want))


def _lift_choice(column: Column, have: gt.DataType, want: gt.ChoiceType) -> Column:
    found = {kind.typeName(): kind for kind in alternatives(have)}
    members = []
    for name, kind in want.choices.items():
        source = found.get(name) or _integer_below(found, name, want)
        if source is None:
            members.append((name, null(kind)))
            continue
        value = column.getField(source.typeName()) if isinstance(have, gt.ChoiceType) else column
        members.append((name, lift(value, source, kind)))
    return _unless_null(column, struct_of(members))


def _integer_below(found: dict[str, gt.DataType], name: str, want: gt.ChoiceType) -> gt.DataType | None:
    """The int that became a long in the merge."""
    if name in ("short", "int", "long"):
        return next(
            (found[n] for n in ("byte", "short", "int") if n in found and n not in want.choices), None
        )
    return None


def cast(column: Column, have: gt.DataType, want: gt.DataType) -> Column:
    """`column` converted to `want`; a choice by whichever value it holds. What cannot be converted is null."""
    if have == want or nothing(want):
        return column
    if nothing(have):
        return null(want)
    if isinstance(have, gt.ChoiceType):
        values = [cast(column.getField(name), kind, want) for name, kind in have.choices.items()]
        return F.coalesce(*values)
    if isinstance(want, gt.StructType) and isinstance(have, gt.StructType):
        return _unless_null(column, struct_of([
            (f.name, cast(column.getField(f.name), have.getField(f.name), f.dataType))
            if have.hasField(f.name) else (f.name, null(f.dataType)) for f in want.fields]))  # fmt: skip
    if isinstance(want, gt.ArrayType) and isinstance(have, gt.ArrayType):
        one, other = have.elementType, want.elementType
        return F.transform(column, lambda element: cast(element, one, other))
    if isinstance(have, gt.StructType | gt.ArrayType | gt.MapType):
        return F.to_json(column) if isinstance(want, gt.StringType) else null(want)
    if isinstance(want, gt.StructType | gt.ArrayType | gt.MapType):
        return null(want)
    return _cast_atomic(column, have, want)


_CASTABLE: dict[tuple[str, str], Callable[[Column], Column]] = {
    ("int", "date"): lambda c: F.lit(None).cast("date"),
    ("long", "date"): lambda c: F.lit(None).cast("date"),
    ("double", "date"): lambda c: F.lit(None).cast("date"),
    ("binary", "string"): lambda c: c.cast("string"),
}


def _cast_atomic(column: Column, have: gt.DataType, want: gt.DataType) -> Column:
    special = _CASTABLE.get((have.typeName(), want.typeName()))
    return special(column) if special else column.try_cast(to_spark(want))
