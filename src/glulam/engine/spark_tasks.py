"""What runs on Spark's executors: read a group of files, count or parse it, write transformed rows. No Spark in here.

    scan_group    group number -> counts and types of its files, as one JSON text
    read_group    group number -> typed raw rows and rejects, in one stream   (then Spark runs the transform)
    write_rows    transformed rows -> staged files; the list of them and the counts as one JSON text

Each is a function from Arrow batches to Arrow batches, with its work as a plain value that travels by pickle. An error
that trying again cannot mend travels as an answer, so that the driver raises it by its own type; any other is raised
here, and Spark tries the task again. A task that was tried twice leaves files that nobody lists; they go with the
staging prefix. Left to others: the session and the SQL (`spark.py`), shared writing rules (`staging.py`).
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from glulam.engine.base import SourceFile, StagedFile, WriteOptions
from glulam.engine.fit import conform, fitted_schema, widen
from glulam.engine.late_rejects import in_batches, late_rejects
from glulam.engine.partition_writer import PartitionWriter
from glulam.engine.sources import asked_only, count_rows, framed, keep_only
from glulam.engine.spark_types import spark_schema
from glulam.engine.staging import StageSpec, Tally, dead_letters, split
from glulam.infer.resolve import SchemaPolicy, resolve
from glulam.infer.shape import Shape
from glulam.infer.types import Struct
from glulam.model.errors import DataRejected, GlulamError, ObjectChanged
from glulam.model.uri import S3Uri
from glulam.objects.base import ObjectStore
from glulam.objects.lake import Lake
from glulam.records.chunks import gather
from glulam.records.scan import scan_chunk
from glulam.records.values import ReadLimits, Reject, RejectCode
from glulam.records.verify import FastParser

Group = tuple[SourceFile, ...]
_FINAL = (DataRejected, ObjectChanged)
"""Errors that the same input gives again."""

ANSWER = pa.schema([pa.field("answer", pa.string())])
REJECT_COLUMNS = pa.schema(
    [
        pa.field(":code", pa.string()),
        pa.field(":detail", pa.string()),
        pa.field(":raw", pa.binary()),
    ]
)
"""Beside the raw rows: set on rows that are rejects; no raw column can have a colon in its name. A code that starts
with `!` is an error of the whole task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSpec:
    """How an executor reaches the objects: a lake's root folder (shared by all machines), or S3. Credentials are the
    executor's own; the driver's endpoint and region hold where the executor has none."""

    lake: str | None
    environment: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, store: ObjectStore, environment: Mapping[str, str]) -> StoreSpec:
        if isinstance(store, Lake):
            return cls(lake=str(store.root))
        return cls(lake=None, environment=tuple((k, environment[k]) for k in _S3_PLACE if k in environment))

    def open(self) -> ObjectStore:
        if self.lake is not None:
            return Lake(Path(self.lake))
        for name, value in self.environment:
            os.environ.setdefault(name, value)
        found: ObjectStore = importlib.import_module(
            "glulam.objects.s3"
        ).S3Store()  # boto3: only who uses it pays
        return found


_S3_PLACE = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_DEFAULT_REGION",
             "AWS_REQUEST_CHECKSUM_CALCULATION")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadWork:
    """How the groups are read. `schema`: what to try first in a scan, what to read by otherwise."""

    store: StoreSpec
    groups: tuple[Group, ...]
    limits: ReadLimits
    policy: SchemaPolicy
    schema: Struct | None
    learn: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteWork:
    store: StoreSpec
    sources: Group
    limits: ReadLimits
    spec: StageSpec
    options: WriteOptions
    data: S3Uri
    dead_letters: S3Uri
    budget_bytes: int
    """Rows that one task keeps in memory before it writes."""


