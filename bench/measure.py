"""Runs a command as a process of its own and says how long it took and how much memory its whole tree held.

Memory is sampled from /proc: every process below the command, and, for a project folder, its embedded PostgreSQL, which
runs detached and is found by its postmaster.pid. Linux only; elsewhere the memory is 0.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROC = Path("/proc")


@dataclass(frozen=True, kw_only=True)
class Measured:
    seconds: float
    peak_rss_mb: float
    """Sum of the resident memory of all processes at the worst sample. Pages that two of them share count twice."""
    peak_pss_mb: float
    """The same with shared pages divided among those that share them: what the machine has to hold."""
    output: str


class Failed(Exception):
    """The command ended with another exit code than 0."""


def measure(
    command: list[str], *, cwd: Path | None = None, home: Path | None = None, every_s: float = 0.0
) -> Measured:
    """Run to the end. `every_s` > 0 samples memory at that pace; `home` is the project's state folder."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    rss = pss = 0
    with tempfile.TemporaryFile() as out:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=cwd, env=env, stdout=out, stderr=subprocess.STDOUT)
        while every_s > 0 and process.poll() is None:
            tree = _tree([process.pid, *_postmaster(home)])
            rss = max(rss, sum(_kib(pid, "status", "VmRSS:") for pid in tree))
            pss = max(pss, sum(_kib(pid, "smaps_rollup", "Pss:") for pid in tree))
            time.sleep(every_s)
        code = process.wait()
        seconds = time.perf_counter() - began
        out.seek(0)
        output = out.read().decode("utf-8", "replace")
    if code != 0:
        raise Failed(f"{' '.join(command)} ended with {code}:\n{output[-2000:]}")
    return Measured(seconds=seconds, peak_rss_mb=rss / 1024, peak_pss_mb=pss / 1024, output=output)


def _postmaster(home: Path | None) -> list[int]:
    if home is None:
        return []
    try:
        return [int((home / "postgres" / "postmaster.pid").read_text().split("\n")[0])]
    except (OSError, ValueError):
        return []


def _tree(roots: list[int]) -> list[int]:
    """The processes and all below them."""
    found, todo = [], list(roots)
    while todo:
        pid = todo.pop()
        if pid in found:
            continue
        found.append(pid)
        try:
            for task in (PROC / str(pid) / "task").iterdir():
                todo.extend(int(child) for child in (task / "children").read_text().split())
        except OSError:
            continue  # gone meanwhile
    return found


def _kib(pid: int, file: str, field: str) -> int:
    try:
        text = (PROC / str(pid) / file).read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith(field)), 0)


def python(module: str, *words: str) -> list[str]:
    return [sys.executable, "-m", module, *words]


def glulam(*words: str) -> list[str]:
    return [sys.executable, "-c", "from glulam.cli.main import console; console()", *words]
