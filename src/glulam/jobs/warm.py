"""Spark sessions that a worker keeps ready, each for one run (readying.py is what runs in them).

    tend   start what is missing, when the worker has nothing else to do; forget what has died
    take   the first one that fits a run; it is the run's from then on, folder and all, and ends with it

What fits is decided in plan.py: a run whose Spark needs settings that a started one cannot take starts as if there were none.
"""

from __future__ import annotations

import logging
import select
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from glulam.jobs.capacity import Capacity
from glulam.jobs.launcher import Launcher, ProcessPlan, RunProcess
from glulam.jobs.sparkconf import READY
from glulam.jobs.workspace import Workspace
from glulam.model.errors import GlulamError

log = logging.getLogger(__name__)

_START_S = 600.0
"""A session that is not ready by then never will be."""


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """What a session is started with."""

    plan: ProcessPlan
    workspace: Workspace
    settings: Mapping[str, str]
    """Spark's."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ReadySession:
    """A session that was started."""

    process: RunProcess
    waiting: Waiting
    started_at: float

    @property
    def workspace(self) -> Workspace:
        return self.waiting.workspace

    @property
    def untouched(self) -> bool:
        """Whether it is ready, and has not become a run."""
        return (self.workspace.conf / READY).exists()

    @property
    def alive(self) -> bool:
        """Whether its keeper has nothing to say of its end yet."""
        while self.process.ended is None and select.select([self.process.control], [], [], 0)[0]:
            if not self.process.hear():
                return False
        return self.process.ended is None

    def end(self) -> None:
        self.process.say("kill")
        self.process.close()
        self.workspace.remove()


Start = Callable[[Capacity], Waiting]
"""A folder with everything that a session of this size is started with."""


class WarmSessions:
    """The sessions of one worker. Safe to share between threads. Close it: it is a context manager."""

    def __init__(self, launcher: Launcher, start: Start, *, number: int, capacity: Capacity | None) -> None:
        """number: how many are kept. capacity: of the first ones; None: none before the first Spark run says its own."""
        self._launcher, self._start, self._number = launcher, start, number
        self._lock = threading.Lock()
        self._capacity = capacity
        self._sessions: list[ReadySession] = []

    def __enter__(self) -> WarmSessions:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._number, left = 0, self._sessions
            self._sessions = []
        for session in left:
            session.end()

    def take(self, capacity: Capacity, fits: Callable[[ReadySession], bool]) -> ReadySession | None:
        """A session that is ready and fits. Later ones are started for runs of this capacity."""
        with self._lock:
            self._capacity = capacity
            for session in self._sessions:
                if session.untouched and session.alive and fits(session):
                    self._sessions.remove(session)
                    return session
            return None

    def tend(self) -> None:
        """Call it when the worker has nothing to do."""
        with self._lock:
            gone = [s for s in self._sessions if not s.alive or self._stuck(s)]
            self._sessions = [s for s in self._sessions if s not in gone]
            missing = self._number - len(self._sessions) if self._capacity is not None else 0
            for session in gone:
                log.warning("a Spark session that was to be kept ready has ended; see GLULAM_JOB_WARM")
                session.end()
                missing = 0  # one is tried again with the next run
                self._capacity = None
            for _ in range(missing):
                if self._capacity is not None:
                    self._add(self._capacity)

    def _stuck(self, session: ReadySession) -> bool:
        return not session.untouched and time.monotonic() - session.started_at > _START_S

    def _add(self, capacity: Capacity) -> None:
        try:
            waiting = self._start(capacity)
            try:
                process = self._launcher.start(waiting.plan)
            except BaseException:
                waiting.workspace.remove()
                raise
        except (GlulamError, OSError) as error:
            log.warning("no Spark session can be kept ready: %s", error)
            self._capacity = None
            return
        self._sessions.append(ReadySession(process=process, waiting=waiting, started_at=time.monotonic()))
