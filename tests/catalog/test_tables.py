"""Tables, their history and their partitions."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from glulam.catalog.databases import ensure_database, get_database, page_databases
from glulam.catalog.descriptor import Column, TableDescriptor, from_document, to_document
from glulam.catalog.partition_pages import list_partitions
from glulam.catalog.partitions import PartitionDelta, add_to_partitions
from glulam.catalog.scope import Scope
from glulam.catalog.tables import (
    Table,
    create_table,
    delete_table,
    find_table,
    get_table,
    list_tables,
    page_tables,
    update_table,
)
from glulam.catalog.versions import delete_versions, diff, get_version, page_versions, versions
from glulam.infer.types import BIGINT, Array
from glulam.model.errors import AlreadyExists, ConcurrentModification, EntityNotFound, InvalidInput
from glulam.store.database import Database

EVENTS = TableDescriptor(
    columns=(Column(name="id", type="bigint"), Column(name="tags", type="array<bigint>", comment="c")),
    partition_keys=(Column(name="year", type="string", parameters={"k": "v"}),),
    location="s3://curated/events/",
    parameters={"classification": "parquet"},
)


def wider(descriptor: TableDescriptor, name: str) -> TableDescriptor:
    return replace(descriptor, columns=(*descriptor.columns, Column(name=name, type="string")))


@pytest.fixture
def events(database: Database) -> Table:
    with database.transaction() as c:
        ensure_database(c, "ML")
        return create_table(c, "Ml", "Events", to_document(EVENTS), {"batch": "b0"})


def test_a_table_comes_back_as_it_was_given(database: Database, events: Table) -> None:
    assert (events.database, events.name, events.version, events.descriptor) == ("ml", "events", 0, EVENTS)
    with database.transaction() as c:
        assert get_table(c, "ML", "EVENTS", for_update=True) == events
        assert list_tables(c) == list_tables(c, "ml") == [events]
    assert events.descriptor.columns[1].data_type == Array(BIGINT)


def test_what_is_not_there_is_named(database: Database, events: Table) -> None:
    with database.transaction() as c:
        assert find_table(c, "ml", "nope") is None
        with pytest.raises(EntityNotFound, match="Table nope not found in database ml"):
            get_table(c, "ml", "nope")
        with pytest.raises(EntityNotFound, match="Database nope not found"):
            create_table(c, "nope", "t", {}, {})
        with pytest.raises(EntityNotFound, match="Database nope"):
            list_tables(c, "nope")
        with pytest.raises(AlreadyExists, match="Table events already exists in database ml"):
            create_table(c, "ml", "EVENTS", {}, {})
        with pytest.raises(InvalidInput, match="table name ''"):
            create_table(c, "ml", "", {}, {})


def test_databases(database: Database) -> None:
    with database.transaction() as c:
        first = ensure_database(c, "B", location="s3://x/")
        assert ensure_database(c, "b", location="s3://y/") == first == get_database(c, "B")
        ensure_database(c, "a")
        assert [d.name for d in page_databases(c)] == ["a", "b"]
        assert first.document == {"LocationUri": "s3://x/"}


@pytest.mark.parametrize("name", ["ID", "year", ""])
def test_columns_need_names_that_differ(name: str) -> None:
    with pytest.raises(InvalidInput, match="column name"):
        wider(EVENTS, name)


def test_each_version_is_kept_with_its_cause(database: Database, events: Table) -> None:
    with database.transaction() as c:
        second = update_table(
            c,
            events,
            to_document(wider(EVENTS, "x")),
            expected_version=0,
            cause={"batch": "b1", "x": "a.json"},
        )
        third = update_table(
            c, second, to_document(wider(second.descriptor, "y")), expected_version=1, cause={"batch": "b2"}
        )
        assert third.version == 2
        assert third.updated_at >= events.created_at
        history = versions(c, events.id)
    assert [(v.version, len(v.descriptor.columns), v.cause["batch"]) for v in history] == [
        (0, 2, "b0"),
        (1, 3, "b1"),
        (2, 4, "b2"),
    ]
    assert history[0].descriptor == EVENTS


def test_of_two_writers_on_one_version_one_wins(database: Database, events: Table) -> None:
    start = threading.Barrier(4)

    def change(n: int) -> str:
        with database.transaction() as c:
            seen = get_table(c, "ml", "events")
            start.wait()
            try:
                update_table(
                    c, seen, to_document(wider(EVENTS, f"c{n}")), expected_version=seen.version, cause={}
                )
            except ConcurrentModification as error:
                return str(error)
        return "won"

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(change, range(4)))
    assert answers[-1] == "won"
    assert len([a for a in answers if "expected version 0, found 1" in a]) == 3
    with database.transaction() as c:
        assert get_table(c, "ml", "events").version == 1
        assert len(versions(c, events.id)) == 2


def delta(*values: str, records: int = 10) -> PartitionDelta:
    return PartitionDelta(
        values=values,
        location="s3://x/" + "/".join(values),
        record_count=records,
        size_bytes=100,
        file_count=1,
    )


def test_partitions_add_up(database: Database, events: Table) -> None:
    with database.transaction() as c:
        add_to_partitions(c, events.id, [delta("2024"), delta("2023"), delta("2024", records=5)])
        add_to_partitions(c, events.id, [])
        add_to_partitions(c, events.id, [delta("2024"), delta('o"dd,{}\\')])
        found = list_partitions(c, events.id)
    assert [(p.values, p.record_count, p.size_bytes, p.file_count) for p in found] == [
        (("2023",), 10, 100, 1),
        (("2024",), 25, 300, 3),
        (('o"dd,{}\\',), 10, 100, 1),
    ]
    assert found[1].location == "s3://x/2024"


def test_commits_that_touch_the_same_partitions_do_not_wait_for_each_other_forever(
    database: Database, events: Table
) -> None:
    years = [delta(str(year)) for year in range(2000, 2020)]

    def add(n: int) -> None:
        with database.transaction() as c:
            add_to_partitions(c, events.id, years if n % 2 else years[::-1])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(12)))
    with database.connection() as c:
        assert {p.record_count for p in list_partitions(c, events.id)} == {120}


def test_what_others_wrote_into_a_table_stays(database: Database, events: Table) -> None:
    theirs = {**events.document, "Owner": "ada", "Retention": 7}
    theirs["StorageDescriptor"] = {**theirs["StorageDescriptor"], "NumberOfBuckets": 4}
    ours = to_document(wider(EVENTS, "x"), base=theirs)
    assert (ours["Owner"], ours["Retention"], ours["StorageDescriptor"]["NumberOfBuckets"]) == ("ada", 7, 4)
    assert from_document(ours) == wider(EVENTS, "x")


def test_scopes_do_not_see_each_other(database: Database, events: Table) -> None:
    west = Scope(catalog_id="123456789012", region="us-west-2")
    with database.transaction() as c:
        assert page_databases(c, scope=west) == []
        assert find_table(c, "ml", "events", scope=west) is None
        ensure_database(c, "ml", scope=west)
        assert list_tables(c, "ml", scope=west) == []


def test_a_deleted_table_is_gone_and_its_name_free(database: Database, events: Table) -> None:
    with database.transaction() as c:
        delete_table(c, events)
        assert find_table(c, "ml", "events") is None
        create_table(c, "ml", "events", {}, {})
        with pytest.raises(ConcurrentModification, match="expected version 0"), c.transaction():
            update_table(c, events, {}, expected_version=0, cause={})


def test_tables_by_page_and_pattern(database: Database, events: Table) -> None:
    with database.transaction() as c:
        for name in ("a1", "a2", "b_1"):
            create_table(c, "ml", name, {}, {})
        assert [t.name for t in page_tables(c, "ml", limit=2)] == ["a1", "a2"]
        assert [t.name for t in page_tables(c, "ml", after="a2", limit=9)] == ["b_1", "events"]
        assert [t.name for t in page_tables(c, "ml", pattern="a.*|e.*", limit=9)] == ["a1", "a2", "events"]
        with pytest.raises(InvalidInput, match="expression"), c.transaction():
            page_tables(c, "ml", pattern="(", limit=1)


def test_versions_can_be_skipped_bounded_and_deleted(database: Database, events: Table) -> None:
    with database.transaction() as c:
        table = events
        for n in range(1, 6):
            table = update_table(
                c, table, {"Retention": n}, expected_version=n - 1, cause={}, skip_archive=n == 2
            )
        assert [v.version for v in page_versions(c, table.id, limit=9)] == [5, 4, 3, 2, 0]
        assert [v.version for v in page_versions(c, table.id, before=4, limit=2)] == [3, 2]
        problems = delete_versions(c, table, ["3", "5", "77", "x"])
        assert {p.version_id: p.code for p in problems} == {
            "5": "InvalidInputException", "77": "EntityNotFoundException", "x": "InvalidInputException"
        }  # fmt: skip
        with pytest.raises(EntityNotFound, match="Version 3"):
            get_version(c, table, 3)
        text = diff(get_version(c, table, 4), get_version(c, table, 5))
        assert [line for line in text if "Retention" in line] == ['-  "Retention": 4', '+  "Retention": 5']
        update_table(c, table, {}, expected_version=5, cause={}, keep_versions=2)
        assert [v.version for v in page_versions(c, table.id, limit=9)] == [6, 5]
