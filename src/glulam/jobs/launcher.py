"""The worker's side of the zygote: start a run's process, talk to its keeper, read what it writes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import glulam
from glulam.model.errors import StorageFailed

PYTHON_HOME = Path(glulam.__file__).parents[1]
"""Where `glulam` and `awsglue` are imported from."""


@dataclass(frozen=True, kw_only=True)
class ProcessPlan:
    """All that a run's process is made of."""

    argv: tuple[str, ...]
    script: str | None
    """A Python script, run in the forked interpreter; None: argv is a program."""
    python_path: tuple[str, ...]
    """Before everything else on sys.path."""
    folder: Path
    """The working directory."""
    env: Mapping[str, str] = field(repr=False)
    """The whole environment. It holds the run's credentials."""
    limits: Mapping[str, int]
    """By name of the resource: RLIMIT_..."""
    user: tuple[int, int] | None
    """(user id, group id) to become; None: stay."""
    grace_s: float
    """Between SIGTERM and SIGKILL."""
    waits: bool = False
    """The script reads a line that comes later, with `RunProcess.give`."""

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "argv": self.argv, "script": self.script, "python_path": self.python_path, "folder": str(self.folder),
            "env": dict(self.env), "limits": dict(self.limits), "user": self.user, "grace_s": self.grace_s,
            "waits": self.waits,
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What the keeper says at the end."""

    status: int
    """Exit code; below zero, the signal that ended it."""
    report: Mapping[str, Any] | None
    usage: Mapping[str, float]


class RunProcess:
    """A started run."""

    def __init__(self, output: int, error: int, control: socket.socket) -> None:
        """output, error: the reading ends."""
        self.output, self.error = output, error
        self.pid: int | None = None
        self.ended: Ended | None = None
        self.control = control
        self._said = bytearray()
        self._lock = threading.Lock()

    def say(self, word: str) -> None:
        """`stop`, `kill` or `interrupt`; nothing when it is over."""
        with self._lock, suppress(OSError):
            self.control.sendall(word.encode() + b"\n")

    def give(self, document: Mapping[str, Any]) -> None:
        """The line for a script that waits, once."""
        self.say(f"give {json.dumps(document)}")

    def hear(self) -> bool:
        """Take in what the keeper said (call it when the control socket is readable). False: the keeper is gone."""
        try:
            part = self.control.recv(1 << 16)
        except ConnectionResetError:
            return False
        if not part:
            return False
        self._said += part
        while b"\n" in self._said:
            line, _, rest = self._said.partition(b"\n")
            self._said = bytearray(rest)
            message = json.loads(line)
            if "pid" in message:
                self.pid = message["pid"]
            else:
                report = json.loads(message["report"]) if message["report"] else None
                self.ended = Ended(status=message["status"], report=report, usage=message["usage"])
        return True

    def abandon(self) -> None:
        """The keeper is gone without a word: the kernel killed its script; kill what that had started."""
        if self.pid is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def close(self) -> None:
        with self._lock:
            self.control.close()
        os.close(self.output)
        os.close(self.error)


class Launcher:
    """One zygote, started again when it is gone. Safe to share between threads. Close it: it is a context manager."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._zygote: subprocess.Popen[bytes] | None = None
        self._requests: socket.socket | None = None

    def __enter__(self) -> Launcher:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, plan: ProcessPlan) -> RunProcess:
        """Raises StorageFailed when no process can be made."""
        output, output_write = os.pipe()
        error, error_write = os.pipe()
        ours, theirs = socket.socketpair()
        try:
            with self._lock:
                self._send([output_write, error_write, theirs.fileno()])
            ours.sendall(json.dumps(plan.plain()).encode() + b"\n")
        except OSError as failure:
            ours.close()
            os.close(output)
            os.close(error)
            raise StorageFailed(f"no process could be started for the run: {failure}") from failure
        finally:
            os.close(output_write)
            os.close(error_write)
            theirs.close()
        return RunProcess(output, error, ours)

    def warm(self) -> None:
        """Start the zygote before the first run needs it."""
        with self._lock:
            self._ready()

    def close(self) -> None:
        with self._lock:
            if self._requests is not None:
                self._requests.close()
            if self._zygote is not None:
                self._zygote.wait(10)
            self._zygote = self._requests = None

    def _send(self, descriptors: list[int]) -> None:
        try:
            socket.send_fds(self._ready(), [b"r"], descriptors)
        except BrokenPipeError:
            socket.send_fds(self._ready(), [b"r"], descriptors)

    def _ready(self) -> socket.socket:
        if self._zygote is None or self._zygote.poll() is not None or self._requests is None:
            ours, theirs = socket.socketpair()
            with theirs:
                self._zygote = subprocess.Popen(
                    [sys.executable, "-P", "-m", "glulam.jobs.zygote", str(theirs.fileno())],
                    pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL, cwd="/",
                    env={"PYTHONPATH": str(PYTHON_HOME), "PATH": os.defpath, "LANG": "C.UTF-8"},
                )  # fmt: skip
            self._requests = ours
        return self._requests