def packed(sources: Iterable[SourceFile], tasks: int, least_bytes: int) -> tuple[Group, ...]:
    """Neighbouring files in groups of about the same size: at most about `tasks`, of `least_bytes` or more each. A tiny
    file weighs a little more than its bytes, since opening it costs too."""
    files = list(sources)
    total = sum(s.size_bytes + 4096 for s in files)
    target = max(total // max(tasks, 1), least_bytes)
    groups: list[Group] = []
    group: list[SourceFile] = []
    size = 0
    for source in files:
        weight = source.size_bytes + 4096
        if group and size + weight > target * 1.25:
            groups.append(tuple(group))
            group, size = [], 0
        group.append(source)
        size += weight
    return (*groups, tuple(group)) if group else tuple(groups)


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder of this task, in the place that Spark gives its executors, where it does."""
    base = os.environ.get("SPARK_LOCAL_DIRS", "").split(",")[0]
    folder = tempfile.mkdtemp(prefix="glulam-task-", dir=base if base and os.path.isdir(base) else None)
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _parser() -> Iterator[FastParser]:
    parser = FastParser()
    try:
        yield parser
    finally:
        parser.close()


def _answer(value: Mapping[str, Any]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([{"answer": json.dumps(value)}], schema=ANSWER)


def _numbers(batches: Iterable[pa.RecordBatch]) -> Iterator[int]:
    for batch in batches:
        yield from batch.column(0).to_pylist()


# -- scan --------------------------------------------------------------------------------------------------------------


def scan_group(batches: Iterable[pa.RecordBatch], work: ReadWork) -> Iterator[pa.RecordBatch]:
    """ANSWER rows: shape, records by file and gone files of each group; or an error."""
    for number in _numbers(batches):
        try:
            yield _answer(_scan(work, work.groups[number]))
        except _FINAL as error:
            yield _answer(failure(error))


def _scan(work: ReadWork, group: Group) -> dict[str, Any]:
    gone: set[int] = set()
    shape, base = Shape(), work.schema
    records: Counter[int] = Counter({s.index: 0 for s in group})
    only, store = asked_only(group), work.store.open()
    with _scratch() as spool, _parser() as parser:
        for gathered in gather(framed(store, group, work.limits, spool, gone)):
            found = scan_chunk(
                keep_only(gathered.chunk(), only), parser, base, work.policy, work.limits, learn=work.learn
            )
            for _, table in found.parsed:
                count_rows(records, table)
            count_rows(records, found.slow)
            records.update(r.file for r in found.rejects)
            shape.merge(found.shape)
            if base is None and work.learn:
                base = resolve(
                    found.shape, None, SchemaPolicy(hints=work.policy.hints, reserved=work.policy.reserved)
                )
    return {"shape": shape.to_json(), "records": list(records.items()), "gone": sorted(gone)}


# -- read --------------------------------------------------------------------------------------------------------------


def read_schema(schema: Struct) -> pa.Schema:
    """Raw columns, LINEAGE, rescued values, REJECT_COLUMNS."""
    return spark_schema(pa.schema([*fitted_schema(schema), *REJECT_COLUMNS]))


def read_group(batches: Iterable[pa.RecordBatch], work: ReadWork) -> Iterator[pa.RecordBatch]:
    """Rows of `read_schema`, streamed: memory holds a chunk or two."""
    assert work.schema is not None
    target = read_schema(work.schema)
    for number in _numbers(batches):
        try:
            yield from _read(work, work.schema, target, work.groups[number])
        except _FINAL as error:
            marked = {":code": f"!{type(error).__name__}", ":detail": str(error)}
            yield pa.RecordBatch.from_pylist([marked], schema=target)


def _read(work: ReadWork, schema: Struct, target: pa.Schema, group: Group) -> Iterator[pa.RecordBatch]:
    gone: set[int] = set()
    only, store = asked_only(group), work.store.open()
    with _scratch() as spool, _parser() as parser:
        for gathered in gather(framed(store, group, work.limits, spool, gone)):
            found = scan_chunk(
                keep_only(gathered.chunk(), only), parser, schema, work.policy, work.limits, learn=False
            )
            for have, table in found.parsed:
                yield from _batches(widen(table, have, schema), target)
            fitted, late = conform(found.slow, schema, work.policy, work.limits)
            yield from _batches(fitted, target)
            for rejects in in_batches([*found.rejects, *late]):
                yield _reject_rows(rejects, target)
    if gone:
        names = ", ".join(str(s.uri) for s in group if s.index in gone)
        raise ObjectChanged(f"overwritten between two reads of one batch: {names}")


def _batches(table: pa.Table, target: pa.Schema) -> Iterator[pa.RecordBatch]:
    if not table.num_rows:
        return
    for f in REJECT_COLUMNS:
        table = table.append_column(f, pa.nulls(table.num_rows, f.type))
    yield from (table if table.schema == target else table.cast(target)).to_batches()


def _reject_rows(rejects: list[Reject], target: pa.Schema) -> pa.RecordBatch:
    columns: dict[str, list[Any]] = {
        "_file": [r.file for r in rejects], "_record_no": [r.record_no for r in rejects],
        "_line": [r.line for r in rejects], "_offset": [r.offset for r in rejects],
        "_length": [r.length for r in rejects], ":code": [str(r.code) for r in rejects],
        ":detail": [r.detail for r in rejects], ":raw": [r.raw for r in rejects],
    }  # fmt: skip
    arrays = [
        pa.array(columns[f.name], f.type) if f.name in columns else pa.nulls(len(rejects), f.type)
        for f in target
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=target)


# -- write -------------------------------------------------------------------------------------------------------------


@dataclass
class _Writing:
    """What one task writes."""

    work: WriteWork
    store: ObjectStore
    data: PartitionWriter
    dead: PartitionWriter
    tally: Tally = field(default_factory=Tally.new)
    places: list[pa.Table] = field(default_factory=list)
    rejected: list[tuple[int, int]] = field(default_factory=list)
    """Filled for a replay only."""

    def add(self, table: pa.Table) -> None:
        """Take transformed rows; raises the error that a reading task sent as a row."""
        code = table.column(":code")
        if code.null_count < table.num_rows:
            self.early(table.filter(pc.is_valid(code)))
            table = table.filter(pc.is_null(code))
        good, places = split(table, self.work.spec, self.tally)
        self.data.write(good)
        if places.num_rows:
            self.places.append(places)

    def early(self, rows: pa.Table) -> None:
        names = ("_file", "_record_no", "_line", "_offset", "_length", ":code", ":detail", ":raw")
        rejects = []
        for file, number, line, offset, length, code, detail, raw in zip(
            *(rows.column(n).to_pylist() for n in names), strict=True
        ):
            if code.startswith("!"):
                raise _Sent({"error": [code[1:], detail]})
            rejects.append(Reject(file=file, record_no=number, line=line, offset=offset, length=length, raw=raw,
                                  code=RejectCode(code), detail=detail))  # fmt: skip
        self.tally.rejected.update(r.file for r in rejects)
        self.tally.reasons.update(str(r.code) for r in rejects)
        self.bury(rejects)

    def bury(self, rejects: list[Reject]) -> None:
        self.dead.write(dead_letters(rejects, self.work.spec))
        if any(s.only is not None for s in self.work.sources):
            self.rejected += [(r.file, r.record_no) for r in rejects]

    def finish(self, spool: Path) -> dict[str, Any]:
        work = self.work
        for rejects in in_batches(late_rejects(self.places, work.sources, self.store, work.limits, spool)):
            self.bury(rejects)
        data, dead = self.data.close(), self.dead.close()
        return {"data": [_plain(f) for f in data], "dead_letters": [_plain(f) for f in dead],
                "tally": tally_json(self.tally), "rejected": self.rejected}  # fmt: skip


class _Sent(Exception):
    """An answer in place of the task's own."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__(str(answer))
        self.answer = answer


def write_rows(batches: Iterable[pa.RecordBatch], work: WriteWork, stem: str) -> Iterator[pa.RecordBatch]:
    """One ANSWER row: the staged files and counts of this task; or an error. `stem` names the files: another one for
    every try of every task."""
    store, keys = work.store.open(), work.spec.partition_keys
    with _scratch() as spool, ThreadPoolExecutor(1) as pool:
        common: dict[str, Any] = {"store": store, "options": work.options, "pool": pool, "stem": stem}
        data = PartitionWriter(prefix=work.data, partition_keys=keys, key_types=work.spec.key_types,
                               budget_bytes=work.budget_bytes, spool=spool / "data", **common)  # fmt: skip
        dead = PartitionWriter(prefix=work.dead_letters, partition_keys=(),
                               budget_bytes=work.budget_bytes // 2, spool=spool / "dead_letters", **common)  # fmt: skip
        writing = _Writing(work=work, store=store, data=data, dead=dead)
        try:
            for batch in batches:
                writing.add(pa.Table.from_batches([batch]))
            answer = writing.finish(spool)
        except _Sent as sent:
            data.abort()
            dead.abort()
            answer = sent.answer
        except BaseException as error:
            data.abort()
            dead.abort()
            if not isinstance(error, _FINAL):
                raise
            answer = failure(error)
        yield _answer(answer)


# -- answers -----------------------------------------------------------------------------------------------------------


def failure(error: GlulamError) -> dict[str, Any]:
    return {"error": [type(error).__name__, str(error)]}


def _plain(file: StagedFile) -> list[Any]:
    return [str(file.uri), list(file.values), file.records, file.size_bytes, file.checksum]


def staged_file(plain: list[Any]) -> StagedFile:
    uri, values, records, size, checksum = plain
    return StagedFile(
        uri=S3Uri.parse(uri), values=tuple(values), records=records, size_bytes=size, checksum=checksum
    )


def tally_json(tally: Tally) -> list[list[Any]]:
    return [
        list(c.items())
        for c in (tally.written, tally.rejected, tally.rescued, tally.cast_failures, tally.reasons)
    ]


def tally_from(plain: list[list[Any]]) -> Tally:
    written, rejected, rescued, cast_failures, reasons = (Counter(dict(map(tuple, pairs))) for pairs in plain)
    return Tally(written, rejected, rescued, cast_failures, reasons)
