"""One run on its worker, from the claim to its outcome: prepare, launch, read what it writes, wait, explain.

`Execution.run` belongs to one thread; `stop` and `lose` may be called from others.
"""

from __future__ import annotations

import os
import selectors
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from glulam.jobs.capacity import capacity_of
from glulam.jobs.capture import Capture
from glulam.jobs.claims import Outcome
from glulam.jobs.eventlog import spark_metrics
from glulam.jobs.explain import root_cause, sentence
from glulam.jobs.launcher import Ended, Launcher, RunProcess
from glulam.jobs.logs import Stream
from glulam.jobs.plan import SPARK, Credentials, Prepared, Site, prepare
from glulam.jobs.runs import JobRun
from glulam.jobs.states import RunState
from glulam.jobs.warm import WarmSessions
from glulam.model.errors import GlulamError

_CHUNK = 1 << 16
_DRAIN_S = 2.0
"""How long the streams may stay open when the run's processes are gone."""
_LOG_TRIES, _LOG_RETRY_S = 20, 0.5
_HOUR_S = 3600
_KILLED_BEFORE_IT_REPORTED = Ended(status=-9, report=None, usage={})


class Execution:
    """A claimed run."""

    def __init__(
        self, site: Site, run: JobRun, credentials: Credentials, capture: Capture, warm: WarmSessions | None = None
    ) -> None:  # fmt: skip
        """warm: where a session may be ready for the run."""
        self._warm = warm
        self._launched_ms = 0.0
        self.run_, self._site, self._credentials, self._capture = run, site, credentials, capture
        self._lock = threading.Lock()
        self._process: RunProcess | None = None
        self._word: str | None = None
        self._timed_out = self._shut_down = False

    def stop(self) -> None:
        """SIGTERM for the script and all that it started, SIGKILL a little later. Once more changes nothing."""
        self._say("stop")

    def lose(self) -> None:
        """The run is no longer ours: end its process now."""
        self._say("kill")

    def execute(self, launcher: Launcher) -> Outcome:
        """Run it to its end. Never raises for what the script does."""
        began = time.monotonic()
        try:
            prepared = prepare(self._site, self.run_, self._credentials, self._capture.say, self._warm)
        except GlulamError as error:
            return self._refused(error)
        try:
            launched = time.monotonic()
            ended = self._launch(launcher, prepared)
            finished = time.monotonic()
            metrics = self._metrics(prepared, ended, launched - began, finished - launched)
            return self._outcome(ended, metrics)
        except GlulamError as error:
            return self._refused(error)
        finally:
            prepared.workspace.remove()

    def shut_down(self) -> None:
        """As `stop`, because the worker ends: the run has FAILED, and is tried again where retries are left."""
        self._shut_down = True
        self._say("stop")

    def finish_log(self) -> None:
        """Write the last lines, before anybody is told that the run is over."""
        for _ in range(_LOG_TRIES):
            if self._capture.flush(last=True):
                return
            time.sleep(_LOG_RETRY_S)

    def _say(self, word: str) -> None:
        with self._lock:
            if self._word in (word, "kill"):
                return
            self._word = word
            if self._process is not None:
                self._process.say(word)

    def _launch(self, launcher: Launcher, prepared: Prepared) -> Ended:
        self._launched_ms = time.time() * 1000
        if (ready := prepared.ready) is not None:
            ready.process.give(prepared.handed_over())
            ended = self._follow(ready.process, prepared.limit_s)
            if not ready.untouched or self._word is not None:
                return ended
            self._capture.say("the Spark session that was ready had died; the run starts one of its own")
        return self._follow(launcher.start(prepared.plan), prepared.limit_s)

    def _follow(self, process: RunProcess, limit_s: float | None) -> Ended:
        try:
            with self._lock:
                self._process = process
                if self._word is not None:
                    process.say(self._word)
            self._attend(process, limit_s)
        finally:
            with self._lock:
                self._process = None
            process.close()
        return process.ended or _KILLED_BEFORE_IT_REPORTED

    def _attend(self, process: RunProcess, limit_s: float | None) -> None:
        """Read until the keeper has reported and both streams are at their end, or should be."""
        drained_by: float | None = None
        until = None if limit_s is None else time.monotonic() + limit_s
        streams = {process.output: Stream.OUTPUT, process.error: Stream.ERROR}
        with selectors.DefaultSelector() as waiting:
            waiting.register(process.control, selectors.EVENT_READ)
            for descriptor in streams:
                waiting.register(descriptor, selectors.EVENT_READ)
            while waiting.get_map():
                if drained_by is not None and time.monotonic() >= drained_by:
                    return
                for key, _ in waiting.select(_earliest(until, drained_by, self._capture.due_in())):
                    if key.fileobj is process.control:
                        if not process.hear():
                            process.abandon()
                        elif process.ended is None:
                            continue
                        waiting.unregister(process.control)
                        drained_by = time.monotonic() + _DRAIN_S
                    elif data := os.read(key.fd, _CHUNK):
                        self._capture.take(streams[key.fd], data)
                    else:
                        waiting.unregister(key.fd)
                self._capture.flush()
                if until is not None and time.monotonic() >= until:
                    until = None
                    self._timed_out = True
                    self.stop()

    def _outcome(self, ended: Ended, metrics: Mapping[str, Any]) -> Outcome:
        if ended.status == 0:
            return Outcome(state=RunState.SUCCEEDED, metrics=metrics)
        if self._timed_out:
            text = f"the run took longer than its timeout of {self.run_.spec.get('Timeout')} minutes"
            self._capture.say(text)
            return Outcome(state=RunState.TIMEOUT, error=text, metrics=metrics)
        if self._shut_down:
            text = "its worker was shut down before the run was done"
            self._capture.say(text)
            return Outcome(state=RunState.FAILED, error=text, metrics=metrics)
        if self._word is not None:
            self._capture.say("the run was stopped")
            return Outcome(state=RunState.STOPPED, metrics=metrics)
        cause = root_cause(ended)
        error = sentence(cause)
        self._capture.say(f"the run failed: {error}")
        return Outcome(state=RunState.FAILED, error=error, failure=cause, metrics=metrics)

    def _refused(self, error: GlulamError) -> Outcome:
        self._capture.say(f"the run could not be started: {error}")
        return Outcome(state=RunState.FAILED, error=str(error))

    def _metrics(self, prepared: Prepared, ended: Ended, prepare_s: float, run_s: float) -> dict[str, float]:
        found: dict[str, float] = {
            "prepare_s": round(prepare_s, 3), "run_s": round(run_s, 3), **ended.usage,
            "dpu_hours": round((prepare_s + run_s) * capacity_of(self.run_.spec).dpu / _HOUR_S, 6),
        }  # fmt: skip
        if self.run_.began_at is not None:
            found["queue_s"] = round((self.run_.began_at - self.run_.created_at).total_seconds(), 3)
        if self.run_.kind in SPARK:
            found |= spark_metrics(prepared.workspace.events, self._launched_ms)
            found["warm"] = float(prepared.ready is not None)
        return found


def _earliest(until: float | None, drained_by: float | None, flush_in: float | None) -> float | None:
    now = time.monotonic()
    waits = [moment - now for moment in (until, drained_by) if moment is not None]
    waits += [] if flush_in is None else [flush_in]
    return max(0.0, min(waits)) if waits else None


Echo = Callable[[JobRun, Stream, str], None]
"""Told of each line of a run as it comes."""
