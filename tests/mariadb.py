"""A real MariaDB for the tests: `mariadbd` as a private process with a data folder of its own, once a session.

A conftest.py takes the fixture by importing it: `from mariadb import mariadb_server`. Tests that ask for it are skipped where
no mariadbd (or mysqld that is MariaDB's) is installed.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pymysql
import pytest

_FOLDERS = "/usr/sbin:/usr/local/sbin:/usr/libexec:/usr/bin"
_START_S = 60
_numbers = count(1)


@dataclass(frozen=True)
class MariaDb:
    """A running server. Root logs in through the socket; a client has TCP and a password."""

    port: int
    socket: Path

    def execute(self, *statements: str, database: str | None = None) -> list[Any]:
        """Run statements as root; the rows of the last one."""
        with (
            pymysql.connect(
                unix_socket=str(self.socket), user="root", database=database, autocommit=True
            ) as admin,
            admin.cursor() as cursor,
        ):
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    def user(self, *grants: str, password: str = "hush-hush") -> str:
        """A new user with these grants (`SELECT ON shop.*`)."""
        name = f"user{next(_numbers)}"
        self.execute(
            f"CREATE USER '{name}'@'127.0.0.1' IDENTIFIED BY '{password}'",
            *(f"GRANT {grant} TO '{name}'@'127.0.0.1'" for grant in grants),
        )
        return name

    def database(self) -> str:
        """A new, empty database."""
        name = f"shop{next(_numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return name


def _program(*names: str) -> str:
    path = f"{os.environ.get('PATH', '')}:{_FOLDERS}"
    found = next((p for n in names if (p := shutil.which(n, path=path))), None)
    if found is None:
        pytest.skip(f"no {names[0]} is installed (Debian: mariadb-server)")
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariaDb]:
    server = _program("mariadbd", "mysqld")
    install = _program("mariadb-install-db", "mysql_install_db")
    home = Path(tempfile.mkdtemp(prefix="glulam-mariadb-"))  # short: it holds a Unix socket
    as_root = ["--user=root"] if os.geteuid() == 0 else []
    given = ["--no-defaults", f"--datadir={home}/data", *as_root]
    try:
        subprocess.run(
            [install, *given, "--auth-root-authentication-method=normal", "--skip-test-db"],
            check=True, capture_output=True, timeout=_START_S,
        )  # fmt: skip
        running = MariaDb(port=_free_port(), socket=home / "s")
        process = subprocess.Popen(
            [server, *given, f"--socket={running.socket}", f"--port={running.port}", "--bind-address=127.0.0.1",
             f"--pid-file={home}/pid", "--skip-name-resolve", "--skip-ssl", "--innodb-buffer-pool-size=32M",
             "--innodb-flush-log-at-trx-commit=0", "--lower-case-table-names=0", "--character-set-server=utf8mb4"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            _wait(process, running)
            yield running
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _wait(process: subprocess.Popen[bytes], server: MariaDb) -> None:
    end = time.monotonic() + _START_S
    while time.monotonic() < end and process.poll() is None:
        try:
            server.execute("SELECT 1")
            return
        except pymysql.Error:
            time.sleep(0.1)
    raise RuntimeError(f"mariadbd did not start (exit code {process.poll()})")
