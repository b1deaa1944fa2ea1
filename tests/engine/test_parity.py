"""The embedded engine and Spark make the same of the same batch: rows, rejects, counts, types, partitions.

Spark runs on local threads, on a real standalone cluster (a master and two workers), and through Spark Connect.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import sparkcluster
from engine.parity import Batch, Outcome, differences, jobs, put, run, stage_job
from engine.parity_batches import corpus_batches, event_batch, policy_batches
from glulam.engine.base import EngineResources
from glulam.engine.duckdb import DuckDbEngine
from glulam.engine.spark import SparkEngine
from glulam.infer.resolve import SchemaMode, resolve
from glulam.ingest.config import Item, Transform
from glulam.model.errors import ObjectChanged, StorageFailed, UnreadableFile, UnsupportedSql
from glulam.model.uri import S3Uri
from glulam.objects.lake import Lake
from glulam.objects.s3 import S3Store

pytestmark = [pytest.mark.spark, pytest.mark.xdist_group("spark")]

CORPUS, POLICIES = corpus_batches(), policy_batches()
BOTH = {"corpus": CORPUS["corpus"], "events": event_batch()}
"""What runs on every kind of Spark; the rest on local threads only."""


def resources(folder: Path) -> EngineResources:
    folder.mkdir(parents=True, exist_ok=True)
    return EngineResources(threads=2, memory_bytes=256 << 20, spool=folder)


def check(spark: SparkEngine, lake: Lake, batch: Batch, folder: Path) -> Outcome:
    """Run the batch on both and compare. The outcome is the embedded engine's."""
    sources = put(lake, batch)
    duckdb = DuckDbEngine(lake, resources(folder / "spool"))
    try:
        theirs = run(duckdb, lake, batch, sources, "duckdb")
    finally:
        duckdb.close()
    mine = run(spark, lake, batch, sources, "spark")
    assert differences(mine, theirs) == []
    assert mine == theirs
    return theirs


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    root = tmp_path_factory.mktemp("lake")
    return Lake(root)


@pytest.fixture(scope="module")
def loopback() -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(sparkcluster.environment())
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="class")
def local(lake: Lake, loopback: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkEngine]:
    engine = SparkEngine(lake, resources(tmp_path_factory.mktemp("spark")), "local[2]")
    yield engine
    engine.close()


class TestLocal:
    @pytest.mark.parametrize("name", [*BOTH, *(n for n in CORPUS if n != "corpus"), *POLICIES])
    def test_both_engines_agree(self, name: str, local: SparkEngine, lake: Lake, tmp_path: Path) -> None:
        outcome = check(local, lake, {**CORPUS, **POLICIES, **BOTH}[name], tmp_path)
        assert sum(outcome.read.values()) == sum(w + r for w, r, _ in outcome.counts.values())
        if name == "events":
            assert set(outcome.reasons) == {"MALFORMED", "MISSING_EVENT_TIME", "CAST_FAILED"}
            assert outcome.cast_failures.keys() == {"code", "event_time", "score"}
            assert len({row[-3:] for row in outcome.rows}) > 10, "partitions"
        if name == "partition-values":
            assert outcome.reasons == {"BAD_PARTITION_VALUE": 7, "CAST_FAILED": 1}
            assert (len(outcome.rows), len(outcome.dead_letters)) == (5, 8)
        if name == "replay":
            assert any(outcome.written_keys.values())
        if name == f"existing-{SchemaMode.FROZEN}":
            assert outcome.reasons["SCHEMA_FROZEN"] > 0

    def test_a_file_overwritten_between_the_reads_fails_the_stage(
        self, local: SparkEngine, lake: Lake, tmp_path: Path
    ) -> None:
        batch = Batch(files={"moved/a.json": b'{"a":1}\n', "moved/b.json": b'{"a":2}\n'})
        sources = put(lake, batch)
        read, policy = jobs(batch, sources)
        scan = local.scan(read)
        put(lake, Batch(files={"moved/b.json": b'{"a":3}\n'}))
        stage = stage_job(batch, resolve(scan.shape, None, policy), S3Uri("lake", "_staging/moved"))
        with pytest.raises(ObjectChanged, match=r"moved/b\.json"):
            local.stage(read, scan, stage)

    def test_a_file_gone_before_the_scan_is_left_out(self, local: SparkEngine, lake: Lake) -> None:
        batch = Batch(files={"gone/a.json": b'{"a":1}\n', "gone/b.json": b'{"a":2}\n{\n'})
        sources = put(lake, batch)
        read, policy = jobs(batch, sources)
        lake.delete(S3Uri("raw", "gone/a.json"))
        scan = local.scan(read)
        assert scan.gone == {0}
        stage = stage_job(batch, resolve(scan.shape, None, policy), S3Uri("lake", "_staging/gone"))
        staged = local.stage(read, scan, stage)
        assert {i: (c.written, c.rejected) for i, c in staged.counts.items()} == {1: (1, 1)}

    def test_an_unreadable_file_fails_by_its_own_error(self, local: SparkEngine, lake: Lake) -> None:
        batch = Batch(files={"bad/ok.json": b"{}", "bad/zip.json": b"PK\x03\x04" + bytes(100)})
        with pytest.raises(UnreadableFile, match=r"bad/zip\.json"):
            local.scan(jobs(batch, put(lake, batch))[0])

    def test_sql_that_spark_cannot_run_is_named(self, local: SparkEngine, lake: Lake) -> None:
        transform = Transform(select=(Item(sql="no_such_function(a) AS b"),))
        batch = Batch(files={"sql/a.json": b'{"a":1}\n'}, transform=transform)
        read, policy = jobs(batch, put(lake, batch))
        scan = local.scan(read)
        stage = stage_job(batch, resolve(scan.shape, None, policy), S3Uri("lake", "_staging/sql"))
        with pytest.raises(UnsupportedSql, match=r"(?i)no_such_function"):
            local.stage(read, scan, stage)

    def test_storage_that_fails_on_an_executor_fails_as_such(self, local: SparkEngine, lake: Lake) -> None:
        batch = Batch(files={"full/a.json": b'{"a":1}\n'})
        put(lake, Batch(files={"blocked": b"a file where a folder should be"}), "lake")
        read, policy = jobs(batch, put(lake, batch))
        scan = local.scan(read)
        with pytest.raises(StorageFailed, match="blocked"):
            local.stage(
                read, scan, stage_job(batch, resolve(scan.shape, None, policy), S3Uri("lake", "blocked/here"))
            )

    def test_few_files_for_many_tiny_inputs(self, local: SparkEngine, lake: Lake, tmp_path: Path) -> None:
        files = {f"tiny/{i:04d}.json": b'{"mode":"%d","n":%d}' % (i % 4, i) for i in range(300)}
        batch = Batch(files=files, transform=Transform(partition_by=("mode",)))
        check(local, lake, batch, tmp_path)
        mine = run(local, lake, batch, put(lake, batch), "tiny")
        assert len(mine.rows) == 300
        assert mine.data_files == 4, "one for each partition"


