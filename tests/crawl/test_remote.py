"""Crawls of a remote store: files are fetched, looked into, and gone from the spool."""

from __future__ import annotations

import pytest

from crawl.conftest import CrawledBucket
from glulam.cli.letters import live_tables
from glulam.model.errors import GlulamError


def test_a_bucket(bucket: CrawledBucket) -> None:
    for n in range(150):  # more than are fetched ahead
        bucket.put(f"orders/day={n % 5}/{n}.json", [{"id": n, "total": n / 4}])
    bucket.put("orders/_SUCCESS", "")
    bucket.crawler(path=f"s3://{bucket.bucket}/orders")
    plan = bucket.crawl()
    assert (plan.tables[0].files, plan.tables[0].records) == (150, 150)
    assert bucket.columns("orders") == {"id": "bigint", "total": "double"}
    assert len(bucket.partitions("orders")) == 5
    assert [p for p in (bucket.app.settings.home / "spill").rglob("*") if p.is_file()] == []
    assert bucket.crawl().empty
    live = live_tables(bucket.app)
    query = "select count(*), sum(id), max(day) from db.orders"
    with live.session(live.named_in(query), query=query) as (session, _):
        assert session.spark(query, 0).rows == ((150, sum(range(150)), 4),)


def test_formats_that_are_read_here(bucket: CrawledBucket) -> None:
    for day in (1, 2):
        bucket.put(f"x/day={day}/a.xml", f"<r><o><id>{day}</id></o><o><id>7</id></o></r>")
    bucket.once(f"s3://{bucket.bucket}/x/")
    bucket.put("x/day=2/a.xml", "<r><torn>")
    live, query = live_tables(bucket.app), "select id, day from db.x where day < 2 order by id"
    with live.session(live.named_in(query), query=query) as (session, _):
        assert session.spark(query, 0).rows == ((1, 1), (7, 1))


def test_one_object(bucket: CrawledBucket) -> None:
    bucket.put("in/a.json", [{"id": 1}])
    bucket.once(f"s3://{bucket.bucket}/in/a.json")
    assert bucket.columns("a_json") == {"id": "bigint"}


def test_a_bucket_that_is_not_there(bucket: CrawledBucket) -> None:
    with pytest.raises(GlulamError, match="no-such-bucket"):
        bucket.once("s3://no-such-bucket/x/")
