"""What a PostgreSQL server writes down about itself (`postmaster.pid`, the socket's lock file), and when to doubt it.

A process id in a file proves little: the server may have been killed, and the id given to somebody else since.
"""

from __future__ import annotations

import os
from pathlib import Path


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text().splitlines()
    except OSError:
        return []


def pid_in(lock_file: Path) -> int | None:
    lines = _lines(lock_file)
    return int(lines[0]) if lines and lines[0].isdigit() else None


def running_socket_dir(data: Path) -> Path | None:
    """Another process may have started the server under another TMPDIR: what it wrote down counts."""
    lines = _lines(data / "postmaster.pid")
    return Path(lines[4]) if len(lines) > 4 and lines[4] else None


def forget_dead_postmaster(*lock_files: Path) -> None:
    """A killed server leaves its process id behind; while a zombie or another process has that id, PostgreSQL would
    refuse to start. Called only when no process of our server lives; one that somebody started by hand stays."""
    for file in lock_files:
        pid = pid_in(file)
        if pid is not None and not is_postgres(pid):
            file.unlink()


def is_postgres(pid: int) -> bool:
    """Whether a live process of that id may be a PostgreSQL. Without /proc we cannot tell: say yes if it exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    try:
        name, _, rest = Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(")")
    except OSError:
        return not Path("/proc/self/stat").exists()
    return name.startswith("postgres") and rest.split()[0] != "Z"
