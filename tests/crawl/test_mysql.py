"""MySQL as a target, tried with a real MariaDB: types, names, patterns, rights, and what a second crawl finds."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from crawl.conftest import CrawledLake, connection_to
from glulam.crawl import crawlers, runs
from glulam.crawl.mysql_schema import mysql_type
from glulam.crawl.plan import Plan
from glulam.crawl.runs import CrawlState
from glulam.model.errors import ConnectionFailed, EntityNotFound, GlulamError, InvalidInput
from mariadb import MariaDb

PASSWORD = "hush-hush"

TYPES = {
    "tinyint": "tinyint", "tinyint(1)": "boolean", "boolean": "boolean", "tinyint unsigned": "smallint",
    "tinyint(1) unsigned": "smallint", "smallint": "smallint", "smallint unsigned": "int", "mediumint": "int",
    "mediumint unsigned": "int", "int": "int", "int unsigned": "bigint", "int(5) unsigned zerofill": "bigint",
    "bigint": "bigint", "bigint unsigned": "decimal(20,0)", "decimal": "decimal(10,0)", "decimal(12,3)": "decimal(12,3)",
    "decimal(65,30)": "string", "float": "float", "float(7,3)": "float", "float(53)": "double", "double": "double",
    "real": "double", "bit": "boolean", "bit(8)": "bigint", "bit(64)": "decimal(20,0)", "date": "date",
    "datetime": "timestamp", "datetime(6)": "timestamp", "timestamp null": "timestamp", "time": "string", "year": "date",
    "char(3)": "string", "varchar(20)": "string", "tinytext": "string", "longtext": "string",
    "enum('a','b unsigned')": "string", "set('x','y')": "string", "json": "string", "binary(4)": "binary",
    "varbinary(9)": "binary", "blob": "binary", "longblob": "binary", "geometry": "binary", "point": "binary",
    "inet6": "string", "uuid": "string", "int generated always as (1 + 1) stored": "int",
    "varchar(9) generated always as ('x') virtual": "string", "int not null": "int",
}  # fmt: skip


@pytest.fixture
def shop(mariadb_server: MariaDb) -> str:
    """A database with a few tables."""
    name = mariadb_server.database()
    mariadb_server.execute(
        "CREATE TABLE orders (id int PRIMARY KEY COMMENT 'its number', note varchar(9) NOT NULL) COMMENT 'what was sold'",
        "CREATE TABLE order_lines (id int, line int, PRIMARY KEY (id, line))",
        "CREATE TABLE users (id int)",
        "CREATE VIEW open_orders AS SELECT id FROM orders",
        database=name,
    )
    return name


def connect(lake: CrawledLake, server: MariaDb, user: str, *, password: str = PASSWORD, database: str = "",
            **more: str) -> None:  # fmt: skip
    url = more.pop("url", f"jdbc:mysql://127.0.0.1:{server.port}/{database}")
    connection_to(lake, "my", JDBC_CONNECTION_URL=url, USERNAME=user, PASSWORD=password, **more)


def crawl(lake: CrawledLake, path: str, **target: Any) -> Plan:
    given = {"ConnectionName": "my", "Path": path, **target}
    with lake.app.database.transaction() as conn:
        crawlers.create(
            conn,
            lake.app.scope,
            "c",
            {"Role": "r", "DatabaseName": "db", "Targets": {"JdbcTargets": [given]}},
        )
    return lake.crawl()


def last_error(lake: CrawledLake) -> str:
    """What LastCrawl says."""
    with lake.app.database.connection() as conn:
        last = runs.latest(conn, lake.app.scope, ["c"], still_open=False)["c"]
    assert last.state is CrawlState.FAILED
    return str(last.error)


def test_every_type(lake: CrawledLake, mariadb_server: MariaDb) -> None:
    database = mariadb_server.database()
    columns = ", ".join(f"c{at} {raw}" for at, raw in enumerate(TYPES))
    mariadb_server.execute(f"CREATE TABLE t ({columns})", database=database)
    connect(lake, mariadb_server, mariadb_server.user(f"SELECT ON {database}.*"), database=database)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        crawl(lake, f"{database}/t")
    found = lake.columns(f"{database}_t")
    assert {raw: found[f"c{at}"] for at, raw in enumerate(TYPES)} == TYPES


def test_types_as_mysqls_own_server_writes_them() -> None:
    """MySQL 8 leaves display widths out, but for tinyint(1)."""
    found = {raw: str(mysql_type(raw)) for raw in ("int unsigned", "tinyint(1)", "tinyint", "geomcollection", "json",
                                                   "bigint unsigned zerofill", "double unsigned", "")}  # fmt: skip
    assert found == {"int unsigned": "bigint", "tinyint(1)": "boolean", "tinyint": "tinyint", "geomcollection": "binary",
                     "json": "string", "bigint unsigned zerofill": "decimal(20,0)", "double unsigned": "double",
                     "": "string"}  # fmt: skip


def test_the_tables_of_a_database(lake: CrawledLake, mariadb_server: MariaDb, shop: str) -> None:
    connect(lake, mariadb_server, mariadb_server.user(f"SELECT ON {shop}.*"), database=shop)
    crawl(lake, f"{shop}/%", EnableAdditionalMetadata=["COMMENTS"])
    assert set(lake.tables()) == {f"{shop}_{t}" for t in ("orders", "order_lines", "users", "open_orders")}
    document = lake.table(f"{shop}_orders").document
    assert document["Description"] == "what was sold"
    assert document["StorageDescriptor"]["Columns"] == [
        {"Name": "id", "Type": "int", "Comment": "its number"}, {"Name": "note", "Type": "string"}
    ]  # fmt: skip
    assert document["StorageDescriptor"]["Location"] == f"{shop}.orders"
    assert document["Parameters"]["classification"] == "mysql"
    assert "Description" not in lake.table(f"{shop}_open_orders").document


@pytest.mark.parametrize(
    ("path", "exclusions", "expected"),
    [
        ("{db}/orders", [], {"orders"}),
        ("{db}", [], {"orders", "order_lines", "users", "open_orders"}),
        ("{db}/order%", [], {"orders", "order_lines"}),
        ("{db}/%orders", [], {"orders", "open_orders"}),
        ("{db}/%", ["order*", "{db}/users"], {"open_orders"}),
        ("%/users", [], {"users"}),
    ],
)
def test_patterns(lake: CrawledLake, mariadb_server: MariaDb, shop: str, path: str, exclusions: list[str],
                  expected: set[str]) -> None:  # fmt: skip
    """Without a database in the URL, too: the path says it."""
    connect(lake, mariadb_server, mariadb_server.user(f"SELECT ON {shop}.*"))
    crawl(lake, path.format(db=shop), Exclusions=[e.replace("{db}", shop) for e in exclusions])
    assert set(lake.tables()) == {f"{shop}_{t}" for t in expected}


def test_names_that_are_no_names(lake: CrawledLake, mariadb_server: MariaDb) -> None:
    database = mariadb_server.database()
    mariadb_server.execute(
        "CREATE TABLE `Übersicht 100%` (`Größe in €` int, `größe in €2` int, `a.b` int, `x``y` int, `x_y` int)",
        "CREATE TABLE Orders (ID int)", "CREATE TABLE orders (id int)", "CREATE TABLE `or-ders` (id int)",
        "CREATE TABLE `or_ders` (id int)",
        database=database,
    )  # fmt: skip
    connect(lake, mariadb_server, mariadb_server.user(f"SELECT ON {database}.*"), database=database)
    crawl(lake, f"{database}/%")
    found = {t.document["StorageDescriptor"]["Location"]: t for t in lake.tables().values()}
    names = ("Übersicht 100%", "Orders", "orders", "or-ders", "or_ders")
    assert set(found) == {f"{database}.{n}" for n in names}
    assert len({t.name for t in found.values()}) == 5
    assert [c.name for c in found[f"{database}.Übersicht 100%"].descriptor.columns] == [
        "größe in €", "größe in €2", "a.b", "x_y", "x_y__2"
    ]  # fmt: skip
    lake.crawl()
    assert {t.name for t in found.values()} == set(lake.tables())


def test_a_view_that_is_broken_is_reported(lake: CrawledLake, mariadb_server: MariaDb, shop: str) -> None:
    mariadb_server.execute(
        "CREATE TABLE gone (a int)", "CREATE VIEW of_gone AS SELECT * FROM gone", "DROP TABLE gone",
        "CREATE SEQUENCE numbers", database=shop,
    )  # fmt: skip
    connect(lake, mariadb_server, mariadb_server.user(f"SELECT ON {shop}.*"), database=shop)
    plan = crawl(lake, f"{shop}/%")
    assert [(o.path, "not there" in o.reason) for o in plan.odd] == [(f"{shop}/of_gone", True)]
    assert len(lake.tables()) == 4


def test_a_second_crawl_finds_what_changed(lake: CrawledLake, mariadb_server: MariaDb, shop: str) -> None:
    connect(lake, mariadb_server, mariadb_server.user(f"SELECT ON {shop}.*"), database=shop)
    crawl(lake, f"{shop}/%")
    before = lake.table(f"{shop}_users").version
    mariadb_server.execute(
        "ALTER TABLE orders ADD COLUMN paid tinyint(1)", "ALTER TABLE orders MODIFY note bigint", "DROP TABLE order_lines",
        database=shop,
    )  # fmt: skip
    plan = lake.crawl()
    assert lake.columns(f"{shop}_orders") == {"id": "int", "note": "bigint", "paid": "boolean"}
    said = {(c.name, c.what, c.compatible) for t in plan.tables for c in t.changes}
    assert said == {("paid", "new: boolean", True), ("note", "string -> bigint", False)}
    assert lake.table(f"{shop}_users").version == before
    assert "DEPRECATED_BY_CRAWLER" in lake.table(f"{shop}_order_lines").document["Parameters"]
    assert "DEPRECATED_BY_CRAWLER" not in lake.table(f"{shop}_users").document["Parameters"]


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"password": "wrong-word"}, "Access denied for user"),
        ({"database": "nowhere"}, "Access denied for user"),
        ({"url": "jdbc:mysql://127.0.0.1:1/x"}, "Can't connect"),
        ({"url": "jdbc:mysql://no-such-host.invalid:3306/x"}, "no-such-host.invalid"),
        ({"JDBC_ENFORCE_SSL": "true"}, "SSL"),
    ],
)
def test_what_cannot_be_reached(lake: CrawledLake, mariadb_server: MariaDb, shop: str, how: dict[str, str],
                                expected: str) -> None:  # fmt: skip
    connect(lake, mariadb_server, mariadb_server.user(f"SELECT ON {shop}.*"), **{"database": shop, **how})
    with pytest.raises(ConnectionFailed, match=expected):
        crawl(lake, f"{shop}/%")
    assert expected in last_error(lake)
    assert PASSWORD not in last_error(lake)
    assert "wrong-word" not in last_error(lake)


def test_nothing_to_see(lake: CrawledLake, mariadb_server: MariaDb, shop: str) -> None:
    """An empty database, and one in which the user may read nothing."""
    empty = mariadb_server.database()
    connect(lake, mariadb_server, mariadb_server.user(f"SELECT ON {empty}.*"))
    with pytest.raises(EntityNotFound, match=f"no table matches '{empty}/%'"):
        crawl(lake, f"{empty}/%")
    lake.update(Targets={"JdbcTargets": [{"ConnectionName": "my", "Path": f"{shop}/%"}]})
    with pytest.raises(EntityNotFound, match="that its user may read"):
        lake.crawl()
    assert "no table matches" in last_error(lake)
    assert lake.tables() == {}


def test_only_what_the_user_may_read(lake: CrawledLake, mariadb_server: MariaDb, shop: str) -> None:
    connect(
        lake, mariadb_server, mariadb_server.user(f"SELECT (id) ON {shop}.orders", f"SELECT ON {shop}.users")
    )
    crawl(lake, f"{shop}/%")
    assert lake.columns(f"{shop}_orders") == {"id": "int"}
    assert set(lake.tables()) == {f"{shop}_orders", f"{shop}_users"}


def test_a_path_with_a_schema_is_refused(lake: CrawledLake, mariadb_server: MariaDb, shop: str) -> None:
    connect(lake, mariadb_server, mariadb_server.user(f"SELECT ON {shop}.*"), database=shop)
    with pytest.raises(InvalidInput, match="at most 2 parts"):
        crawl(lake, f"{shop}/public/%")


def test_the_other_spelling_of_the_url(lake: CrawledLake, mariadb_server: MariaDb, shop: str) -> None:
    user = mariadb_server.user(f"SELECT ON {shop}.*")
    connect(lake, mariadb_server, user, url=f"jdbc:mariadb://localhost:{mariadb_server.port}/{shop}")
    try:
        crawl(lake, f"{shop}/users")
    except GlulamError as error:
        pytest.fail(str(error))
    assert set(lake.tables()) == {f"{shop}_users"}
