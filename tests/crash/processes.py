"""The driver processes of the crash tests: start them, wait for their death, their stop or their good end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

DRIVER = Path(__file__).with_name("driver.py")
SOURCE = Path(__file__).parents[2] / "src"
POLL_S = 0.02


class Drivers:
    """Makes driver processes; each is forked from one that has imported everything (driver.py --serve)."""

    def __init__(self) -> None:
        plain = {name: value for name, value in os.environ.items() if not name.startswith("GLULAM_")}
        self._server = subprocess.Popen([sys.executable, str(DRIVER), "--serve"], stdin=subprocess.PIPE, text=True,
                                        stdout=subprocess.PIPE, env=plain | {"PYTHONPATH": str(SOURCE)})  # fmt: skip
        self._lock = threading.Lock()
        self._numbers = count(1)

    def start(self, project: Path, steps: Sequence[str], env: Mapping[str, str]) -> Worker:
        out = project / f"out-{next(self._numbers)}"
        files = {"out": str(out), "log": str(project / "driver.log")}
        request = {"start": [str(project), *steps], "env": dict(env), **files}
        what = f"{' '.join(steps)} {env.get('GLULAM_FAILPOINT', '')}"
        return Worker(drivers=self, pid=self.ask(request), out=out, project=project, what=what)

    def ask(self, request: Mapping[str, Any]) -> Any:
        assert self._server.stdin
        assert self._server.stdout
        with self._lock:
            self._server.stdin.write(json.dumps(request) + "\n")
            self._server.stdin.flush()
            return json.loads(self._server.stdout.readline())

    def close(self) -> None:
        self._server.communicate()


@dataclass(kw_only=True)
class Worker:
    """One driver process."""

    drivers: Drivers
    pid: int
    out: Path
    project: Path
    what: str

    def wait(self, timeout_s: float = 90) -> int:
        """Its exit code (negative: the signal that killed it); stuck is an error."""
        while (found := self._next(timeout_s)) == "stopped":
            pass
        assert isinstance(found, int)
        return found

    def succeeds(self) -> list[Any]:
        """What each step said."""
        code = self.wait()
        assert code == 0, f"{self.what}: exit {code}\n{log_of(self.project)}"
        return [json.loads(line) for line in self.out.read_text().splitlines()]

    def stopped(self, timeout_s: float = 90) -> Worker:
        """Wait until the process has stopped itself at its failpoint (`name:pause`)."""
        found = self._next(timeout_s)
        assert found == "stopped", f"{self.what}: ended ({found}) before it stopped\n{log_of(self.project)}"
        return self

    def go_on(self) -> Worker:
        os.kill(self.pid, signal.SIGCONT)
        return self

    def kill(self) -> None:
        """Not yet waited for, so the id is still its own."""
        os.kill(self.pid, signal.SIGKILL)

    def _next(self, timeout_s: float) -> int | str:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            found: int | str | None = self.drivers.ask({"poll": self.pid})
            if found is not None:
                return found
            time.sleep(POLL_S)
        self.kill()
        raise AssertionError(f"{self.what}: no end within {timeout_s} s\n{log_of(self.project)}")


def log_of(project: Path) -> str:
    file = project / "driver.log"
    return file.read_text(errors="replace")[-6000:] if file.exists() else ""


def all_succeed(workers: Iterable[Worker]) -> list[list[Any]]:
    return [worker.succeeds() for worker in workers]
