"""A lake, a catalog and the crawls of both, without a server: the room as the worker uses it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from glulam.access.secrets import SecretBox
from glulam.app import App
from glulam.catalog import resources
from glulam.catalog.connections import Vault
from glulam.catalog.partition_pages import Partition, list_partitions
from glulam.catalog.resources import Kind, Shelf
from glulam.catalog.tables import Table, get_table, list_tables
from glulam.crawl import crawlers, runs
from glulam.crawl.plan import Plan
from glulam.crawl.runs import Crawl
from glulam.model.clock import new_batch_id
from glulam.settings import Settings
from mariadb import mariadb_server
from s3server import s3_bucket, s3_client, s3_endpoint, s3_env


@dataclass
class CrawledLake:
    """One lake with one bucket, `lake`."""

    app: App
    root: Path
    database: str = "db"
    opened: list[str] = field(default_factory=list)

    def put(self, key: str, content: str | bytes | Sequence[Mapping[str, Any]]) -> None:
        """Text, bytes, or records that become NDJSON (gzip where the key ends in .gz)."""
        if isinstance(content, Sequence) and not isinstance(content, str | bytes):
            content = "".join(json.dumps(record) + "\n" for record in content)
        data = content.encode() if isinstance(content, str) else bytes(content)
        path = self.root / "lake" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(data, mtime=0) if key.endswith(".gz") else data)

    def crawler(self, name: str = "c", path: str = "s3://lake/", **given: Any) -> None:
        s3 = {"Path": path, **({"Exclusions": given.pop("Exclusions")} if "Exclusions" in given else {})}
        members = {"Role": "r", "DatabaseName": self.database, "Targets": {"S3Targets": [s3]}, **given}
        with self.app.database.transaction() as conn:
            crawlers.create(conn, self.app.scope, name, members)

    def update(self, name: str = "c", **given: Any) -> None:
        with self.app.database.transaction() as conn:
            crawlers.update(conn, self.app.scope, name, given)

    def started(self, name: str = "c") -> Crawl:
        with self.app.database.transaction() as conn:
            spec = dict(resources.get(conn, crawlers.shelf(self.app.scope), name).document)
            return runs.start(conn, self.app.scope, new_batch_id(), name, spec, "test")

    def crawl(self, name: str = "c", **how: Any) -> Plan:
        return self.app.crawls.run(self.started(name), **how)

    def once(self, path: str = "s3://lake/", *, dry_run: bool = False, **given: Any) -> Plan:
        """A crawl without a crawler."""
        spec = {"DatabaseName": self.database, "Targets": {"S3Targets": [{"Path": path}]}, **given}
        with self.app.database.transaction() as conn:
            crawl = runs.start(conn, self.app.scope, new_batch_id(), "", spec, "test")
        return self.app.crawls.run(crawl, dry_run=dry_run)

    def tables(self) -> dict[str, Table]:
        with self.app.database.connection() as conn:
            return {t.name: t for t in list_tables(conn, scope=self.app.scope)}

    def table(self, name: str) -> Table:
        with self.app.database.connection() as conn:
            return get_table(conn, self.database, name, scope=self.app.scope)

    def columns(self, name: str) -> dict[str, str]:
        return {c.name: c.type for c in self.table(name).descriptor.columns}

    def partitions(self, name: str) -> dict[tuple[str, ...], Partition]:
        with self.app.database.connection() as conn:
            return {p.values: p for p in list_partitions(conn, self.table(name).id)}

    def log(self, crawl: Crawl) -> str:
        with self.app.database.connection() as conn:
            return runs.content(conn, crawl.id)[1]


@pytest.fixture
def lake(tmp_path: Path, database_url: str) -> Iterator[CrawledLake]:
    root = tmp_path / "lake-root"
    (root / "lake").mkdir(parents=True)
    settings = Settings(home=tmp_path / "home", lake=root, database_url=database_url, threads=2)
    with App(settings) as app:
        yield CrawledLake(app=app, root=root)


def connection_to(lake: CrawledLake, name: str, **properties: str) -> None:
    scope = lake.app.scope
    given = {"ConnectionType": "JDBC", "ConnectionProperties": properties}
    vault = Vault(box=SecretBox.open(lake.app.settings), scope=scope, name=name)
    with lake.app.database.transaction() as conn:
        resources.create(conn, Shelf(scope=scope, kind=Kind.CONNECTION), name, vault.seal(given))


@dataclass
class CrawledBucket(CrawledLake):
    """The same on an S3 server."""

    bucket: str = ""
    endpoint: str = ""

    def put(self, key: str, content: str | bytes | Sequence[Mapping[str, Any]]) -> None:
        super().put(key, content)
        body = (self.root / "lake" / key).read_bytes()
        s3_client(self.endpoint).put_object(Bucket=self.bucket, Key=key, Body=body)


@pytest.fixture
def bucket(s3_env: str, s3_bucket: str, tmp_path: Path, database_url: str) -> Iterator[CrawledBucket]:
    settings = Settings(home=tmp_path / "home", database_url=database_url, objects="s3", threads=2)
    with App(settings) as app:
        yield CrawledBucket(app=app, root=tmp_path / "copies", bucket=s3_bucket, endpoint=s3_env)


__all__ = ["mariadb_server", "s3_bucket", "s3_endpoint", "s3_env"]
