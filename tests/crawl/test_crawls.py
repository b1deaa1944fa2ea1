"""A crawl, more files, another crawl: what the catalog has after each."""

from __future__ import annotations

from typing import Any

import pytest

from crawl.conftest import CrawledLake
from glulam.crawl.plan import Action, PartitionAction
from glulam.model.errors import ObjectNotFound

ROWS = [{"id": 1, "price": 9.5, "name": "a"}, {"id": 2, "price": 3, "name": "b"}]


def test_partitions_come_and_the_table_stays(lake: CrawledLake) -> None:
    lake.put("sales/year=2023/a.json", ROWS)
    lake.put("sales/year=2024/a.json", ROWS)
    lake.crawler(path="s3://lake/sales/")
    plan = lake.crawl()
    assert [(t.action, t.name) for t in plan.tables] == [(Action.CREATE, "sales")]
    table = lake.table("sales")
    assert lake.columns("sales") == {"id": "bigint", "price": "double", "name": "string"}
    assert [(k.name, k.type) for k in table.descriptor.partition_keys] == [("year", "int")]
    assert set(lake.partitions("sales")) == {("2023",), ("2024",)}
    assert lake.partitions("sales")["2023",].inherits_descriptor
    lake.put("sales/year=2025/a.json", ROWS)
    plan = lake.crawl()
    assert [(p.action, p.values) for p in plan.tables[0].partitions] == [(PartitionAction.ADD, ("2025",))]
    assert lake.table("sales").version == 0
    assert set(lake.partitions("sales")) == {("2023",), ("2024",), ("2025",)}


def test_an_unchanged_lake_is_not_opened(lake: CrawledLake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.put("sales/year=2023/a.json", ROWS)
    lake.crawler(path="s3://lake/sales/")
    lake.crawl()
    monkeypatch.setattr(lake.app.store, "fetch", _never)
    assert lake.crawl().notes == ("no file and no table changed since the last crawl",)
    monkeypatch.undo()
    (lake.root / "lake" / "sales" / "year=2023" / "a.json").write_text(
        '{"id": 1, "price": 1.5, "name": "c", "more": true}\n'
    )
    lake.crawl()
    assert lake.columns("sales") == {"id": "bigint", "price": "double", "name": "string", "more": "boolean"}
    assert lake.table("sales").version == 1


def _never(*asked: Any) -> Any:
    raise AssertionError(f"opened {asked}")


def test_a_table_that_somebody_deleted_is_there_again(lake: CrawledLake) -> None:
    lake.put("sales/a.json", ROWS)
    lake.crawler(path="s3://lake/sales/")
    lake.crawl()
    from glulam.catalog.tables import delete_table

    with lake.app.database.transaction() as conn:
        delete_table(conn, lake.table("sales"))
    assert lake.tables() == {}
    lake.crawl()
    assert set(lake.tables()) == {"sales"}


def test_nothing_there_fails_and_deletes_nothing(lake: CrawledLake) -> None:
    lake.put("sales/a.json", ROWS)
    lake.crawler(path="s3://lake/sales/", SchemaChangePolicy={"DeleteBehavior": "DELETE_FROM_DATABASE"})
    lake.crawl()
    (lake.root / "lake" / "sales" / "a.json").unlink()
    with pytest.raises(ObjectNotFound, match="s3://lake/sales/"):
        lake.crawl()
    assert set(lake.tables()) == {"sales"}
