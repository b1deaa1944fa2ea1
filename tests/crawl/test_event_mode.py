"""Crawls by events: a real queue over HTTP says what changed, and loses nothing when a crawl goes wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from crawl.conftest import CrawledLake
from glulam.crawl.plan import Action, PartitionAction, Plan
from glulam.model.errors import InvalidInput, StorageFailed
from sqsserver import TestQueue, bridge_event, new_queue, s3_message, s3_record

ROOT = Path(__file__).parents[2]
ROWS = [{"id": 1, "price": 9.5}]
CRAWL = """
import sys
from pathlib import Path
from glulam.app import App
from glulam.catalog import resources
from glulam.crawl import crawlers, runs
from glulam.settings import Settings
home, lake, url = sys.argv[1:]
with App(Settings(home=Path(home), lake=Path(lake), database_url=url, threads=1)) as app:
    with app.database.transaction() as conn:
        spec = dict(resources.get(conn, crawlers.shelf(app.scope), "c").document)
        crawl = runs.start(conn, app.scope, "killed", "c", spec, "child")
    app.crawls.run(crawl)
"""


@pytest.fixture
def queue(s3_env: str) -> TestQueue:
    return new_queue(s3_env)


@pytest.fixture
def sales(lake: CrawledLake, queue: TestQueue) -> CrawledLake:
    """Crawled once, which lists everything."""
    for year in ("1", "2"):
        lake.put(f"sales/y={year}/a.json", ROWS)
    _by_events(lake, queue)
    assert {t.action for t in lake.crawl().tables} == {Action.CREATE}
    return lake


def _by_events(lake: CrawledLake, queue: TestQueue, **target: Any) -> None:
    s3 = {"Path": "s3://lake/sales/", "EventQueueArn": queue.arn, **target}
    lake.crawler(RecrawlPolicy={"RecrawlBehavior": "CRAWL_EVENT_MODE"}, Targets={"S3Targets": [s3]},
                 SchemaChangePolicy={"DeleteBehavior": "DELETE_FROM_DATABASE"})  # fmt: skip


def _partitions(plan: Plan) -> dict[tuple[str, ...], PartitionAction]:
    return {p.values: p.action for t in plan.tables for p in t.partitions}


def test_only_what_the_queue_names_is_looked_at(
    sales: CrawledLake, queue: TestQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    sales.put("sales/y=3/new file+1.json", ROWS)
    sales.put("sales/y=4/b.json", ROWS)
    sales.put("sales/y=5/nobody says so.json", ROWS)
    queue.send(s3_message(s3_record("lake", "sales/y=3/new file+1.json", size=20)), bridge_event("lake", "sales/y=4/b.json"),
               s3_message(s3_record("elsewhere", "sales/y=5/nobody says so.json")))  # fmt: skip
    monkeypatch.setattr(sales.app.store, "list", _never)
    assert _partitions(sales.crawl()) == {("3",): PartitionAction.ADD, ("4",): PartitionAction.ADD}
    assert queue.counts() == (0, 0)
    assert sales.crawl().notes[-1] == "no file and no table changed since the last crawl"


def _never(*asked: Any, **more: Any) -> Any:
    raise AssertionError(f"listed {asked}")


def test_objects_that_went(sales: CrawledLake, queue: TestQueue) -> None:
    sales.put("sales/y=2/b.json", ROWS)
    for key in ("sales/y=1/a.json", "sales/y=2/a.json"):
        (sales.root / "lake" / key).unlink()
    queue.send(s3_message(*(s3_record("lake", key, name="ObjectRemoved:Delete") for key in ("sales/y=1/a.json",
               "sales/y=2/a.json"))), s3_message(s3_record("lake", "sales/y=2/b.json")))  # fmt: skip
    plan = sales.crawl()
    assert _partitions(plan) == {("1",): PartitionAction.DELETE}
    assert set(sales.partitions("sales")) == {("2",)}
    assert sales.partitions("sales")["2",].file_count == 1
    sales.put("sales/y=2/c.json", ROWS)
    queue.send(s3_message(s3_record("lake", "sales/y=2/c.json")))
    sales.crawl()
    assert set(sales.partitions("sales")) == {("2",)}  # what went stays gone


def test_messages_that_are_no_events_stay_and_are_told_of(sales: CrawledLake, queue: TestQueue) -> None:
    sales.put("sales/y=3/a.json", ROWS)
    queue.send("hello", {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "lake"},
               s3_message(s3_record("lake", "sales/y=3/a.json")))  # fmt: skip
    plan = sales.crawl()
    assert any("not JSON: hello" in note for note in plan.notes)
    assert _partitions(plan) == {("3",): PartitionAction.ADD}
    assert queue.counts() == (1, 0)


def test_or_go_to_the_dead_letter_queue(lake: CrawledLake, queue: TestQueue, s3_env: str) -> None:
    dead = new_queue(s3_env, "dead")
    lake.put("sales/y=1/a.json", ROWS)
    _by_events(lake, queue, DlqEventQueueArn=dead.arn)
    lake.crawl()
    queue.send("hello", '{"Records": [{"kinesis": {}}]}')
    lake.crawl()
    assert queue.counts() == (0, 0)
    assert sorted(dead.bodies()) == sorted(["hello", '{"Records": [{"kinesis": {}}]}'])


def test_a_crawl_that_fails_gives_the_messages_back(
    sales: CrawledLake, queue: TestQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    sales.put("sales/y=3/a.json", ROWS)
    queue.send(s3_message(s3_record("lake", "sales/y=3/a.json")))
    with monkeypatch.context() as patched:
        patched.setattr(sales.app.store, "fetch", _broken)
        with pytest.raises(StorageFailed):
            sales.crawl()
    assert queue.counts() == (1, 0)
    sales.crawl(dry_run=True)
    assert queue.counts() == (1, 0)
    assert _partitions(sales.crawl()) == {("3",): PartitionAction.ADD}


def _broken(*asked: Any) -> Any:
    raise StorageFailed("the disk is gone")


@pytest.mark.parametrize("point", ["crawl.after_intake", "crawl.before_commit", "crawl.after_commit"])
def test_a_killed_crawl_deletes_no_message(sales: CrawledLake, queue: TestQueue, point: str) -> None:
    sales.put("sales/y=3/a.json", ROWS)
    queue.send(s3_message(s3_record("lake", "sales/y=3/a.json")))
    settings = sales.app.settings
    done = subprocess.run(
        [sys.executable, "-c", CRAWL, str(settings.home), str(sales.root), str(settings.database_url)], check=False,
        env={**os.environ, "GLULAM_FAILPOINT": point, "PYTHONPATH": str(ROOT / "src")}, capture_output=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert queue.counts() == (0, 1)
    assert (("3",) in sales.partitions("sales")) == (point == "crawl.after_commit")


def test_a_queue_that_is_not_there_fails_the_crawl(lake: CrawledLake, queue: TestQueue) -> None:
    lake.put("sales/y=1/a.json", ROWS)
    gone = TestQueue(queue.endpoint, "never-made")
    _by_events(lake, gone)
    lake.crawl()
    with pytest.raises(StorageFailed, match="never-made"):
        lake.crawl()


@pytest.mark.parametrize("arn", ["queue", "arn:aws:sns:us-east-1:123456789012:topic"])
def test_what_is_no_queue_is_refused_when_it_is_set(lake: CrawledLake, arn: str) -> None:
    with pytest.raises(InvalidInput, match="arn:aws:sqs"):
        lake.crawler(RecrawlPolicy={"RecrawlBehavior": "CRAWL_EVENT_MODE"},
                     Targets={"S3Targets": [{"Path": "s3://lake/", "EventQueueArn": arn}]})  # fmt: skip


def test_beside_a_target_that_is_one_object(lake: CrawledLake, queue: TestQueue) -> None:
    """An object is looked at in every crawl: that nobody names it does not say that it is gone."""
    lake.put("sales/y=1/a.json", ROWS)
    lake.put("one/people.json", [{"name": "n", "age": 1}])
    s3 = [
        {"Path": path, "EventQueueArn": queue.arn}
        for path in ("s3://lake/sales/", "s3://lake/one/people.json")
    ]
    lake.crawler(RecrawlPolicy={"RecrawlBehavior": "CRAWL_EVENT_MODE"}, Targets={"S3Targets": s3},
                 SchemaChangePolicy={"DeleteBehavior": "DELETE_FROM_DATABASE"})  # fmt: skip
    lake.crawl()
    assert set(lake.tables()) == {"sales", "people_json"}
    lake.put("sales/y=2/a.json", ROWS)
    queue.send(s3_message(s3_record("lake", "sales/y=2/a.json")))
    assert _partitions(lake.crawl()) == {("2",): PartitionAction.ADD}
    assert set(lake.tables()) == {"sales", "people_json"}
    assert lake.crawl().notes[-1] == "no file and no table changed since the last crawl"
    lake.put("one/people.json", [{"name": "n", "age": 1, "more": True}])
    assert [t.name for t in lake.crawl().tables if t.action is Action.UPDATE] == ["people_json"]


def test_of_catalog_tables(sales: CrawledLake, queue: TestQueue) -> None:
    tables = {"DatabaseName": "db", "Tables": ["sales"], "EventQueueArn": queue.arn}
    sales.crawler("k", DatabaseName="", RecrawlPolicy={"RecrawlBehavior": "CRAWL_EVENT_MODE"},
                  Targets={"CatalogTargets": [tables]}, SchemaChangePolicy={"DeleteBehavior": "LOG"})  # fmt: skip
    sales.crawl("k")
    sales.put("sales/y=7/a.json", ROWS)
    queue.send(bridge_event("lake", "sales/y=7/a.json"))
    assert _partitions(sales.crawl("k")) == {("7",): PartitionAction.ADD}
