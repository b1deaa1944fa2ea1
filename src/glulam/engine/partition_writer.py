"""Write Arrow tables as partitioned Parquet: few right-sized files, page checksums, bounded memory.

DuckDB's own partitioned COPY keeps every partition's rows of every thread in memory (1 GB is not enough for a 185 MB
input with 48 partitions), and cannot write page checksums; so partitions are split and buffered here. Rows gather
per partition; when all buffers together pass the budget, the largest become row groups of their open files.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from glulam.engine.base import HIVE_DEFAULT, StagedFile, WriteOptions
from glulam.infer.arrow import to_arrow
from glulam.infer.types import NULL, DataType
from glulam.model.errors import StorageFailed
from glulam.model.uri import S3Uri
from glulam.objects.base import ObjectStore

_UNSAFE = re.compile(r"[\x00-\x1f\"#%'*/:=?\\\x7f{}\[\]^]")


def partition_folder(key: str, value: str) -> str:
    """`key=value` as Hive and Spark write it in a path: special characters as %XX (Spark's
    ExternalCatalogUtils.escapePathName lists them)."""
    return f"{key}={_UNSAFE.sub(lambda m: quote(m.group(), safe=''), value)}"


def _stored_type(kind: DataType) -> pa.DataType:
    """As `engine/staging.py` stores it: instants in UTC; text for what nothing has typed."""
    stored = to_arrow(kind) if kind != NULL else pa.string()
    return pa.timestamp("us", tz="UTC") if pa.types.is_timestamp(stored) else stored


@dataclass(slots=True)
class _Open:
    """One partition that is being written."""

    values: tuple[str, ...]
    waiting: list[pa.Table] = field(default_factory=list)
    waiting_bytes: int = 0
    writer: pq.ParquetWriter | None = None
    path: Path | None = None
    uri: S3Uri | None = None
    records: int = 0
    part: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


def _texts(schema: pa.Schema) -> list[str]:
    """Parquet's paths of the text columns: of those, a dictionary is worth its time. Numbers are smaller without."""

    def walk(path: str, kind: pa.DataType) -> Iterator[str]:
        if pa.types.is_string(kind) or pa.types.is_dictionary(kind):
            yield path
        elif pa.types.is_struct(kind):
            for member in kind:
                yield from walk(f"{path}.{member.name}", member.type)
        elif pa.types.is_list(kind):
            yield from walk(f"{path}.list.element", kind.value_type)

    return [path for column in schema for path in walk(column.name, column.type)]


