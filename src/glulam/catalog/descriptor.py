"""What a table is to those who read and write it: columns, partition keys, location, format. And the same as Glue's
TableInput document, which is what the catalog keeps, so that no client sees another table than the pipeline does.

Writing a descriptor into a document that is there keeps all that the descriptor does not speak of (owner, comments that
somebody added through Glue, parameters of other tools)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from glulam.infer.types import DataType, parse_type
from glulam.model.errors import InvalidInput

ICEBERG = "iceberg"
"""The format of a table whose metadata file says what it is (`iceberg.py`)."""
_HIVE = "org.apache.hadoop.hive.ql.io.parquet"
_STORAGE: Mapping[str, Mapping[str, Any]] = {
    "parquet": {
        "InputFormat": f"{_HIVE}.MapredParquetInputFormat", "OutputFormat": f"{_HIVE}.MapredParquetOutputFormat",
        "SerdeInfo": {"SerializationLibrary": f"{_HIVE}.serde.ParquetHiveSerDe",
                      "Parameters": {"serialization.format": "1"}},
    }
}  # fmt: skip
_CLASSIFICATION = "classification"
_TABLE_TYPE = "table_type"


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column or partition key."""

    name: str
    type: str
    """Hive's notation: `bigint`, `array<struct<a:string>>`."""
    comment: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def data_type(self) -> DataType:
        """The type as a value. Raises InvalidInput."""
        return parse_type(self.type)


@dataclass(frozen=True, kw_only=True)
class TableDescriptor:
    """What a version of a table says to those who read it."""

    columns: tuple[Column, ...]
    """Without the partition keys."""
    partition_keys: tuple[Column, ...] = ()
    location: str
    format: str = "parquet"
    table_type: str = "EXTERNAL_TABLE"
    parameters: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for column in (*self.columns, *self.partition_keys):
            folded = column.name.lower()
            if not folded or folded in seen:
                raise InvalidInput(
                    f"column name {column.name!r}: expected names that are not empty and differ"
                )
            seen.add(folded)


def to_document(descriptor: TableDescriptor, base: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The descriptor as a TableInput without the name, over what `base` holds beside it."""
    base = base or {}
    storage = {**_STORAGE.get(descriptor.format, {}), **base.get("StorageDescriptor", {})}
    storage["Columns"] = [_to_column(c) for c in descriptor.columns]
    storage["Location"] = descriptor.location
    kind = (
        {_TABLE_TYPE: ICEBERG.upper()}
        if descriptor.format == ICEBERG
        else {_CLASSIFICATION: descriptor.format}
    )
    parameters = {**kind, **descriptor.parameters}
    return {
        **base, "TableType": descriptor.table_type, "Parameters": parameters, "StorageDescriptor": storage,
        "PartitionKeys": [_to_column(c) for c in descriptor.partition_keys],
    }  # fmt: skip


def from_document(found: Mapping[str, Any]) -> TableDescriptor:
    """What any table of the catalog, made by any client, is to a reader. Raises InvalidInput (two columns of a name)."""
    storage = found.get("StorageDescriptor", {})
    parameters = dict(found.get("Parameters", {}))
    kind = parameters.get(_CLASSIFICATION) or _format_of(storage.get("InputFormat", ""))
    if parameters.get(_TABLE_TYPE, "").lower() == ICEBERG:
        kind = ICEBERG
    return TableDescriptor(
        columns=tuple(_from_column(c) for c in storage.get("Columns", ())),
        partition_keys=tuple(_from_column(c) for c in found.get("PartitionKeys", ())),
        location=storage.get("Location", ""), format=kind, table_type=found.get("TableType", ""),
        parameters=parameters,
    )  # fmt: skip


def _format_of(input_format: str) -> str:
    return next((name for name, storage in _STORAGE.items() if storage["InputFormat"] == input_format), "")


def _to_column(column: Column) -> dict[str, Any]:
    found: dict[str, Any] = {"Name": column.name, "Type": column.type}
    if column.comment:
        found["Comment"] = column.comment
    if column.parameters:
        found["Parameters"] = dict(column.parameters)
    return found


def _from_column(found: Mapping[str, Any]) -> Column:
    return Column(
        name=found["Name"], type=found.get("Type", ""), comment=found.get("Comment", ""),
        parameters=found.get("Parameters", {}),
    )  # fmt: skip
