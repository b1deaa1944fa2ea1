"""Which account runs the embedded PostgreSQL, and what that account must be able to reach.

PostgreSQL refuses to run as root. Root therefore hands the data folder to an account that owns nothing else of ours;
everybody else runs the server as themselves. No password is used: the socket's folder is closed to other accounts.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from glulam.model.errors import DatabaseUnavailable

CANDIDATES = ("glulam", "postgres", "nobody")


class PopenArguments(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, kw_only=True)
class Account:
    """The operating-system account of the server's processes."""

    name: str
    uid: int
    gid: int
    switch: bool
    """True when we are root and become this account for the server; False when it is our own."""

    def popen_arguments(self) -> PopenArguments:
        if not self.switch:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own_private_dir(self, folder: Path) -> None:
        """Make `folder` ours alone. Raises DatabaseUnavailable when somebody else made it first (in /tmp they can)."""
        try:
            folder.mkdir(mode=0o700)
            if self.switch:
                os.chown(folder, self.uid, self.gid)
        except FileExistsError:
            pass
        found = folder.lstat()
        if (
            stat.S_ISDIR(found.st_mode) and found.st_uid == 0 and self.switch
        ):  # left by a root that died right here
            os.chown(folder, self.uid, self.gid)
            found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != self.uid:
            raise DatabaseUnavailable(
                f"{folder} belongs to user id {found.st_uid}; expected a folder of {self.name} (user id {self.uid}) "
                "for PostgreSQL's socket; remove it"
            )
        if stat.S_IMODE(found.st_mode) & 0o077:
            folder.chmod(0o700)

    def write(self, path: Path, text: str) -> None:
        fresh = path.with_name(path.name + ".new")
        fresh.write_text(text, encoding="utf-8")
        fresh.chmod(0o600)
        if self.switch:
            os.chown(fresh, self.uid, self.gid)
        fresh.replace(path)

    def remove_tree(self, folder: Path) -> None:
        if folder.exists():
            shutil.rmtree(folder)


def account_for(data: Path) -> Account:
    """The owner of a data folder that is there; for a new one ourselves or, as root, the first candidate."""
    me = os.geteuid()
    owner = data.stat().st_uid if data.exists() else None
    if me != 0:
        if owner not in (None, me):
            raise DatabaseUnavailable(
                f"{data} belongs to user id {owner}, and this process runs as {me}; run as that user or as root, "
                "or set GLULAM_HOME to another folder"
            )
        return Account(name=str(me), uid=me, gid=os.getegid(), switch=False)
    entry = _entry_of(owner) if owner else _first_candidate()
    account = Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid, switch=True)
    if owner == 0:
        for folder, _, names in os.walk(data):
            for path in [folder, *(os.path.join(folder, name) for name in names)]:
                os.chown(path, account.uid, account.gid, follow_symlinks=False)
    return account


def _entry_of(uid: int) -> pwd.struct_passwd:
    try:
        return pwd.getpwuid(uid)
    except KeyError:  # an id without a name, as containers have them
        return pwd.struct_passwd((str(uid), "x", uid, uid, "", "/", "/bin/sh"))


def _first_candidate() -> pwd.struct_passwd:
    for name in CANDIDATES:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise DatabaseUnavailable(
        f"PostgreSQL does not run as root, and none of the accounts {', '.join(CANDIDATES)} exists; "
        "make one (useradd --system glulam), run as another user, or set GLULAM_DATABASE_URL"
    )


def let_through(account: Account, *folders: Path) -> None:
    """Root only: let the account pass through the parents of `folders` (o+x: pass, not read), and say so."""
    if not account.switch:
        return
    seen: set[Path] = set()
    for folder in folders:
        for place in (folder, *folder.parents, *folder.resolve().parents):
            if place in seen:
                continue
            seen.add(place)
            found = place.stat()
            if not _may_pass(account, found):
                place.chmod(stat.S_IMODE(found.st_mode) | stat.S_IXOTH)
                print(
                    f"glulam: let {account.name}, which runs PostgreSQL, pass through {place} (chmod o+x)",
                    file=sys.stderr,
                )


def _may_pass(account: Account, found: os.stat_result) -> bool:
    if found.st_uid == account.uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid == account.gid:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)
