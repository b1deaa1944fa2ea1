"""The loop that works when the database tells of news."""

from __future__ import annotations

import logging
import threading
import time

import psycopg
import pytest

from glulam.store.database import Database
from glulam.store.listening import attend


def test_it_works_when_told_and_outlives_what_goes_wrong(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    done: list[float] = []
    wrong: list[Exception] = [psycopg.OperationalError("gone"), KeyError("a defect")]

    def step() -> float:
        if wrong:
            raise wrong.pop(0)
        done.append(time.monotonic())
        return 60.0

    stop = threading.Event()
    thread = threading.Thread(target=attend, args=(database, "news", step, stop), kwargs={"name": "work"})
    with caplog.at_level(logging.WARNING):
        thread.start()
        until = time.monotonic() + 20
        while not done:
            assert time.monotonic() < until
            time.sleep(0.01)
    assert ["gone" in caplog.text, "work: a defect" in caplog.text] == [True, True]
    with database.connection() as conn:
        for count in (2, 3):
            told = time.monotonic()
            conn.execute("NOTIFY news")
            while len(done) < count:
                assert time.monotonic() < until
                time.sleep(0.005)
            assert done[-1] - told < 5
        stop.set()
        conn.execute("NOTIFY news")
    thread.join(10)
    assert not thread.is_alive()
