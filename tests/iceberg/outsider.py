"""Another writer of the same table: changes it with PyIceberg and swaps the catalog's pointer, as a Glue client would."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog.noop import NoopCatalog
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat, ManifestContent, ManifestWriterV2
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.serializers import ToOutputFile
from pyiceberg.table import CommitTableResponse, Table, Transaction
from pyiceberg.table.snapshots import Operation
from pyiceberg.table.update import update_table_metadata
from pyiceberg.table.update.snapshot import _FastAppendFiles
from pyiceberg.typedef import Record

from icebergreader import open_table
from ingest.conftest import Project

FILE_PATH_ID = 2147483546
"""The field id that the format reserves for `file_path` in positional delete files."""
SWAP = """
UPDATE catalog_table SET version = version + 1,
  document = replace(document::text, %s, %s)::jsonb WHERE name = 'events'
"""


class Outsider(NoopCatalog):
    def __init__(self, project: Project) -> None:
        super().__init__("outsider")
        self.project = project

    def commit_table(self, table: Table, requirements: Any, updates: Any) -> CommitTableResponse:
        for requirement in requirements:
            requirement.validate(table.metadata)
        old = table.metadata_location
        metadata = update_table_metadata(table.metadata, updates, metadata_location=old)
        new = table.location_provider().new_table_metadata_file_location(len(metadata.metadata_log))
        ToOutputFile.table_metadata(metadata, table.io.new_output(new))
        with psycopg.connect(self.project.app.database.url, autocommit=True) as conn:
            assert conn.execute(SWAP, (self._uri(old), new)).rowcount == 1
        return CommitTableResponse.model_validate({"metadata": metadata, "metadata-location": new})

    def _uri(self, place: str) -> str:
        return place.replace(f"{self.project.lake}/", "s3://")


def as_outsider(project: Project) -> Table:
    found = open_table(project.app.database.url, project.lake)
    assert found is not None
    return Table(("ml", "events"), found.metadata, found.metadata_location, found.io, Outsider(project))


@contextmanager
def outside(project: Project) -> Iterator[Transaction]:
    with as_outsider(project).transaction() as transaction:
        yield transaction


class _DeletesWriter(ManifestWriterV2):
    def content(self) -> ManifestContent:
        return ManifestContent.DELETES

    @property
    def _meta(self) -> dict[str, str]:
        return {**super()._meta, "content": "deletes"}


class _AddDeletes(_FastAppendFiles):
    def new_manifest_writer(self, spec: PartitionSpec) -> ManifestWriterV2:
        return _DeletesWriter(spec, self.schema(), self.new_manifest_output(), self.snapshot_id, "deflate")


def delete_row(
    project: Project, file_path: str, position: int, kind: DataFileContent = DataFileContent.POSITION_DELETES
) -> None:
    """Delete one row of a data file by a positional delete file, as Spark and Flink do (or pretend that it is one by
    equality)."""
    table = as_outsider(project)
    (task,) = [t for t in table.scan().plan_files() if t.file.file_path == file_path]
    uri = f"{table.location()}/data/deletes-{position}.parquet"
    path = project.lake / uri.removeprefix("s3://")
    pq.write_table(pa.table({"file_path": [file_path], "pos": pa.array([position], pa.int64())}), path)
    partition = Record(*(task.file.partition[i] for i in range(len(task.file.partition))))
    bounds = {FILE_PATH_ID: file_path.encode()}
    deletes = DataFile.from_args(
        content=kind, file_path=uri, file_format=FileFormat.PARQUET, partition=partition,
        record_count=1, file_size_in_bytes=path.stat().st_size, spec_id=table.spec().spec_id, column_sizes={},
        value_counts={}, null_value_counts={}, nan_value_counts={}, lower_bounds=bounds, upper_bounds=bounds,
    )  # fmt: skip
    with table.transaction() as transaction, _AddDeletes(Operation.APPEND, transaction, table.io) as snapshot:
        snapshot.append_data_file(deletes)
