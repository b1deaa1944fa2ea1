"""The log of a crawl in progress, and the line to the database that keeps its lease: one thread that beats.

The work asks `check` now and then, which raises when somebody stopped the crawl or when another worker has it."""

from __future__ import annotations

import logging
import threading
from types import TracebackType

import psycopg

from glulam.crawl import runs
from glulam.model.clock import Clock
from glulam.model.errors import Fenced, GlulamError
from glulam.store.database import Database

log = logging.getLogger(__name__)

BEAT_S = 3.0


class Stopped(GlulamError):
    """Somebody asked for the crawl to stop."""


class Journal:
    """Of one crawl under one epoch; a context manager, inside which it beats."""

    def __init__(
        self, database: Database, crawl_id: str, epoch: int, clock: Clock, beat_s: float = BEAT_S
    ) -> None:
        self._database, self._crawl, self._epoch, self._clock, self._beat_s = (
            database,
            crawl_id,
            epoch,
            clock,
            beat_s,
        )
        self._lock, self._lines = threading.Lock(), list[str]()
        self._stop_asked, self._lost, self._done = threading.Event(), threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="crawl-heartbeat", daemon=True)

    def __enter__(self) -> Journal:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop beating. Twice is once."""
        self._done.set()
        if self._thread.is_alive():
            self._thread.join()

    def write(self, text: str, level: str = "INFO") -> None:
        line = f"{self._clock().isoformat(timespec='milliseconds')} {level} {text}\n"
        with self._lock:
            self._lines.append(line)

    def take(self) -> str:
        """The lines that the database does not have yet."""
        with self._lock:
            lines, self._lines = self._lines, []
        return "".join(lines)

    def check(self) -> None:
        """Raises Stopped, Fenced."""
        if self._lost.is_set():
            raise Fenced(f"crawl {self._crawl}: epoch {self._epoch} is over; another worker has it")
        if self._stop_asked.is_set():
            raise Stopped(f"crawl {self._crawl} was stopped")

    def _run(self) -> None:
        while not self._done.wait(self._beat_s):
            lines = self.take()
            try:
                with self._database.transaction() as conn:
                    if runs.beat(conn, self._crawl, self._epoch, lines):
                        self._stop_asked.set()
            except Fenced:
                self._lost.set()
                return
            except (
                psycopg.Error,
                GlulamError,
            ) as error:  # the next beat may get through; the lease is longer
                log.warning("crawl %s: no heartbeat: %s", self._crawl, str(error).strip())
                with self._lock:
                    self._lines.insert(0, lines)
