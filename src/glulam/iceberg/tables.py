"""Iceberg tables of our catalog: proposes changes to them, and reads them. The one door to PyIceberg."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.io.pyarrow import ArrowScan
from pyiceberg.schema import Schema
from pyiceberg.serializers import FromInputFile
from pyiceberg.table import FileScanTask
from pyiceberg.table import Table as IcebergTable
from pyiceberg.table.metadata import TableMetadata

from glulam.catalog.descriptor import Column
from glulam.catalog.iceberg import FIELD_CURRENT, MetadataSwap, metadata_location
from glulam.catalog.tables import Table
from glulam.iceberg.changes import Staging, stage
from glulam.iceberg.columns import columns_of
from glulam.iceberg.fileio import StoreFileIO
from glulam.ingest.iceberg import Change, Snapshot, SnapshotFile
from glulam.model.errors import StorageFailed, UnsupportedSql
from glulam.model.uri import S3Uri
from glulam.objects.base import ObjectStore


class PyIcebergTables:
    """`ingest.iceberg.IcebergTables`, done with PyIceberg."""

    def __init__(self, store: ObjectStore, spool: Path) -> None:
        self._store, self._spool = store, spool / "iceberg"

    def propose(self, table: Table | None, change: Change) -> MetadataSwap:
        io = self._io()
        place = metadata_location(table.descriptor) if table is not None else None
        try:
            base = (place, _metadata(io, place)) if place is not None else None
            location, metadata = stage(io, base, change)
        except OSError as error:
            raise StorageFailed(f"metadata of {change.database}.{change.name}: {error}") from error
        return MetadataSwap(
            location=location, previous=place, columns=columns_of(metadata), written=tuple(io.written)
        )

    def discard(self, swap: MetadataSwap) -> None:
        for uri in swap.written:
            self._store.delete(uri)

    def snapshot(self, table: Table) -> Snapshot:
        found = self._open(table)
        renamed = _renamed(found.metadata)
        tasks = _tasks(found)
        files = [
            SnapshotFile(
                uri=S3Uri.parse(t.file.file_path), values=_values(t),
                records=t.file.record_count, size_bytes=t.file.file_size_in_bytes,
                plain=not renamed and not t.delete_files,
            )
            for t in tasks
        ]  # fmt: skip
        fields = tuple(f.name for f in found.spec().fields)
        columns = tuple(c for c in columns_of(found.metadata) if c.parameters[FIELD_CURRENT] == "true")
        return Snapshot(
            columns=columns, partition_fields=fields, files=tuple(sorted(files, key=lambda f: f.uri))
        )

    def columns(self, metadata: S3Uri) -> tuple[Column, ...]:
        try:
            return columns_of(_metadata(self._io(), str(metadata)))
        except (OSError, ValueError) as error:
            raise StorageFailed(f"{metadata}: {error}") from error

    def fetch(self, table: Table, uris: Collection[S3Uri], folder: Path) -> dict[S3Uri, Path]:
        if not uris:
            return {}
        found = self._open(table)
        wanted = {str(uri) for uri in uris}
        folder.mkdir(parents=True, exist_ok=True)
        paths: dict[S3Uri, Path] = {}
        for number, task in enumerate(t for t in _tasks(found) if t.file.file_path in wanted):
            path = folder / f"{number}.parquet"
            self._rewrite(found, task, path)
            paths[S3Uri.parse(task.file.file_path)] = path
        return paths

    def _rewrite(self, table: IcebergTable, task: FileScanTask, path: Path) -> None:
        scan = ArrowScan(table.metadata, table.io, table.schema(), AlwaysTrue())
        try:
            with pq.ParquetWriter(path, table.schema().as_arrow()) as writer:
                for batch in scan.to_record_batches([task]):
                    writer.write_table(pa.Table.from_batches([batch]).cast(writer.schema))
        except OSError as error:
            raise StorageFailed(f"{task.file.file_path}: {error}") from error
        except (NotImplementedError, ValueError) as error:
            raise UnsupportedSql(f"{task.file.file_path}: cannot be read here: {error}") from error

    def _open(self, table: Table) -> IcebergTable:
        place = metadata_location(table.descriptor)
        assert place is not None
        io = self._io()
        try:
            metadata = _metadata(io, place)
        except OSError as error:
            raise StorageFailed(f"metadata of {table.database}.{table.name}: {error}") from error
        return IcebergTable((table.database, table.name), metadata, place, io, Staging())

    def _io(self) -> StoreFileIO:
        return StoreFileIO(self._store, self._spool)


def _metadata(io: StoreFileIO, place: str) -> TableMetadata:
    return FromInputFile.table_metadata(io.new_input(place))


def _tasks(table: IcebergTable) -> list[FileScanTask]:
    try:
        return list(table.scan().plan_files())
    except OSError as error:
        raise StorageFailed(f"snapshot of {'.'.join(table.name())}: {error}") from error
    except (NotImplementedError, ValueError) as error:
        raise UnsupportedSql(f"table {'.'.join(table.name())}: cannot be read here: {error}") from error


def _renamed(metadata: TableMetadata) -> bool:
    """Whether some file may have a column under another name than today's, or another column under its name."""
    now = _ids(metadata.schema())
    names = {number: name for name, number in now.items()}
    return any(
        now.get(name, number) != number or names.get(number, name) != name
        for schema in metadata.schemas
        for name, number in _ids(schema).items()
    )


def _ids(schema: Schema) -> dict[str, int]:
    return {name: schema.find_field(name).field_id for name in schema.column_names}


def _values(task: FileScanTask) -> tuple[str, ...]:
    found = (task.file.partition[i] for i in range(len(task.file.partition)))
    return tuple("null" if v is None else str(v) for v in found)
