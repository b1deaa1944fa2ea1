"""A run's stdout and stderr on their way into the log: bytes to lines, lines to the database a few times a second.

A database that does not answer costs no lines at once: they wait here, up to a limit, and are written with the next ones.
What is beyond a limit is counted, and the log says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import psycopg

from glulam.jobs import logs
from glulam.jobs.logs import Stream
from glulam.model.errors import DatabaseUnavailable
from glulam.store.database import Database

FLUSH_S = 0.25
MAX_LINE = 256 * 1024
MAX_STREAM_BYTES = 64 << 20
MAX_WAITING = 50_000
_FLUSH_LINES = 2_000


@dataclass
class _Lines:
    """One stream."""

    partial: bytearray = field(default_factory=bytearray)
    ready: list[tuple[int, str]] = field(default_factory=list)
    taken: int = 0
    dropped: int = 0


class Capture:
    """The log of one run. One thread's."""

    def __init__(
        self, database: Database, run_id: str, echo: Callable[[Stream, str], None] | None = None
    ) -> None:
        """echo: told of each line, too."""
        self._database, self._run_id, self._echo = database, run_id, echo
        self._streams = {stream: _Lines() for stream in Stream}
        self._flush_at = 0.0

    def take(self, stream: Stream, data: bytes) -> None:
        """Bytes as they were written."""
        lines = self._streams[stream]
        lines.taken += len(data)
        lines.partial += data
        *whole, rest = lines.partial.split(b"\n")
        while len(rest) > MAX_LINE:
            whole.append(rest[:MAX_LINE])
            rest = rest[MAX_LINE:]
        lines.partial = bytearray(rest)
        for line in whole:
            self._line(stream, line.decode("utf-8", "replace").removesuffix("\r"))

    def say(self, text: str) -> None:
        """A line of ours, in the error stream."""
        for line in text.splitlines():
            self._line(Stream.ERROR, f"glulam: {line}")

    def due_in(self) -> float | None:
        """Seconds until `flush` has something to do; None: nothing waits."""
        if not any(lines.ready for lines in self._streams.values()):
            return None
        return max(0.0, self._flush_at - time.monotonic())

    def flush(self, *, last: bool = False) -> bool:
        """Write what is due; the last time, also the line that has no end. False: the database did not take it."""
        if last:
            for stream, lines in self._streams.items():
                if lines.partial:
                    self.take(stream, b"\n")
        waiting = sum(len(lines.ready) for lines in self._streams.values())
        if not waiting or (not last and waiting < _FLUSH_LINES and time.monotonic() < self._flush_at):
            return True
        try:
            with self._database.transaction() as conn:
                for stream, lines in self._streams.items():
                    logs.add(conn, self._run_id, stream, lines.ready)
        except (psycopg.OperationalError, DatabaseUnavailable):
            self._flush_at = time.monotonic() + 1.0
            return False
        for lines in self._streams.values():
            lines.ready.clear()
        self._flush_at = time.monotonic() + FLUSH_S
        return True

    def _line(self, stream: Stream, text: str) -> None:
        lines = self._streams[stream]
        if lines.taken > MAX_STREAM_BYTES or len(lines.ready) >= MAX_WAITING:
            if not lines.dropped:
                lines.ready.append(
                    (_now_ms(), "glulam: the log is full; what the run writes from here on is not kept")
                )
            lines.dropped += 1
            return
        for start in range(0, max(1, len(text)), MAX_LINE):
            lines.ready.append((_now_ms(), text[start : start + MAX_LINE]))
        if not self._flush_at:
            self._flush_at = time.monotonic() + FLUSH_S
        if self._echo is not None:
            self._echo(stream, text)


def _now_ms() -> int:
    return int(time.time() * 1000)
