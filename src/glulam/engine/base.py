"""The engine seam: what ingest asks of whatever does the work, as values.

An engine scans files (counts and types), then stages them by a decided schema: transformed, partitioned, written under
a staging prefix together with their dead letters. It knows nothing of ledgers, catalogs or commits, so a batch can be
done again on any engine. `duckdb.py` runs in process; `spark.py` on local Spark, a cluster or Spark Connect. Both use
the same reader and the same writer; only the transform runs in the engine's own SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import sqlglot.expressions as exp

from glulam.infer.resolve import SchemaPolicy
from glulam.infer.shape import Shape
from glulam.infer.types import DataType, Struct
from glulam.model.uri import S3Uri
from glulam.records.values import ReadLimits

HIVE_DEFAULT = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One raw file version to read. `index` is its number within the batch; the name in messages is the URI."""

    index: int
    uri: S3Uri
    etag: str
    size_bytes: int
    only: frozenset[int] | None = None
    """Replay: only these record numbers; None: all."""
    origin: tuple[str, str] | None = None
    """Replay: the URI and etag that lineage columns name, when the file is read from the archive."""

    @property
    def lineage(self) -> tuple[str, str]:
        return self.origin or (str(self.uri), self.etag)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadJob:
    """How to read a batch's files."""

    sources: tuple[SourceFile, ...]
    limits: ReadLimits
    policy: SchemaPolicy
    existing: Struct | None
    """The raw schema that the table has, or None for a new table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What one pass over the files found. `handle` is the engine's own and goes back to `stage`."""

    shape: Shape
    records: Mapping[int, int]
    """Records read (good and rejected) by file index; files of this batch that hold none are there with 0."""
    gone: frozenset[int]
    """Files that were overwritten or deleted before they were read to the end; nothing of them is staged."""
    handle: object


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputColumn:
    """One column of the result, as a Spark SQL expression over the raw schema's columns."""

    name: str
    expression: exp.Expression
    on_cast_error: str = "null"
    """`null`: NULL and counted; `reject`: the record goes to the dead letters; `default`: `default` is taken."""
    default: exp.Expression | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformPlan:
    """The transform of one batch. Partition columns may use output columns and raw columns; output wins."""

    columns: tuple[OutputColumn, ...]
    partition_by: tuple[OutputColumn, ...]
    event_time: str | None
    """The output column that must not be NULL, unless `reject_missing_event_time` is False."""
    reject_missing_event_time: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOptions:
    compression: str = "zstd"
    target_file_bytes: int = 256 * 1024 * 1024
    row_group_bytes: int = 64 * 1024 * 1024
    """Uncompressed Arrow bytes of one row group, at most; less when memory is short or there are many partitions."""
    in_place: bool = False
    """Whether the data files stay where they are written, as those of an Iceberg table do: named `.parquet`, with the
    partition columns in them. Else they are named `.staged`, and partition columns stand in the path alone, as in Hive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageJob:
    """How to write a batch."""

    schema: Struct
    """The raw schema, decided after the scan."""
    plan: TransformPlan
    write: WriteOptions
    data: S3Uri
    """Good files go below this prefix ..."""
    dead_letters: S3Uri
    """... and dead letters below this one."""
    batch_id: str
    ingested_at_us: int
    """Microseconds since the epoch, UTC: the same for the whole batch."""
    failpoint: Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedFile:
    """One Parquet file under the staging prefix, verified by its footer."""

    uri: S3Uri
    values: tuple[str, ...]
    """Partition values as they stand in the path; () for dead letters."""
    records: int
    size_bytes: int
    checksum: str
    """`sha256:<hex>` of the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCounts:
    written: int = 0
    rejected: int = 0
    rescued: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    data: tuple[StagedFile, ...]
    dead_letters: tuple[StagedFile, ...]
    counts: Mapping[int, FileCounts]
    """By file index."""
    columns: tuple[tuple[str, DataType], ...]
    """Output columns with types, in order, lineage included, partition columns not."""
    partition_keys: tuple[tuple[str, DataType], ...]
    cast_failures: Mapping[str, int] = field(default_factory=dict)
    """By output column: how many casts failed."""
    reasons: Mapping[str, int] = field(default_factory=dict)
    """Dead letters by reason code."""
    written_keys: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    """Replay only: which record numbers of which file were written."""


class Engine(Protocol):
    """Both methods raise DataRejected, UnsupportedSql, StorageFailed; a `gone` file is not an error."""

    name: str

    def scan(self, job: ReadJob) -> Scan: ...

    def stage(self, job: ReadJob, scan: Scan, stage: StageJob) -> Staged: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineResources:
    """What a process may use."""

    threads: int
    memory_bytes: int
    spool: Path
    """A folder of this process for spilled and downloaded files; the engine empties what it put there."""
