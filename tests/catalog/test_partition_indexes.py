"""Partition indexes answer what a scan answers, keep step with every write, and come and go without a gap."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from itertools import product

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from catalog.expression_texts import BAD, GOOD, expressions
from catalog.expression_texts import KEYS as ALL_KEYS
from catalog.partition_tables import KEYS, fill, make_ready, new_table, selected
from glulam.catalog import partition_pages
from glulam.catalog.expression_parser import parse_expression
from glulam.catalog.expressions import Expression, matches
from glulam.catalog.partition_indexes import (
    BackfillFailure,
    PartitionIndex,
    advance_partition_indexes,
    check_indexed_keys,
    create_partition_index,
    delete_partition_index,
    list_partition_indexes,
)
from glulam.catalog.partition_keys import NULL_VALUE, Kind, PartitionKey, after_prefix, encode, read
from glulam.catalog.partition_plan import Plan, natural_range, plan
from glulam.catalog.partitions import (
    PartitionDelta,
    PartitionInput,
    Values,
    add_to_partitions,
    create_partitions,
    delete_partitions,
    update_partition,
)
from glulam.model.errors import (
    AlreadyExists,
    Conflict,
    EntityNotFound,
    InvalidInput,
    LimitExceeded,
)
from glulam.store.database import Database

NAMES: list[Values] = [
    (str(i), s, f"2024-01-{d:02}") for i, s, d in product((-3, 2, 10), ("a", "b", "ab"), (1, 2, 10))
]


@pytest.fixture
def table(database: Database) -> int:
    return new_table(database)


def create(database: Database, table: int, name: str, *keys: str) -> PartitionIndex:
    with database.transaction() as c:
        return create_partition_index(c, table, KEYS, name, keys)


def statuses(database: Database, table: int) -> dict[str, str]:
    with database.connection() as c:
        return {one.name: one.status for one in list_partition_indexes(c, table)}


def used(conn: psycopg.Connection, table: int, expression: str) -> Plan | None:
    tree = parse_expression(expression, KEYS)
    assert tree is not None
    return plan(tree, [one for one in list_partition_indexes(conn, table) if one.status == "ACTIVE"])


INTEGERS = st.integers(-(10**30), 10**30) | st.integers(-300, 300)
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=4)
DATES = st.dates().map(str)
KINDS = ((Kind.INTEGER, INTEGERS.map(str)), (Kind.TEXT, TEXTS), (Kind.DATE, DATES))


@settings(max_examples=300)
@given(st.data(), st.lists(st.sampled_from(KINDS), min_size=1, max_size=3))
def test_index_keys_sort_as_the_values_do(
    data: st.DataObject, kinds: list[tuple[Kind, st.SearchStrategy[str]]]
) -> None:
    one, other = ([data.draw(texts) for _, texts in kinds] for _ in range(2))
    of = [kind for kind, _ in kinds]
    keys = [encode(of, row) for row in (one, other)]
    values = [[read(kind, text) for kind, text in zip(of, row, strict=True)] for row in (one, other)]
    bytewise = [[v.encode() if isinstance(v, str) else v for v in row] for row in values]
    assert (keys[0] < keys[1]) == (bytewise[0] < bytewise[1])
    assert (keys[0] == keys[1]) == (values[0] == values[1])
    for n in range(1, len(of) + 1):
        prefix = encode(of[:n], one[:n])
        begins = values[1][:n] == values[0][:n]
        assert (prefix <= keys[1] < after_prefix(prefix)) == begins


def test_unreadable_values_and_null_stand_apart() -> None:
    null, bad, low = (encode([Kind.INTEGER], [text]) for text in (NULL_VALUE, "x", "-99999999999"))
    assert null < bad < low
    assert read(Kind.DECIMAL, "1.50") == Decimal("1.5")


@pytest.mark.parametrize(
    ("expression", "name", "ranges"),
    [
        ("s = 'a'", "sd", 1),
        ("s in ('a', 'b', 'a') and d >= '2024-01-02' and i = 2", "i", 1),
        ("s in ('a', 'b') and d >= '2024-01-02'", "sd", 2),
        ("s in ('a', 'b') and d in ('2024-01-01', '2024-01-02')", "sd", 4),
        ("i between 1 and 5", "i", 1),
        ("i > 5 and i < 1", "i", 0),
        (f"i = 2 and (s = 'a' and d <> '2024-01-01') and s > '{NULL_VALUE}'", "sd", 1),
        ("s is null", "sd", 1),
        ("d = '2024-01-01'", None, 0),
        ("s = 'a' or i = 2", None, 0),
        ("not i = 2", None, 0),
        ("s <> 'a'", None, 0),
        ("s like 'a%'", None, 0),
    ],
)
def test_the_plan(database: Database, table: int, expression: str, name: str | None, ranges: int) -> None:
    create(database, table, "i", "i")
    create(database, table, "sd", "S", "d")
    with database.connection() as c:
        found = used(c, table, expression)
    if found is None or name is None:
        assert found is name is None
    elif "i = 2" not in expression or found.index.name == name:
        assert (found.index.name, len(found.ranges)) == (name, ranges)


def test_texts_that_lead_need_no_index() -> None:
    keys = (PartitionKey(name="y", type="string"), PartitionKey(name="m", type="string"))
    for text, expected in {
        "m = '1' and y = '2'": (["2", "1"], ["2", "1\x01"]),
        "y = '2' and m > '1'": (["2"], ["2\x01"]),
        "m = '1'": None,
        "y in ('1')": None,
    }.items():
        tree = parse_expression(text, keys)
        assert tree is not None
        assert natural_range(tree) == expected


@pytest.fixture(scope="module")
def odd_rows() -> list[Values]:
    """Of every key a few values, good and bad, in all their combinations."""
    few = {name: GOOD[name][:4] + BAD[name][:1] + [NULL_VALUE] for name in GOOD}
    few["t"], few["x"] = few["t"][:1], few["x"][:1]
    return sorted(product(*(dict.fromkeys(text for text in few[key.name] if text) for key in ALL_KEYS)))


@pytest.fixture
def odd_table(database: Database, odd_rows: list[Values], monkeypatch: pytest.MonkeyPatch) -> int:
    """Indexed; the pipeline made its partitions, which no index may refuse."""
    table = new_table(database)
    for name, keys in {"i": ["i", "d"], "s": ["S", "i"], "d": ["d"]}.items():
        with database.transaction() as c:
            assert create_partition_index(c, table, ALL_KEYS, name, keys).status == "ACTIVE"
    with database.transaction() as c:
        add_to_partitions(c, table, [
            PartitionDelta(values=v, location="", record_count=1, size_bytes=1, file_count=1) for v in odd_rows
        ])  # fmt: skip
    return table


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=expressions())
@example(text="i <= 3 and i > -7")
@example(text="i >= 0 and i < 10")
@example(text="S in ('a', 'ab') and i between 0 and 3")
@example(text="S > 'A' and S <= 'ab'")
@example(text="d <= '2024-01-01'")
@example(text="S is null and i in (3, 10)")
def test_an_index_changes_nothing(
    database: Database, odd_table: int, odd_rows: list[Values], text: str
) -> None:
    tree = parse_expression(text, ALL_KEYS)
    assert tree is not None
    with database.connection() as c:
        found = selected(c, odd_table, text, ALL_KEYS)
        assert found == [row for row in odd_rows if matches(tree, row)]
        if len(found) > 3:
            assert selected(c, odd_table, text, ALL_KEYS, after=found[1]) == found[2:]


def test_every_write_keeps_the_index(database: Database, table: int) -> None:
    fill(database, table, NAMES)
    created = create(database, table, "by", "s", "i")
    assert created.status == "CREATING"
    fill(database, table, [("7", "b", "2024-02-01")])  # while it is made: before and behind what is filled
    assert make_ready(database) >= 4
    assert statuses(database, table) == {"by": "ACTIVE"}
    expected = {(i, s, d) for i, s, d in NAMES if s == "b"} | {("7", "b", "2024-02-01")}
    with database.transaction() as c:
        update_partition(c, table, 3, NAMES[0], PartitionInput(values=("8", "b", "x")))
        update_partition(c, table, 3, ("7", "b", "2024-02-01"), PartitionInput(values=("7", "c", "x")))
        delete_partitions(c, table, [("2", "b", "2024-01-01")])
        delta = PartitionDelta(
            values=("9", "b", "x"), location="", record_count=1, size_bytes=1, file_count=1
        )
        add_to_partitions(c, table, [delta])
    expected |= {("8", "b", "x"), ("9", "b", "x")}
    expected -= {("7", "b", "2024-02-01"), ("2", "b", "2024-01-01")}
    with database.connection() as c:
        assert used(c, table, "s = 'b'") is not None
        assert set(selected(c, table, "s = 'b'")) == expected
        assert selected(c, table, "s = 'b' and i >= 9") == [
            ("10", "b", f"2024-01-{d}") for d in ("01", "02", "10")
        ] + [("9", "b", "x")]


def test_an_expression_that_leaves_too_much_is_scanned(
    database: Database, table: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(database, table, NAMES)
    create(database, table, "by", "i")
    make_ready(database, step=1000)
    with database.connection() as c:
        few = selected(c, table, "i > 2")
        monkeypatch.setattr(partition_pages, "NARROW", 8)
        assert selected(c, table, "i > 2") == few
        assert len(few) == 9


def test_an_index_that_goes_while_it_is_read_loses_nothing(
    database: Database, table: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(database, table, NAMES)
    create(database, table, "by", "i")
    make_ready(database)

    def plan_and_lose(tree: Expression, indexes: Sequence[PartitionIndex]) -> Plan | None:
        found = plan(tree, indexes)
        with database.transaction() as other:
            delete_partition_index(other, table, "by")
        make_ready(database)
        return found

    monkeypatch.setattr(partition_pages, "plan", plan_and_lose)
    with database.connection() as c:
        assert len(selected(c, table, "i = 2")) == 9


def test_a_new_index_waits_for_writers_that_do_not_know_it(database: Database, table: int) -> None:
    fill(database, table, NAMES)
    writing = threading.Event()

    def make() -> None:
        writing.wait()
        create(database, table, "by", "s")

    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(make)
        with database.transaction() as c:
            late = PartitionInput(values=("-9", "b", "late"))
            assert create_partitions(c, table, 3, [late]) == []
            writing.set()
            with pytest.raises(TimeoutError):
                job.result(0.3)
            assert statuses(database, table) == {}
        job.result(10)
    make_ready(database)
    with database.connection() as c:
        assert late.values in selected(c, table, "s = 'b'")


def test_a_deleted_index_is_cleared_and_its_place_used_again(database: Database, table: int) -> None:
    fill(database, table, NAMES)
    for n, name in enumerate(("a", "b", "c")):
        create(database, table, name, KEYS[n].name)
        with pytest.raises((LimitExceeded, AlreadyExists)):
            create(database, table, "more", "d", "i")  # one at a time
        make_ready(database)
    with pytest.raises(LimitExceeded, match="Partition index limit exceeded"):
        create(database, table, "d", "i", "s")
    with database.transaction() as c:
        delete_partition_index(c, table, "b")
        assert used(c, table, "s = 'a'") is None
        assert len(selected(c, table, "s = 'a'")) == 9
        with pytest.raises(Conflict, match="DELETING state"):
            delete_partition_index(c, table, "b")
    assert statuses(database, table) == {"a": "ACTIVE", "b": "DELETING", "c": "ACTIVE"}
    make_ready(database)
    with database.connection() as c:
        assert c.execute(
            "SELECT count(index_key_1), count(index_key_2) FROM catalog_partition"
        ).fetchone() == (27, 0)
    assert create(database, table, "b", "s", "d").slot == 2
    make_ready(database)
    with database.connection() as c:
        assert len(selected(c, table, "s = 'a' and d = '2024-01-10'")) == 3


def test_what_cannot_be_indexed(database: Database, table: int) -> None:
    cases = (
        (["nope", "i"], r"IndexKeys not a part of PartitionColumns. Verify the indexKeys : \[nope\]"),
        (["i", "I"], "each partition key once"),
        ([], "IndexKeys not a part"),
    )
    for keys, message in cases:
        with pytest.raises(InvalidInput, match=message):
            create(database, table, "x", *keys)
    stamps = [PartitionKey(name="t", type="timestamp")]
    with database.transaction() as c, pytest.raises(InvalidInput, match="'t' is of type timestamp"):
        create_partition_index(c, table, stamps, "x", ["t"])
    assert create(database, table, "x", "i").status == "ACTIVE"
    for name, keys, message in (
        ("x", ["s"], "same name"),
        ("y", ["I"], "x already exists with the same keys"),
    ):
        with pytest.raises(AlreadyExists, match=message):
            create(database, table, name, *keys)
    with database.transaction() as c, pytest.raises(EntityNotFound, match="Partition Index nope not found"):
        delete_partition_index(c, table, "nope")


def test_an_indexed_key_takes_only_values_of_its_type(database: Database, table: int) -> None:
    create(database, table, "x", "i", "s")
    given = [("foo", "a", "x"), ("1", "a\x01", "x"), (NULL_VALUE, NULL_VALUE, "x"), ("1", "a", "not a date")]
    with database.transaction() as c:
        problems = create_partitions(c, table, 3, [PartitionInput(values=v) for v in given])
        assert [(p.values, p.error.code) for p in problems] == [(v, InvalidInput.code) for v in given[:2]]
        assert "partition index 'x': 'i' is an integer (int), found 'foo'" in str(problems[0].error)
        with pytest.raises(InvalidInput, match="an integer"):
            update_partition(c, table, 3, given[3], PartitionInput(values=given[0]))


def test_an_index_over_values_of_another_type_fails_and_says_which(database: Database, table: int) -> None:
    fill(database, table, [*NAMES, *((f"z{n:02}", "a", "x") for n in range(12)), ("zz", "\x02", "x")])
    create(database, table, "by", "i")
    make_ready(database, step=1000)
    with database.connection() as c:
        (failed,) = list_partition_indexes(c, table)
    assert (failed.status, failed.slot) == ("FAILED", None)
    assert failed.failures == (
        BackfillFailure(
            code="INVALID_PARTITION_TYPE_DATA_ERROR",
            partitions=tuple((f"z{n:02}", "a", "x") for n in range(10)),
        ),
    )
    with database.transaction() as c:
        delete_partitions(c, table, [(f"z{n:02}", "a", "x") for n in range(12)])
        delete_partitions(c, table, [("zz", "\x02", "x")])
    create(database, table, "by", "i")  # replaces the failed one
    make_ready(database, step=1000)
    assert statuses(database, table) == {"by": "ACTIVE"}
    with database.transaction() as c:
        assert advance_partition_indexes(c, 10) == 0


def test_keys_of_an_index_cannot_change(database: Database, table: int) -> None:
    create(database, table, "x", "s", "i")
    more = (*KEYS, PartitionKey(name="n", type="int"))
    with database.transaction() as c:
        check_indexed_keys(c, table, KEYS)
        check_indexed_keys(c, table, more)
        for keys in (KEYS[:1], (KEYS[1], KEYS[0]), (PartitionKey(name="i", type="bigint"), *KEYS[1:])):
            with pytest.raises(InvalidInput, match="partition index 'x' is made of s string, i int; found"):
                check_indexed_keys(c, table, keys)
