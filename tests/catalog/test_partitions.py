"""Partitions of Glue's clients: they read back as written, each item has its own outcome, pages are stable."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from catalog.partition_tables import KEYS, fill, new_table, selected
from glulam.catalog.partition_pages import (
    get_partition,
    get_partitions,
    list_partitions,
    page_partitions,
)
from glulam.catalog.partition_purge import purge_partitions
from glulam.catalog.partitions import (
    PartitionDelta,
    PartitionInput,
    Values,
    add_to_partitions,
    create_partitions,
    delete_partitions,
    update_partition,
    update_partitions,
)
from glulam.catalog.tables import delete_table, get_table
from glulam.model.errors import AlreadyExists, EntityNotFound, InvalidInput
from glulam.store.database import Database

AT = datetime(2024, 5, 6, 7, 8, 9, 123000, tzinfo=UTC)
DESCRIPTOR = {
    "Columns": [{"Name": "a", "Type": "array<string>", "Comment": "c", "Parameters": {"k": "v"}}],
    "Location": "s3://b/t/i=1/",
    "AdditionalLocations": ["s3://b/u/"],
    "InputFormat": "in",
    "OutputFormat": "out",
    "Compressed": True,
    "NumberOfBuckets": -1,
    "SerdeInfo": {"Name": "n", "SerializationLibrary": "l", "Parameters": {"serialization.format": "1"}},
    "BucketColumns": ["a"],
    "SortColumns": [{"Column": "a", "SortOrder": 1}],
    "Parameters": {"recordCount": "7", "odd": 'é"\\\u0000\n'},
    "SkewedInfo": {"SkewedColumnNames": ["a"], "SkewedColumnValues": ["x"], "SkewedColumnValueLocationMaps": {"x": "s3://b/"}},
    "StoredAsSubDirectories": False,
    "SchemaReference": {"SchemaId": {"SchemaArn": "arn"}, "SchemaVersionNumber": 3},
}  # fmt: skip
WHOLE = PartitionInput(
    values=("1", "x", "2024-01-01"), storage_descriptor=DESCRIPTOR, parameters={"p": "q", "": "\u0000"},
    last_access_time=AT, last_analyzed_time=AT,
)  # fmt: skip
ODD = ('o"dd,{}\\', "é😀'", " NULL ")


@pytest.fixture
def table(database: Database) -> int:
    return new_table(database)


def numbered(count: int) -> list[Values]:
    return [(str(n), f"s{n % 10}", "2024-01-01") for n in range(count)]


def test_a_partition_reads_back_as_it_was_given(database: Database, table: int) -> None:
    bare = PartitionInput(values=ODD)
    empty = PartitionInput(values=("2", "NULL", "x"), storage_descriptor={}, parameters={})
    with database.transaction() as c:
        assert create_partitions(c, table, 3, [WHOLE, bare, empty]) == []
        for given in (WHOLE, bare, empty):
            found = get_partition(c, table, given.values)
            assert found == get_partitions(c, table, [given.values])[0][0]
            assert (found.storage_descriptor, found.parameters) == (
                given.storage_descriptor,
                given.parameters,
            )
            assert (found.last_access_time, found.last_analyzed_time) == (
                given.last_access_time,
                given.last_analyzed_time,
            )
            assert not found.inherits_descriptor
        assert found.created_at == found.updated_at


def test_each_item_has_its_own_outcome(database: Database, table: int) -> None:
    fill(database, table, [("1", "a", "x")])
    given = [("2", "a", "x"), ("1", "a", "x"), ("3",), ("2", "a", "x"), ("4", "", "x"), ("5", "a\0", "x"),
             ("6", "a" * 1025, "x"), ("7", "é" * 1000, "é" * 400), ("8", "a", "x")]  # fmt: skip
    with database.transaction() as c:
        problems = create_partitions(c, table, 3, [PartitionInput(values=v) for v in given])
        assert [p.values for p in list_partitions(c, table)] == [
            ("1", "a", "x"),
            ("2", "a", "x"),
            ("8", "a", "x"),
        ]
        assert [p.error.code for p in create_partitions(c, table, 0, [PartitionInput(values=())])] == [
            InvalidInput.code
        ]
    assert {(p.values, type(p.error)) for p in problems} == {
        (v, AlreadyExists if v in given[:2] else InvalidInput) for v in given[1:-1]
    }
    said = {p.values: str(p.error) for p in problems}
    assert "found 1 values, expected 3" in said[("3",)]
    assert "expected at most 2400" in said[given[7]]


def test_the_longest_values_fit(database: Database, table: int) -> None:
    longest = tuple("".join(chr(0x4E00 + (n * k * 7919) % 20000) for n in range(258)) for k in (1, 3, 7))
    with database.transaction() as c:
        assert create_partitions(c, table, 3, [PartitionInput(values=longest)]) == []
        assert get_partition(c, table, longest).values == longest


def test_partitions_share_what_they_have_in_common(database: Database, table: int) -> None:
    inputs = [
        PartitionInput(
            values=values,
            storage_descriptor={**DESCRIPTOR, "Location": f"s3://b/{values}", "Parameters": {"n": values[0]}},
        )
        for values in numbered(200)
    ]
    other = replace(inputs[0], values=("x", "y", "z"), storage_descriptor={**DESCRIPTOR, "Compressed": False})
    for half in (inputs[:100], inputs[100:], [other]):
        with database.transaction() as c:
            assert create_partitions(c, table, 3, half) == []
    with database.connection() as c:
        assert c.execute("SELECT count(*) FROM catalog_storage_descriptor").fetchone() == (2,)
        found = {p.values: p.storage_descriptor for p in list_partitions(c, table)}
    assert found == {given.values: given.storage_descriptor for given in [*inputs, other]}


def test_names_that_are_not_there_are_told(database: Database, table: int) -> None:
    fill(database, table, numbered(5))
    with database.transaction() as c:
        asked = [
            ("3", "s3", "2024-01-01"),
            ("9", "s9", "x"),
            ("1", "s1", "2024-01-01"),
            ("9",),
            (),
            ("a\0", "b", "c"),
        ]
        found, missing = get_partitions(c, table, [*asked, asked[0]])
        assert [p.values for p in found] == [asked[0], asked[2]]
        assert missing == [asked[1], *asked[3:]]
        for values in missing:
            with pytest.raises(EntityNotFound, match="Cannot find partition"):
                get_partition(c, table, values)
        problems = delete_partitions(c, table, [*asked, asked[0]])
        assert [(p.values, p.error.code) for p in problems] == [
            (v, EntityNotFound.code) for v in (*asked[1:2], *asked[3:], asked[0])
        ]
        assert [p.values[0] for p in list_partitions(c, table)] == ["0", "2", "4"]


def test_an_update_replaces_and_renames(database: Database, table: int) -> None:
    names = numbered(4)
    fill(database, table, names)
    with database.transaction() as c:
        before = get_partition(c, table, names[0])
        taken = PartitionInput(values=names[1])
        moved = replace(WHOLE, values=("9", "new", "x"))
        problems = update_partitions(c, table, 3, [
            (names[0], replace(WHOLE, values=names[0])), (names[2], taken), (names[3], moved), (names[3], taken),
            (names[1], PartitionInput(values=("x",))), (("9", "new", "x"), replace(moved, parameters=None)),
        ])  # fmt: skip
        assert [(p.values, p.error.code) for p in problems] == [
            (names[2], AlreadyExists.code), (names[3], EntityNotFound.code), (names[1], InvalidInput.code)
        ]  # fmt: skip
        after = get_partition(c, table, names[0])
        assert (after.storage_descriptor, after.created_at) == (DESCRIPTOR, before.created_at)
        assert get_partition(c, table, moved.values).parameters is None
        assert [p.values for p in list_partitions(c, table)] == [*names[:3], moved.values]
        update_partition(c, table, 3, moved.values, replace(WHOLE, values=names[3]))
        with pytest.raises(EntityNotFound):
            update_partition(c, table, 3, moved.values, WHOLE)


def test_what_the_pipeline_counts_shows_and_stays(database: Database, table: int) -> None:
    values = ("1", "a", "x")
    delta = PartitionDelta(values=values, location="s3://c/1", record_count=10, size_bytes=99, file_count=1)
    with database.transaction() as c:
        add_to_partitions(c, table, [delta])
        made = get_partition(c, table, values)
        assert made.inherits_descriptor
        assert made.storage_descriptor == {"Location": "s3://c/1"}
        assert made.parameters == {"recordCount": "10", "sizeKey": "99", "objectCount": "1"}
        given = PartitionInput(
            values=values, storage_descriptor=DESCRIPTOR, parameters={"recordCount": "0", "p": "q"}
        )
        update_partition(c, table, 3, values, given)
        add_to_partitions(c, table, [replace(delta, location="s3://other")])
        found = get_partition(c, table, values)
        assert (found.storage_descriptor, found.record_count) == (DESCRIPTOR, 20)
        assert found.parameters == {"p": "q", "recordCount": "20", "sizeKey": "198", "objectCount": "2"}


def test_pages_hold_while_partitions_come_and_go(database: Database, table: int) -> None:
    names = numbered(50)
    fill(database, table, names)
    seen: list[Values] = []
    with database.connection() as c:
        while page := page_partitions(c, table, KEYS, after=seen[-1] if seen else None, limit=7):
            seen += [p.values for p in page]
            fill(database, table, [("0", f"s{len(seen)}", "added where we have been")])
            fill(database, table, [("99", f"s{len(seen)}", "added where we come to")])
            with database.transaction() as other:
                assert delete_partitions(other, table, [page[-1].values]) == []
    assert [v for v in seen if "added" not in v[2]] == sorted(names)
    assert {v[2] for v in seen if "added" in v[2]} == {"added where we come to"}
    assert seen == sorted(seen)


def test_the_order_is_that_of_bytes(database: Database, table: int) -> None:
    names = [(text, "a", "b") for text in ("é", "Z", "a", "z", "10", "9", "ab", "\ue000", "😀")]
    fill(database, table, names)
    with database.connection() as c:
        found = [p.values for p in page_partitions(c, table, KEYS, limit=100)]
    assert found == sorted(names, key=lambda values: values[0].encode())


def test_segments_share_the_partitions(database: Database, table: int) -> None:
    names = numbered(100)
    fill(database, table, names)
    with database.connection() as c:
        parts = [
            [p.values for p in page_partitions(c, table, KEYS, limit=1000, segment=(n, 4))] for n in range(4)
        ]
        assert sorted(v for part in parts for v in part) == sorted(names)
        assert all(10 <= len(part) <= 40 for part in parts)
        assert selected(c, table, "s = 's1'", segment=(2, 4)) == [v for v in parts[2] if v[1] == "s1"]
        with pytest.raises(InvalidInput, match="segment number 4: expected 0 to 3"):
            page_partitions(c, table, KEYS, limit=1, segment=(4, 4))


def test_the_column_schema_can_stay_away(database: Database, table: int) -> None:
    with database.transaction() as c:
        assert create_partitions(c, table, 3, [WHOLE]) == []
        (found,) = page_partitions(c, table, KEYS, limit=1, exclude_columns=True)
    assert found.storage_descriptor == {k: v for k, v in DESCRIPTOR.items() if k != "Columns"}


def test_an_expression_selects_and_pages_go_on(database: Database, table: int) -> None:
    fill(database, table, numbered(40))
    with database.connection() as c:
        found = selected(c, table, "i >= 9 and s in ('s1', 's2')")
        assert found == [(n, f"s{n[1]}", "2024-01-01") for n in ("11", "12", "21", "22", "31", "32")]
        assert selected(c, table, "i >= 9 and s in ('s1', 's2')", after=found[2]) == found[3:]
        assert len(selected(c, table, "  ")) == 40
        with pytest.raises(InvalidInput, match="expected a partition key"):
            selected(c, table, "nope = 1")


def test_requests_on_the_same_partitions_do_not_wait_in_a_circle(database: Database, table: int) -> None:
    names = numbered(300)
    start = threading.Barrier(4)

    def work(n: int) -> int:
        mine = [PartitionInput(values=v, storage_descriptor={"InputFormat": v[0]}) for v in names]
        start.wait()
        for turn in range(3):
            order = mine if (n + turn) % 2 else mine[::-1]
            with database.transaction() as c:
                refused = create_partitions(c, table, 3, order)
            with database.transaction() as c:
                update_partitions(c, table, 3, [(one.values, one) for one in order[::-1]])
            with database.transaction() as c:
                delete_partitions(c, table, [one.values for one in order])
        return len(refused)

    with ThreadPoolExecutor(4) as pool:
        assert len(list(pool.map(work, range(4)))) == 4
    with database.connection() as c:
        assert list_partitions(c, table) == []


def test_two_creations_in_opposite_order_do_not_wait_for_each_other(database: Database, table: int) -> None:
    first, middle, last = (PartitionInput(values=(text, "x", "x")) for text in "amz")

    def create(inputs: list[PartitionInput]) -> int:
        with database.transaction() as c:
            return len(create_partitions(c, table, 3, inputs))

    with ThreadPoolExecutor(2) as pool:
        with database.transaction() as c:
            create_partitions(c, table, 3, [middle])
            jobs = [pool.submit(create, order) for order in ([first, middle, last], [last, middle, first])]
            time.sleep(0.5)  # both wait for the middle one, or one for the other
            delete_partitions(c, table, [middle.values])
        assert sorted(job.result(20) for job in jobs) == [0, 3]


def test_a_deleted_table_takes_no_partitions_and_leaves_nothing(database: Database, table: int) -> None:
    with database.transaction() as c:
        assert create_partitions(c, table, 3, [replace(WHOLE, values=v) for v in numbered(25)]) == []
    other = new_table(database, "other")
    fill(database, other, numbered(3))
    with database.transaction() as c:
        delete_table(c, get_table(c, "ml", "events"))
    with database.transaction() as c, pytest.raises(EntityNotFound, match="deleted meanwhile"):
        create_partitions(c, table, 3, [WHOLE])
    steps = []
    while not steps or steps[-1]:
        with database.transaction() as c:
            steps.append(purge_partitions(c, table, 10))
    assert steps == [10, 10, 6, 0]
    with database.connection() as c:
        for name in ("catalog_partition", "catalog_storage_descriptor"):
            found = c.execute(f"SELECT count(*) FROM {name} WHERE table_id = %s", (table,))  # noqa: S608
            assert found.fetchone() == (0,)
        assert len(list_partitions(c, other)) == 3


def test_deleting_a_table_waits_for_who_is_writing_its_partitions(database: Database, table: int) -> None:
    writing, deleted = threading.Event(), threading.Event()

    def delete() -> None:
        writing.wait()
        with database.transaction() as c:
            delete_table(c, get_table(c, "ml", "events"))
        deleted.set()

    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(delete)
        with database.transaction() as c:
            assert create_partitions(c, table, 3, [WHOLE]) == []
            writing.set()
            assert not deleted.wait(0.3)
        job.result(10)
    with database.transaction() as c:
        assert purge_partitions(c, table, 10) == 2
