"""Tables, their history and their partitions."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from glulam.catalog.databases import ensure_database, get_database, list_databases
from glulam.catalog.partition_pages import list_partitions
from glulam.catalog.partitions import PartitionDelta, add_to_partitions
from glulam.catalog.tables import (
    Column,
    Table,
    TableDescriptor,
    create_table,
    find_table,
    get_table,
    list_tables,
    update_table,
    versions,
)
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
        return create_table(c, "Ml", "Events", EVENTS, {"batch": "b0"})


def test_a_table_comes_back_as_it_was_given(database: Database, events: Table) -> None:
    assert (events.database, events.name, events.version, events.descriptor) == ("ml", "events", 0, EVENTS)
    with database.transaction() as c:
        assert get_table(c, "ML", "EVENTS", for_update=True) == events
        assert list_tables(c) == list_tables(c, "ml") == [events]
    assert events.descriptor.columns[1].data_type == Array(BIGINT)


def test_what_is_not_there_is_named(database: Database, events: Table) -> None:
    with database.transaction() as c:
        assert find_table(c, "ml", "nope") is None
        with pytest.raises(EntityNotFound, match=r"table ml\.nope not found"):
            get_table(c, "ml", "nope")
        with pytest.raises(EntityNotFound, match="database 'nope' not found"):
            create_table(c, "nope", "t", EVENTS, {})
        with pytest.raises(EntityNotFound, match="database 'nope'"):
            list_tables(c, "nope")
        with pytest.raises(AlreadyExists, match=r"ml\.EVENTS exists"):
            create_table(c, "ml", "EVENTS", EVENTS, {})
        with pytest.raises(InvalidInput, match="table name ''"):
            create_table(c, "ml", "", EVENTS, {})


def test_databases(database: Database) -> None:
    with database.transaction() as c:
        first = ensure_database(c, "B", description="d", location="s3://x/")
        assert ensure_database(c, "b", description="other") == first == get_database(c, "B")
        ensure_database(c, "a")
        assert [d.name for d in list_databases(c)] == ["a", "b"]
        assert (first.description, first.location) == ("d", "s3://x/")


@pytest.mark.parametrize("name", ["ID", "year", ""])
def test_columns_need_names_that_differ(name: str) -> None:
    with pytest.raises(InvalidInput, match="column name"):
        wider(EVENTS, name)


def test_each_version_is_kept_with_its_cause(database: Database, events: Table) -> None:
    with database.transaction() as c:
        second = update_table(
            c, events, wider(EVENTS, "x"), expected_version=0, cause={"batch": "b1", "x": "a.json"}
        )
        third = update_table(
            c, second, wider(second.descriptor, "y"), expected_version=1, cause={"batch": "b2"}
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
                update_table(c, seen, wider(EVENTS, f"c{n}"), expected_version=seen.version, cause={})
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
