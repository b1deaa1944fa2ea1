"""What becomes of tables whose data changed, under each policy; plans that wait; versions that come back."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest

from crawl.conftest import CrawledLake
from glulam.catalog.partitions import PartitionInput, create_partitions
from glulam.catalog.tables import create_table, update_table
from glulam.catalog.versions import versions
from glulam.crawl import plan_json, runs
from glulam.crawl.partition_repair import differences, repair
from glulam.crawl.plan import Action, PartitionAction, Plan
from glulam.crawl.runs import CrawlState
from glulam.model.errors import ConcurrentModification, CrawlerRunning, InvalidInput

ROWS = [{"id": 1, "price": 9.5}]
MERGE = {"Configuration": json.dumps(
    {"Version": 1.0, "CrawlerOutput": {"Tables": {"AddOrUpdateBehavior": "MergeNewColumns"}}}
)}  # fmt: skip


def policy(update: str, delete: str) -> dict[str, Any]:
    return {"SchemaChangePolicy": {"UpdateBehavior": update, "DeleteBehavior": delete}}


def _remove(lake: CrawledLake, key: str) -> None:
    shutil.rmtree(lake.root / "lake" / key)


def _changes(plan: Plan) -> dict[str, tuple[str, bool, bool]]:
    return {c.name: (c.what, c.compatible, c.applied) for t in plan.tables for c in t.changes}


@pytest.fixture
def sales(lake: CrawledLake) -> CrawledLake:
    lake.put("sales/y=1/a.json", ROWS)
    lake.put("sales/y=2/a.json", ROWS)
    lake.put("users/a.json", [{"mail": "m", "age": 3}])
    return lake


def _changed(lake: CrawledLake) -> None:
    """A column goes, one comes, one changes its type."""
    for y in ("1", "2"):
        lake.put(f"sales/y={y}/a.json", [{"id": "x", "note": "n"}])


def test_update_in_database(sales: CrawledLake) -> None:
    sales.crawler()
    sales.crawl()
    _changed(sales)
    plan = sales.crawl()
    assert _changes(plan) == {
        "id": ("bigint -> string", False, True), "note": ("new: string", True, True), "price": ("gone, was double", False, True)
    }  # fmt: skip
    assert plan.tables[0].breaking
    assert sales.columns("sales") == {"id": "string", "note": "string"}
    table = sales.table("sales")
    assert table.version == 1
    with sales.app.database.connection() as conn:
        causes = [v.cause for v in versions(conn, table.id)]
    assert [c["crawler"] for c in causes] == ["c", "c"]
    assert causes[0]["crawl"] != causes[1]["crawl"]


def test_comments_and_foreign_parameters_stay(sales: CrawledLake) -> None:
    sales.crawler()
    sales.crawl()
    table = sales.table("sales")
    document = json.loads(json.dumps(table.document))
    document["StorageDescriptor"]["Columns"][0]["Comment"] = "the number"
    document["Parameters"]["owner.team"] = "a"
    with sales.app.database.transaction() as conn:
        update_table(conn, table, document, expected_version=0, cause={})
    _changed(sales)
    sales.crawl()
    after = sales.table("sales").document
    assert after["StorageDescriptor"]["Columns"][0] == {
        "Name": "id",
        "Type": "string",
        "Comment": "the number",
    }
    assert after["Parameters"]["owner.team"] == "a"


def test_log_changes_nothing_but_adds_partitions(sales: CrawledLake) -> None:
    sales.crawler(**policy("LOG", "LOG"))
    sales.crawl()
    _changed(sales)
    sales.put("sales/y=3/a.json", ROWS)
    plan = sales.crawl()
    assert {applied for _, _, applied in _changes(plan).values()} == {False}
    assert any("the policy keeps the table" in note for note in plan.notes)
    assert sales.columns("sales") == {"id": "bigint", "price": "double"}
    assert sales.table("sales").version == 0
    assert ("3",) in sales.partitions("sales")


def test_merge_new_columns_only_adds(sales: CrawledLake) -> None:
    sales.crawler(**MERGE)
    sales.crawl()
    _changed(sales)
    sales.crawl()
    assert sales.columns("sales") == {"id": "bigint", "price": "double", "note": "string"}


@pytest.mark.parametrize("delete", ["LOG", "DEPRECATE_IN_DATABASE", "DELETE_FROM_DATABASE"])
def test_what_is_gone(sales: CrawledLake, delete: str) -> None:
    sales.crawler(**policy("UPDATE_IN_DATABASE", delete))
    sales.crawl()
    _remove(sales, "users")
    _remove(sales, "sales/y=2")
    sales.crawl()
    tables, partitions = sales.tables(), sales.partitions("sales")
    if delete == "DELETE_FROM_DATABASE":
        assert set(tables) == {"sales"}
        assert set(partitions) == {("1",)}
        return
    assert set(tables) == {"sales", "users"}
    marked = delete == "DEPRECATE_IN_DATABASE"
    assert ("DEPRECATED_BY_CRAWLER" in tables["users"].document["Parameters"]) is marked
    assert ("DEPRECATED_BY_CRAWLER" in (partitions["2",].parameters or {})) is marked
    assert partitions["2",].location == "s3://lake/sales/y=2/"
    assert sales.crawl().empty
    sales.put("users/a.json", [{"mail": "m", "age": 3}])
    sales.put("sales/y=2/a.json", ROWS)
    sales.crawl()
    assert "DEPRECATED_BY_CRAWLER" not in sales.table("users").document["Parameters"]
    assert "DEPRECATED_BY_CRAWLER" not in (sales.partitions("sales")["2",].parameters or {})


def test_another_crawlers_tables_stay(sales: CrawledLake) -> None:
    sales.crawler("d", **policy("UPDATE_IN_DATABASE", "DELETE_FROM_DATABASE"))
    sales.crawler("c")
    sales.crawl("c")
    _remove(sales, "users")
    sales.crawl("d")
    assert set(sales.tables()) == {"sales", "users"}


def test_a_name_that_is_taken(sales: CrawledLake) -> None:
    sales.put("x/a.json", [{"k": 1}])
    sales.once("s3://lake/x/")
    sales.put("other/x/a.json", [{"k": 1}])
    sales.once("s3://lake/other/x/")
    assert {n for n in sales.tables() if n.startswith("x_")} == {n for n in sales.tables() if len(n) == 34}
    assert sales.once("s3://lake/other/x/").empty


def test_a_table_threshold(sales: CrawledLake) -> None:
    threshold = {"Version": 1.0, "CrawlerOutput": {"Tables": {"TableThreshold": 1}}}
    sales.crawler(Configuration=json.dumps(threshold))
    with pytest.raises(InvalidInput, match="TableThreshold"):
        sales.crawl()
    assert sales.tables() == {}


def test_a_partition_index(sales: CrawledLake) -> None:
    from glulam.catalog.partition_indexes import list_partition_indexes

    sales.crawler(Configuration=json.dumps({"Version": 1.0, "CreatePartitionIndex": True}))
    sales.crawl()
    with sales.app.database.connection() as conn:
        (index,) = list_partition_indexes(conn, sales.table("sales").id)
    assert (index.name, [k.name for k in index.keys]) == ("crawler_partition_index", ["y"])


def test_new_folders_only(sales: CrawledLake, monkeypatch: pytest.MonkeyPatch) -> None:
    sales.crawler(RecrawlPolicy={"RecrawlBehavior": "CRAWL_NEW_FOLDERS_ONLY"})
    sales.crawl()
    _changed(sales)
    sales.put("sales/y=3/a.json", ROWS)
    opened: list[str] = []
    fetch = sales.app.store.fetch
    monkeypatch.setattr(
        sales.app.store, "fetch", lambda uri, *more: opened.append(uri.key) or fetch(uri, *more)
    )
    plan = sales.crawl()
    assert opened == ["sales/y=3/a.json"]
    assert [(p.action, p.values) for t in plan.tables for p in t.partitions] == [
        (PartitionAction.ADD, ("3",))
    ]


def test_only_changed_files_are_opened(sales: CrawledLake, monkeypatch: pytest.MonkeyPatch) -> None:
    sales.put("sales/y=1/b.json", ROWS)
    sales.crawler()
    sales.crawl()
    sales.put("sales/y=1/c.json", [{"id": 7, "price": 1.5, "more": True}])
    opened: list[str] = []
    fetch = sales.app.store.fetch
    monkeypatch.setattr(
        sales.app.store, "fetch", lambda uri, *more: opened.append(uri.key) or fetch(uri, *more)
    )
    sales.crawl()
    assert opened == ["sales/y=1/c.json"]
    assert sales.columns("sales") == {"id": "bigint", "price": "double", "more": "boolean"}
    assert sales.partitions("sales")["1",].file_count == 3


def test_changed_keys(sales: CrawledLake, monkeypatch: pytest.MonkeyPatch) -> None:
    sales.crawler()
    sales.crawl()
    sales.put("sales/y=1/new.json", [{"id": 7, "price": 1.5, "more": True}])
    sales.put("sales/y=9/not named.json", ROWS)
    sales.crawl(keys=["sales/y=1/new.json", "elsewhere/x.json", "sales/gone.json"])
    assert sales.columns("sales")["more"] == "boolean"
    assert set(sales.partitions("sales")) == {("1",), ("2",)}
    sales.crawl()
    assert set(sales.partitions("sales")) == {("1",), ("2",), ("9",)}


def test_a_dry_run_changes_nothing_and_is_applied_later(sales: CrawledLake) -> None:
    plan = sales.once(dry_run=True)
    assert sales.tables() == {}
    with sales.app.database.connection() as conn:
        (crawl,) = runs.page(conn, sales.app.scope, "", [], None, 10)
        kept, _ = runs.content(conn, crawl.id)
    assert crawl.state is CrawlState.PLANNED
    assert plan_json.from_json(json.loads(json.dumps(kept))) == plan
    sales.app.crawls.apply_plan(crawl, "test")
    assert set(sales.tables()) == {"sales", "users"}
    with pytest.raises(CrawlerRunning):
        sales.app.crawls.apply_plan(crawl, "test")


@pytest.mark.parametrize("meanwhile", ["made", "changed", "partition"])
def test_a_plan_is_refused_when_the_catalog_changed(sales: CrawledLake, meanwhile: str) -> None:
    if meanwhile != "made":
        sales.once("s3://lake/sales/")
        sales.put("sales/y=3/a.json", [{"id": 1, "price": 1.5, "more": 1}])
    sales.once(dry_run=True)
    with sales.app.database.connection() as conn:
        crawl = runs.page(conn, sales.app.scope, "", [], None, 1)[0]
    before = {}
    with sales.app.database.transaction() as conn:
        if meanwhile == "made":
            from glulam.catalog.databases import ensure_database

            ensure_database(conn, "db", scope=sales.app.scope)
            create_table(conn, "db", "users", {}, {}, scope=sales.app.scope)
        elif meanwhile == "changed":
            table = sales.table("sales")
            update_table(conn, table, table.document, expected_version=table.version, cause={})
        else:
            given = PartitionInput(values=("3",), storage_descriptor={"Location": "s3://elsewhere/"})
            create_partitions(conn, sales.table("sales").id, 1, [given])
    before = {name: t.version for name, t in sales.tables().items()}
    with pytest.raises(ConcurrentModification):
        sales.app.crawls.apply_plan(crawl, "test")
    assert {name: t.version for name, t in sales.tables().items()} == before
    with sales.app.database.connection() as conn:
        assert runs.get(conn, sales.app.scope, crawl.id).state is CrawlState.FAILED


def test_the_pipelines_tables_are_left_alone(sales: CrawledLake) -> None:
    sales.once("s3://lake/users/")
    table = sales.table("users")
    document = {**table.document, "Parameters": {**table.document["Parameters"], "glulam.pipeline": "p"}}
    with sales.app.database.transaction() as conn:
        update_table(conn, table, document, expected_version=0, cause={})
    sales.put("users/b.json", [{"mail": "m", "age": 4, "new": 1}])
    plan = sales.once("s3://lake/users/")
    assert [(t.action, t.used_by) for t in plan.tables] == [(Action.KEEP, ("pipeline p",))]
    assert sales.table("users").version == 1


def test_partition_keys_that_change(sales: CrawledLake) -> None:
    sales.crawler(path="s3://lake/sales/")
    sales.crawl()
    for y in ("1", "2"):
        _remove(sales, f"sales/y={y}")
        sales.put(f"sales/y={y}/m=1/a.json", ROWS)
    plan = sales.crawl()
    assert _changes(plan)["partition keys"] == ("y -> y, m", False, True)
    assert set(sales.partitions("sales")) == {("1", "1"), ("2", "1")}


def test_drift_and_repair(sales: CrawledLake) -> None:
    sales.once("s3://lake/sales/")
    table = sales.table("sales")
    own = {
        "Columns": [{"Name": "id", "Type": "string"}],
        "Location": "s3://lake/sales/y=9/",
        "Parameters": {"k": "v"},
    }
    with sales.app.database.transaction() as conn:
        create_partitions(conn, table.id, 1, [PartitionInput(values=("9",), storage_descriptor=own)])
        ((values, said),) = differences(conn, table)
        assert values == ("9",)
        assert "id is string here and bigint in the table" in said
        repair(conn, table, [values])
        assert differences(conn, table) == []
    after = sales.partitions("sales")["9",].storage_descriptor
    assert after is not None
    assert (after["Location"], after["Parameters"]) == ("s3://lake/sales/y=9/", {"k": "v"})
    assert after["Columns"] == table.document["StorageDescriptor"]["Columns"]


def test_settings_that_change_are_seen(sales: CrawledLake) -> None:
    sales.crawler()
    sales.crawl()
    sales.update(TablePrefix="new_")
    sales.put("third/a.json", [{"z": 1}])
    sales.crawl()
    assert "new_third" in sales.tables()


def test_exclusions_are_the_readers_too(sales: CrawledLake) -> None:
    for key in ("sales/y=1/x.csv", "sales/y=2/old/z.json", "sales/y=1/a[1].json"):
        sales.put(key, [{"p": 1, "q": 2, "r": 3}])
    for n in range(3):
        sales.put(f"sales/y=1/{n}.json", ROWS)
    spec = {
        "DatabaseName": "db",
        "Targets": {"S3Targets": [{"Path": "s3://lake/sales/", "Exclusions": ["**.csv", "*/old/**"]}]},
    }
    with sales.app.database.transaction() as conn:
        crawl = runs.start(conn, sales.app.scope, "x", "", spec, "test")
    sales.app.crawls.run(crawl)
    assert json.loads(sales.table("sales").document["Parameters"]["exclusions"]) == [
        "s3://lake/sales/**.csv", "s3://lake/sales/*/old/**", "s3://lake/sales/y=1/a\\[1\\].json",
    ]  # fmt: skip
    sales.put("sales/y=1/late.csv", "a,b\n1,2\n")
    files = [str(f[0].key) for f in sales.app.located(sales.table("sales")).files]
    assert files == [
        "sales/y=1/0.json",
        "sales/y=1/1.json",
        "sales/y=1/2.json",
        "sales/y=1/a.json",
        "sales/y=2/a.json",
    ]


def test_a_sample_counts_every_file(sales: CrawledLake) -> None:
    for n in range(10):
        sales.put(f"sales/y=1/{n}.json", ROWS)
    targets = {"S3Targets": [{"Path": "s3://lake/sales/", "SampleSize": 2}]}
    sales.crawler(Targets=targets)
    plan = sales.crawl()
    assert (plan.tables[0].files, plan.tables[0].complete) == (12, False)
    assert sales.partitions("sales")["1",].file_count == 11
    sales.put("sales/y=3/a.json", ROWS)
    sales.crawl()
    assert sales.partitions("sales")["1",].file_count == 11
