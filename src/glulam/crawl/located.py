"""The files of a table that is described by where it lies: what its partitions' folders hold now, and how it is read.

Of tables that crawlers and clients make, nobody keeps a list of files; of the pipeline's, the ledger does. Hidden and
temporary files are no data, nor is what the crawler found odd and excluded."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg

from glulam.catalog.partition_pages import list_partitions
from glulam.catalog.tables import Table
from glulam.crawl.documents import DEPRECATED_BY, EXCLUSIONS, SCHEMA
from glulam.crawl.globs import excluder
from glulam.crawl.listing import list_target
from glulam.crawl.targets import S3Target, folder
from glulam.infer.codec import from_plain
from glulam.infer.types import DataType, Field, Struct
from glulam.model.errors import InvalidInput, ObjectNotFound
from glulam.model.uri import S3Uri
from glulam.objects.base import ObjectStore


@dataclass(frozen=True, slots=True, kw_only=True)
class LocatedFile:
    uri: S3Uri
    etag: str
    size_bytes: int
    values: tuple[str, ...]
    """Of its partition."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How the files are read."""

    format: str
    """Glue's classification."""
    compression: str
    delimiter: str = ","
    quote: str = ""
    skip_lines: int = 0
    keys: tuple[str, ...] = ()
    """What each column is called in the files."""
    schema: DataType | None = None
    """The columns with the keys that their members have in the files, where these are not their names."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """All that the table's and its SerDe's parameters say."""


def files_of(conn: psycopg.Connection, store: ObjectStore, table: Table) -> Iterator[LocatedFile]:
    """In the order of the partitions. Raises InvalidInput for a table without a place in an object store."""
    excluded = excluder(_exclusions(table))
    if table.document.get("PartitionKeys"):
        places = [
            (p.values, p.location)
            for p in list_partitions(conn, table.id)
            if DEPRECATED_BY not in (p.parameters or {})
        ]
    else:
        places = [((), table.document.get("StorageDescriptor", {}).get("Location"))]
    for values, location in places:
        if not location or "://" not in location:
            raise InvalidInput(
                f"table {table.database}.{table.name} lies at {location!r}; expected s3://bucket/folder/"
            )
        try:
            found = list_target(store, S3Target(path=folder(location)))
        except ObjectNotFound:
            continue
        for one in found.folders:
            if one.path and values:
                continue  # a partition is its folder, not what lies deeper
            for name, etag, size in one.files:
                uri = found.file(one, name)
                if not excluded(str(uri)):
                    yield LocatedFile(uri=uri, etag=etag, size_bytes=size, values=values)


def reading_of(table: Table) -> Reading:
    parameters: Mapping[str, str] = table.document.get("Parameters", {})
    storage: Mapping[str, Any] = table.document.get("StorageDescriptor", {})
    settings: Mapping[str, str] = (storage.get("SerdeInfo") or {}).get("Parameters") or {}
    columns = [c["Name"] for c in storage.get("Columns", ())]
    skip = parameters.get("skip.header.line.count", "0")
    return Reading(
        format=table.descriptor.format, compression=parameters.get("compressionType", "none"),
        delimiter=parameters.get("delimiter") or settings.get("separatorChar") or settings.get("field.delim") or ",",
        quote=(parameters.get("quoteChar") or settings.get("quoteChar") or "").strip(),
        skip_lines=int(skip) if skip.isdigit() else 0,
        keys=tuple(settings.get(f"mapping.{name}", name) for name in columns),
        schema=from_plain(json.loads(parameters[SCHEMA])) if SCHEMA in parameters else None,
        settings={**settings, **parameters},
    )  # fmt: skip


def fields_of(table: Table, reading: Reading) -> Struct:
    """The columns, with the keys that they and their members have in the files."""
    known = {f.name: f for f in reading.schema.fields} if isinstance(reading.schema, Struct) else {}
    keys = reading.keys or tuple(c.name for c in table.descriptor.columns)
    found = []
    for column, key in zip(table.descriptor.columns, keys, strict=True):
        said = known.get(column.name, Field(column.name, column.data_type, key))
        same = str(said.type) == str(column.data_type)
        found.append(said if same else Field(column.name, column.data_type, said.key))
    return Struct(tuple(found))


def _exclusions(table: Table) -> list[str]:
    text = table.document.get("Parameters", {}).get(EXCLUSIONS)
    try:
        found = json.loads(text) if text else []
    except ValueError:
        return []
    return [p for p in found if isinstance(p, str) and p]
