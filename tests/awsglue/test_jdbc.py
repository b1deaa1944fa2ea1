"""DynamicFrames from and to real databases by JDBC: PostgreSQL, and MariaDB as MySQL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from awsglue.bookmarks import ENABLE, JobBookmark, State
from awsglue.context import GlueContext
from awsglue.dynamicframe import DynamicFrame
from chaos.pgproxy import Cut, PgProxy
from conftest import TestServer
from glulam.model.errors import ConnectionFailed, InvalidInput
from jdbcdrivers import MARIADB_JAR, POSTGRES_JAR
from mariadb import MariaDb, mariadb_server

from .conftest import rows

__all__ = ["mariadb_server"]
PASSWORD = "hush-hush"
pytestmark = [pytest.mark.spark, pytest.mark.xdist_group("spark")]


@dataclass(frozen=True)
class Reached:
    """A database with a table `people`: id 1 to 50 and NULL, name, at."""

    kind: str
    options: dict[str, str]
    admin: Any
    """Takes SQL; gives rows."""

    def read(self, context: GlueContext, ctx: str = "", **more: Any) -> DynamicFrame:
        given = {**self.options, "dbtable": "people", **more}
        return context.create_dynamic_frame.from_options(self.kind, given, transformation_ctx=ctx)


PEOPLE = """
    CREATE TABLE people AS
    SELECT CAST(n AS DECIMAL(5,0)) AS id, concat('p', n) AS name, cast('2024-01-02 03:04:05' AS {at}) AS at
    FROM {series} UNION ALL SELECT NULL, 'nobody', NULL"""


@pytest.fixture(scope="module")
def postgres(glue_context: GlueContext, database_server: TestServer) -> Iterator[Reached]:
    if POSTGRES_JAR is None:
        pytest.skip("no JDBC driver of PostgreSQL (libpostgresql-jdbc-java, or GLULAM_TEST_POSTGRES_JAR)")
    glue_context.spark_session.sql(f"ADD JAR '{POSTGRES_JAR}'")
    url = database_server.create("template1")
    with psycopg.connect(url, autocommit=True) as admin, PgProxy(url, Cut.BEFORE, 10**9) as proxy:
        admin.execute(PEOPLE.format(at="timestamp", series="generate_series(1, 50) n"))
        found = conninfo_to_dict(proxy.url)
        reached = {"url": f"jdbc:postgresql://127.0.0.1:{found['port']}/{found['dbname']}",
                   "user": str(found.get("user") or "postgres"), "password": "x"}  # fmt: skip

        def ask(sql: str) -> list[Any]:
            done = admin.execute(sql)
            return done.fetchall() if done.description else []

        yield Reached("postgresql", reached, ask)


@pytest.fixture(scope="module")
def mysql(glue_context: GlueContext, mariadb_server: MariaDb) -> Reached:
    if MARIADB_JAR is None:
        pytest.skip("no JDBC driver of MariaDB (libmariadb-java, or GLULAM_TEST_MARIADB_JAR)")
    glue_context.spark_session.sql(f"ADD JAR '{MARIADB_JAR}'")
    name = mariadb_server.database()
    mariadb_server.execute(
        PEOPLE.format(at="datetime", series="(SELECT seq AS n FROM seq_1_to_50) s"), database=name
    )
    user = mariadb_server.user(f"ALL ON {name}.*")
    reached = {"url": f"jdbc:mysql://127.0.0.1:{mariadb_server.port}/{name}", "user": user, "password": PASSWORD,
               "className": "org.mariadb.jdbc.Driver"}  # fmt: skip
    return Reached("mysql", reached, lambda sql: mariadb_server.execute(sql, database=name))


@pytest.fixture(params=["postgres", "mysql"])
def reached(request: pytest.FixtureRequest) -> Reached:
    found: Reached = request.getfixturevalue(request.param)
    return found


class Kept:
    """A `BookmarkClient` in memory."""

    def __init__(self) -> None:
        self.state: State = {}

    def load(self, job_name: str, run_id: str | None = None) -> State:
        return self.state

    def commit(self, job_name: str, run_id: str, state: State) -> None:
        self.state = state


@pytest.mark.parametrize("how", [
    {}, {"hashfield": "id", "hashpartitions": "3"}, {"hashfield": "name"}, {"hashexpression": "id", "hashpartitions": 2},
    {"hashexpression": "id - 25", "hashpartitions": 4},
])  # fmt: skip
def test_every_row_once(glue_context: GlueContext, reached: Reached, how: dict[str, Any]) -> None:
    frame = reached.read(glue_context, **how)
    found = frame.toDF()
    wanted = int(how.get("hashpartitions", 7 if how else 1))
    assert found.rdd.getNumPartitions() == wanted
    names = sorted(row.name for row in found.collect())
    assert names == sorted(["nobody", *(f"p{n}" for n in range(1, 51))])
    assert {(f.name, f.dataType.typeName()) for f in frame.schema().fields} == {
        ("id", "decimal"), ("name", "string"), ("at", "timestamp")
    }  # fmt: skip


def test_a_query(glue_context: GlueContext, reached: Reached) -> None:
    query = "SELECT id, name FROM people WHERE id < 4;"
    frame = reached.read(glue_context, sampleQuery=query, hashfield="id", hashpartitions="2")
    assert [row["name"] for row in rows(frame)] == ["p1", "p2", "p3"]


@pytest.mark.parametrize(("order", "key", "more"), [("asc", "id", 60), ("desc", "id", -5), ("asc", "at", 70)])
def test_bookmark_keys(glue_context: GlueContext, reached: Reached, order: str, key: str, more: int,
                       monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """A run reads what came beyond the last value; one that did not commit is done again."""
    kept = Kept()

    def read(*, commit: bool) -> list[str]:
        bookmark = JobBookmark.begin(kept, job_name="j", run_id="r", option=ENABLE)
        monkeypatch.setattr(glue_context.workspace, "bookmark", bookmark)
        frame = reached.read(glue_context, "src", jobBookmarkKeys=[key], jobBookmarkKeysSortOrder=order,
                             hashfield="id", hashpartitions="2")  # fmt: skip
        found = sorted(row["name"] for row in rows(frame))
        if commit:
            bookmark.commit()
        return found

    first = read(commit=False)
    assert (len(first), "nobody" in first) == (50, False)  # a row without the key has no place in the order
    assert read(commit=True) == first
    assert read(commit=True) == []
    insert = "INSERT INTO people VALUES ({}, 'late', '2025-01-01 00:00:00') RETURNING id"
    reached.admin(insert.format(more))
    assert read(commit=True) == ["late"]
    assert read(commit=True) == []
    reached.admin("DELETE FROM people WHERE name = 'late' RETURNING id")


def test_writes(glue_context: GlueContext, reached: Reached) -> None:
    """Into a table that is made, and once more into one that is there."""
    some = reached.read(glue_context, sampleQuery="SELECT id, name, at FROM people WHERE id IN (1, 2)")
    for _ in range(2):
        glue_context.write_dynamic_frame.from_options(
            some, reached.kind, {**reached.options, "dbtable": "chosen"}
        )
    found = [(int(a), b, str(c)[:19]) for a, b, c in reached.admin("SELECT * FROM chosen ORDER BY id")]
    assert found == [(n, f"p{n}", "2024-01-02 03:04:05") for n in (1, 1, 2, 2)]


def test_errors_name_what_is_wrong(glue_context: GlueContext, reached: Reached) -> None:
    with pytest.raises(ConnectionFailed, match="nowhere"):
        reached.read(glue_context, dbtable="nowhere").toDF().collect()
    with pytest.raises(InvalidInput, match="hashpartitions"):
        reached.read(glue_context, hashfield="id", hashpartitions="0")


def test_mariadbs_own_url(glue_context: GlueContext, mysql: Reached) -> None:
    """Spark asks such a server for columns in its own quotes."""
    options = {**mysql.options, "url": mysql.options["url"].replace("jdbc:mysql:", "jdbc:mariadb:")}
    del options["className"]
    frame = glue_context.create_dynamic_frame.from_options(
        "mysql", {**options, "dbtable": "people", "hashfield": "name"}
    )
    assert sorted(row["name"] for row in rows(frame))[:2] == ["nobody", "p1"]


def test_a_table_and_a_connection_of_the_catalog(
    glue_context: GlueContext, reached: Reached, database: str
) -> None:
    """Read and written by the table's name; the password comes with the connection, where that may be."""
    glue, (_, name) = glue_context.workspace.glue, reached.options["url"].rsplit("/", 1)
    likes, place = {
        "mysql": ("`Li-kes`", f"{name}.Li-kes"), "postgresql": ('"Li-kes"', f"{name}.public.Li-kes")
    }[reached.kind]  # fmt: skip
    given = {"JDBC_CONNECTION_URL": reached.options["url"], "USERNAME": reached.options["user"], "PASSWORD": PASSWORD,
             "JDBC_DRIVER_CLASS_NAME": reached.options.get("className", "org.postgresql.Driver")}  # fmt: skip
    glue.create_connection(
        ConnectionInput={"Name": "my", "ConnectionType": "JDBC", "ConnectionProperties": given}
    )
    reached.admin(f"CREATE TABLE {likes} (id int, what varchar(9))")
    glue.create_table(DatabaseName=database, TableInput={
        "Name": "likes", "Parameters": {"classification": reached.kind, "connectionName": "my"},
        "StorageDescriptor": {"Location": place, "Columns": [{"Name": "id", "Type": "int"}]},
    })  # fmt: skip
    read = glue_context.create_dynamic_frame.from_catalog
    with pytest.raises(InvalidInput, match="ReturnConnectionPasswordEncrypted"):
        read(database=database, table_name="likes")
    _return_passwords(glue, True)
    try:
        made = glue_context.spark_session.createDataFrame([(1, "tea"), (2, "rum")], "id int, what string")
        frame = DynamicFrame.fromDF(made, glue_context, "made")
        glue_context.write_dynamic_frame.from_catalog(frame, database=database, table_name="likes")
        assert [row["what"] for row in rows(read(database=database, table_name="likes"))] == ["tea", "rum"]
        glue_context.write_dynamic_frame.from_jdbc_conf(frame, "my", {"dbtable": likes})
        assert reached.admin(f"SELECT count(*) FROM {likes}") == [(4,)]  # noqa: S608
        conf = glue_context.extract_jdbc_conf("my")
        assert (conf["vendor"], conf["fullUrl"], conf["password"]) == (
            reached.kind,
            reached.options["url"],
            PASSWORD,
        )
    finally:
        _return_passwords(glue, False)
        glue.delete_connection(ConnectionName="my")


def _return_passwords(glue: Any, clear: bool) -> None:
    glue.put_data_catalog_encryption_settings(DataCatalogEncryptionSettings={
        "ConnectionPasswordEncryption": {"ReturnConnectionPasswordEncrypted": not clear}
    })  # fmt: skip
