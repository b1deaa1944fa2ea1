"""Sessions: transactions, reuse, what a lost or unfit server looks like."""

from __future__ import annotations

import os
import time
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from glulam.model.errors import DatabaseUnavailable
from glulam.settings import Settings
from glulam.store import database as database_module
from glulam.store.database import Database


def pid(conn: psycopg.Connection) -> int:
    return conn.info.backend_pid


def test_a_transaction_is_all_or_nothing(database: Database) -> None:
    def insert_and_break() -> None:
        with database.transaction() as c:
            c.execute("INSERT INTO pipeline (name) VALUES ('lost')")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        insert_and_break()
    with database.transaction() as c:
        c.execute("INSERT INTO pipeline (name) VALUES ('kept')")
    with database.connection() as c:
        assert c.execute("SELECT array_agg(name) FROM pipeline").fetchone() == (["kept"],)


def test_sessions_are_utc_and_used_again(database: Database) -> None:
    with database.connection() as c:
        first = pid(c)
        assert c.execute("SHOW TimeZone").fetchone() == ("UTC",)
        with database.connection() as other:
            assert pid(other) != first
    with database.connection() as c, database.connection() as d:
        assert first in (pid(c), pid(d))


def test_a_session_that_broke_is_replaced(database: Database) -> None:
    with database.connection() as c, database.connection() as killer:
        victim = pid(c)
        killer.execute("SELECT pg_terminate_backend(%s, 5000)", (victim,))
    with database.connection() as c, database.connection() as d:
        assert victim not in (pid(c), pid(d))
        assert c.execute("SELECT 1").fetchone() == (1,)


def test_an_error_inside_work_is_libpqs_own(database: Database) -> None:
    def lose_the_session() -> None:
        with database.connection() as killer, database.transaction() as c:
            killer.execute("SELECT pg_terminate_backend(%s, 5000)", (pid(c),))
            c.execute("SELECT 1")

    with pytest.raises(psycopg.OperationalError):
        lose_the_session()


def test_a_stopped_process_loses_its_locks(database_url: str) -> None:
    settings = Settings(database_url=database_url)

    def sleep_in_a_transaction(database: Database) -> None:
        with database.transaction() as c:
            c.execute("INSERT INTO pipeline (name) VALUES ('locked')")
            time.sleep(0.5)
            c.execute("SELECT 1")

    with Database.open(settings, idle_in_transaction_s=0.2) as sleeper, Database.open(settings) as other:
        with pytest.raises(psycopg.OperationalError):
            sleep_in_a_transaction(sleeper)
        with other.connection() as c:
            assert c.execute("SELECT count(*) FROM pipeline").fetchone() == (0,)


def test_a_fork_leaves_the_parents_sessions_alone(database: Database) -> None:
    with database.connection() as c:
        parents = pid(c)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            with database.connection() as c:
                status = 0 if pid(c) != parents and c.execute("SELECT 1").fetchone() == (1,) else 2
            database.close()
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with database.connection() as c:
        assert pid(c) == parents
        assert c.execute("SELECT 1").fetchone() == (1,)


def test_closed_is_closed(database: Database) -> None:
    database.close()
    database.close()
    with pytest.raises(DatabaseUnavailable, match="closed"), database.connection():
        pass


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://u:secret@127.0.0.1:1/x", "GLULAM_DATABASE_URL"),
        ("postgresql://u:secret@127.0.0.1:1/x?no_such=1", "malformed"),
    ],
)
def test_a_url_that_leads_nowhere(url: str, words: str) -> None:
    with pytest.raises(DatabaseUnavailable, match=words) as caught:
        Database.open(Settings(database_url=url))
    assert "secret" not in str(caught.value)


def test_a_server_that_is_too_old_is_named(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "OLDEST_SERVER", 990000)
    with pytest.raises(DatabaseUnavailable, match="is PostgreSQL 18; Glulam needs 99"):
        Database.open(Settings(database_url=database_url))


def test_options_in_the_url_are_kept(database_url: str) -> None:
    url = make_conninfo(database_url, options="-c work_mem=7MB", application_name="mine")
    with Database.open(Settings(database_url=url)) as database, database.connection() as c:
        assert c.execute("SHOW work_mem").fetchone() == ("7MB",)
        assert c.execute("SHOW application_name").fetchone() == ("mine",)
        assert c.execute("SHOW TimeZone").fetchone() == ("UTC",)


def test_a_home_that_is_a_file(short_tmp: Path) -> None:
    (short_tmp / "home").write_text("")
    with pytest.raises(DatabaseUnavailable, match="home"):
        Database.open(Settings(home=short_tmp / "home"))
