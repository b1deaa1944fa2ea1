"""A worker: takes runs from the queue, as many at a time as it has slots, and keeps its hold on them.

    main thread    LISTEN; on a notice or every few seconds: claim, heartbeat, stop what is to be stopped, rescue
    slot threads   one run each; when it is over, the next one at once

Any number of workers may work side by side, on one machine or many. One that dies is noticed by the others, and by the
server, when its leases are over. `close` ends one in order: nothing new is begun; what runs has the grace time.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import psycopg

from glulam.jobs import claims
from glulam.jobs.capture import Capture
from glulam.jobs.claims import Outcome
from glulam.jobs.execution import Echo, Execution
from glulam.jobs.launcher import Launcher
from glulam.jobs.plan import Credentials, Site
from glulam.jobs.runs import WAKE, JobRun
from glulam.jobs.states import RunState
from glulam.jobs.warm import WarmSessions
from glulam.model.errors import DatabaseUnavailable, Fenced
from glulam.model.failpoints import failpoint
from glulam.store.database import Database

log = logging.getLogger(__name__)

_LOST = (psycopg.OperationalError, DatabaseUnavailable)
_RETRY_S = 0.5
_RESCUED_AT_ONCE = 100


class Keys(Protocol):
    """Where runs get their credentials."""

    def make(self, conn: psycopg.Connection, run: JobRun) -> Credentials:
        """A short-lived key, in the transaction of the claim."""

    def forget(self, conn: psycopg.Connection, key_id: str) -> None:
        """In the transaction of the outcome."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How fast things are noticed."""

    lease_s: float = 30.0
    beat_s: float = 5.0
    """Heartbeat and rescue; also how long a notice that got lost delays a run."""


DEFAULT_PACE = Pace()


