"""The Spark engine: local[*], a standalone or other cluster by its master URL, or Spark Connect (sc://host:port).

    driver                     executors (spark_tasks.py)             Spark SQL
    scan:  groups of files --> scan_group --> counts, types
    stage: groups of files --> read_group -- typed raw rows -------> SELECT of select.py, rebalanced by partition
                               write_rows <-- transformed rows ----+
           manifest, counts <--+

Reader and writer are the embedded engine's own; only the transform runs in Spark. Nothing but the DataFrame API is
used (no RDDs, no JVM calls). The files are read twice, by the scan and by the stage: nothing that big is kept between.
This is the only file that imports pyspark. What executors need stands in docs/spark.md.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import pyarrow as pa
import sqlglot.expressions as exp
from py4j.protocol import Py4JError
from pyspark import TaskContext
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from glulam.engine import spark_tasks as tasks
from glulam.engine.base import EngineResources, ReadJob, Scan, SourceFile, Staged, StageJob
from glulam.engine.select import PASS_THROUGH, selected
from glulam.engine.sources import learns, written_keys
from glulam.engine.spark_types import from_spark_json, spark_field
from glulam.engine.staging import StageSpec, Tally, finished_columns
from glulam.infer.arrow import from_arrow
from glulam.infer.shape import Shape
from glulam.infer.types import Array, DataType, Struct
from glulam.model import errors
from glulam.model.errors import GlulamError, StorageFailed, UnsupportedSql
from glulam.objects.base import ObjectStore

_MIB = 1024 * 1024
_LEAST_GROUP_BYTES = 8 * _MIB
_SHUFFLE_PARTITIONS = 64
_CONNECT_PORT, _KNOCK_TIMEOUT_S = 15002, 20.0
_SQL = {
    "spark.sql.ansi.enabled": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.legacy.timeParserPolicy": "CORRECTED",
    "spark.sql.caseSensitive": "false",
    "spark.sql.adaptive.enabled": "true",
    "spark.sql.adaptive.coalescePartitions.enabled": "true",
    "spark.sql.shuffle.partitions": str(_SHUFFLE_PARTITIONS),
    "spark.sql.execution.arrow.useLargeVarTypes": "false",
}
"""What results depend on: set on every session, also on one that was there before."""


class SparkEngine:
    name = "spark"

    def __init__(self, store: ObjectStore, resources: EngineResources, master: str = "local[*]") -> None:
        """`master`: a Spark master URL, or `sc://host:port` for Spark Connect. The session starts when it is needed."""
        self.store, self.resources, self.master = store, resources, master
        self._store = tasks.StoreSpec.of(store, os.environ)

    def close(self) -> None:
        if "session" in self.__dict__:
            self.session.stop()
            del self.__dict__["session"]

    @cached_property
    def session(self) -> Any:
        try:
            session = _connect(self.master)
            for name, value in _SQL.items():
                session.conf.set(name, value)
        except (PySparkException, Py4JError) as error:
            raise StorageFailed(f"cannot reach Spark at {self.master}: {_first_line(error)}") from error
        return session

    @cached_property
    def parallelism(self) -> int:
        """How many tasks Spark runs side by side by default (up to 1024)."""
        found = self.session.range(1024).selectExpr("spark_partition_id() AS p").collect()
        return int(max(row["p"] for row in found)) + 1

    # -- scan ----------------------------------------------------------------------------------------------------

    def scan(self, job: ReadJob) -> Scan:
        with _translated():
            work = self._reading(job, job.sources, job.existing, learn=learns(job))
            rows = self._mapped(partial(tasks.scan_group, work=work), len(work.groups), _answers()).collect()
        shape, gone = Shape(), set[int]()
        records = {s.index: 0 for s in job.sources}
        for answer in _opened(rows):
            shape.merge(Shape.from_json(answer["shape"]))
            records.update({int(file): int(count) for file, count in answer["records"]})
            gone.update(answer["gone"])
        return Scan(shape=shape, records=records, gone=frozenset(gone), handle=None)

    def _reading(
        self, job: ReadJob, sources: Iterable[SourceFile], schema: Struct | None, *, learn: bool
    ) -> tasks.ReadWork:
        groups = tasks.packed(sources, 3 * self.parallelism, _LEAST_GROUP_BYTES)
        return tasks.ReadWork(
            store=self._store, groups=groups, limits=job.limits, policy=job.policy, schema=schema, learn=learn
        )

    def _mapped(self, task: Any, groups: int, schema: StructType) -> DataFrame:
        """One Spark task for each group number."""
        return self.session.range(0, groups, 1, max(groups, 1)).mapInArrow(task, schema)

    # -- stage ---------------------------------------------------------------------------------------------------

    def stage(self, job: ReadJob, scan: Scan, stage: StageJob) -> Staged:
        kept = tuple(s for s in job.sources if s.index not in scan.gone)
        with _translated():
            raw = self._raw(job, kept, stage.schema)
            chosen = self._selected(raw, stage)
            keys = self._types(raw, stage)
            spec = _spec(job, stage, keys)
            writing = tasks.WriteWork(
                store=self._store, sources=kept, limits=job.limits, spec=spec, options=stage.write, data=stage.data,
                dead_letters=stage.dead_letters, budget_bytes=max(self.resources.memory_bytes // 8, 64 * _MIB),
            )  # fmt: skip
            columns = dict(_fields(chosen))
            stage.failpoint("stage.before")
            self.session.conf.set(
                "spark.sql.adaptive.advisoryPartitionSizeInBytes",
                str(max(stage.write.target_file_bytes, _MIB)),
            )
            spread = chosen.hint("rebalance", *(f"p{i}" for i in range(len(spec.partition_keys))))
            rows = spread.mapInArrow(partial(_write, work=writing), _answers()).collect()
        answers = list(_opened(rows))
        stage.failpoint("stage.after_good")
        stage.failpoint("stage.after_dead_letters")
        outputs = finished_columns(spec, [columns[f"o{i}"] for i in range(len(spec.names))])
        return _staged(answers, kept, outputs, tuple(zip(spec.partition_keys, keys, strict=True)))

    def _raw(self, job: ReadJob, sources: Sequence[SourceFile], schema: Struct) -> DataFrame:
        work = self._reading(job, sources, schema, learn=False)
        fields = [spark_field(f.name, from_arrow(f.type)) for f in tasks.read_schema(schema)]
        shape = StructType.fromJson({"type": "struct", "fields": fields})
        return self._mapped(partial(tasks.read_group, work=work), len(work.groups), shape)

    def _types(self, raw: DataFrame, stage: StageJob) -> list[DataType]:
        """Types of the partition columns, by analysis alone."""
        texts = [_text(c.expression, confusable(stage.schema)) for c in stage.plan.partition_by]
        return [kind for _, kind in _fields(raw.selectExpr(*texts))] if texts else []

    def _selected(self, raw: DataFrame, stage: StageJob) -> DataFrame:
        strict = confusable(stage.schema)
        self.session.conf.set("spark.sql.caseSensitive", str(strict).lower())
        items = [f"{_text(expression, strict)} AS `{name}`" for name, expression in selected(stage.plan)]
        through = [f"`{name}`" for name in (*PASS_THROUGH, *tasks.REJECT_COLUMNS.names)]
        return raw.selectExpr(*items, *through)


def _spec(job: ReadJob, stage: StageJob, keys: Sequence[DataType]) -> StageSpec:
    return StageSpec(
        names=tuple(c.name for c in stage.plan.columns),
        partition_keys=tuple(c.name for c in stage.plan.partition_by),
        paths=tuple(s.lineage[0] for s in job.sources), etags=tuple(s.lineage[1] for s in job.sources),
        batch_id=stage.batch_id, ingested_at_us=stage.ingested_at_us,
        key_types=tuple(keys) if stage.write.in_place else (),
    )  # fmt: skip


def confusable(schema: DataType) -> bool:
    """Whether two names at one place differ for us and are equal for Spark, which takes letters without case by Java's
    rule: the long s is an s, the dotless i an i."""
    if isinstance(schema, Array):
        return confusable(schema.element)
    if not isinstance(schema, Struct):
        return False
    names = [f.name.upper().lower() for f in schema.fields]
    return len(set(names)) < len(names) or any(confusable(f.type) for f in schema.fields)


def _text(expression: exp.Expression, strict: bool) -> str:
    """Spark SQL. Where Spark has to tell names by case, those of columns and members are written as ours are."""
    if strict:
        expression = expression.copy()
        for node in expression.find_all(exp.Column, exp.Dot):
            for name in node.find_all(exp.Identifier):
                name.set("this", name.name.lower())
    return str(expression.sql(dialect="spark"))


def _write(batches: Iterator[pa.RecordBatch], work: tasks.WriteWork) -> Iterator[pa.RecordBatch]:
    """On an executor: another stem for every try of every task, also of another driver."""
    context = TaskContext.get()
    part = context.partitionId() if context is not None else 0
    return tasks.write_rows(batches, work, f"part-{part:05d}-{secrets.token_hex(6)}")


def _answers() -> StructType:
    fields = [spark_field(f.name, from_arrow(f.type)) for f in tasks.ANSWER]
    return StructType.fromJson({"type": "struct", "fields": fields})


def _fields(frame: DataFrame) -> list[tuple[str, DataType]]:
    found = from_spark_json(frame.schema.jsonValue())
    assert isinstance(found, Struct)
    return [(f.name, f.type) for f in found.fields]


def _opened(rows: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """The answers of tasks. Raises the error that one of them sent."""
    for row in rows:
        answer = json.loads(row["answer"])
        if "error" in answer:
            name, message = answer["error"]
            raise _error(name, message)
        yield answer


def _error(name: str, message: str) -> GlulamError:
    kind = getattr(errors, name, StorageFailed)
    return kind(message) if issubclass(kind, GlulamError) else StorageFailed(message)


def _staged(
    answers: Iterable[dict[str, Any]], kept: Iterable[SourceFile], columns: tuple[tuple[str, DataType], ...],
    keys: tuple[tuple[str, DataType], ...],
) -> Staged:  # fmt: skip
    total = Tally.new()
    data, dead = [], []
    rejected: set[tuple[int, int]] = set()
    for answer in answers:
        total.add(tasks.tally_from(answer["tally"]))
        data += [tasks.staged_file(f) for f in answer["data"]]
        dead += [tasks.staged_file(f) for f in answer["dead_letters"]]
        rejected.update((file, number) for file, number in answer["rejected"])
    sources = tuple(kept)
    return Staged(
        data=tuple(sorted(data, key=lambda f: f.uri.key)), dead_letters=tuple(sorted(dead, key=lambda f: f.uri.key)),
        counts=total.by_file([s.index for s in sources]), columns=columns, partition_keys=keys,
        cast_failures=dict(total.cast_failures), reasons=dict(total.reasons),
        written_keys=written_keys(sources, (), rejected),
    )  # fmt: skip


# -- session -----------------------------------------------------------------------------------------------------------


def _connect(master: str) -> SparkSession:
    builder = SparkSession.builder.appName("glulam")
    if master.startswith("sc://"):
        _knock(master)
        return builder.remote(master).getOrCreate()
    builder = (
        builder.master(master)
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
    )
    if _on_this_machine(master):
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        builder = builder.config("spark.executorEnv.PYTHONPATH", str(Path(tasks.__file__).parents[2]))
    return builder.getOrCreate()


def _knock(url: str) -> None:
    """Spark's client would try for ten minutes where nobody listens. Raises StorageFailed."""
    parts = urlsplit(url)
    try:
        socket.create_connection(
            (parts.hostname or "", parts.port or _CONNECT_PORT), timeout=_KNOCK_TIMEOUT_S
        ).close()
    except OSError as error:
        raise StorageFailed(f"cannot reach Spark at {url}: {error.strerror or error}") from error


