"""Workers that are killed, crawls that are stopped, two crawlers on one table: the catalog is as before or as after."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from crawl.conftest import CrawledLake
from glulam.catalog.resources import get as get_resource
from glulam.crawl import crawlers, runs
from glulam.crawl.journal import Stopped
from glulam.crawl.runs import CrawlState
from glulam.crawl.worker import CrawlWorker
from glulam.model.clock import new_batch_id
from glulam.model.errors import Fenced
from glulam.records.expand import Content

ROOT = Path(__file__).parents[2]
POINTS = (
    "crawl.after_claim",
    "crawl.after_look",
    "crawl.during_apply",
    "crawl.before_commit",
    "crawl.after_commit",
)
STEP = """
import sys, threading
from pathlib import Path
from glulam.app import App
from glulam.crawl.worker import CrawlWorker
from glulam.settings import Settings
home, lake, url = sys.argv[1:]
with App(Settings(home=Path(home), lake=Path(lake), database_url=url, threads=1)) as app:
    CrawlWorker(work=app.crawls, name="child").step()
"""


def _ask(lake: CrawledLake, name: str = "c") -> str:
    crawl_id = new_batch_id()
    with lake.app.database.transaction() as conn:
        spec = get_resource(conn, crawlers.shelf(lake.app.scope), name).document
        runs.ask(conn, lake.app.scope, crawl_id, name, spec)
    return crawl_id


def _step(lake: CrawledLake) -> bool:
    return CrawlWorker(work=lake.app.crawls, name="test").step()


def _killed_at(lake: CrawledLake, point: str) -> None:
    settings = lake.app.settings
    done = subprocess.run(
        [sys.executable, "-c", STEP, str(settings.home), str(lake.root), str(settings.database_url)], check=False,
        env={**os.environ, "GLULAM_FAILPOINT": point, "PYTHONPATH": str(ROOT / "src")}, capture_output=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


def _expire(lake: CrawledLake) -> None:
    with lake.app.database.transaction() as conn:
        conn.execute("UPDATE crawl SET lease_until = now() - interval '1 second' WHERE state = 'RUNNING'")


def _state(lake: CrawledLake, crawl_id: str) -> runs.Crawl:
    with lake.app.database.connection() as conn:
        return runs.get(conn, lake.app.scope, crawl_id)


@pytest.fixture
def two_tables(lake: CrawledLake) -> CrawledLake:
    for day in ("01", "02", "03"):
        lake.put(f"orders/day=2024-01-{day}/a.json", [{"id": 1, "total": 1.5}])
        lake.put(f"users/day=2024-01-{day}/a.json", [{"mail": "m", "age": 3, "name": "n"}])
    lake.crawler()
    return lake


@pytest.mark.parametrize("point", POINTS)
def test_killed_and_done_again(two_tables: CrawledLake, point: str) -> None:
    lake = two_tables
    crawl_id = _ask(lake)
    _killed_at(lake, point)
    if point == "crawl.after_commit":
        assert _state(lake, crawl_id).state is CrawlState.COMPLETED
    else:
        assert lake.tables() == {}  # not one of the two
        assert not _step(lake)  # the lease still holds
        _expire(lake)
        assert _step(lake)
        assert (_state(lake, crawl_id).state, _state(lake, crawl_id).epoch) == (CrawlState.COMPLETED, 2)
    assert set(lake.tables()) == {"orders", "users"}
    assert len(lake.partitions("orders")) == len(lake.partitions("users")) == 3


def test_a_crawl_that_kills_its_workers_fails(two_tables: CrawledLake) -> None:
    lake = two_tables
    crawl_id = _ask(lake)
    for _ in range(runs.MOST_WORKERS):
        _killed_at(lake, "crawl.after_look")
        _expire(lake)
    assert not _step(lake)
    found = _state(lake, crawl_id)
    assert found.state is CrawlState.FAILED
    assert "died 3 times" in (found.error or "")
    assert lake.tables() == {}


def test_a_worker_that_lost_its_lease_changes_nothing(two_tables: CrawledLake) -> None:
    lake = two_tables
    crawl_id = _ask(lake)
    with lake.app.database.transaction() as conn:
        slow = runs.claim(conn, "slow")
    assert slow is not None
    _expire(lake)
    assert _step(lake)
    with pytest.raises(Fenced):
        lake.app.crawls.run(slow)
    assert _state(lake, crawl_id).state is CrawlState.COMPLETED
    assert {t.version for t in lake.tables().values()} == {0}


def test_stopped_in_the_middle(two_tables: CrawledLake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = two_tables
    monkeypatch.setattr("glulam.crawl.journal.BEAT_S", 0.05)
    monkeypatch.setattr("glulam.crawl.journal.Journal.__init__.__defaults__", (0.05,))
    crawl = lake.started()
    inner = lake.app.store.fetch

    def slow(*asked: Any) -> Any:
        with lake.app.database.transaction() as conn:
            if not runs.get(conn, lake.app.scope, crawl.id).stop_requested:
                runs.stop(conn, lake.app.scope, "c")
        threading.Event().wait(0.1)
        return inner(*asked)

    monkeypatch.setattr(lake.app.store, "fetch", slow)
    with pytest.raises(Stopped):
        lake.app.crawls.run(crawl)
    assert _state(lake, crawl.id).state is CrawlState.STOPPED
    assert lake.tables() == {}


@pytest.mark.parametrize("kind", ["json", "csv"])
def test_stopped_inside_a_file(lake: CrawledLake, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """The only file of the lake is being read when the stop comes: it is not read to its end."""
    row = '{"id": 1, "text": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}\n' if kind == "json" else "1,2024-01-02,abc\n"
    lake.put(f"big/a.{kind}", row * (24_000_000 // len(row)))
    lake.crawler(path="s3://lake/big/")
    monkeypatch.setattr("glulam.crawl.journal.Journal.__init__.__defaults__", (0.01,))
    crawl, windows = lake.started(), list[int]()
    inner = Content.windows

    def watched(content: Content) -> Any:
        for number, window in enumerate(inner(content)):
            windows.append(len(window))
            if number == 2:
                with lake.app.database.transaction() as conn:
                    runs.stop(conn, lake.app.scope, "c")
                threading.Event().wait(0.5)
            yield window

    monkeypatch.setattr(Content, "windows", watched)
    with pytest.raises(Stopped):
        lake.app.crawls.run(crawl)
    assert _state(lake, crawl.id).state is CrawlState.STOPPED
    assert sum(windows) < 16_000_000


def test_two_crawlers_on_one_table(two_tables: CrawledLake) -> None:
    """Both plan on an empty catalog; the one that is later finds the tables, and plans again on them."""
    lake = two_tables
    lake.crawler("d")
    asked = [lake.started("c"), lake.started("d")]
    errors: list[BaseException] = []

    def run(crawl: runs.Crawl) -> None:
        try:
            lake.app.crawls.run(crawl)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(crawl,)) for crawl in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert [_state(lake, c.id).state for c in asked] == [CrawlState.COMPLETED] * 2
    assert {t.version for t in lake.tables().values()} == {0}
    assert {name: len(lake.partitions(name)) for name in lake.tables()} == {"orders": 3, "users": 3}
    assert all(p.file_count == 1 for p in lake.partitions("orders").values())
