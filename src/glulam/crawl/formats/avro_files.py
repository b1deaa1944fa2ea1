"""Avro: the schema that a container file begins with, and the number of records that its blocks say they hold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import fastavro

from glulam.crawl.formats import columns
from glulam.crawl.formats.file import Answer, LocalFile, LookOptions
from glulam.infer.lattice import join_all, struct_of
from glulam.infer.types import (
    BIGINT,
    BINARY,
    BOOLEAN,
    DATE,
    DOUBLE,
    NULL,
    STRING,
    TIMESTAMP,
    Array,
    DataType,
    Decimal,
    Map,
    Scalar,
    Struct,
)

_PLAIN: Mapping[str, DataType] = {
    "null": NULL, "boolean": BOOLEAN, "int": Scalar("int"), "long": BIGINT, "float": Scalar("float"),
    "double": DOUBLE, "bytes": BINARY, "string": STRING, "fixed": BINARY, "enum": STRING,
}  # fmt: skip
_TIMESTAMPS = ("timestamp-millis", "timestamp-micros", "timestamp-nanos", "local-timestamp-millis",
               "local-timestamp-micros", "local-timestamp-nanos")  # fmt: skip


def avro_answer(file: LocalFile, options: LookOptions) -> Answer:
    """What an Avro container file holds. Raises fastavro's errors for a damaged header."""
    records, damage, complete = 0, None, True
    with file.path.open("rb") as stream:
        reader = fastavro.block_reader(stream)
        schema = reader.writer_schema
        codec = reader.codec
        try:
            for block in reader:
                records += block.num_records
                if options.sample_records is not None and records >= options.sample_records:
                    complete = False
                    break
        except Exception as error:  # fastavro raises EOFError, ValueError, zlib.error, ...
            damage = f"damaged after {records} records: {type(error).__name__}: {error}"
    types = _Types()
    kind = types.of(schema, "")
    if not isinstance(kind, Struct) or not kind.fields:
        evidence = (f"Avro: its schema is {kind}, expected a record with fields",)
        return Answer(classification="avro", classifier="avro", certainty=0, evidence=evidence)
    found = columns.named(columns.column(f.key, f.type) for f in kind.fields)
    evidence_ = [f"Avro header: {records} records, codec {codec}", *types.odd, *([damage] if damage else [])]
    return Answer(
        classification="avro", classifier="avro", certainty=0.5 if damage else 1.0, columns=found, records=records,
        parameters={"avro.schema.literal": json.dumps(_clean(schema), separators=(",", ":"))},
        complete=complete and damage is None, evidence=evidence_,
    )  # fmt: skip


def _clean(schema: Any) -> Any:
    """The schema without fastavro's own notes."""
    if isinstance(schema, dict):
        return {key: _clean(value) for key, value in schema.items() if not key.startswith("__fastavro")}
    return [_clean(part) for part in schema] if isinstance(schema, list) else schema


class _Types:
    """Our types for Avro's; `odd` says what could not be told exactly."""

    def __init__(self) -> None:
        self.named: dict[str, Any] = {}
        self.above: list[str] = []
        self.odd: list[str] = []

    def of(self, schema: Any, path: str) -> DataType:
        if isinstance(schema, list):
            return self._union(schema, path)
        if isinstance(schema, str):
            if schema in _PLAIN:
                return _PLAIN[schema]
            return self._reference(schema, path)
        if name := schema.get("name"):
            self.named[name] = schema
        return self._complex(schema, path)

    def _complex(self, schema: dict[str, Any], path: str) -> DataType:
        kind = schema["type"]
        if isinstance(kind, dict | list):
            return self.of(kind, path)
        if logical := self._logical(schema):
            return logical
        if kind in ("record", "error"):
            return self._record(schema, path)
        if kind == "array":
            return Array(self.of(schema["items"], path))
        if kind == "map":
            return Map(STRING, self.of(schema["values"], path))
        return _PLAIN.get(kind) or self._reference(kind, path)

    def _record(self, schema: dict[str, Any], path: str) -> DataType:
        self.above.append(schema["name"])
        fields = {f["name"]: self.of(f["type"], f"{path}.{f['name']}".lstrip(".")) for f in schema["fields"]}
        self.above.pop()
        return struct_of(fields)

    def _reference(self, name: str, path: str) -> DataType:
        if name in self.above or name not in self.named:
            self.odd.append(
                f"{path}: {name} holds itself, which no column type can; it is a string in the catalog"
            )
            return STRING
        return self._complex(self.named[name], path)

    def _union(self, parts: list[Any], path: str) -> DataType:
        kinds = [self.of(part, path) for part in parts if part != "null"]
        joined = join_all(kinds)
        if len(kinds) > 1:
            told = ", ".join(str(kind) for kind in kinds)
            self.odd.append(f"{path}: a union of {told}; its column is {joined}")
        return joined

    def _logical(self, schema: dict[str, Any]) -> DataType | None:
        logical = schema.get("logicalType")
        if logical == "date":
            return DATE
        if logical in _TIMESTAMPS:
            return TIMESTAMP
        if logical == "decimal" and 1 <= schema["precision"] <= 38:
            return Decimal(schema["precision"], schema.get("scale", 0))
        return None