def _on_this_machine(master: str) -> bool:
    """Whether executors run this very Python: a local master, or a standalone one on this host."""
    host = re.match(r"spark://\[?([^,\]]+?)\]?(?::\d+)?$", master)
    if host is None:
        return master.startswith("local")
    return host.group(1) in ("localhost", "127.0.0.1", "::1", socket.gethostname(), socket.getfqdn())


@contextmanager
def _translated() -> Iterator[None]:
    """Turns Spark's errors into ours: SQL that it cannot run, one of our own raised on an executor, all others."""
    try:
        yield
    except (PySparkException, Py4JError) as error:
        _raise(error)


_OURS = re.compile(r"^glulam\.model\.errors\.(\w+): (.*)$", re.MULTILINE)


def _raise(error: Exception) -> NoReturn:
    if isinstance(error, AnalysisException):  # ParseException is one
        raise UnsupportedSql(f"Spark cannot run the transform: {_first_line(error)}") from error
    if ours := _OURS.search(str(error)):
        raise _error(ours.group(1), ours.group(2)) from error
    raise StorageFailed(f"Spark gave up: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    python = [line for line in lines if re.match(r"[\w.]+(Error|Exception|Invalid)\b", line)]
    return (python or lines or [type(error).__name__])[-1 if python else 0][:500]
