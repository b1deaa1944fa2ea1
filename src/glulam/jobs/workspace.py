"""The folder of one run, and how files get into it: the script, its helpers, its packages.

<temporary folder>/glulam-worker-.../           0711, one for each worker; left ones are swept by the next worker
    <number>/     0700, the run's own: working directory, HOME
        script/   the script and --extra-py-files, --extra-files, --extra-jars
        modules/  --additional-python-modules
        tmp/      TMPDIR
        conf/     Spark's configuration
        events/   Spark's event log
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from glulam.model.errors import InvalidInput, ObjectChanged, ObjectNotFound
from glulam.model.uri import S3Uri
from glulam.objects.base import ObjectStore

_PREFIX = "glulam-worker-"
_LOCK = "lock"
_INSTALL_S = 900
_FETCH_TRIES = 3


class WorkerFolder:
    """The folder that a worker's runs lie in. Close it: it is a context manager."""

    def __init__(self) -> None:
        _sweep()
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self.path.chmod(0o711)
        self._lock = os.open(self.path / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def __enter__(self) -> WorkerFolder:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def _sweep() -> None:
    """Remove the folders of workers that are gone: their locks are free."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            found = folder.lstat()
            if found.st_uid != os.geteuid() or folder.is_symlink():
                continue
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """The folder of one run."""

    path: Path
    user: tuple[int, int] | None
    """Whose it is, when that is not us."""
    store: ObjectStore

    @classmethod
    def make(cls, parent: Path, name: str, store: ObjectStore, user: tuple[int, int] | None) -> Workspace:
        made = cls(path=parent / name, user=user, store=store)
        for folder in (made.path, made.scripts, made.modules, made.tmp, made.conf, made.events):
            folder.mkdir(mode=0o700)
            made.give(folder)
        return made

    @property
    def scripts(self) -> Path:
        return self.path / "script"

    @property
    def modules(self) -> Path:
        return self.path / "modules"

    @property
    def tmp(self) -> Path:
        return self.path / "tmp"

    @property
    def conf(self) -> Path:
        return self.path / "conf"

    @property
    def events(self) -> Path:
        return self.path / "events"

    def give(self, path: Path) -> None:
        """Make it the run's."""
        if self.user is not None:
            os.chown(path, *self.user)

    def write(self, path: Path, text: str) -> Path:
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        self.give(path)
        return path

    def fetch(self, place: str, what: str) -> Path:
        """The file at an s3:// URI, copied into the folder; a path of this machine is left where it is.

        Raises InvalidInput, ObjectNotFound, StorageFailed."""
        if "://" not in place:
            path = Path(place)
            if not path.is_absolute():
                raise InvalidInput(f"{what} {place!r}: expected s3://bucket/key or an absolute path")
            return path
        uri = S3Uri.parse(place)
        target = self.scripts / (uri.key.rpartition("/")[2] or "script")
        for _ in range(_FETCH_TRIES):  # it may be replaced while it is copied
            try:
                stat = self.store.head(uri)
            except ObjectNotFound as error:
                raise ObjectNotFound(f"{what} {place}: no such object") from error
            with suppress(ObjectChanged):
                found = self.store.fetch(uri, stat.etag, self.tmp)
                shutil.copyfile(found, target)
                if self.store.unchanged(uri, stat.etag):
                    break
        else:
            raise ObjectChanged(f"{what} {place}: it changed again and again while it was fetched")
        target.chmod(0o600)
        self.give(target)
        return target

    def install(self, modules: Sequence[str], options: str, env: Mapping[str, str]) -> str:
        """pip install the modules into the folder, as the run's user. What pip said. Raises InvalidInput."""
        wanted = [
            str(self.fetch(m, "--additional-python-modules")) if m.startswith("s3://") else m for m in modules
        ]
        for name in wanted:
            if name.startswith("-") or "://" in name or " @ " in name:
                raise InvalidInput(
                    f"--additional-python-modules: {name!r} is not a package; expected names, versions, or s3:// wheels"
                )
        allowed = {"--upgrade", "--no-deps", "--pre", "--prefer-binary", "--only-binary=:all:"}
        extra = options.split()
        if unknown := [option for option in extra if option not in allowed]:
            raise InvalidInput(
                f"--python-modules-installer-option {unknown[0]!r}: expected any of {', '.join(sorted(allowed))}; "
                "packages come from the index that GLULAM_JOB_INDEX names"
            )
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input",
                   "--no-cache-dir", "--target", str(self.modules), *extra, *wanted]  # fmt: skip
        uid, gid = self.user or (None, None)
        try:
            done = subprocess.run(
                command, env=dict(env), cwd=self.path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, timeout=_INSTALL_S, check=False, user=uid, group=gid,
                extra_groups=None if uid is None else [],
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise InvalidInput(
                f"--additional-python-modules: pip took longer than {_INSTALL_S} seconds"
            ) from error
        if done.returncode != 0:
            tail = done.stdout.strip().splitlines()[-1:] or ["it said nothing"]
            raise InvalidInput(f"--additional-python-modules {', '.join(modules)}: pip failed: {tail[0]}")
        return done.stdout

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
