"""Our types as Arrow's, and back from Arrow's to Glue's names."""

from __future__ import annotations

import pyarrow as pa

from glulam.infer.types import Array, DataType, Decimal, Field, Map, Scalar, Struct
from glulam.model.errors import InvalidInput

_SCALARS = {
    "void": pa.null(), "boolean": pa.bool_(), "tinyint": pa.int8(), "smallint": pa.int16(), "int": pa.int32(),
    "bigint": pa.int64(), "float": pa.float32(), "double": pa.float64(), "string": pa.string(), "date": pa.date32(),
    "timestamp": pa.timestamp("us"), "binary": pa.binary(),
}  # fmt: skip


def to_arrow(kind: DataType) -> pa.DataType:
    """The Arrow type; timestamps are microseconds without zone (UTC by contract)."""
    if isinstance(kind, Scalar):
        return _SCALARS[kind.name]
    if isinstance(kind, Decimal):
        return pa.decimal128(kind.precision, kind.scale)
    if isinstance(kind, Array):
        return pa.list_(to_arrow(kind.element))
    if isinstance(kind, Map):
        return pa.map_(to_arrow(kind.key), to_arrow(kind.value))
    return pa.struct([pa.field(f.name, to_arrow(f.type)) for f in kind.fields])


def schema_of(record: Struct) -> pa.Schema:
    return pa.schema([pa.field(f.name, to_arrow(f.type)) for f in record.fields])


def from_arrow(kind: pa.DataType) -> DataType:
    """Raises InvalidInput for an Arrow type that Glue has no name for."""
    for name, known in _SCALARS.items():
        if kind == known:
            return Scalar(name)
    if pa.types.is_timestamp(kind):
        return Scalar("timestamp")
    if pa.types.is_large_string(kind) or kind == pa.string_view():
        return Scalar("string")
    if pa.types.is_decimal(kind):
        return Decimal(kind.precision, kind.scale)
    if pa.types.is_struct(kind):
        return Struct(tuple(Field(f.name, from_arrow(f.type)) for f in kind))
    if pa.types.is_map(kind):
        return Map(from_arrow(kind.key_type), from_arrow(kind.item_type))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return Array(from_arrow(kind.value_type))
    raise InvalidInput(f"Arrow type {kind} has no Glue type")
