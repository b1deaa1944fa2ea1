"""The one place that picks the parts: which database, which objects, which engine (see settings.py)."""

from __future__ import annotations

import importlib
import os
import shutil
import socket
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glulam.catalog.scope import Scope
from glulam.engine.base import Engine, EngineResources
from glulam.ingest.batch import BatchWork
from glulam.ingest.compact import CompactWork
from glulam.ingest.config import MIB, Pipeline
from glulam.ingest.iceberg import IcebergTables
from glulam.ingest.processor import Processor
from glulam.ingest.publish import Publisher
from glulam.ingest.replay import ReplayWork
from glulam.ingest.transform import parse_transform
from glulam.ledger import files
from glulam.model.clock import new_batch_id, utc_now
from glulam.model.errors import InvalidConfig
from glulam.objects.base import ObjectStore
from glulam.objects.lake import Lake
from glulam.settings import Settings
from glulam.store.database import Database

if TYPE_CHECKING:
    from glulam.catalog.tables import Table
    from glulam.crawl.work import CrawlWork
    from glulam.crawls import Crawls
    from glulam.ingest.live import Located
    from glulam.objects.notices import Queue


@dataclass
class App:
    """The parts of one process, made when they are first asked for. Close it; it is a context manager."""

    settings: Settings

    def __enter__(self) -> App:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @cached_property
    def database(self) -> Database:
        return Database.open(self.settings)

    @cached_property
    def store(self) -> ObjectStore:
        if self.settings.objects == "local":
            self.settings.lake_root.mkdir(parents=True, exist_ok=True)
            return Lake(self.settings.lake_root)
        found: ObjectStore = _late("glulam.objects.s3").S3Store()  # boto3 costs 0.3 s: only who uses it pays
        return found

    @property
    def scope(self) -> Scope:
        """The catalog of the pipelines and of `glulam sql`."""
        return Scope(catalog_id=self.settings.account_id, region=self.settings.region)

    @cached_property
    def resources(self) -> EngineResources:
        threads = self.settings.threads or os.cpu_count() or 1
        return EngineResources(threads=threads, memory_bytes=self.settings.memory_mb * MIB, spool=self._spool)

    @cached_property
    def _spool(self) -> Path:
        base = self.settings.home.absolute() / "spill"
        base.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=base))

    @cached_property
    def engine(self) -> Engine:
        name = {"duckdb": "DuckDbEngine", "spark": "SparkEngine"}[self.settings.engine]
        module = _late(f"glulam.engine.{self.settings.engine}")
        if self.settings.engine == "spark":
            made: Engine = module.SparkEngine(self.store, self.resources, self.settings.spark_master)
        else:
            made = getattr(module, name)(self.store, self.resources)
        return made

    @cached_property
    def pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.store.at_once, thread_name_prefix="objects")

    def pipeline_id(self, pipeline: Pipeline) -> int:
        with self.database.transaction() as conn:
            return files.ensure_pipeline(conn, pipeline.pipeline)

    @cached_property
    def iceberg(self) -> IcebergTables:
        found: IcebergTables = _late("glulam.iceberg.tables").PyIcebergTables(self.store, self._spool)
        return found

    @cached_property
    def _crawls(self) -> Crawls:
        made: Crawls = _late("glulam.crawls").Crawls(app=self, spool=self._spool / "crawl", late=_late)
        return made

    @cached_property
    def crawls(self) -> CrawlWork:
        """Crawls of any account and region, in this process."""
        return self._crawls.work()

    def queue(self, name: str) -> Queue:
        """The queue of an ARN or URL. Raises InvalidInput, StorageFailed."""
        found: Queue = _late("glulam.objects.queues").EventQueue(name)  # boto3, as for objects in S3
        return found

    def located(self, table: Table) -> Located:
        """The files of a table that no pipeline writes, and how they are read."""
        return self._crawls.located(table)

    def work(self, pipeline: Pipeline) -> BatchWork:
        return BatchWork(database=self.database, store=self.store, engine=self.engine, pipeline=pipeline,
                         parsed=parse_transform(pipeline.transform), clock=utc_now, scope=self.scope,
                         iceberg=self.iceberg if pipeline.iceberg else None)  # fmt: skip

    def processor(self, pipeline: Pipeline, **more: Any) -> Processor:
        work = self.work(pipeline)
        return Processor(
            database=self.database, pipeline=pipeline, pipeline_id=self.pipeline_id(pipeline), work=work,
            replay=ReplayWork(batch=work), compact=CompactWork(batch=work, pool=self.pool, spool=self._spool),
            publisher=Publisher(database=self.database, store=self.store, pipeline=pipeline, pool=self.pool),
            worker=f"{socket.gethostname()}:{os.getpid()}", new_id=new_batch_id, **more,
        )  # fmt: skip

    def close(self) -> None:
        """Close what was opened, in reverse."""
        made = self.__dict__
        if "engine" in made:
            self.engine.close()
        if "pool" in made:
            self.pool.shutdown(wait=True, cancel_futures=True)
        if "_spool" in made:
            shutil.rmtree(self._spool, ignore_errors=True)
        if "database" in made:
            self.database.close()


def _late(name: str) -> Any:
    """Import a heavy part by choice, at the moment it is chosen. Raises InvalidConfig when it is not installed."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("glulam"):
            raise
        part = "iceberg" if ".iceberg." in name else name.rpartition(".")[2]
        raise InvalidConfig(
            f"{part!r} was chosen and needs the package {error.name!r}, which is not installed: "
            f"pip install 'glulam[{part}]'"
        ) from error
