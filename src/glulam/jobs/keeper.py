"""The keeper of one run: starts its script, and sees to it that nothing of it is left, whatever happens.

    control socket, JSON lines    worker -> keeper: the plan, then "stop" (SIGTERM, SIGKILL later), "kill" or "interrupt";
                                  for a script that waits, "give" with a line for its standard input, once
                                  keeper -> worker: {"pid"}, then {"status", "report", "usage"}
    the worker dies               the socket is closed: everything is killed
    the keeper is killed          the kernel kills the script (PR_SET_PDEATHSIG)
    the script leaves processes   they are the keeper's by then (PR_SET_CHILD_SUBREAPER), which kills them

Forked from the zygote; never returns. Standard library only.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import socket
import sys
import time
from typing import Any, NoReturn

from glulam.jobs import script

REPORT_LIMIT = 1 << 18
_PR_SET_CHILD_SUBREAPER, _PR_SET_PDEATHSIG = 36, 1
_libc = ctypes.CDLL(None, use_errno=True)


def keep(output: int, error: int, control: int) -> NoReturn:
    """Run one script from its plan to its report."""
    code = 0
    try:
        os.setsid()
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        channel = socket.socket(fileno=control).makefile("rwb", buffering=0)
        line = _line(channel)
        if line:
            _supervise(json.loads(line), channel, output, error)
    except BaseException as failure:
        print(f"keeper: {failure!r}", file=sys.__stderr__, flush=True)
        _bury_the_rest()
        code = 1
    os._exit(code)


def _line(channel: Any) -> bytes:
    """One whole line; nothing when the worker is gone. The channel is not buffered, so that select() sees what is left."""
    parts = bytearray()
    while not parts.endswith(b"\n"):
        try:
            part = channel.readline()
        except ConnectionResetError:  # gone before it read all that was said to it
            return b""
        if not part:
            return b""
        parts += part
    return bytes(parts)


def _supervise(plan: dict[str, Any], channel: Any, output: int, error: int) -> None:
    told, tells = os.pipe()
    given, gives = os.pipe() if plan["waits"] else (os.open(os.devnull, os.O_RDONLY), -1)
    wake, wakes = os.pipe()
    os.set_blocking(wakes, False)
    signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    pid = os.fork()
    if pid == 0:
        _become(plan, given, output, error, tells)
    for descriptor in (given, output, error, tells):
        os.close(descriptor)
    _say(channel, {"pid": pid})
    report, status, usage = _watch(pid, channel, told, wake, gives, float(plan["grace_s"]))
    _kill_group(pid, signal.SIGKILL)
    _bury_the_rest()
    _say(channel, {
        "status": os.waitstatus_to_exitcode(status), "report": report.decode("utf-8", "replace"),
        "usage": {"peak_memory_bytes": usage.ru_maxrss * 1024, "cpu_s": usage.ru_utime + usage.ru_stime},
    })  # fmt: skip


def _watch(
    pid: int, channel: Any, told: int, wake: int, gives: int, grace_s: float
) -> tuple[bytes, int, resource.struct_rusage]:
    """Wait for the script; carry out what the worker says meanwhile."""
    report = bytearray()
    reading = [channel, told, wake]
    kill_at: float | None = None
    while True:
        done, status, usage = os.wait4(pid, os.WNOHANG)
        if done:
            break
        wait = None if kill_at is None else max(0.0, kill_at - time.monotonic())
        ready, _, _ = select.select(reading, [], [], wait)
        if kill_at is not None and time.monotonic() >= kill_at:
            _kill_group(pid, signal.SIGKILL)
            kill_at = None
        if wake in ready:
            os.read(wake, 1024)
        if told in ready:
            part = os.read(told, 65536)
            report += part
            if not part or len(report) > REPORT_LIMIT:
                reading.remove(told)
        if channel in ready:
            word = _line(channel).strip()
            if not word or word == b"kill":  # nothing: the worker is gone
                _kill_group(pid, signal.SIGKILL)
                if not word:
                    reading.remove(channel)
            elif word == b"interrupt":
                os.kill(pid, signal.SIGINT)
            elif word.startswith(b"give "):
                _give(gives, word.removeprefix(b"give ") + b"\n")
            else:
                _kill_group(pid, signal.SIGTERM)
                kill_at = time.monotonic() + grace_s
    while told in reading and (part := _rest(told)):
        report += part
    return bytes(report[:REPORT_LIMIT]), status, usage


def _give(gives: int, data: bytes) -> None:
    with contextlib.suppress(BrokenPipeError):  # it is gone: the worker hears of that
        while data:
            data = data[os.write(gives, data) :]
    os.close(gives)


def _rest(told: int) -> bytes:
    """What lies in the pipe now; a process that the script left behind may hold it open."""
    ready, _, _ = select.select([told], [], [], 0)
    return os.read(told, 65536) if ready else b""


def _become(plan: dict[str, Any], given: int, output: int, error: int, tells: int) -> NoReturn:
    """In the script's own process: drop everything that is not the run's, then run it."""
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.setpgid(0, 0)
        for source, target in ((given, 0), (output, 1), (error, 2), (tells, 3)):
            os.dup2(source, target)
        os.closerange(4, 1 << 16)
        limit(plan["limits"])
        os.umask(0o077 if plan["user"] else 0o022)
        if plan["user"]:
            uid, gid = plan["user"]
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        os.chdir(plan["folder"])
        os.environ.clear()
        os.environ.update(plan["env"])
    except BaseException as failure:
        os.write(2, f"the run's process could not be prepared: {failure!r}\n".encode())
        os._exit(70)
    script.run(plan)


def limit(limits: dict[str, int]) -> None:
    """Hold this process to them, by name of the resource."""
    for name, value in limits.items():
        if (which := getattr(resource, name, None)) is not None:
            _, hard = resource.getrlimit(which)
            most = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(which, (most, most))


def _say(channel: Any, message: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):  # the worker is gone
        channel.write(json.dumps(message).encode() + b"\n")


def _kill_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _bury_the_rest() -> None:
    """Kill what the script left behind, as often as that leaves orphans of its own."""
    while True:
        for child in _children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _children() -> list[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def _prctl(option: int, value: int) -> None:
    """Linux only; elsewhere a killed keeper leaves its script."""
    if sys.platform == "linux":
        _libc.prctl(option, value, 0, 0, 0)
