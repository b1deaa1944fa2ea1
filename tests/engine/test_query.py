"""Views over published files: types, partitions, what is missing, what is forbidden."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from glulam.engine.base import EngineResources
from glulam.engine.query import QuerySession, QueryTable, duckdb_type, tables_of
from glulam.infer.types import DataType, parse_type
from glulam.model.errors import InvalidInput, StorageFailed, UnsupportedSql

NOON = datetime(2025, 1, 2, 12, tzinfo=UTC)


def columns(**types: str) -> tuple[tuple[str, DataType], ...]:
    return tuple((name, parse_type(kind)) for name, kind in types.items())


def written(folder: Path, name: str, rows: Mapping[str, object]) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(dict(rows)), path)
    return path


@pytest.fixture
def resources(tmp_path: Path) -> EngineResources:
    return EngineResources(threads=1, memory_bytes=256 << 20, spool=tmp_path / "spool")


@pytest.fixture
def events(tmp_path: Path) -> QueryTable:
    """Two files of different ages: the younger has more columns and wider types."""
    old = written(tmp_path, "lake/year=2025/mode=__HIVE_DEFAULT_PARTITION__/a.parquet", {
        "n": pa.array([1, 2], pa.int64()), "at": pa.array([NOON, None], pa.timestamp("us", tz="UTC")),
        "d": [{"x": 1}, None],
    })  # fmt: skip
    young = written(tmp_path, "lake/year=2026/mode=a%2Fb/b.parquet", {
        "n": pa.array([2.5]), "d": [{"x": 3, "y": "z"}], "more": [["q"]],
        "big": pa.array([Decimal(2**64)], pa.decimal128(38, 0)),
    })  # fmt: skip
    return QueryTable(
        database="ml", name="events", partition_keys=columns(year="int", mode="string"), files=(old, young),
        columns=columns(n="double", at="timestamp", d="struct<x:bigint,y:string>", more="array<string>",
                        big="decimal(38,0)", never="string"),
    )  # fmt: skip


def test_columns_have_the_types_of_the_catalog(events: QueryTable, resources: EngineResources) -> None:
    with QuerySession([events], resources) as session:
        found = session.spark("select * from ml.events order by n", 0)
    assert [kind for _, kind in found.columns] == [
        "double", "timestamp", "struct<x:bigint,y:string>", "array<string>", "decimal(38,0)", "string", "int", "string",
    ]  # fmt: skip
    assert found.rows == (
        (1.0, NOON.replace(tzinfo=None), {"x": 1, "y": None}, None, None, None, 2025, None),
        (2.0, None, None, None, None, None, 2025, None),
        (2.5, None, {"x": 3, "y": "z"}, ["q"], Decimal(2**64), None, 2026, "a/b"),
    )


def test_partitions_that_a_query_rules_out_are_not_read(
    events: QueryTable, resources: EngineResources
) -> None:
    with QuerySession([events], resources) as session:
        plan = session.rows("EXPLAIN ANALYZE SELECT n FROM ml.events WHERE year = 2026", {})
    assert "Total Files Read: 1" in str(plan)


def test_a_file_that_is_gone_is_named(events: QueryTable, resources: EngineResources) -> None:
    with QuerySession([events], resources) as session:
        events.files[0].unlink()
        with pytest.raises(StorageFailed, match=r"a\.parquet"):
            session.spark("select n from ml.events", 0)


def test_a_table_without_files_is_empty(resources: EngineResources) -> None:
    table = QueryTable(
        database="ml", name="none", columns=columns(a="bigint"), partition_keys=columns(p="string")
    )
    with QuerySession([table], resources) as session:
        found = session.spark("select count(*), sum(a), max(p) from ml.none", 0)
    assert found.rows == ((0, None, None),)


def test_limit_and_more(events: QueryTable, resources: EngineResources) -> None:
    with QuerySession([events], resources) as session:
        cut = session.spark("select n from ml.events", 2)
        whole = session.spark("select n from ml.events", 3)
    assert (len(cut.rows), cut.more) == (2, True)
    assert (len(whole.rows), whole.more) == (3, False)


def test_places(events: QueryTable, resources: EngineResources) -> None:
    table = QueryTable(database="ml", name="events", columns=events.columns, partition_keys=events.partition_keys,
                       files=events.files, places=True)  # fmt: skip
    with QuerySession([table], resources) as session:
        rows = session.rows("SELECT _file, _row FROM ml.events WHERE n = $n", {"n": 2.0})
    assert rows == [{"_file": str(events.files[0]), "_row": 2}]


def test_a_session_reads_its_files_and_nothing_else(
    events: QueryTable, resources: EngineResources, tmp_path: Path
) -> None:
    other = written(tmp_path, "other.parquet", {"secret": [1]})
    with QuerySession([events], resources) as session:
        for text in (
            f"FROM read_parquet('{other}')", f"COPY (SELECT 1) TO '{tmp_path / 'x.csv'}'",
            f"ATTACH '{tmp_path / 'x.db'}'", "SET enable_external_access = true", "SET allowed_paths = ['/']",
        ):  # fmt: skip
            with pytest.raises((InvalidInput, StorageFailed)):
                session.rows(text, {})
    assert not (tmp_path / "x.csv").exists()


@pytest.mark.parametrize(
    "sql",
    ["drop table ml.events", "insert into ml.events values (1)", "select * from ml.events; select 1", "set x = 1",
     "select nope from ml.events", "not sql at all (", "select * from read_parquet('x')"],
)  # fmt: skip
def test_only_queries_run(events: QueryTable, resources: EngineResources, sql: str) -> None:
    with QuerySession([events], resources) as session, pytest.raises((InvalidInput, UnsupportedSql)):
        session.spark(sql, 0)


def test_names_are_only_names(tmp_path: Path, resources: EngineResources) -> None:
    odd = 'a"b; drop'
    path = written(tmp_path, "it's/c.parquet", {odd: [7]})
    table = QueryTable(database="d'b", name='t"x', columns=((odd, parse_type("bigint")),), files=(path,))
    with QuerySession([table], resources) as session:
        assert session.rows('SELECT * FROM "d\'b"."t""x"', {}) == [{odd: 7}]


def test_tables_of() -> None:
    sql = "with e as (select * from ML.Events) select * from e join ml.other o on true where a in (select b from third)"
    assert tables_of(sql) == ((None, "third"), ("ml", "events"), ("ml", "other"))
    assert tables_of("select 1") == ()
    with pytest.raises(InvalidInput):
        tables_of("truncate table ml.events")


def test_duckdb_types() -> None:
    kind = parse_type("struct<a:array<decimal(10,2)>,b c:map<string,int>>")
    assert duckdb_type(kind) == 'STRUCT("a" DECIMAL(10, 2)[], "b c" MAP(VARCHAR, INTEGER))'
