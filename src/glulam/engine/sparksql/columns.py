"""Columns, struct members and elements: their DuckDB text, and their types where the caller knows the
columns."""

from __future__ import annotations

from glulam.engine.sparksql.value import Value, coerce, unsupported
from glulam.infer.types import Array, DataType, Decimal, Map, Scalar, Struct
from glulam.model.errors import InvalidInput


def name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def of_type(text: str, kind: DataType | None) -> Value:
    """A value of a known type; without one, DuckDB's binder will know."""
    if kind is None:
        return Value(text)
    if isinstance(kind, Scalar):
        return Value(text, {"void": "null"}.get(kind.name, kind.name))
    return Value(text, str(kind)) if isinstance(kind, Decimal) else Value(text, str(kind), kind)


def column(path: list[str], columns: Struct | None) -> Value:
    """`a.b.c` as member c of member b of column a. Raises InvalidInput where the columns are known without
    a."""
    if columns is None:
        value = Value(name(path[0]))
    else:
        found = next((f for f in columns.fields if f.name.lower() == path[0].lower()), None)
        if found is None:
            raise InvalidInput(
                f"there is no column {path[0]!r}; found: {', '.join(f.name for f in columns.fields)}"
            )
        value = of_type(name(found.name), found.type)
    for part in path[1:]:
        value = member(value, part)
    return value


def member(value: Value, part: str) -> Value:
    """Of a struct; of a map by its key; of an array of structs the array of that member."""
    found: DataType | None = None
    quoted = "'" + part.replace("'", "''") + "'"
    if isinstance(value.type, Map):
        return of_type(f"({value.text})[{quoted}::VARCHAR]", value.type.value)
    if isinstance(value.type, Array) and isinstance(value.type.element, Struct):
        inner = _field(value.type.element, part)
        text = f"list_transform({value.text}, lambda e: struct_extract(e, {quoted}))"
        return of_type(text, Array(inner))
    if isinstance(value.type, Struct):
        found = _field(value.type, part)
    elif value.kind:
        raise unsupported(f"the member {part!r} of a value of the type {value.kind}")
    return of_type(f"struct_extract({value.text}, {quoted})", found)


def _field(struct: Struct, part: str) -> DataType:
    found = next((f for f in struct.fields if f.name.lower() == part.lower()), None)
    if found is None:
        raise InvalidInput(f"there is no member {part!r}; found: {', '.join(f.name for f in struct.fields)}")
    return found.type


def element(base: Value, index: Value, macro: str) -> Value:
    """`base[index]` by `glu_item` (from 0), or element_at by `glu_element_at` (from 1); a map by its key."""
    if isinstance(base.type, Struct):
        raise unsupported("a subscript of a struct (write `struct.member`)")
    if isinstance(base.type, Map) or (base.type is None and index.kind == "string"):
        return of_type(
            f"({base.text})[{index.text}]", base.type.value if isinstance(base.type, Map) else None
        )
    if base.kind and not isinstance(base.type, Array):
        raise unsupported(f"an element of a value of the type {base.kind}")
    found = base.type.element if isinstance(base.type, Array) else None
    return of_type(f"{macro}({base.text}, {coerce(index, 'bigint').text})", found)
