"""Delta tables, found by their log (`_delta_log/`), which deltalake reads: what a table is, and its live files. Data files
are not opened."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from glulam.crawl.findings import ColumnFinding
from glulam.crawl.found import FoundTable
from glulam.crawl.lakehouse import lakehouse_table
from glulam.crawl.located import LocatedFile
from glulam.crawl.naming import NULL_VALUE
from glulam.infer.arrow import from_arrow
from glulam.model.errors import ObjectNotFound, StorageFailed, UnsupportedSql
from glulam.model.uri import S3Uri
from glulam.objects.base import ObjectStore

_LOG = "_delta_log/"


def delta_table(store: ObjectStore, spool: Path, place: S3Uri) -> FoundTable:
    """Raises ObjectNotFound (no Delta table there), StorageFailed (a log that cannot be read)."""
    local, copied = _with_log(store, spool, place)
    try:
        table = DeltaTable(str(local))
        schema = pa.schema(table.schema().to_arrow())
        columns = tuple(
            ColumnFinding(name=f.name.lower(), source_name=f.name, type=from_arrow(f.type)) for f in schema
        )
        keys, version = table.metadata().partition_columns, table.version()
    except DeltaError as error:
        raise StorageFailed(f"{place}: {' '.join(str(error).split())}") from error
    finally:
        if copied:
            shutil.rmtree(local, ignore_errors=True)
    parameters = {
        "table_type": "DELTA",
        "spark.sql.sources.provider": "delta",
        "delta.lastUpdateVersion": str(version),
    }
    if keys:
        parameters["delta.partitionColumns"] = ",".join(keys)
    return lakehouse_table(place, "delta", columns, parameters, f"{place}{_LOG} holds version {version}")


def delta_files(
    store: ObjectStore, spool: Path, place: S3Uri
) -> tuple[tuple[str, ...], tuple[LocatedFile, ...]]:
    """Partition columns, and the Parquet files of the current version with their values of these.

    Raises ObjectNotFound, StorageFailed, UnsupportedSql (rows are not as they stand in the files)."""
    local, copied = _with_log(store, spool, place)
    try:
        table = DeltaTable(str(local))
        metadata = table.metadata()
        if metadata.configuration.get("delta.columnMapping.mode", "none") != "none":
            raise UnsupportedSql(
                f"{place}: its columns have other names in the files (delta.columnMapping.mode)"
            )
        if any(len(batch) for batch in pa.table(table.deletion_vectors()).to_batches()):
            raise UnsupportedSql(
                f"{place}: rows are deleted by deletion vectors: run OPTIMIZE or read it in a job"
            )
        rows = pa.table(table.get_add_actions(flatten=True)).to_pylist()
        keys = tuple(metadata.partition_columns)
    except DeltaError as error:
        raise StorageFailed(f"{place}: {' '.join(str(error).split())}") from error
    finally:
        if copied:
            shutil.rmtree(local, ignore_errors=True)
    return tuple(key.lower() for key in keys), tuple(_file(store, place, row, keys) for row in rows)


def _file(store: ObjectStore, place: S3Uri, row: Mapping[str, Any], keys: Sequence[str]) -> LocatedFile:
    path = unquote(row["path"])
    found = store.head(S3Uri.parse(path) if "://" in path else place.join(path))
    values = (row[f"partition.{key}"] for key in keys)
    return LocatedFile(uri=found.uri, etag=found.etag, size_bytes=found.size_bytes,
                       values=tuple(NULL_VALUE if v is None else str(v) for v in values))  # fmt: skip


def _with_log(store: ObjectStore, spool: Path, place: S3Uri) -> tuple[Path, bool]:
    """A local folder with the table's log, and whether it is a copy."""
    log = place.join(_LOG)
    entries = [found for page in store.list(log) for found in page]
    if not entries:
        raise ObjectNotFound(f"{place}: no Delta table lies there; expected {_LOG}")
    if store.in_place:
        local = store.local_path(S3Uri(place.bucket, f"{place.key}x"))
        assert local is not None
        return local.parent, False
    folder = spool / f"delta-{uuid.uuid4().hex}"
    for found in entries:
        target = folder / found.uri.key[len(place.key) :]
        target.parent.mkdir(parents=True, exist_ok=True)
        store.fetch(found.uri, found.etag, folder).replace(target)
    return folder, True
