"""The embedded engine: DuckDB in process, on threads, in bounded memory.

Scan: the main thread frames files, workers parse chunks. Stage: workers fit, transform and encode. Each worker has a
DuckDB of its own with one thread, so that chunks, not operators, are what runs in parallel.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import duckdb
import numpy as np
import pyarrow as pa

from glulam.engine.base import EngineResources, ReadJob, Scan, Staged, StageJob
from glulam.engine.duckdb_select import DuckDbSelect
from glulam.engine.fit import conform, widen
from glulam.engine.late_rejects import in_batches, late_rejects
from glulam.engine.partition_writer import PartitionWriter
from glulam.engine.pieces import Piece, Pieces
from glulam.engine.sources import asked_only, count_rows, framed, keep_only, learns, written_keys
from glulam.engine.staging import StageSpec, Tally, column_types, dead_letters, split
from glulam.infer.resolve import SchemaPolicy, resolve, widens
from glulam.infer.shape import Shape
from glulam.infer.types import DataType, Struct
from glulam.model.errors import ObjectChanged
from glulam.objects.base import ObjectStore
from glulam.records.chunks import Chunk, Gathered, gather
from glulam.records.scan import RAW, Scanned, scan_chunk
from glulam.records.values import Reject
from glulam.records.verify import FastParser, fast_part, private_duckdb

T = TypeVar("T")


@dataclass
class _Handle:
    """What a scan found, kept for its stage."""

    pieces: Pieces
    rejects: list[Reject] = field(default_factory=list)
    shapes: dict[int, Shape] = field(default_factory=dict)
    records: Counter[int] = field(default_factory=Counter)
    gone: set[int] = field(default_factory=set)

    def shape(self) -> Shape:
        total = Shape()
        for number in sorted(self.shapes):
            total.merge(self.shapes[number])
        return total


def _widest(base: Struct | None, found: Scanned) -> Struct | None:
    for schema, _ in found.parsed:
        if base is not None and schema != base and widens(base, schema):
            base = schema
    return base


class DuckDbEngine:
    name = "duckdb"

    def __init__(self, store: ObjectStore, resources: EngineResources) -> None:
        self.store, self.resources = store, resources
        self.pool = ThreadPoolExecutor(resources.threads, thread_name_prefix="engine")
        self._local = threading.local()
        self._opened: list[Any] = []

    def close(self) -> None:
        self.pool.shutdown(wait=True, cancel_futures=True)
        for opened in self._opened:
            opened.close()

    # -- scan ----------------------------------------------------------------------------------------------------

    def scan(self, job: ReadJob) -> Scan:
        handle = self._scan(job, job.existing, learn=learns(job))
        return Scan(
            shape=handle.shape(), records=dict(handle.records), gone=frozenset(handle.gone), handle=handle
        )

    def _scan(self, job: ReadJob, base: Struct | None, *, learn: bool) -> _Handle:
        handle = _Handle(Pieces(self.resources.spool, self.resources.memory_bytes // 3))
        handle.records.update({s.index: 0 for s in job.sources})
        only = asked_only(job.sources)
        feed = gather(framed(self.store, job.sources, job.limits, self.resources.spool, handle.gone))

        def work(gathered: Gathered) -> Scanned:
            return self._scan_one(keep_only(gathered.chunk(), only), base, job, learn)

        try:
            if (first := next(feed, None)) is not None:
                found = self.pool.submit(work, first).result()
                self._collect(handle, found)
                if base is None and learn:
                    lenient = SchemaPolicy(hints=job.policy.hints, reserved=job.policy.reserved)
                    base = resolve(found.shape, None, lenient)
                for result in self._each(work, feed):
                    self._collect(handle, result)
                    if job.existing is None and learn:
                        base = _widest(base, result)  # fields that came late are known to the chunks after
        except BaseException:
            handle.pieces.close()
            raise
        return handle

    def _scan_one(self, chunk: Chunk, base: Struct | None, job: ReadJob, learn: bool) -> Scanned:
        return scan_chunk(chunk, self._parser(), base, job.policy, job.limits, learn=learn)

    def _collect(self, handle: _Handle, found: Scanned) -> None:
        for schema, table in found.parsed:
            handle.pieces.add(found.number, schema, table)
            count_rows(handle.records, table)
        handle.pieces.add(found.number, None, found.slow)
        count_rows(handle.records, found.slow)
        handle.records.update(r.file for r in found.rejects)
        handle.rejects += found.rejects
        handle.shapes[found.number] = found.shape

    def _parser(self) -> FastParser:
        return self._mine("parser", lambda: FastParser(self.duckdb()))

    def duckdb(self) -> duckdb.DuckDBPyConnection:
        """This thread's own; to be shared by cursors."""
        return self._mine("duckdb", private_duckdb)

    # -- stage ---------------------------------------------------------------------------------------------------

    def stage(self, job: ReadJob, scan: Scan, stage: StageJob) -> Staged:
        handle = scan.handle
        assert isinstance(handle, _Handle)
        if not all(widens(s, fast_part(stage.schema)) for s in handle.pieces.schemas()):
            handle = self._again(job, handle, stage.schema)
        try:
            return _Staging(self, job, handle, stage).run()
        except pa.ArrowInvalid:  # a whole number that its column, a double now, cannot hold exactly
            handle = self._again(job, handle, stage.schema)
            return _Staging(self, job, handle, stage).run()
        finally:
            handle.pieces.close()

    def _again(self, job: ReadJob, handle: _Handle, schema: Struct) -> _Handle:
        """Scan once more by the final schema: the first rows had promised another one."""
        handle.pieces.close()
        keep = tuple(s for s in job.sources if s.index not in handle.gone)
        again = self._scan(replace(job, sources=keep), schema, learn=False)
        if again.gone:
            raise ObjectChanged(f"{len(again.gone)} files were overwritten between two reads of one batch")
        again.gone = handle.gone
        return again

    # -- threads -------------------------------------------------------------------------------------------------

    def _mine(self, name: str, make: Callable[[], T]) -> T:
        """This thread's own instance."""
        found = getattr(self._local, name, None)
        if found is None:
            found = make()
            setattr(self._local, name, found)
            self._opened.append(found)
        return found

    def _each(self, work: Callable[[Any], T], items: Iterator[Any]) -> Iterator[T]:
        """Results in order, with few items under way, so that memory stays bounded."""
        waiting: deque[Future[T]] = deque()
        try:
            for item in items:
                waiting.append(self.pool.submit(work, item))
                if len(waiting) > self.resources.threads + 1:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


