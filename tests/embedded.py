"""The end of an embedded server whose data nobody wants any more."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path


def throw_away(home: Path, folder: Path) -> None:
    """Stop the PostgreSQL of a GLULAM_HOME without its writing anything, and remove the folder around it.

    In the background: the hundreds of databases of a test run are a minute's work."""
    with suppress(FileNotFoundError, ProcessLookupError):
        pid = (home / "postgres" / "postmaster.pid").read_text().split()[0]
        os.kill(int(pid), signal.SIGQUIT)
    subprocess.Popen(["rm", "-rf", str(folder)], start_new_session=True)
