"""A crawled table reads with its declared types: through `glulam sql`, and by who follows the catalog with pyarrow."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow.dataset import dataset

from crawl.conftest import CrawledLake
from glulam.catalog.databases import ensure_database
from glulam.catalog.tables import create_table
from glulam.cli.letters import live_tables
from glulam.infer.arrow import to_arrow
from glulam.model.errors import InvalidInput, UnsupportedSql


def sql(lake: CrawledLake, query: str, *, told: bool = True) -> list[tuple[Any, ...]]:
    """`told`: the session knows the query before it opens its tables, as in `glulam sql`."""
    live = live_tables(lake.app)
    with live.session(live.named_in(query), query=query if told else None) as (session, _):
        return list(session.spark(query, 0).rows)


def test_json_in_three_forms_with_partitions(lake: CrawledLake) -> None:
    lake.put("e/year=2023/a.json", [{"Id": 1, "Who": {"Name": "x", "n": 1}, "tags": ["a"]}])
    lake.put("e/year=2024/b.json", '[{"Id": 2, "tags": []}, {"Id": 3, "Who": {"Name": "y", "n": 2}}]')
    lake.put("e/year=2024/c.json.gz", '{"Id": 4,\n "Who": null}')
    lake.put("e/_SUCCESS", "")
    lake.once("s3://lake/e/")
    rows = sql(lake, "select id, who.name, tags, year from db.e order by id")
    assert rows == [(1, "x", ["a"], 2023), (2, None, [], 2024), (3, "y", None, 2024), (4, None, None, 2024)]


def test_csv_with_header_quotes_and_empty_values(lake: CrawledLake) -> None:
    text = 'id;name;price;day\n1;"a;b";9.50;2024-01-02\n2;;;\n007;c;12.25;2024-02-03\n'
    for part in ("north", "south"):
        lake.put(f"c/{part}/a.csv", text.replace("007", "3"))
    lake.once("s3://lake/c/")
    assert [k.name for k in lake.table("c").descriptor.partition_keys] == ["partition_0"]
    rows = sql(
        lake, "select id, name, price, day, partition_0 from db.c where partition_0 = 'north' order by id"
    )
    assert [r[0] for r in rows] == [1, 2, 3]
    assert rows[0][1] == "a;b"
    assert (rows[1][2], rows[1][3]) == (None, None)
    assert rows[0][3] == date(2024, 1, 2)


def test_parquet_with_columns_that_came_later(lake: CrawledLake) -> None:
    for day, table in (
        ("2024-01-01", pa.table({"ID": [1], "Amount": [Decimal("1.50")]})),
        ("2024-01-02", pa.table({"ID": [2], "Amount": [Decimal("2.50")], "note": ["n"]})),
        ("__HIVE_DEFAULT_PARTITION__", pa.table({"ID": [3], "Amount": [Decimal("3.50")]})),
    ):
        path = lake.root / "lake" / "p" / f"day={day}" / "part-0.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(table, path)
    lake.once("s3://lake/p/")
    assert [(k.name, k.type) for k in lake.table("p").descriptor.partition_keys] == [("day", "date")]
    assert sql(lake, "select id, amount, note, day from db.p order by id") == [
        (1, Decimal("1.50"), None, date(2024, 1, 1)), (2, Decimal("2.50"), "n", date(2024, 1, 2)),
        (3, Decimal("3.50"), None, None),
    ]  # fmt: skip


def test_pyarrow_reads_what_the_catalog_says(lake: CrawledLake) -> None:
    for day in (1, 2):
        path = lake.root / "lake" / "p" / f"day={day}" / "part-0.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(pa.table({"id": pa.array([day], pa.int32()), "d": [Decimal("1.50")]}), path)
    lake.once("s3://lake/p/")
    declared = pa.schema([(c.name, to_arrow(c.data_type)) for c in lake.table("p").descriptor.columns])
    assert declared == pa.schema([("id", pa.int32()), ("d", pa.decimal128(3, 2))])
    for values, partition in lake.partitions("p").items():
        folder = str(partition.location).replace("s3://", f"{lake.root}/")
        found = dataset(folder, schema=declared, format="parquet").to_table()
        assert found.to_pylist() == [{"id": int(values[0]), "d": Decimal("1.50")}]


def test_odd_files_are_not_read(lake: CrawledLake) -> None:
    for n in range(4):
        lake.put(f"o/{n}.json", [{"a": n}])
    lake.put("o/readme.csv", "x,y,z\n1,2,3\n4,5,6\n")
    lake.once("s3://lake/o/")
    assert sorted(sql(lake, "select a from db.o")) == [(0,), (1,), (2,), (3,)]


def test_a_value_that_is_not_of_its_type_is_an_error(lake: CrawledLake) -> None:
    lake.put("t/a.csv", "id,name\n1,a\n2,b\n")
    lake.once("s3://lake/t/")
    lake.put("t/b.csv", "id,name\nx,c\n")
    with pytest.raises(InvalidInput, match="x"):
        sql(lake, "select id from db.t")


def test_so_is_one_that_comes_after_many_rows(lake: CrawledLake) -> None:
    """DuckDB hands rows out before it has seen them all; what it finds then reaches us by another way."""
    lake.put("t/a.csv", "id,name\n1,a\n2,b\n")
    lake.once("s3://lake/t/")
    lake.put("t/b.csv", "id,name\n" + "1,a\n" * 300_000 + "x,c\n")
    for query in ("select id from db.t", "select id from db.t where name = 'c'"):
        with pytest.raises(InvalidInput, match="'x' to INT64"):
            sql(lake, query)


def test_a_format_that_is_not_read_says_so(lake: CrawledLake) -> None:
    lake.put("x/a.dat", "1")
    document = {
        "Parameters": {"classification": "hdf5"},
        "StorageDescriptor": {"Location": "s3://lake/x/", "Columns": [{"Name": "a", "Type": "bigint"}]},
    }
    with lake.app.database.transaction() as conn:
        ensure_database(conn, "db", scope=lake.app.scope)
        create_table(conn, "db", "x", document, {}, scope=lake.app.scope)
    with pytest.raises(UnsupportedSql, match="hdf5"):
        sql(lake, "select * from db.x")
