"""Targets that are no plain files: databases over a connection, tables of the catalog, Iceberg and Delta folders."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import psycopg
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from crawl.conftest import CrawledLake, connection_to
from glulam.catalog.tables import create_table
from glulam.crawl import crawlers
from glulam.crawl.plan import Plan
from glulam.model.errors import ConnectionFailed, EntityNotFound, InvalidInput, ObjectNotFound


def _crawled(lake: CrawledLake, **targets: Any) -> Plan:
    with lake.app.database.transaction() as conn:
        crawlers.create(conn, lake.app.scope, "c", {"Role": "r", "DatabaseName": "db", "Targets": targets})
    return lake.crawl()


@pytest.fixture
def source(lake: CrawledLake, database_url: str) -> Iterator[dict[str, str]]:
    """A schema with tables, reached over TCP with a password as a connection says it."""
    with psycopg.connect(database_url, autocommit=True) as admin:
        row = admin.execute(
            "SELECT current_database(), inet_server_addr(), current_setting('port')"
        ).fetchone()
        assert row is not None
        admin.execute("CREATE SCHEMA shop")
        admin.execute("""
            CREATE TABLE shop.orders (id bigint PRIMARY KEY, n int, s smallint, total numeric(10,2), ratio double precision,
              r real, at timestamptz, day date, ok boolean, raw bytea, doc jsonb, tags text[], "Odd Name" text)
        """)
        admin.execute("COMMENT ON TABLE shop.orders IS 'what was sold'")
        admin.execute("CREATE VIEW shop.open AS SELECT id FROM shop.orders")
        admin.execute("CREATE TABLE shop.tmp_x (a int)")
        yield {"database": str(row[0])}


def test_sqlite_in_the_lake(lake: CrawledLake) -> None:
    path = lake.root / "lake" / "apps" / "shop.db"
    path.parent.mkdir(parents=True)
    with sqlite3.connect(path) as db:
        db.execute(
            "CREATE TABLE Orders (id INTEGER, total DECIMAL(8,2), note TEXT, at DATETIME, raw BLOB, x REAL)"
        )
        db.execute("CREATE TABLE users (id INTEGER)")
    connection_to(lake, "lite", JDBC_CONNECTION_URL="jdbc:sqlite:s3://lake/apps/shop.db")
    _crawled(lake, JdbcTargets=[{"ConnectionName": "lite", "Path": "shop/%", "Exclusions": ["users"]}])
    assert set(lake.tables()) == {"shop_orders"}
    assert lake.columns("shop_orders") == {
        "id": "bigint", "total": "decimal(8,2)", "note": "string", "at": "timestamp", "raw": "binary", "x": "double"
    }  # fmt: skip
    document = lake.table("shop_orders").document
    assert document["Parameters"]["connectionName"] == "lite"
    assert document["Parameters"]["classification"] == "sqlite"
    assert document["StorageDescriptor"]["Location"] == "shop.Orders"


@pytest.mark.parametrize("url", ["jdbc:sqlite:/etc/passwd", "jdbc:sqlite:file:///etc/passwd"])
def test_sqlite_elsewhere_is_refused(lake: CrawledLake, url: str) -> None:
    connection_to(lake, "lite", JDBC_CONNECTION_URL=url)
    with pytest.raises(InvalidInput, match="object store"):
        _crawled(lake, JdbcTargets=[{"ConnectionName": "lite", "Path": "shop/%"}])


def test_postgresql_types(lake: CrawledLake, source: dict[str, str], database_url: str,
                          monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    from glulam.crawl import databases

    monkeypatch.setattr(
        databases, "_postgresql", lambda target, address: lambda: psycopg.connect(database_url)
    )
    connection_to(lake, "pg", JDBC_CONNECTION_URL=f"jdbc:postgresql://127.0.0.1:5432/{source['database']}",
                USERNAME="u", PASSWORD="p")  # fmt: skip
    path = f"{source['database']}/shop/%"
    _crawled(lake, JdbcTargets=[{"ConnectionName": "pg", "Path": path, "Exclusions": ["shop/tmp_*"],
                                 "EnableAdditionalMetadata": ["COMMENTS"]}])  # fmt: skip
    name = f"{source['database']}_shop_orders"
    assert set(lake.tables()) == {name, f"{source['database']}_shop_open"}
    assert lake.columns(name) == {
        "id": "bigint", "n": "int", "s": "smallint", "total": "decimal(10,2)", "ratio": "double", "r": "float",
        "at": "timestamp", "day": "date", "ok": "boolean", "raw": "binary", "doc": "string", "tags": "array<string>",
        "odd name": "string",
    }  # fmt: skip
    assert lake.table(name).document["Description"] == "what was sold"


def test_a_database_that_cannot_be_reached(lake: CrawledLake) -> None:
    connection_to(
        lake, "pg", JDBC_CONNECTION_URL="jdbc:postgresql://127.0.0.1:1/x", USERNAME="u", PASSWORD="secret!"
    )
    with pytest.raises(ConnectionFailed) as caught:
        _crawled(lake, JdbcTargets=[{"ConnectionName": "pg", "Path": "x/%"}])
    assert "secret!" not in str(caught.value)


def test_an_address_that_is_not_allowed(lake: CrawledLake) -> None:
    connection_to(
        lake, "pg", JDBC_CONNECTION_URL="jdbc:postgresql://10.1.2.3:5432/x", USERNAME="u", PASSWORD="p"
    )
    with pytest.raises(InvalidInput, match="GLULAM_CONNECTION_HOSTS"):
        _crawled(lake, JdbcTargets=[{"ConnectionName": "pg", "Path": "x/%"}])


def test_nothing_matches(lake: CrawledLake) -> None:
    path = lake.root / "lake" / "shop.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE t (id INTEGER)")
    connection_to(lake, "lite", JDBC_CONNECTION_URL="jdbc:sqlite:s3://lake/shop.db")
    with pytest.raises(EntityNotFound, match="no table matches"):
        _crawled(lake, JdbcTargets=[{"ConnectionName": "lite", "Path": "shop/orders%"}])


def test_a_delta_folder_and_one_among_others(lake: CrawledLake) -> None:
    rows = pa.table({"Id": [1, 2], "day": ["a", "b"], "amount": [1.5, 2.5]})
    write_deltalake(str(lake.root / "lake" / "d" / "orders"), rows, partition_by=["day"])
    lake.put("d/plain/a.json", [{"x": 1}])
    lake.once("s3://lake/d/")
    assert set(lake.tables()) == {"orders", "plain"}
    assert lake.columns("orders") == {"id": "bigint", "day": "string", "amount": "double"}
    parameters = lake.table("orders").document["Parameters"]
    assert (parameters["table_type"], parameters["delta.partitionColumns"]) == ("DELTA", "day")
    write_deltalake(str(lake.root / "lake" / "d" / "orders"), rows.append_column("more", pa.array([True, False])),
                    mode="append", schema_mode="merge")  # fmt: skip
    _crawled(lake, DeltaTargets=[{"DeltaTables": ["s3://lake/d/orders/"]}])
    assert lake.columns("orders")["more"] == "boolean"


def test_no_delta_there(lake: CrawledLake) -> None:
    lake.put("d/a.json", [{"x": 1}])
    with pytest.raises(ObjectNotFound, match="_delta_log"):
        _crawled(lake, DeltaTargets=[{"DeltaTables": ["s3://lake/d/"]}])


def test_iceberg_folders(lake: CrawledLake) -> None:
    from pyiceberg.catalog.memory import InMemoryCatalog

    catalog = InMemoryCatalog("m", warehouse=f"file://{lake.root}/lake/ice")
    catalog.create_namespace("n")
    rows = pa.table({"id": [1], "name": ["x"]})
    made = catalog.create_table("n.orders", schema=rows.schema)
    made.append(rows)
    with made.update_schema() as update:
        update.add_column("more", made.schema().find_type("id"))
    _crawled(lake, IcebergTargets=[{"Paths": ["s3://lake/ice/"], "MaximumTraversalDepth": 5}])
    assert lake.columns("orders") == {"id": "bigint", "name": "string", "more": "bigint"}
    parameters = lake.table("orders").document["Parameters"]
    assert parameters["table_type"] == "ICEBERG"
    assert parameters["metadata_location"].endswith(".metadata.json")
    assert parameters["metadata_location"].rpartition("/")[2].startswith("00002-")


def test_no_iceberg_there(lake: CrawledLake) -> None:
    lake.put("i/a.json", [{"x": 1}])
    with pytest.raises(ObjectNotFound, match="Iceberg"):
        _crawled(lake, IcebergTargets=[{"Paths": ["s3://lake/i/"]}])


def test_a_table_of_the_catalog(lake: CrawledLake) -> None:
    lake.put("hand/y=1/a.json", [{"a": 1, "b": "x"}])
    lake.put("hand/y=2/a.json", [{"c": 1}])
    document = {
        "Parameters": {"mine": "yes"}, "PartitionKeys": [{"Name": "y", "Type": "string"}],
        "StorageDescriptor": {"Location": "s3://lake/hand", "Columns": [{"Name": "a", "Type": "bigint", "Comment": "k"}]},
    }  # fmt: skip
    with lake.app.database.transaction() as conn:
        from glulam.catalog.databases import ensure_database

        ensure_database(conn, "db", scope=lake.app.scope)
        create_table(conn, "db", "by_hand", document, {}, scope=lake.app.scope)
        targets = {"CatalogTargets": [{"DatabaseName": "db", "Tables": ["by_hand"]}]}
        crawlers.create(conn, lake.app.scope, "c", {"Role": "r", "Targets": targets})
    lake.crawl()
    assert set(lake.tables()) == {"by_hand"}
    assert lake.columns("by_hand") == {"a": "bigint", "b": "string", "c": "bigint"}
    table = lake.table("by_hand")
    assert table.document["PartitionKeys"] == [{"Name": "y", "Type": "string"}]
    assert table.document["Parameters"]["mine"] == "yes"
    assert set(lake.partitions("by_hand")) == {("1",), ("2",)}
