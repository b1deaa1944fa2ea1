"""An Iceberg schema as Glue's columns, as the catalog lists them beside the pointer to the metadata."""

from __future__ import annotations

from pyiceberg.schema import Schema, SchemaVisitor, visit
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.types import DecimalType, ListType, MapType, NestedField, PrimitiveType, StructType

from glulam.catalog.descriptor import Column
from glulam.catalog.iceberg import FIELD_CURRENT, FIELD_ID, FIELD_OPTIONAL

_NAMES = {"long": "bigint", "timestamptz": "timestamp", "time": "string", "uuid": "string"}


def columns_of(metadata: TableMetadata) -> tuple[Column, ...]:
    """Those of the current schema, then those that only older schemas have, marked as not current."""
    current = metadata.schema()
    found = {f.name: _column(f, True) for f in current.fields}
    for schema in metadata.schemas:
        for f in schema.fields:
            found.setdefault(f.name, _column(f, False))
    return tuple(found.values())


def _column(field: NestedField, current: bool) -> Column:
    marks = {
        FIELD_ID: str(field.field_id),
        FIELD_OPTIONAL: str(field.optional).lower(),
        FIELD_CURRENT: str(current).lower(),
    }
    kind = visit(field.field_type, _GlueType())
    return Column(name=field.name, type=kind, comment=field.doc or "", parameters=marks)


class _GlueType(SchemaVisitor[str]):
    def schema(self, schema: Schema, struct_result: str) -> str:
        return struct_result

    def struct(self, struct: StructType, field_results: list[str]) -> str:
        return f"struct<{','.join(field_results)}>"

    def field(self, field: NestedField, field_result: str) -> str:
        return f"{field.name}:{field_result}"

    def list(self, list_type: ListType, element_result: str) -> str:
        return f"array<{element_result}>"

    def map(self, map_type: MapType, key_result: str, value_result: str) -> str:
        return f"map<{key_result},{value_result}>"

    def primitive(self, primitive: PrimitiveType) -> str:
        if isinstance(primitive, DecimalType):
            return f"decimal({primitive.precision},{primitive.scale})"
        name = str(primitive)
        return "binary" if name.startswith("fixed") else _NAMES.get(name, name)
