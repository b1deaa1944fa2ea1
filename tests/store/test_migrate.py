"""Migrations: once each, in order, never changed afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from glulam.model.errors import DatabaseUnavailable
from glulam.store.migrate import migrate


@pytest.fixture
def url(database_server: Any) -> str:
    """URL of an empty database."""
    return str(database_server.create("template0"))


@pytest.fixture
def session(url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(url, autocommit=True) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "0001_one.sql").write_text("CREATE TABLE one (x int); INSERT INTO one VALUES (1);")
    (tmp_path / "0002_two.sql").write_text("CREATE TABLE two (x int);")
    return tmp_path


class CountingConnection(psycopg.Connection[Any]):
    """Counts the statements that run on it."""

    statements = 0

    def execute(self, *args: Any, **kwargs: Any) -> Any:
        CountingConnection.statements += 1
        return super().execute(*args, **kwargs)


def test_each_runs_once_in_order_and_what_is_new_follows(session: psycopg.Connection, folder: Path) -> None:
    assert migrate(session, folder) == 2
    assert migrate(session, folder) == 0
    (folder / "0003_three.sql").write_text("ALTER TABLE two ADD y int;")
    assert migrate(session, folder) == 1
    rows = session.execute("SELECT version, name, length(sha256) FROM schema_migration ORDER BY 1").fetchall()
    assert rows == [(1, "0001_one.sql", 64), (2, "0002_two.sql", 64), (3, "0003_three.sql", 64)]
    assert session.execute("SELECT count(*) FROM one").fetchone() == (1,)


def test_nothing_to_do_costs_one_query(session: psycopg.Connection, url: str, folder: Path) -> None:
    migrate(session, folder)
    with CountingConnection.connect(url, autocommit=True) as counted:
        CountingConnection.statements = 0
        migrate(counted, folder)
        assert CountingConnection.statements == 1


def test_a_changed_file_is_refused(session: psycopg.Connection, folder: Path) -> None:
    migrate(session, folder)
    (folder / "0001_one.sql").write_text("CREATE TABLE one (x bigint);")
    with pytest.raises(DatabaseUnavailable, match=r"0001_one\.sql was applied with sha256"):
        migrate(session, folder)


def test_a_newer_database_is_refused(session: psycopg.Connection, folder: Path) -> None:
    migrate(session, folder)
    (folder / "0002_two.sql").unlink()
    with pytest.raises(DatabaseUnavailable, match=r"migration 2 \(0002_two\.sql\).*newer"):
        migrate(session, folder)


def test_a_broken_one_leaves_no_trace(session: psycopg.Connection, folder: Path) -> None:
    (folder / "0002_two.sql").write_text("CREATE TABLE two (x int); SELECT no_such_function();")
    with pytest.raises(DatabaseUnavailable, match=r"0002_two\.sql failed.*no_such_function"):
        migrate(session, folder)
    assert session.execute("SELECT to_regclass('one')::text, to_regclass('two')::text").fetchone() == (
        "one",
        None,
    )
    (folder / "0002_two.sql").write_text("CREATE TABLE two (x int);")
    assert migrate(session, folder) == 1


def test_a_gap_in_the_numbers_is_refused(session: psycopg.Connection, folder: Path) -> None:
    (folder / "0004_four.sql").write_text("SELECT 1;")
    with pytest.raises(DatabaseUnavailable, match=r"\[1, 2, 4\]"):
        migrate(session, folder)


def test_many_at_once_apply_each_once(url: str, folder: Path) -> None:
    def run(_: int) -> int:
        with psycopg.connect(url, autocommit=True) as own:
            return migrate(own, folder)

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(run, range(6))) == 2


def test_ours_apply(session: psycopg.Connection) -> None:
    assert migrate(session) >= 1
    wanted = {"s3_key", "processing_status", "created_at", "updated_at", "processed_at", "retry_count",
              "glue_job_run_id", "error_message", "records_read", "records_written", "records_rejected",
              "records_rescued", "bytes"}  # fmt: skip
    found = session.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_name = 'file_processing_status'"
    ).fetchall()
    assert wanted <= {name for (name,) in found}
