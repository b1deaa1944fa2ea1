"""`glulam worker`, the worker of `glulam up`, and the small server of `glulam job run`."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace

import uvicorn

from glulam import server
from glulam.app import App
from glulam.cli.output import print_json
from glulam.jobhost import worker
from glulam.jobs.launcher import PYTHON_HOME
from glulam.settings import Settings

log = logging.getLogger(__name__)

_START = "from glulam.cli.main import console; console()"
_AGAIN_S = 1.0


def work(
    settings: Settings, *, slots: int | None, grace_s: float, endpoint: str | None, stop_with_stdin: bool, as_json: bool
) -> int:  # fmt: skip
    """A worker, until it is told to stop."""
    if endpoint is not None:
        settings = replace(settings, endpoint=endpoint)
    with App(settings) as app, worker(app, slots=slots) as made:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: threading.Thread(target=made.close).start())
        if stop_with_stdin:
            threading.Thread(target=_close_with_stdin, args=(made.close,), daemon=True).start()
        if as_json:
            print_json({"worker": made.name})
        else:
            print(f"worker {made.name}", flush=True)
        made.run(grace_s=grace_s)
    return 0


def _close_with_stdin(close: object) -> None:
    sys.stdin.buffer.read()
    assert callable(close)
    close()


@contextmanager
def working(settings: Settings, workers: int) -> Iterator[None]:
    """Inside, so many workers run as child processes; one that dies is started again. They end with this process."""
    stop = threading.Event()
    threads = [
        threading.Thread(target=_supervise, args=(settings, stop), daemon=True) for _ in range(workers)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _supervise(settings: Settings, stop: threading.Event) -> None:
    command = [sys.executable, "-P", "-c", _START, "worker", "--stop-with-stdin", "--grace", "5"]
    env = {**os.environ, **_env(settings), "PYTHONPATH": str(PYTHON_HOME)}
    while not stop.is_set():
        with subprocess.Popen(
            command, env=env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
        ) as child:
            while child.poll() is None and not stop.wait(0.1):
                pass
            if child.stdin is not None:
                child.stdin.close()
            child.wait()
        if not stop.wait(_AGAIN_S):
            log.warning("a worker ended with %s; another one is started", child.returncode)


def _env(settings: Settings) -> dict[str, str]:
    said = {f"GLULAM_{f.name.upper()}": getattr(settings, f.name) for f in fields(settings)}
    said |= {"GLULAM_HOME": settings.home.absolute(), "GLULAM_LAKE": settings.lake_root.absolute()}
    return {name: str(value) for name, value in said.items() if value is not None}


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """Inside, this process answers as `glulam up` does, at the URL, for this machine only. Requests wait until it is ready."""
    settings = replace(settings, host="127.0.0.1", port=0, tls_certificate=None, tls_key=None)
    with server.listen(settings) as listening:
        port = listening.getsockname()[1]
        config = uvicorn.Config(
            server.application(replace(settings, port=port), ephemeral=False), lifespan="on", access_log=False,
            log_level="warning", server_header=False,
        )  # fmt: skip
        made = uvicorn.Server(config)
        thread = threading.Thread(target=made.run, args=([listening],), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            made.should_exit = True
            thread.join(10)
