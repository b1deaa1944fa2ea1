"""The parts of crawls, put together for one process. `app.py` loads this when the first crawl, or the first look into a table
that no pipeline writes, asks for it: a `glulam run` needs none of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glulam.access.secrets import SecretBox
from glulam.catalog import resources
from glulam.catalog.connection_tester import ConnectionTester
from glulam.catalog.connections import Vault
from glulam.catalog.resources import Kind, Shelf
from glulam.catalog.scope import Scope
from glulam.catalog.tables import Table
from glulam.crawl.crawlers import classifier_documents
from glulam.crawl.found import FoundTable, Grouping
from glulam.crawl.located import fields_of, files_of, reading_of
from glulam.crawl.lookers import StandardLookers
from glulam.crawl.rows.reader import is_native, reader_of
from glulam.crawl.targets import JdbcTarget, folder
from glulam.crawl.work import CrawlWork
from glulam.engine.file_readers import PARQUET, FileFormat
from glulam.infer.types import Struct
from glulam.ingest.live import Located
from glulam.model.clock import new_batch_id, utc_now
from glulam.model.uri import S3Uri

if TYPE_CHECKING:
    from glulam.app import App

Late = Callable[[str], Any]
"""Imports a module that needs a library which may not be there; raises InvalidConfig then."""
_COMPRESSED = (".gz", ".zst")


@dataclass(frozen=True, kw_only=True)
class Crawls:
    app: App
    spool: Path
    late: Late

    def work(self) -> CrawlWork:
        """Crawls of any account and region."""
        app = self.app
        lookers = StandardLookers(
            store=app.store, threads=app.resources.threads, databases=self._tables_of_database, delta=self._delta,
            describe=lambda metadata: app.iceberg.columns(metadata),
        )  # fmt: skip
        return CrawlWork(
            database=app.database, store=app.store, spool=self.spool, lookers=lookers, clock=utc_now,
            classifiers=classifier_documents, queues=app.queue, keep_versions=app.settings.keep_versions,
        )  # fmt: skip

    def located(self, table: Table) -> Located:
        """The files of a table that lies where the catalog says, and how they are read."""
        if table.descriptor.format == "delta":
            return self._located_delta(table)
        with self.app.database.connection() as conn:
            files = tuple(
                (f.uri, f.etag, f.size_bytes, f.values) for f in files_of(conn, self.app.store, table)
            )
        read = reading_of(table)
        schema = read.schema if isinstance(read.schema, Struct) else None
        fields = fields_of(table, read)
        if not is_native(read, fields, (uri.key for uri, *_ in files)):
            return Located(files=files, form=FileFormat(format=read.format), reader=reader_of(read, fields))
        told = any(uri.key.endswith(_COMPRESSED) for uri, *_ in files)  # DuckDB sees it by each file's name
        form = FileFormat(
            format=read.format, compression="none" if told else read.compression, delimiter=read.delimiter, quote=read.quote,
            skip_lines=read.skip_lines, keys=read.keys, schema=schema,
        )  # fmt: skip
        return Located(files=files, form=form)

    def _located_delta(self, table: Table) -> Located:
        keys, files = self.late("glulam.crawl.delta").delta_files(
            self.app.store, self.spool, folder(table.descriptor.location)
        )
        return Located(
            files=tuple((f.uri, f.etag, f.size_bytes, f.values) for f in files), form=PARQUET, keys=keys
        )

    def _delta(self, place: S3Uri) -> FoundTable:
        found: FoundTable = self.late("glulam.crawl.delta").delta_table(self.app.store, self.spool, place)
        return found

    def _tables_of_database(self, scope: Scope, target: JdbcTarget) -> Grouping:
        databases = self.late("glulam.crawl.databases")
        with self.app.database.connection() as conn:
            stored = resources.get(conn, Shelf(scope=scope, kind=Kind.CONNECTION), target.connection)
        settings = self.app.settings
        vault = Vault(box=SecretBox.open(settings), scope=scope, name=target.connection)
        spool = self.spool / new_batch_id()
        allowed = ConnectionTester.parse(settings.connection_hosts).allowed
        try:
            reach = databases.Reach(allowed=allowed, store=self.app.store, spool=spool)
            found: Grouping = databases.tables(vault.open(stored.document), target, reach)
        finally:
            shutil.rmtree(spool, ignore_errors=True)
        return found
