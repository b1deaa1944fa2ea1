"""Column statistics of tables and partitions: each column on its own, gone with what they describe."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from catalog.partition_tables import fill, new_table
from glulam.catalog.partition_purge import purge_partitions
from glulam.catalog.partitions import PartitionInput, Values, delete_partitions, update_partition
from glulam.catalog.statistics import (
    MEMBER_OF_TYPE,
    ColumnStatistics,
    delete_statistics,
    get_statistics,
    update_statistics,
)
from glulam.catalog.tables import delete_table, get_table
from glulam.model.errors import EntityNotFound, InvalidInput
from glulam.store.database import Database

AT = datetime(2024, 5, 6, 7, 8, 9, 123000, tzinfo=UTC)
NAME = ("1", "x", "2024-01-01")
DATA: dict[str, dict[str, Any]] = {
    "LONG": {"MinimumValue": -(2**63), "MaximumValue": 2**63 - 1, "NumberOfNulls": 0, "NumberOfDistinctValues": 7},
    "STRING": {"MaximumLength": 9, "AverageLength": 2.5, "NumberOfNulls": 0, "NumberOfDistinctValues": 7},
    "BOOLEAN": {"NumberOfTrues": 1, "NumberOfFalses": 2, "NumberOfNulls": 3},
    "DATE": {"MinimumValue": AT, "MaximumValue": AT, "NumberOfNulls": 0, "NumberOfDistinctValues": 1},
    "DECIMAL": {"MinimumValue": {"UnscaledValue": b"\xff\x00\x80", "Scale": 2}, "NumberOfNulls": 0,
                "NumberOfDistinctValues": 1},
}  # fmt: skip


def statistics(column: str, kind: str = "LONG") -> ColumnStatistics:
    data = {"Type": kind, MEMBER_OF_TYPE[kind]: DATA[kind]}
    return ColumnStatistics(column_name=column, column_type="bigint", analyzed_time=AT, data=data)


@pytest.fixture
def table(database: Database) -> int:
    table = new_table(database)
    fill(database, table, [NAME, ("2", "x", "x")])
    return table


@pytest.mark.parametrize("owner", [None, NAME])
def test_statistics_read_back(database: Database, table: int, owner: Values | None) -> None:
    columns = [kind.lower() for kind in DATA]
    with database.transaction() as c:
        given = [statistics(kind.title(), kind) for kind in DATA]
        assert update_statistics(c, table, owner, columns, given) == []
        found, missing = get_statistics(c, table, owner, ["Decimal", "long", "LONG", "other", "date"])
        assert [one.column_name for one in found] == ["decimal", "long", "date"]
        assert [(one.column_name, one.error.code) for one in missing] == [("other", EntityNotFound.code)]
        assert found[1] == statistics("long")
        assert found[0].data["DecimalColumnStatisticsData"]["MinimumValue"] == {
            "UnscaledValue": "/wCA",
            "Scale": 2,
        }
        assert found[2].data["DateColumnStatisticsData"]["MinimumValue"] == AT.timestamp()
        for elsewhere in {None, NAME, ("2", "x", "x")} - {owner}:
            assert get_statistics(c, table, elsewhere, columns)[0] == []


def test_each_column_has_its_own_outcome(database: Database, table: int) -> None:
    wrong = ColumnStatistics(column_name="b", column_type="x", analyzed_time=AT, data={"Type": "LONG"})
    both = {**statistics("c").data, "StringColumnStatisticsData": DATA["STRING"]}
    doubled = ColumnStatistics(column_name="c", column_type="x", analyzed_time=AT, data=both)
    with database.transaction() as c:
        problems = update_statistics(
            c,
            table,
            None,
            ["A", "b", "c"],
            [statistics("nope"), statistics("a"), wrong, doubled, statistics("a", "STRING")],
        )
        assert [(p.column_name, type(p.error)) for p in problems] == [
            ("nope", EntityNotFound), ("b", InvalidInput), ("c", InvalidInput)
        ]  # fmt: skip
        assert "Type LONG needs LongColumnStatisticsData, found nothing" in str(problems[1].error)
        found, _ = get_statistics(c, table, None, ["a", "b", "c"])
        assert found == [statistics("a", "STRING")]


def test_what_is_not_there(database: Database, table: int) -> None:
    with database.transaction() as c:
        for nobody in (("9", "x", "x"), ("1",), (), ("\0",)):
            with pytest.raises(EntityNotFound, match="Cannot find partition"):
                update_statistics(c, table, nobody, ["a"], [statistics("a")])
            with pytest.raises(EntityNotFound, match="Cannot find partition"):
                get_statistics(c, table, nobody, ["a"])
        with pytest.raises(EntityNotFound, match="Column statistics of a do not exist"):
            delete_statistics(c, table, None, "a")
        update_statistics(c, table, None, ["a"], [statistics("a")])
        delete_statistics(c, table, None, "A")
        assert get_statistics(c, table, None, ["a"])[0] == []
        with pytest.raises(EntityNotFound, match="deleted meanwhile"):
            update_statistics(c, table + 1, None, ["a"], [statistics("a")])


def test_statistics_move_and_go_with_their_partition(database: Database, table: int) -> None:
    moved = ("3", "y", "x")
    with database.transaction() as c:
        update_statistics(c, table, NAME, ["a"], [statistics("a")])
        update_statistics(c, table, None, ["a"], [statistics("a", "STRING")])
        update_partition(c, table, 3, NAME, PartitionInput(values=moved))
        assert get_statistics(c, table, moved, ["a"])[0] == [statistics("a")]
        assert delete_partitions(c, table, [moved]) == []
        fill_again = PartitionInput(values=moved)
        update_partition(c, table, 3, ("2", "x", "x"), fill_again)
        assert get_statistics(c, table, moved, ["a"])[0] == []
        assert get_statistics(c, table, None, ["a"])[0] == [statistics("a", "STRING")]


def test_statistics_go_with_their_table(database: Database, table: int) -> None:
    with database.transaction() as c:
        update_statistics(c, table, NAME, ["a"], [statistics("a")])
        update_statistics(c, table, None, ["a"], [statistics("a")])
        delete_table(c, get_table(c, "ml", "events"))
        assert purge_partitions(c, table, 100) == 4
        assert c.execute("SELECT count(*) FROM catalog_column_statistics").fetchone() == (0,)