class TestStandaloneCluster:
    """A master and two workers, each a process of its own."""

    @pytest.fixture(scope="class")
    @staticmethod
    def cluster(
        lake: Lake, loopback: None, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[SparkEngine]:
        with sparkcluster.standalone(tmp_path_factory.mktemp("cluster")) as url:
            engine = SparkEngine(lake, resources(tmp_path_factory.mktemp("spark")), url)
            yield engine
            engine.close()

    @pytest.mark.parametrize("name", BOTH)
    def test_both_engines_agree(self, name: str, cluster: SparkEngine, lake: Lake, tmp_path: Path) -> None:
        assert check(cluster, lake, BOTH[name], tmp_path).rows

    def test_both_workers_work(self, cluster: SparkEngine) -> None:
        assert cluster.parallelism == 2


class TestConnect:
    """A Spark Connect server in a process of its own; the client has no JVM."""

    @pytest.fixture(scope="class")
    @staticmethod
    def remote(lake: Lake, loopback: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkEngine]:
        with sparkcluster.connect_server(tmp_path_factory.mktemp("connect")) as url:
            engine = SparkEngine(lake, resources(tmp_path_factory.mktemp("spark")), url)
            yield engine
            engine.close()

    @pytest.mark.parametrize("name", BOTH)
    def test_both_engines_agree(self, name: str, remote: SparkEngine, lake: Lake, tmp_path: Path) -> None:
        assert check(remote, lake, BOTH[name], tmp_path).rows

    def test_the_lake_on_s3(self, remote: SparkEngine, s3_bucket: str, tmp_path: Path) -> None:
        """Executors have their own credentials; the endpoint comes from the driver."""
        store, batch = S3Store(), POLICIES["plain"]
        sources = put(store, batch, s3_bucket)
        duckdb = DuckDbEngine(store, resources(tmp_path / "duckdb"))
        theirs = run(duckdb, store, batch, sources, "duckdb", s3_bucket)
        duckdb.close()
        spark = SparkEngine(store, resources(tmp_path / "spark"), remote.master)
        mine = run(spark, store, batch, sources, "spark", s3_bucket)
        assert differences(mine, theirs) == []
        assert mine.rows


def test_a_spark_that_is_not_there_is_named(lake: Lake, loopback: None, tmp_path: Path) -> None:
    engine = SparkEngine(lake, resources(tmp_path), f"sc://127.0.0.1:{sparkcluster.free_port()}")
    with pytest.raises(StorageFailed, match=r"sc://127\.0\.0\.1"):
        engine.scan(jobs(Batch(files={}), ())[0])
