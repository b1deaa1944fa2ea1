"""A TCP proxy before PostgreSQL that cuts a session at its COMMIT, so that the client cannot know the outcome."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from enum import Enum, auto
from types import TracebackType

from psycopg.conninfo import conninfo_to_dict, make_conninfo

DECISION = b"SET state = 'COMMITTED'"
COMMIT = b"COMMIT"


class Cut(Enum):
    BEFORE = auto()
    """The server never sees the COMMIT: rolled back."""
    AFTER = auto()
    """The server has committed, its answer is lost."""
    LATE = auto()
    """The client is cut off at once; the COMMIT arrives half a second later."""


class PgProxy:
    """Cuts the first session that commits a batch's decision (or, with `nth`, the nth COMMIT of all), once."""

    def __init__(self, database_url: str, cut: Cut, nth: int | None = None) -> None:
        given = conninfo_to_dict(database_url)
        self._upstream = f"{given['host']}/.s.PGSQL.{given.get('port', 5432)}"
        self.cut, self.nth, self.cuts, self._commits = cut, nth, 0, 0
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = make_conninfo(database_url, host="127.0.0.1", port=self._listener.getsockname()[1])

    def __enter__(self) -> PgProxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._upstream)
            threading.Thread(target=self._back, args=(server, client), daemon=True).start()
            threading.Thread(target=self._forth, args=(client, server), daemon=True).start()

    def _back(self, server: socket.socket, client: socket.socket) -> None:
        try:
            while data := server.recv(65536):
                client.sendall(data)
        except OSError:
            pass
        _close(client)

    def _forth(self, client: socket.socket, server: socket.socket) -> None:
        seen = b""
        try:
            while data := client.recv(65536):
                seen = seen[-1_000_000:] + data
                if COMMIT in data.replace(DECISION, b"") and self._is_due(seen):
                    self._cut(client, server, data)
                    return
                server.sendall(data)
        except OSError:
            pass
        _close(server)

    def _is_due(self, seen: bytes) -> bool:
        with self._lock:
            self._commits += 1
            due = self._commits == self.nth if self.nth else DECISION in seen
            if self.cuts or not due:
                return False
            self.cuts += 1
            return True

    def _cut(self, client: socket.socket, server: socket.socket, data: bytes) -> None:
        if self.cut is Cut.AFTER:
            answers = (
                server.dup()
            )  # the other thread may take the answer: give the server time instead of reading
            _close(client)
            server.sendall(data)
            time.sleep(0.2)
            answers.close()
        elif self.cut is Cut.LATE:
            _close(client)
            time.sleep(0.5)
            server.sendall(data)
            time.sleep(0.2)
        else:
            _close(client)
        _close(server)


def _close(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
