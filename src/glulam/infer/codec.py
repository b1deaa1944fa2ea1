"""A raw schema as plain JSON, with the keys that Hive's type text cannot hold: how the catalog remembers it."""

from __future__ import annotations

from typing import Any

from glulam.infer.types import Array, DataType, Field, Map, Struct, parse_type


def to_plain(kind: DataType) -> Any:
    """Scalars and decimals as their text, arrays as `[element]`, structs as `{"fields": [[name, key, type], ...]}`."""
    if isinstance(kind, Struct):
        return {"fields": [[f.name, f.key, to_plain(f.type)] for f in kind.fields]}
    if isinstance(kind, Array):
        return [to_plain(kind.element)]
    if isinstance(kind, Map):
        return {"map": [to_plain(kind.key), to_plain(kind.value)]}
    return str(kind)


def from_plain(data: Any) -> DataType:
    """The inverse of `to_plain`."""
    if isinstance(data, list):
        return Array(from_plain(data[0]))
    if isinstance(data, str):
        return parse_type(data)
    if "map" in data:
        return Map(from_plain(data["map"][0]), from_plain(data["map"][1]))
    return Struct(tuple(Field(name, from_plain(kind), key) for name, key, kind in data["fields"]))
