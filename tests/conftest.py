"""What tests of several rooms share: a real PostgreSQL, run as users run it, with a fresh database for each test."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import hypothesis
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from embedded import throw_away
from glulam.settings import Settings
from glulam.store.database import Database

if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)
"""A shell that runs the tests in the background has it ignored, and every process that they start would inherit that."""
hypothesis.settings.register_profile("steady", derandomize=True, deadline=None)
hypothesis.settings.register_profile("search", deadline=None, max_examples=1000)
hypothesis.settings.load_profile("search" if os.environ.get("GLULAM_SEARCH") else "steady")
"""A change is judged by the same examples each time; GLULAM_SEARCH=1 looks for new ones."""


@dataclass(frozen=True)
class TestServer:
    """An embedded server (one for each xdist worker) and how to get an empty, migrated database on it."""

    __test__ = False
    admin_url: str
    numbers: Iterator[int]

    def url(self, name: str) -> str:
        return make_conninfo(self.admin_url, dbname=name)

    def create(self, template: str) -> str:
        name = f"test_{next(self.numbers)}"
        with psycopg.connect(self.admin_url, autocommit=True) as admin:
            admin.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(template)
                )
            )
        return self.url(name)


@pytest.fixture
def short_tmp() -> Iterator[Path]:
    """A temporary folder with a short path (a Unix socket's path has at most 107 bytes)."""
    folder = Path(tempfile.mkdtemp(prefix="glulam-test-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def database_server() -> Iterator[TestServer]:
    home = Path(tempfile.mkdtemp(prefix="glulam-test-"))
    with Database.open(Settings(home=home)) as keeper:
        server = TestServer(admin_url=keeper.url, numbers=count(1))
        with keeper.connection() as admin:
            admin.execute("CREATE DATABASE migrated TEMPLATE template0")
            admin.execute("ALTER SYSTEM SET fsync = off")  # hundreds of databases are made here, for minutes
            admin.execute("SELECT pg_reload_conf()")
        Database.open(Settings(database_url=server.url("migrated"))).close()
        yield server
        throw_away(home, home)


@pytest.fixture
def database_url(database_server: TestServer) -> str:
    """URL of a fresh, migrated database."""
    return database_server.create("migrated")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A Database on a fresh schema."""
    with Database.open(Settings(database_url=database_url)) as opened:
        yield opened