class _Staging:
    """One batch being staged."""

    def __init__(self, engine: DuckDbEngine, job: ReadJob, handle: _Handle, stage: StageJob) -> None:
        self.engine, self.job, self.handle, self.stage = engine, job, handle, stage
        self.select = DuckDbSelect(stage.plan, stage.schema)
        self.partition_types = engine.pool.submit(
            lambda: self.select.partition_types(engine.duckdb())
        ).result()
        self.connections = threading.local()
        self.spec = StageSpec(
            names=tuple(c.name for c in stage.plan.columns),
            partition_keys=tuple(c.name for c in stage.plan.partition_by),
            paths=tuple(s.lineage[0] for s in job.sources), etags=tuple(s.lineage[1] for s in job.sources),
            batch_id=stage.batch_id, ingested_at_us=stage.ingested_at_us,
            key_types=self.partition_types if stage.write.in_place else (),
        )  # fmt: skip
        self.tally = Tally.new()
        self.places: list[pa.Table] = []
        self.rejects: list[Reject] = []
        self.lock = threading.Lock()
        self.columns: tuple[tuple[str, DataType], ...] | None = None
        resources = engine.resources
        common: dict[str, Any] = {"store": engine.store, "options": stage.write, "pool": engine.pool}
        self.data = PartitionWriter(
            prefix=stage.data, partition_keys=self.spec.partition_keys, key_types=self.spec.key_types,
            budget_bytes=resources.memory_bytes // 4, spool=resources.spool / "data", **common,
        )  # fmt: skip
        self.dead = PartitionWriter(
            prefix=stage.dead_letters, partition_keys=(),
            budget_bytes=resources.memory_bytes // 8, spool=resources.spool / "dead_letters", **common,
        )  # fmt: skip

    def run(self) -> Staged:
        self.stage.failpoint("stage.before")
        try:
            if not self._any_rows():
                self._transform(Piece(0, None, RAW.empty_table(), None))
            for _ in self.engine._each(self._transform, iter(self.handle.pieces)):
                self.stage.failpoint("stage.during_write")
            data = self.data.close()
            self.stage.failpoint("stage.after_good")
            self._write_rejects()
            dead = self.dead.close()
            self.stage.failpoint("stage.after_dead_letters")
        except BaseException:
            self.data.abort()
            self.dead.abort()
            raise
        assert self.columns is not None
        files = [s.index for s in self.job.sources if s.index not in self.handle.gone]
        return Staged(
            data=data, dead_letters=dead, counts=self.tally.by_file(files), columns=self.columns,
            partition_keys=tuple(zip(self.spec.partition_keys, self.partition_types, strict=True)),
            cast_failures=dict(self.tally.cast_failures), reasons=dict(self.tally.reasons),
            written_keys=self._written_keys(),
        )  # fmt: skip

    def _any_rows(self) -> bool:
        return next(iter(self.handle.pieces), None) is not None

    def _transform(self, piece: Piece) -> None:
        """Fit, transform and write the rows of one piece."""
        job, table = self.job, piece.load()
        late: list[Reject] = []
        if piece.schema is None:
            table, late = conform(table, self.stage.schema, job.policy, job.limits)
        else:
            table = widen(table, piece.schema, self.stage.schema)
        if self.handle.gone:
            keep = ~np.isin(np.asarray(table.column("_file")), list(self.handle.gone))
            table = table.filter(pa.array(keep))
        result = self._select(table)
        tally = Tally.new()
        good, places = split(result, self.spec, tally)
        with self.lock:
            self.tally.add(tally)
            self.rejects += late
            if places.num_rows:
                self.places.append(places)
            if self.columns is None:
                self.columns = column_types(good, self.spec)
        self.data.write(good)

    def _select(self, table: pa.Table) -> pa.Table:
        connection = getattr(self.connections, "mine", None)
        if connection is None:
            connection = self.connections.mine = self.select.connect(self.engine.duckdb())
        return self.select.run(connection, table)

    def _write_rejects(self) -> None:
        early = [r for r in [*self.handle.rejects, *self.rejects] if r.file not in self.handle.gone]
        for batch in in_batches(early):
            self._dead(batch)
        self.tally.rejected.update(r.file for r in early)
        self.tally.reasons.update(str(r.code) for r in early)
        resources, store = self.engine.resources, self.engine.store
        for batch in in_batches(
            late_rejects(self.places, self.job.sources, store, self.job.limits, resources.spool)
        ):
            self._dead(batch)

    def _dead(self, rejects: list[Reject]) -> None:
        self.dead.write(dead_letters(rejects, self.spec))

    def _written_keys(self) -> dict[int, tuple[int, ...]]:
        """For a replay: the asked record numbers less the rejected ones."""
        rejected = {(r.file, r.record_no) for r in [*self.handle.rejects, *self.rejects]}
        for table in self.places:
            rejected.update(
                zip(table.column("_file").to_pylist(), table.column("_record_no").to_pylist(), strict=True)
            )
        return written_keys(self.job.sources, self.handle.gone, rejected)
