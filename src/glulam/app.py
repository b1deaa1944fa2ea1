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
from typing import Any

from glulam.access.secrets import SecretBox
from glulam.catalog import resources
from glulam.catalog.connection_tester import ConnectionTester
from glulam.catalog.connections import Vault
from glulam.catalog.resources import Kind, Shelf
from glulam.catalog.scope import Scope
from glulam.catalog.tables import Table
from glulam.crawl.crawlers import classifier_documents
from glulam.crawl.found import FoundTable
from glulam.crawl.located import files_of, reading_of
from glulam.crawl.targets import JdbcTarget
from glulam.crawl.work import CrawlWork, Lookers
from glulam.engine.base import Engine, EngineResources
from glulam.engine.file_readers import FileFormat
from glulam.infer.types import Struct
from glulam.ingest.batch import BatchWork
from glulam.ingest.compact import CompactWork
from glulam.ingest.config import MIB, Pipeline
from glulam.ingest.iceberg import IcebergTables
from glulam.ingest.live import Located
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

_COMPRESSED = (".gz", ".zst")


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
    def crawls(self) -> CrawlWork:
        """Crawls of any account and region, in this process."""
        lookers: Lookers = _late("glulam.crawl.lookers").StandardLookers(
            store=self.store, threads=self.resources.threads, databases=self._tables_of_database,
            delta=lambda place: _late("glulam.crawl.delta").delta_table(self.store, self._spool, place),
            describe=lambda metadata: self.iceberg.columns(metadata),
        )  # fmt: skip
        return CrawlWork(
            database=self.database, store=self.store, spool=self._spool / "crawl", lookers=lookers, clock=utc_now,
            classifiers=classifier_documents, keep_versions=self.settings.keep_versions,
        )  # fmt: skip

    def located(self, table: Table) -> Located:
        """The files of a table that lies where the catalog says, and how they are read."""
        with self.database.connection() as conn:
            files = tuple((f.uri, f.etag, f.size_bytes, f.values) for f in files_of(conn, self.store, table))
        read = reading_of(table)
        schema = read.schema if isinstance(read.schema, Struct) else None
        told = any(uri.key.endswith(_COMPRESSED) for uri, *_ in files)  # DuckDB sees it by each file's name
        form = FileFormat(
            format=read.format, compression="none" if told else read.compression, delimiter=read.delimiter, quote=read.quote,
            skip_lines=read.skip_lines, keys=read.keys, schema=schema,
        )  # fmt: skip
        return Located(files=files, form=form)

    def _tables_of_database(self, scope: Scope, target: JdbcTarget) -> list[FoundTable]:
        shelf = Shelf(scope=scope, kind=Kind.CONNECTION)
        with self.database.connection() as conn:
            stored = resources.get(conn, shelf, target.connection)
        vault = Vault(box=SecretBox.open(self.settings), scope=scope, name=target.connection)
        databases = _late("glulam.crawl.databases")
        allowed = ConnectionTester.parse(self.settings.connection_hosts).allowed
        reach = databases.Reach(allowed=allowed, store=self.store, spool=self._spool)
        found: list[FoundTable] = databases.tables(vault.open(stored.document), target, reach)
        return found

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