class PartitionWriter:
    """Thread-safe. `write` any number of times, then `close` once for the staged files. On failure call `abort`."""

    def __init__(
        self, *, store: ObjectStore, prefix: S3Uri, partition_keys: Sequence[str], options: WriteOptions,
        budget_bytes: int, spool: Path, pool: ThreadPoolExecutor, stem: str = "part",
        key_types: Sequence[DataType] = (),
    ) -> None:  # fmt: skip
        self.store, self.prefix, self.keys, self.options = store, prefix, tuple(partition_keys), options
        self.budget, self.pool, self.stem = budget_bytes, pool, stem
        self.written = tuple(_stored_type(kind) for kind in key_types)
        self.spool = spool
        self._open: dict[tuple[str, ...], _Open] = {}
        self._staged: list[StagedFile] = []
        self._bytes = 0
        self._aborted = False
        self._lock = threading.Lock()

    def write(self, table: pa.Table) -> None:
        """Add rows. Partition columns are text (NULL allowed) and are taken out of the written columns; with
        `key_types` they are written last, each as its type."""
        for values, part in self._split(table):
            with self._lock:
                target = self._open.setdefault(values, _Open(values))
                target.waiting.append(part)
                target.waiting_bytes += part.nbytes
                self._bytes += part.nbytes
        with self._lock:
            full = [p for p in self._open.values() if p.waiting_bytes >= self.options.row_group_bytes]
            left = self._bytes - sum(p.waiting_bytes for p in full)
            for p in sorted(self._open.values(), key=lambda p: -p.waiting_bytes):
                if left <= self.budget:
                    break
                if p not in full:
                    full.append(p)
                    left -= p.waiting_bytes
        for p in full:
            self._flush(p)

    def _split(self, table: pa.Table) -> list[tuple[tuple[str, ...], pa.Table]]:
        if not table.num_rows:
            return []
        if not self.keys:
            return [((), table)]
        codes = np.zeros(table.num_rows, np.int64)
        names: list[list[str]] = []
        for key in self.keys:
            column = table.column(key).combine_chunks().dictionary_encode(null_encoding="encode")
            column = column if not isinstance(column, pa.ChunkedArray) else column.combine_chunks()
            names.append([v or HIVE_DEFAULT for v in column.dictionary.to_pylist()])
            codes = codes * len(names[-1]) + np.asarray(column.indices)
        rest = self._rest(table)
        order = np.argsort(codes, kind="stable")
        bounds = np.flatnonzero(np.diff(codes[order])) + 1
        starts = [0, *bounds.tolist(), table.num_rows]
        ordered = rest.take(pa.array(order)) if len(bounds) else rest
        return [
            (self._decode(int(codes[order[start]]), names), ordered.slice(start, end - start))
            for start, end in pairwise(starts)
        ]

    def _rest(self, table: pa.Table) -> pa.Table:
        """What is written: without the partition columns, or with each as its own type."""
        rest = table.drop_columns(list(self.keys))
        for key, kind in zip(self.keys, self.written, strict=False):
            text = table.column(key)
            rest = rest.append_column(key, pc.if_else(pc.equal(text, ""), None, text).cast(kind))
        return rest

    def _decode(self, code: int, names: list[list[str]]) -> tuple[str, ...]:
        values: list[str] = []
        for options in reversed(names):
            code, index = divmod(code, len(options))
            values.append(options[index])
        return tuple(reversed(values))

    def _flush(self, target: _Open, last: bool = False) -> None:
        """Write what waits; with `last`, end the file, too."""
        with target.lock:
            if self._aborted:
                return
            try:
                self._write_waiting(target)
                if last and target.writer is not None:
                    self._finish(target)
            except OSError as error:
                raise StorageFailed(f"cannot write {target.path}: {error}") from error

    def _write_waiting(self, target: _Open) -> None:
        with self._lock:
            tables, size = target.waiting, target.waiting_bytes
            target.waiting, target.waiting_bytes = [], 0
            self._bytes -= size
        if not tables:
            return
        rows = pa.concat_tables(tables)
        if target.writer is None:
            self._begin(target, rows.schema)
        assert target.writer is not None
        assert target.path is not None
        target.writer.write_table(rows, row_group_size=max(rows.num_rows, 1))
        target.records += rows.num_rows
        if target.path.stat().st_size >= self.options.target_file_bytes:
            self._finish(target)

    def _begin(self, target: _Open, schema: pa.Schema) -> None:
        in_place = self.options.in_place
        folders = [partition_folder(k, v) for k, v in zip(self.keys, target.values, strict=True)]
        name = f"{self.stem}-{target.part:05d}.parquet{'' if in_place else '.staged'}"
        target.uri = self.prefix.join(*folders, name)
        target.path = self.store.local_path(target.uri) or self.spool.joinpath(*folders, name)
        target.path.parent.mkdir(parents=True, exist_ok=True)
        target.part += 1
        target.records = 0
        target.writer = pq.ParquetWriter(
            target.path, schema, compression=self.options.compression, write_page_checksum=True,
            write_page_index=True, use_dictionary=_texts(schema), store_schema=not in_place,
        )  # fmt: skip

    def _finish(self, target: _Open) -> None:
        assert target.writer is not None
        assert target.path is not None
        assert target.uri is not None
        target.writer.close()
        target.writer = None
        staged = self._seal(target.path, target.uri, target.values, target.records)
        with self._lock:
            self._staged.append(staged)

    def _seal(self, path: Path, uri: S3Uri, values: tuple[str, ...], records: int) -> StagedFile:
        """Make the file durable, read its footer back, take its checksum, upload it when the store is remote."""
        with path.open("rb") as file:
            os.fsync(file.fileno())
            found = pq.read_metadata(file).num_rows
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if found != records:
            raise StorageFailed(f"{path}: the footer says {found} rows, {records} were written")
        size = path.stat().st_size
        if not self.store.in_place:
            self.store.put(path, uri)
            path.unlink()
        return StagedFile(
            uri=uri, values=values, records=records, size_bytes=size, checksum=f"sha256:{digest}"
        )

    def close(self) -> tuple[StagedFile, ...]:
        """Write what waits and return every file, ordered by URI. Raises what the first of them ran into."""
        largest_first = sorted(self._open.values(), key=lambda p: -p.waiting_bytes)
        ending = [self.pool.submit(self._flush, target, True) for target in largest_first]
        for future in ending:
            future.result()
        return tuple(sorted(self._staged, key=lambda f: f.uri.key))

    def abort(self) -> None:
        """Close file handles; what was written stays under the staging prefix, for its owner to delete.

        Other threads may still be writing: each file is closed when its writer is done with it (closing it under a
        write crashes the process), and nothing is written after."""
        self._aborted = True
        with self._lock:
            targets = list(self._open.values())
        for target in targets:
            with target.lock, contextlib.suppress(OSError, pa.ArrowException):
                if target.writer is not None:
                    target.writer.close()
                target.writer = None
