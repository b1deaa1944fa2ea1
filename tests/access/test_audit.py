"""The audit log: nothing changes it, nothing gets lost without a word."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from glulam.access import audit
from glulam.access.audit import AuditFilter, AuditRow, AuditWriter
from glulam.store.database import Database

NOW = datetime(2025, 3, 1, 12, 0, 0, tzinfo=UTC)


def row(number: int = 0, **more: Any) -> AuditRow:
    made = AuditRow(
        at=NOW + timedelta(seconds=number), request_id=f"r{number}", account_id="123456789012", region="us-east-1",
        principal="arn:aws:iam::123456789012:user/ann", source_ip="127.0.0.1", service="glue", operation="CreateTable",
        resources=("arn:aws:glue:us-east-1:123456789012:table/d/t", "arn:aws:glue:us-east-1:123456789012:catalog"),
        outcome="OK", duration_ms=1.5,
    )  # fmt: skip
    return replace(made, **more)


def ids(database: Database, limit: int = 100_000, **wanted: Any) -> list[str]:
    with database.connection() as conn:
        return [r.request_id for r in audit.read(conn, AuditFilter(**wanted), limit)]


class Gate:
    """A database that a test closes and opens: while it is closed, sessions fail as they do without a server."""

    def __init__(self, database: Database) -> None:
        self.database, self.open = database, True
        self.attempts = 0

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection]:
        self.attempts += 1
        if not self.open:
            raise psycopg.OperationalError("the server is away")
        with self.database.connection() as conn:
            yield conn


def test_rows_are_read_back_newest_first_as_they_were(database: Database) -> None:
    with AuditWriter(database) as writer:
        for number in range(3):
            writer.record(row(number))
        assert writer.flush()
        assert ids(database) == ["r2", "r1", "r0"]
    with database.connection() as conn:
        assert audit.read(conn, AuditFilter(), 1) == [row(2)]


@pytest.mark.parametrize("change", ["UPDATE audit_log SET outcome = 'x'", "DELETE FROM audit_log", "TRUNCATE audit_log",
                                    "UPDATE audit_log SET outcome = 'x' WHERE false"])  # fmt: skip
def test_no_row_is_ever_changed(database: Database, change: str) -> None:
    with database.connection() as conn:
        audit.append(conn, [row()])
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
            conn.execute(change.encode())
    assert ids(database) == ["r0"]


def test_filters(database: Database) -> None:
    bob = "arn:aws:iam::123456789012:user/bob"
    with database.connection() as conn:
        audit.append(conn, [row(0), row(1, principal=bob, operation="GetTable"),
                            row(2, outcome="AccessDeniedException", resources=("arn:x",), account_id="2")])  # fmt: skip
    assert ids(database, principal="bob") == ids(database, principal=bob) == ["r1"]
    assert ids(database, operation="CreateTable") == ["r2", "r0"]
    assert ids(database, outcome="AccessDeniedException") == ids(database, resource="arn:x") == ["r2"]
    assert ids(database, since=NOW + timedelta(seconds=1), until=NOW + timedelta(seconds=2)) == ["r1"]
    assert ids(database, account_id="2") == ids(database, request_id="r2") == ["r2"]
    assert ids(database, principal="bob", outcome="AccessDeniedException") == []


def test_a_row_is_there_within_half_a_second(database: Database) -> None:
    with AuditWriter(database) as writer:
        writer.record(row())
        deadline = time.monotonic() + 0.5
        while not ids(database):
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_closing_writes_what_is_left(database: Database) -> None:
    with AuditWriter(database) as writer:
        for number in range(2500):
            writer.record(row(number))
    assert len(ids(database)) == 2500
    writer.record(row(2500))
    assert len(ids(database)) == 2501


def test_many_threads_lose_nothing_through_a_small_queue(database: Database) -> None:
    with AuditWriter(database, max_queue=7) as writer:
        threads = [
            threading.Thread(target=lambda n=n: [writer.record(row(n * 100 + i)) for i in range(20)])
            for n in range(5)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(ids(database)) == sorted(f"r{n * 100 + i}" for n in range(5) for i in range(20))


def test_while_the_database_is_away_rows_wait_and_then_requests(database: Database) -> None:
    gate = Gate(database)
    gate.open = False
    with AuditWriter(gate, max_queue=3) as writer:  # type: ignore[arg-type]
        done = threading.Event()

        def all_of_them() -> None:
            for number in range(10):
                writer.record(row(number))
            done.set()

        thread = threading.Thread(target=all_of_them)
        thread.start()
        assert not done.wait(1.0), "ten rows went into a queue of three"
        assert gate.attempts >= 1
        assert not writer.flush(within_s=0.1)
        gate.open = True
        thread.join(10)
        assert done.is_set()
    assert sorted(ids(database)) == sorted(f"r{n}" for n in range(10))


def test_what_cannot_be_written_is_told_row_by_row(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    gate = Gate(database)
    gate.open = False
    writer = AuditWriter(gate)  # type: ignore[arg-type]
    writer.record(row(7))
    with caplog.at_level(logging.ERROR, "glulam.audit"):
        writer.close(within_s=0.3)
    told = [
        r.getMessage().partition("not written: ")[2] for r in caplog.records if r.levelno == logging.ERROR
    ]
    assert [json.loads(text)["request_id"] for text in told] == ["r7"]


def test_a_row_that_the_database_refuses_does_not_take_others_with_it(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with database.connection() as conn:
        conn.execute("ALTER TABLE audit_log ADD CHECK (operation <> 'Poison')")
    with caplog.at_level(logging.ERROR, "glulam.audit"), AuditWriter(database) as writer:
        for number in range(9):
            writer.record(row(number, operation="Poison" if number == 4 else "GetTable"))
    assert sorted(ids(database)) == [f"r{n}" for n in range(9) if n != 4]
    assert sum('"request_id": "r4"' in r.getMessage() for r in caplog.records) == 1


def test_odd_names_are_made_harmless(database: Database) -> None:
    odd = row(
        resources=("table/\x00\ud800\n", "x" * 5000, *(f"t{n}" for n in range(150))), operation="\x1b[31m"
    )
    with AuditWriter(database) as writer:
        writer.record(odd)
    with database.connection() as conn:
        (found,) = audit.read(conn, AuditFilter(), 10)
    assert found.resources[0] == "table/\ufffd\ufffd\ufffd"
    assert len(found.resources[1]) == 1003
    assert (len(found.resources), found.resources[-1]) == (101, "... and 52 more")
    assert found.operation == "\ufffd[31m"
