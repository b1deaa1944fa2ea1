"""One batch through an engine, read back from the staged Parquet as values that two engines can be compared by."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from glulam.engine.base import Engine, ReadJob, SourceFile, Staged, StagedFile, StageJob, WriteOptions
from glulam.infer.resolve import SchemaPolicy, resolve
from glulam.infer.types import Struct, parse_type
from glulam.ingest.config import Schema, Transform
from glulam.ingest.transform import parse_transform, plan, reserved_names
from glulam.model.uri import S3Uri
from glulam.objects.base import ObjectStore
from glulam.records.values import ReadLimits

INGESTED_AT_US = 1_700_000_000_123_456


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Raw files (name -> content) and what the pipeline says of them."""

    files: Mapping[str, bytes]
    transform: Transform = field(default_factory=Transform)
    schema: Schema = field(default_factory=Schema)
    existing: str | None = None
    """The table's raw schema as Hive's type text."""
    limits: ReadLimits = field(default_factory=ReadLimits)
    only: Mapping[str, frozenset[int]] | None = None
    write: WriteOptions = field(default_factory=WriteOptions)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """All that a batch became, in an order that no engine can influence."""

    read: dict[int, int]
    schema: str
    columns: list[tuple[str, str]]
    partition_keys: list[tuple[str, str]]
    counts: dict[int, tuple[int, int, int]]
    cast_failures: dict[str, int]
    reasons: dict[str, int]
    written_keys: dict[int, tuple[int, ...]]
    parquet: list[str]
    """The distinct schemas of the staged data files."""
    rows: list[tuple[str, ...]]
    """As text, by column, in the order of source and record number, partition values last."""
    dead_letters: list[tuple[Any, ...]]
    data_files: int = field(compare=False)


def put(store: ObjectStore, batch: Batch, bucket: str = "raw") -> tuple[SourceFile, ...]:
    sources = []
    only = batch.only
    for index, (name, content) in enumerate(batch.files.items()):
        uri = S3Uri(bucket, name)
        with tempfile.NamedTemporaryFile() as spooled:
            spooled.write(content)
            spooled.flush()
            stat = store.put(Path(spooled.name), uri)
        asked = only.get(name, frozenset()) if only is not None else None
        sources.append(
            SourceFile(index=index, uri=uri, etag=stat.etag, size_bytes=stat.size_bytes, only=asked)
        )
    return tuple(sources)


def jobs(batch: Batch, sources: tuple[SourceFile, ...]) -> tuple[ReadJob, SchemaPolicy]:
    parsed = parse_transform(batch.transform)
    policy = SchemaPolicy(
        mode=batch.schema.mode, on_conflict=batch.schema.on_conflict, reserved=reserved_names(parsed),
        hints={path: parse_type(kind) for path, kind in batch.schema.hints.items()},
    )  # fmt: skip
    existing = parse_type(batch.existing) if batch.existing is not None else None
    assert existing is None or isinstance(existing, Struct)
    return ReadJob(sources=sources, limits=batch.limits, policy=policy, existing=existing), policy


def stage_job(batch: Batch, schema: Struct, staging: S3Uri) -> StageJob:
    return StageJob(
        schema=schema, plan=plan(parse_transform(batch.transform), schema), write=batch.write,
        data=staging.join("data"), dead_letters=staging.join("dead_letters"),
        batch_id="b-1", ingested_at_us=INGESTED_AT_US, failpoint=lambda _: None,
    )  # fmt: skip


def run(
    engine: Engine,
    store: ObjectStore,
    batch: Batch,
    sources: tuple[SourceFile, ...],
    name: str,
    bucket: str = "lake",
) -> Outcome:
    read, policy = jobs(batch, sources)
    scan = engine.scan(read)
    schema = resolve(scan.shape, read.existing, policy)
    staged = engine.stage(read, scan, stage_job(batch, schema, S3Uri(bucket, f"_staging/{name}")))
    return outcome(store, staged, schema, dict(scan.records))


def outcome(store: ObjectStore, staged: Staged, schema: Struct, read: dict[int, int]) -> Outcome:
    tables = [(file, _table(store, file)) for file in staged.data]
    rows = []
    for file, table in tables:
        assert table.num_rows == file.records
        for row in table.to_pylist():
            order = (row["_source_path"], row["_record_no"])
            rows.append((order, (*map(repr, row.values()), *file.values)))
    dead = [tuple(row.values()) for file in staged.dead_letters for row in _table(store, file).to_pylist()]
    return Outcome(
        read=read, schema=str(schema), columns=[(n, str(t)) for n, t in staged.columns],
        partition_keys=[(n, str(t)) for n, t in staged.partition_keys],
        counts={i: (c.written, c.rejected, c.rescued) for i, c in staged.counts.items()},
        cast_failures=dict(sorted(staged.cast_failures.items())), reasons=dict(sorted(staged.reasons.items())),
        written_keys=dict(staged.written_keys),
        parquet=sorted({table.schema.remove_metadata().to_string() for _, table in tables}),
        rows=[row for _, row in sorted(rows)], dead_letters=sorted(dead, key=lambda r: (r[0], r[2])),
        data_files=len(tables),
    )  # fmt: skip


def _table(store: ObjectStore, file: StagedFile) -> pa.Table:
    stat = store.head(file.uri)
    assert stat.size_bytes == file.size_bytes
    with tempfile.TemporaryDirectory() as spool:
        path = store.fetch(file.uri, stat.etag, Path(spool))
        assert file.checksum == f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
        return pq.ParquetFile(path).read()


def differences(found: Outcome, expected: Outcome) -> list[str]:
    """What differs, the first few of each kind: short enough to read."""
    wrong: list[str] = []
    for part in ("read", "schema", "columns", "partition_keys", "counts", "cast_failures", "reasons", "written_keys",
                  "parquet"):  # fmt: skip
        mine, theirs = getattr(found, part), getattr(expected, part)
        if mine != theirs:
            wrong.append(f"{part}: found {_trimmed(mine, theirs)}, expected {_trimmed(theirs, mine)}")
    for part in ("rows", "dead_letters"):
        mine, theirs = getattr(found, part), getattr(expected, part)
        pairs = [(a, b) for a, b in zip(mine, theirs, strict=False) if a != b]
        wrong += [f"{part}: found {_trimmed(a, b)}, expected {_trimmed(b, a)}" for a, b in pairs[:5]]
        if len(mine) != len(theirs):
            wrong.append(f"{part}: found {len(mine)}, expected {len(theirs)}")
    return wrong


def _trimmed(one: Any, other: Any) -> Any:
    """Only the members in which `one` differs."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {k: v for k, v in one.items() if other.get(k) != v}
    if isinstance(one, list | tuple) and isinstance(other, list | tuple) and len(one) == len(other):
        return [str(a)[:300] for a, b in zip(one, other, strict=True) if a != b]
    return str(one)[:2000]
