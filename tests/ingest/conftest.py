"""A project on a temporary lake and a fresh database, driven through the same parts as the CLI uses."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from glulam.app import App
from glulam.catalog.tables import Table, get_table
from glulam.ingest.config import Pipeline, parse
from glulam.ingest.lister import list_raw
from glulam.ingest.report import RunReport
from glulam.ledger.files import LedgerEntry, list_files
from glulam.model.clock import utc_now
from glulam.settings import Settings

BASE = """
pipeline: p
zones: {raw: s3://raw/ml, processed: s3://processed/ml, curated: s3://curated/ml/events, dead_letters: s3://dead/ml/events}
table: {database: ml, name: events}
"""


class Project:
    """`put` raw files, `run`, look at what came out."""

    def __init__(self, home: Path, database_url: str) -> None:
        self.home = home
        self.app = App(Settings(home=home / ".glulam", database_url=database_url, threads=2))

    @property
    def lake(self) -> Path:
        return self.home / "lake"

    def put(self, key: str, *records: Any, raw: bytes | None = None) -> Path:
        path = self.lake / "raw" / "ml" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [r if isinstance(r, str) else json.dumps(r) for r in records]
        path.write_bytes(raw if raw is not None else "".join(f"{line}\n" for line in lines).encode())
        time.sleep(0.002)  # a later version has a later time
        return path

    def pipeline(self, more: str = "") -> Pipeline:
        return parse(BASE + more, "pipeline.yaml")

    def list(self, more: str = "") -> Any:
        p = self.pipeline(more)
        return list_raw(self.app.database, self.app.store, p, self.app.pipeline_id(p), utc_now)

    def run(self, more: str = "", *, listing: bool = True) -> RunReport:
        if listing:
            self.list(more)
        return self.app.processor(self.pipeline(more)).run()

    def files(self) -> list[LedgerEntry]:
        with self.app.database.transaction() as conn:
            return list_files(conn)

    def table(self, name: str = "events") -> Table:
        with self.app.database.transaction() as conn:
            return get_table(conn, "ml", name)

    def columns(self) -> dict[str, str]:
        return {c.name: c.type for c in self.table().descriptor.columns if not c.name.startswith("_")}

    def rows(self, zone: str = "curated") -> list[dict[str, Any]]:
        """All published rows, partition values (as text) included, by plain pyarrow."""
        found: list[dict[str, Any]] = []
        for path in sorted((self.lake / zone).rglob("*.parquet")):
            folders = dict(part.split("=", 1) for part in path.relative_to(self.lake).parts if "=" in part)
            found += [{**row, **folders} for row in pq.ParquetFile(path).read().to_pylist()]
        return found

    def dead(self) -> list[dict[str, Any]]:
        return self.rows("dead")


@pytest.fixture
def project(tmp_path: Path, database_url: str) -> Iterator[Project]:
    found = Project(tmp_path, database_url)
    yield found
    found.app.close()
