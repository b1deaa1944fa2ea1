"""The one way to PostgreSQL: opens it (embedded, or by URL), brings its schema up to date, hands out sessions.

Sessions are autocommit, in UTC, and give tuples. Idle ones are kept in a plain list: psycopg_pool would add its import
(about 25 ms) and a background thread to every `glulam` command, and what a batch worker needs is two sessions.
A session on which anything arrived while it was idle (the server went away) is dropped at check-out, so that work goes
on after a restart of the server; an error in the middle of work reaches the caller as psycopg.OperationalError.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus

from glulam.model.errors import DatabaseUnavailable
from glulam.settings import Settings
from glulam.store.embedded import CLOSING, EmbeddedServer
from glulam.store.migrate import migrate

OLDEST_SERVER = 140000  # what PQserverVersion calls PostgreSQL 14
MAX_IDLE = 8
IDLE_IN_TRANSACTION_S = 30
"""A process that is stopped (laptop lid, SIGSTOP) inside a transaction must not keep its row locks for ever."""

PLANS = {True: "auto", False: "force_custom_plan"}
"""By short_lookups. A plan made for arrays of unknown length would be a bad one for a thousand files."""

CONNECTION_DEFAULTS = {
    "application_name": "glulam",
    "connect_timeout": "10",
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}


class Database:
    """Sessions of one PostgreSQL database whose schema is ours and current. Safe to share between threads."""

    def __init__(
        self,
        *,
        server: EmbeddedServer | None,
        url: str | None,
        idle_in_transaction_s: float = IDLE_IN_TRANSACTION_S,
        max_idle: int = MAX_IDLE,
        statement_timeout_s: float = 0,
        short_lookups: bool = False,
    ) -> None:
        """Use `Database.open`. Exactly one of server (embedded) and url is given."""
        self._server = server
        self._url = url
        self._max_idle = max_idle
        self._options = (
            f"-c TimeZone=UTC -c plan_cache_mode={PLANS[short_lookups]}"
            f" -c idle_in_transaction_session_timeout={int(idle_in_transaction_s * 1000)}"
            f" -c statement_timeout={int(statement_timeout_s * 1000)}"
        )
        self._lock = threading.Lock()
        self._idle: list[psycopg.Connection] = []
        self._process = os.getpid()
        self._backends: set[int] = set()
        self._closed = False

    @classmethod
    def open(
        cls,
        settings: Settings,
        *,
        idle_in_transaction_s: float = IDLE_IN_TRANSACTION_S,
        max_idle: int = MAX_IDLE,
        statement_timeout_s: float = 0,
        short_lookups: bool = False,
    ) -> Database:
        """Connect, starting the embedded server if need be, and run the migrations that are missing.

        max_idle: sessions that are kept for the next user. statement_timeout_s: 0 is no limit.
        short_lookups: plans are kept where they are as good, which halves the time of a lookup by key.

        Raises DatabaseUnavailable: not reachable, too old, or a schema that is not ours to change."""
        url = settings.database_url
        server = None if url else EmbeddedServer(home=settings.home.absolute())
        database = cls(
            server=server, url=url, idle_in_transaction_s=idle_in_transaction_s, max_idle=max_idle,
            statement_timeout_s=statement_timeout_s, short_lookups=short_lookups,
        )  # fmt: skip
        try:
            with database.connection() as session:
                _check_server_version(session)
                migrate(session)
        except psycopg.OperationalError as error:
            database.close()
            where = f"embedded in {server.data}" if server else "named by GLULAM_DATABASE_URL"
            raise DatabaseUnavailable(f"PostgreSQL {where} cannot be used: {str(error).strip()}") from error
        except BaseException:
            database.close()
            raise
        return database

    @property
    def url(self) -> str:
        """A libpq connection string that reaches this database (it may hold a password)."""
        return self._server.url if self._server else str(self._url)

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection]:
        """A session in autocommit mode. It is used again after the block unless it broke."""
        session = self._take()
        try:
            yield session
        except psycopg.errors.IdleInTransactionSessionTimeout as error:
            raise psycopg.OperationalError(
                str(error)
            ) from error  # psycopg files it elsewhere; the session is lost
        finally:
            self._give_back(session)

    @contextmanager
    def transaction(self) -> Iterator[psycopg.Connection]:
        """A session inside one transaction: committed at the end of the block, rolled back on any exception."""
        with self.connection() as session, session.transaction():
            yield session

    def close(self) -> None:
        """Close the idle sessions; the last user of an embedded server stops it. Twice is once."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            idle, self._idle = self._idle, []
        if os.getpid() != self._process:
            return  # a fork: sessions and server are the parent's
        for session in idle:
            session.close()
        if self._server and self._backends:
            self._server.release(self._connect_closing, list(self._backends))

    def __enter__(self) -> Database:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take(self) -> psycopg.Connection:
        with self._lock:
            if self._closed:
                raise DatabaseUnavailable("this Database is closed already; open another one")
            if (
                os.getpid() != self._process
            ):  # forked: psycopg leaves the parent's sessions alone when dropped
                self._process = os.getpid()
                self._idle, self._backends = [], set()
            while self._idle:
                session = self._idle.pop()
                if _still_quiet(session):
                    return session
                session.close()
        session = self._server.connect(self._connect) if self._server else self._connect(str(self._url))
        with self._lock:
            self._backends.add(session.info.backend_pid)
        return session

    def _give_back(self, session: psycopg.Connection) -> None:
        usable = not session.closed and session.info.transaction_status == TransactionStatus.IDLE
        with self._lock:
            if (
                usable
                and not self._closed
                and len(self._idle) < self._max_idle
                and os.getpid() == self._process
            ):
                self._idle.append(session)
                return
        session.close()

    def _connect(self, url: str) -> psycopg.Connection:
        return _open_session(url, self._options)

    def _connect_closing(self, url: str) -> psycopg.Connection:
        return _open_session(make_conninfo(url, application_name=CLOSING), self._options)


def _open_session(url: str, options: str) -> psycopg.Connection:
    try:
        given = conninfo_to_dict(url)
    except (
        psycopg.ProgrammingError
    ) as error:  # libpq's words do not repeat the URL, which may hold a password
        raise DatabaseUnavailable(f"the database URL is malformed: {str(error).strip()}") from error
    parameters = {name: value for name, value in CONNECTION_DEFAULTS.items() if name not in given}
    parameters["options"] = f"{given.get('options') or ''} {options}".strip()
    return psycopg.connect(make_conninfo(url, **parameters), autocommit=True)


def _check_server_version(session: psycopg.Connection) -> None:
    found = session.info.server_version
    if found < OLDEST_SERVER:
        raise DatabaseUnavailable(
            f"the server at {session.info.host or 'GLULAM_DATABASE_URL'} is PostgreSQL {found // 10000}; "
            f"Glulam needs {OLDEST_SERVER // 10000} or newer"
        )


def _still_quiet(session: psycopg.Connection) -> bool:
    """Nothing arrived while the session was idle: no error, no end of file."""
    if session.closed:
        return False
    readable, _, _ = select.select([session.fileno()], [], [], 0)
    return not readable
