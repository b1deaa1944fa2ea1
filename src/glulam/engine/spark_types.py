"""Our types as Spark's JSON form of them, and back: plain data, so nothing here needs Spark.

Names of struct members travel as they are, which Spark's DDL text could not promise."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from glulam.infer.types import Array, DataType, Decimal, Field, Map, Struct, parse_type
from glulam.model.errors import InvalidInput

_OURS = {
    "byte": "tinyint",
    "short": "smallint",
    "integer": "int",
    "long": "bigint",
    "timestamp_ntz": "timestamp",
}
_SPARKS = {"tinyint": "byte", "smallint": "short", "int": "integer", "bigint": "long"}


def to_spark_json(kind: DataType) -> Any:
    """What Spark's `StructType.fromJson` reads."""
    if isinstance(kind, Struct):
        return {"type": "struct", "fields": [spark_field(f.name, f.type) for f in kind.fields]}
    if isinstance(kind, Array):
        return {"type": "array", "elementType": to_spark_json(kind.element), "containsNull": True}
    if isinstance(kind, Map):
        key, value = to_spark_json(kind.key), to_spark_json(kind.value)
        return {"type": "map", "keyType": key, "valueType": value, "valueContainsNull": True}
    if isinstance(kind, Decimal):
        return str(kind)
    return _SPARKS.get(kind.name, kind.name)


def spark_field(name: str, kind: DataType) -> dict[str, Any]:
    return {"name": name, "type": to_spark_json(kind), "nullable": True, "metadata": {}}


def from_spark_json(data: Any) -> DataType:
    """The type of what Spark's `jsonValue` describes. Raises InvalidInput for a type that Glue has no name for."""
    if isinstance(data, str):
        if data.startswith("decimal") or data in _OURS:
            return parse_type(_OURS.get(data, data))
        try:
            return parse_type(data)
        except InvalidInput:
            raise InvalidInput(
                f"Spark type {data!r} has no Glue type; expected one that a table can hold"
            ) from None
    if data["type"] == "struct":
        return Struct(tuple(Field(f["name"], from_spark_json(f["type"])) for f in data["fields"]))
    if data["type"] == "array":
        return Array(from_spark_json(data["elementType"]))
    if data["type"] == "map":
        return Map(from_spark_json(data["keyType"]), from_spark_json(data["valueType"]))
    raise InvalidInput(f"Spark type {data['type']!r} has no Glue type")


def spark_arrow(kind: pa.DataType) -> pa.DataType:
    """The Arrow type in which Spark takes and gives such values: timestamps carry the zone UTC."""
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", tz="UTC")
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(f.name, spark_arrow(f.type)) for f in kind])
    if pa.types.is_list(kind):
        return pa.list_(spark_arrow(kind.value_type))
    if pa.types.is_map(kind):
        return pa.map_(spark_arrow(kind.key_type), spark_arrow(kind.item_type))
    return kind


def spark_schema(schema: pa.Schema) -> pa.Schema:
    return pa.schema([pa.field(f.name, spark_arrow(f.type)) for f in schema])
