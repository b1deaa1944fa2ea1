"""Several processors at once on one ledger, and a reader who watches the curated folder all the while."""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable

import psycopg
import pyarrow.parquet as pq
import pytest

from crash.invariants import check
from crash.processes import all_succeed
from crash.project import Project
from icebergreader import open_table, rows_of

pytestmark = pytest.mark.crash
SWEEP = os.environ.get("GLULAM_CRASH_SWEEP") == "1"


class Reader(threading.Thread):
    """Globs the curated folder as a naive user does (or reads the Iceberg table), and keeps what it must never see."""

    def __init__(self, project: Project) -> None:
        super().__init__(daemon=True)
        self.project, self.looks, self.rows, self.wrong = project, 0, 0, list[str]()
        self._done = threading.Event()

    def run(self) -> None:
        with psycopg.connect(self.project.database_url, autocommit=True) as conn:
            while not self._done.is_set():
                self._look(conn)
                time.sleep(0.01)

    def _look(self, conn: psycopg.Connection) -> None:
        ids: Counter[str] = Counter()
        batches: set[str] = set()
        if self.project.iceberg:
            table = open_table(self.project.database_url, self.project.lake)
            rows = rows_of(table, "id", "_batch_id")
            self._judge(conn, Counter(r["id"] for r in rows), {r["_batch_id"] for r in rows})
            return
        for path in self.project.zone("curated").rglob("*"):
            if path.is_dir():
                continue
            try:
                with pq.ParquetFile(path, page_checksum_verification=True) as file:
                    rows = file.read(["id", "_batch_id"])
            except Exception as error:  # whatever it is, a reader must not meet it
                self.wrong.append(f"{path}: {error!r}")
                continue
            ids.update(rows.column("id").to_pylist())
            batches.update(rows.column("_batch_id").to_pylist())
        self._judge(conn, ids, batches)

    def _judge(self, conn: psycopg.Connection, ids: Counter[str], batches: set[str]) -> None:
        states = conn.execute("SELECT id, state FROM batch WHERE state IN ('COMMITTED', 'DONE')").fetchall()
        self.wrong += [f"twice: {name}" for name, n in ids.items() if n > 1]
        self.wrong += [f"uncommitted: {batch}" for batch in batches - {row[0] for row in states}]
        self.looks, self.rows = self.looks + 1, max(self.rows, ids.total())

    def finish(self) -> None:
        self._done.set()
        self.join()
        assert not self.wrong, self.wrong[:5]
        assert self.looks > 2, "the reader hardly looked"


@pytest.mark.parametrize("curated", ["parquet", "iceberg"])
@pytest.mark.parametrize("processors", (2, 4, 8) if SWEEP else (4,))
def test_processors_side_by_side(make_project: Callable[..., Project], processors: int, curated: str) -> None:
    project = make_project(batch={"max_files": 1}, curated=curated)
    project.write_many(5 * processors)
    project.run("list")
    reader = Reader(project)
    reader.start()
    said = all_succeed([project.start("run") for _ in range(processors)])
    reader.finish()
    check(project)
    assert sum(len(one[0]["outcomes"]) for one in said) >= 5 * processors
    assert [f for one in said for f in one[0]["failures"]] == []
    states = project.query("SELECT state, count(*) FROM batch GROUP BY 1")
    assert states == [("DONE", 5 * processors)], "a healthy batch failed only because others worked beside it"
    project.run("list")
    reader = Reader(project)
    reader.start()
    while reader.looks < 3:
        time.sleep(0.1)
    reader.finish()
    assert reader.rows == sum(len(v[-1].good) for v in project.versions.values())


@pytest.mark.parametrize("curated", ["parquet", "iceberg"])
@pytest.mark.parametrize("seed", range(3 if SWEEP else 1))
def test_processors_and_listers_that_are_killed_at_any_time(
    make_project: Callable[..., Project], seed: int, curated: str
) -> None:
    """kill -9 by the clock instead of at a named point, with files arriving and being overwritten meanwhile."""
    draw = random.Random(seed)
    project = make_project(batch={"max_files": 2, "lease_s": 2, "max_attempts": 50}, curated=curated)
    project.write_many(12)
    reader = Reader(project)
    reader.start()
    for _ in range(3 if SWEEP else 2):
        workers = [project.start("list", "run") for _ in range(3)]
        time.sleep(draw.uniform(1.0, 2.5))
        for worker in workers[1:]:
            worker.kill()
            time.sleep(draw.uniform(0, 0.2))
            project.write(draw.randrange(16))
        for worker in workers:
            assert worker.wait() in (0, -9), project.log()
    project.recover()
    reader.finish()
    check(project)
