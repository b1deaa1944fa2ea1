"""The process beside the server: it does the crawls which clients start, is the scheduler, and brings
events in.

A child of `glulam up`, started again when it dies. It ends with its parent, however that ends. What it was doing when it was
killed is done again when its lease is over: by the next child, or by another installation on the same database.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.context import SpawnProcess

from glulam import alerting, eventing
from glulam.app import App
from glulam.crawl.worker import CrawlWorker
from glulam.scheduling import scheduler
from glulam.settings import Settings

log = logging.getLogger(__name__)

_PARENT_EVERY_S = 1.0
_AGAIN_AFTER_S = 1.0
_END_WITHIN_S = 10.0


def work(settings: Settings, parent: int) -> None:
    """Until SIGTERM, or until the parent is gone. Runs in the child."""
    stop = threading.Event()
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches the whole group; the parent says when to end
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with App(settings) as app:
        threads = [
            threading.Thread(target=run, args=(stop,), name=name, daemon=True)
            for name, run in _parts(app).items()
        ]
        for thread in threads:
            thread.start()
        while (
            all(t.is_alive() for t in threads) and os.getppid() == parent and not stop.wait(_PARENT_EVERY_S)
        ):
            pass
        stop.set()
        until = time.monotonic() + _END_WITHIN_S / 2
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
        if any(
            t.is_alive() for t in threads
        ):  # in the middle of a crawl: its lease runs out, and it is done again
            os._exit(1)


def _parts(app: App) -> dict[str, Callable[[threading.Event], None]]:
    """What the process does, side by side; each runs until the event is set."""
    crawls = CrawlWorker(work=app.crawls, name=f"{socket.gethostname()}:{os.getpid()}")
    return {
        "crawl-worker": crawls.run, "scheduler": scheduler(app.database).run,
        **eventing.parts(app.database, app.store, app.settings, app.queue),
        **alerting.parts(app.settings, app.database),
    }  # fmt: skip


@dataclass
class _Keeper:
    """Starts the child, and starts it again."""

    settings: Settings
    _stop: threading.Event = field(default_factory=threading.Event)
    _process: SpawnProcess | None = None

    def run(self) -> None:
        context = multiprocessing.get_context("spawn")
        while not self._stop.is_set():
            process = self._process = context.Process(
                target=work, args=(self.settings, os.getpid()), name="glulam-worker", daemon=True
            )
            process.start()
            while process.is_alive() and not self._stop.is_set():
                process.join(0.2)
            if not self._stop.is_set():
                log.warning("the worker process ended with code %s; starting another", process.exitcode)
                self._stop.wait(_AGAIN_AFTER_S)

    def end(self, thread: threading.Thread) -> None:
        self._stop.set()
        thread.join()
        process = self._process
        if process is not None and process.is_alive():
            process.terminate()
            process.join(_END_WITHIN_S)
            if process.is_alive():
                process.kill()
                process.join()


@contextmanager
def beside(settings: Settings) -> Iterator[None]:
    """A worker process for as long as the block runs."""
    keeper = _Keeper(settings)
    thread = threading.Thread(target=keeper.run, name="worker-keeper", daemon=True)
    thread.start()
    try:
        yield
    finally:
        keeper.end(thread)