class Worker:
    """One worker. `run` until `close` is called from another thread or a signal handler."""

    def __init__(
        self, *, database: Database, site: Site, launcher: Launcher, keys: Keys, slots: int, pace: Pace = DEFAULT_PACE,
        warm: WarmSessions | None = None, host: str | None = None, only: str | None = None, echo: Echo | None = None,
        price_per_dpu_hour: float = 0.0,
    ) -> None:  # fmt: skip
        """warm: Spark sessions for runs to begin with. host: take runs that are this host's alone, too. only: take this run and
        no other. echo: told of every line."""
        self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self._database, self._site, self._launcher, self._keys = database, site, launcher, keys
        self._slots, self._pace, self._only, self._echo = slots, pace, only, echo
        self._host, self._warm = host, warm
        self._price = price_per_dpu_hour
        self._lock = threading.Lock()
        self._running: dict[str, Execution] = {}
        self._taken = 0
        self._closing = threading.Event()
        self._pool = ThreadPoolExecutor(slots, thread_name_prefix="run")

    def run(self, *, grace_s: float = 30.0) -> None:
        """Work until `close`; then wait for what runs, at most grace_s, and stop it."""
        self._launcher.warm()
        while not self._closing.is_set():
            try:
                self._attend()
            except _LOST as error:
                log.warning("worker %s: %s", self.name, str(error).strip())
                self._closing.wait(_RETRY_S)
        self._drain(grace_s)

    def close(self) -> None:
        """Begin nothing new."""
        self._closing.set()
        try:
            with self._database.connection() as conn:
                conn.execute(f"NOTIFY {WAKE}")
        except _LOST:
            pass  # it is noticed with the next heartbeat

    def _attend(self) -> None:
        with self._database.connection() as listening:
            listening.execute(f"LISTEN {WAKE}")
            try:
                beat_at = 0.0
                while not self._closing.is_set():
                    self._fill()
                    self._beat()
                    if self._warm is not None and not self._busy():
                        self._warm.tend()
                    if time.monotonic() >= beat_at:
                        self._rescue()
                        beat_at = time.monotonic() + self._pace.beat_s
                    for _ in listening.notifies(timeout=self._wait_s(listening, beat_at), stop_after=1):
                        pass
            finally:
                if not listening.closed:
                    listening.execute(f"UNLISTEN {WAKE}")

    def _wait_s(self, conn: psycopg.Connection, beat_at: float) -> float:
        """Until the next heartbeat, or until a retry is due."""
        waits = [beat_at - time.monotonic()]
        if (due := claims.due_in(conn)) is not None:
            waits.append(due)
        return max(0.05, min(waits))

    def _fill(self) -> None:
        """Claim runs for the free slots."""
        with self._lock:
            free = self._slots - self._taken
            self._taken += free
        found: list[tuple[JobRun, Credentials]] = []
        try:
            if free > 0:
                found = self._claim(free)
        finally:
            with self._lock:
                self._taken -= free - len(found)
        for run, credentials in found:
            self._pool.submit(self._work_on, run, credentials)

    def _claim(self, limit: int) -> list[tuple[JobRun, Credentials]]:
        with self._database.transaction() as conn:
            found = claims.claim(
                conn,
                worker=self.name,
                limit=limit,
                lease_s=self._pace.lease_s,
                host=self._host,
                only=self._only,
            )
            keyed = [(run, self._keys.make(conn, run)) for run in found]
            for run, credentials in keyed:
                claims.sign_with(conn, run, credentials.key_id)
        failpoint("job.claim.after_commit")
        for run, credentials in keyed:
            capture = Capture(self._database, run.id, self._echo_of(run))
            with self._lock:
                self._running[run.id] = Execution(self._site, run, credentials, capture, self._warm)
        return keyed

    def _echo_of(self, run: JobRun) -> Callable[..., None] | None:
        echo = self._echo
        return None if echo is None else lambda stream, line: echo(run, stream, line)

    def _work_on(self, run: JobRun, credentials: Credentials) -> None:
        """The body of a slot: this run, then the next ones, while there are any."""
        try:
            while True:
                self._one(run, credentials)
                if self._only:
                    self.close()
                if self._closing.is_set():
                    return
                try:
                    following = self._claim(1)
                except _LOST:
                    return
                if not following:
                    return
                [(run, credentials)] = following
        except Exception:
            log.exception("worker %s: slot failed", self.name)
        finally:
            with self._lock:
                self._taken -= 1

    def _one(self, run: JobRun, credentials: Credentials) -> None:
        with self._lock:
            execution = self._running[run.id]
        if self._closing.is_set():
            return self._hand_back(run, credentials)
        try:
            outcome = execution.execute(self._launcher)
        except Exception as error:
            log.exception("job run %s", run.id)
            outcome = Outcome(
                state=RunState.FAILED, error=f"the worker failed: {type(error).__name__}: {error}"
            )
        failpoint("job.before_settle")
        try:
            execution.finish_log()
            self._settle(run, credentials, self._priced(outcome))
        except Fenced as error:
            log.warning("%s", error)
        finally:
            with self._lock:
                del self._running[run.id]
        failpoint("job.after_settle")

    def _hand_back(self, run: JobRun, credentials: Credentials) -> None:
        """Claimed, and the worker ends before it began: others may have it."""
        with self._database.transaction() as conn:
            claims.hand_back(conn, run)
            self._keys.forget(conn, credentials.key_id)
        with self._lock:
            del self._running[run.id]

    def _priced(self, outcome: Outcome) -> Outcome:
        if not self._price or "dpu_hours" not in outcome.metrics:
            return outcome
        cost = round(outcome.metrics["dpu_hours"] * self._price, 6)
        return Outcome(state=outcome.state, error=outcome.error, failure=outcome.failure,
                       metrics={**outcome.metrics, "cost": cost})  # fmt: skip

    def _settle(self, run: JobRun, credentials: Credentials, outcome: Outcome) -> None:
        """Until it is known to be done: by us, or by whoever rescued the run. Raises Fenced."""
        while True:
            try:
                with self._database.transaction() as conn:
                    claims.settle(conn, run.id, run.epoch, outcome)
                    self._keys.forget(conn, credentials.key_id)
                return
            except _LOST as error:
                log.warning("job run %s: its outcome cannot be written yet: %s", run.id, str(error).strip())
                time.sleep(_RETRY_S)

    def _beat(self) -> None:
        with self._lock:
            running = dict(self._running)
        if not running:
            return
        with self._database.connection() as conn:
            kept = claims.beat(conn, worker=self.name, ids=list(running), lease_s=self._pace.lease_s)
        for run_id, execution in running.items():
            if run_id not in kept:
                execution.lose()  # or it is over, and this has no effect
            elif kept[run_id] is RunState.STOPPING:
                execution.stop()

    def _rescue(self) -> None:
        with self._database.transaction() as conn:
            claims.rescue(conn, _RESCUED_AT_ONCE)

    def _drain(self, grace_s: float) -> None:
        until = time.monotonic() + grace_s
        while self._busy() and time.monotonic() < until:
            self._beat_if_possible()
            time.sleep(0.1)
        for execution in self._snapshot().values():
            execution.shut_down()
        while self._busy():
            self._beat_if_possible()
            time.sleep(0.1)
        self._pool.shutdown(wait=True)

    def _beat_if_possible(self) -> None:
        try:
            self._beat()
        except _LOST as error:
            log.warning("worker %s: %s", self.name, str(error).strip())

    def _snapshot(self) -> Mapping[str, Execution]:
        with self._lock:
            return dict(self._running)

    def _busy(self) -> bool:
        with self._lock:
            return self._taken > 0
