"""As which account a run's process works: the worker's own, unless that is root.

Root becomes an account that owns nothing of ours, where that account can read Python and our packages. Spark jobs on a
local lake stay: they read and write the lake's files themselves, and these are root's.
"""

from __future__ import annotations

import os
import pwd
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from glulam.jobs.launcher import PYTHON_HOME
from glulam.model.errors import InvalidConfig

CANDIDATES = ("glulam-jobs", "nobody", "daemon")


@dataclass(frozen=True, kw_only=True)
class JobAccount:
    """Who runs are."""

    user: tuple[int, int] | None
    """(user id, group id) to become; None: stay."""
    why_not: str | None
    """Why root stays root; None when it does not, or is not root."""


def job_account(name: str | None, postgres: Path) -> JobAccount:
    """name: GLULAM_JOB_USER. postgres: the embedded database's folder, whose owner runs are never. Raises InvalidConfig."""
    if os.geteuid() != 0:
        if name is not None and pwd.getpwuid(os.geteuid()).pw_name != name:
            raise InvalidConfig(f"GLULAM_JOB_USER={name}: only root can become another user")
        return JobAccount(user=None, why_not=None)
    if name == "root":
        return JobAccount(user=None, why_not="GLULAM_JOB_USER says so")
    keeper = postgres.stat().st_uid if postgres.exists() else None
    for candidate in (name,) if name else CANDIDATES:
        try:
            entry = pwd.getpwnam(candidate)
        except KeyError:
            continue
        if entry.pw_uid in (0, keeper):
            continue
        for place in (PYTHON_HOME, Path(sys.executable), Path(sys.base_prefix), Path(os.__file__)):
            closed = _closed(place, entry.pw_uid, entry.pw_gid)
            if closed is not None:
                return JobAccount(
                    user=None, why_not=f"{candidate} cannot read {closed}, where Python or a package lies"
                )
        return JobAccount(user=(entry.pw_uid, entry.pw_gid), why_not=None)
    if name:
        raise InvalidConfig(
            f"GLULAM_JOB_USER={name}: expected an account that is not root's and not PostgreSQL's"
        )
    return JobAccount(user=None, why_not=f"none of the accounts {', '.join(CANDIDATES)} can be used")


def _closed(path: Path, uid: int, gid: int) -> Path | None:
    """The first folder on the way to the path that the account may not pass, or the path, if it may not read it."""
    real = path.resolve()
    for place, wanted in [
        *((parent, stat.S_IXOTH) for parent in reversed(real.parents)),
        (real, stat.S_IROTH),
    ]:
        found = place.stat()
        shift = 6 if found.st_uid == uid else 3 if found.st_gid == gid else 0
        if not found.st_mode & (wanted << shift):
            return place
    return None
