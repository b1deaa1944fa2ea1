"""The folders of the lake, walked by descriptor: no step follows a symbolic link, so none can leave the root.

A path that is checked and used afterwards can be changed in between; a descriptor of a folder cannot. Each step down is
one `openat` with O_NOFOLLOW. A link that somebody made inside the lake is allowed as long as it stays inside: its real
path is walked from the root in the same way, so a link swapped in during that walk is refused, not followed.

Left to others: which key lies where (objects/keys.py), writing (writing.py), names in order (names.py).
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from glulam.buckets.foldercache import FolderCache
from glulam.model.failpoints import failpoint
from glulam.model.s3_errors import AccessDenied, NoSuchBucket
from glulam.objects import keys
from glulam.objects.versions import MARK, TEMPORARY

HIDDEN = f".s3{TEMPORARY}"
"""Folder in each bucket for what is not an object yet; the lake never lists such names."""
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_TRIES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFile:
    """A regular file, open for reading. Whoever holds it closes it."""

    descriptor: int
    stat: os.stat_result


class Tree:
    """The lake's folders. `root` is real: no link is on its way."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.cache = FolderCache()

    @contextlib.contextmanager
    def folder(self, bucket: str, names: Sequence[str], *, create: bool = False) -> Iterator[int]:
        """A descriptor of a folder. Raises FileNotFoundError or NotADirectoryError when it is not there, NoSuchBucket,
        and AccessDenied where a link leads out of the lake."""
        descriptor = self._bucket(bucket)
        try:
            for depth, name in enumerate(names, 1):
                below = self._down(descriptor, name, (bucket, *names[:depth]), create=create)
                os.close(descriptor)
                descriptor = below
            yield descriptor
        finally:
            os.close(descriptor)

    def open_object(self, bucket: str, key: str) -> OpenFile | None:
        """The file of an object, open; None when there is no such object."""
        for place in _places(key):
            found = self._open(bucket, place)
            if found is not None:
                return found
        return None

    def stat_object(self, bucket: str, key: str) -> os.stat_result | None:
        found = self._find(bucket, key)
        return None if found is None else found[1]

    def place_of(self, bucket: str, key: str) -> tuple[str, ...] | None:
        """Where the object lies."""
        found = self._find(bucket, key)
        return None if found is None else found[0]

    def _find(self, bucket: str, key: str) -> tuple[tuple[str, ...], os.stat_result] | None:
        for place in _places(key):
            try:
                with self.folder(bucket, place[:-1]) as folder:
                    found = self.stat_in(folder, place[-1], (bucket, *place))
            except (FileNotFoundError, NotADirectoryError):
                continue
            if found is not None:
                return place, found
        return None

    def stat_in(self, folder: int, name: str, path: Sequence[str]) -> os.stat_result | None:
        """Of a regular file, or of the one inside the lake that a link leads to. `path` is root-relative."""
        try:
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if stat.S_ISLNK(found.st_mode):
            real = self._real(path)
            if real is None:
                return None
            try:
                found = os.stat("/".join((self.root, *real)), follow_symlinks=False)
            except OSError:
                return None
        return found if stat.S_ISREG(found.st_mode) else None

    @contextlib.contextmanager
    def writable(self, bucket: str, key: str) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Where to write an object, and its folder, open; made where it is missing. An object that has the name of a
        folder on the way moves beside."""
        plain = keys.plain_place(key)
        with self.folder(bucket, plain[:-1], create=True) as folder:
            if self._takes(folder, bucket, key, plain[-1]):
                yield folder, plain
                return
        beside = keys.place_beside(key)
        with self.folder(bucket, beside[:-1], create=True) as folder:
            yield folder, beside

    def _takes(self, folder: int, bucket: str, key: str, name: str) -> bool:
        """Whether an object is written at its plain place: no folder is there, and no object is beside already."""
        try:
            return not stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
        except FileNotFoundError:
            names = keys.names_beside(key.rpartition("/")[2])
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                os.stat("/".join(names), dir_fd=folder, follow_symlinks=False)
                return not self._is_beside(bucket, key)
            return True

    def rename_into(self, name: str, source: int, folder: int, place: Sequence[str]) -> None:
        """Give a file in the folder `source` its place, whose folder is open too."""
        with self._noting(folder, place, there=True):
            os.rename(name, place[-1], src_dir_fd=source, dst_dir_fd=folder)

    def unlink_object(self, bucket: str, key: str) -> list[tuple[str, ...]]:
        """Remove the file of an object; the places where there was one. A put of `key/...` may move it beside meanwhile:
        hence three looks. (The first one is for an older file beside, which must not come to light.)"""
        plain, beside = keys.plain_place(key), keys.place_beside(key)
        return [place for place in (beside, plain, beside) if self._unlink(bucket, place)]

    def remove_empty(self, bucket: str, names: Sequence[str]) -> None:
        """Remove a folder, and those above it, as far as nothing is in them. The bucket's own folder stays."""
        for depth in range(len(names), 0, -1):
            try:
                with self.folder(bucket, names[: depth - 1]) as above:
                    os.rmdir(names[depth - 1], dir_fd=above)
            except OSError:
                return

    def _bucket(self, bucket: str) -> int:
        if not is_bucket_folder(bucket):
            raise NoSuchBucket(BucketName=bucket)
        try:
            return os.open(f"{self.root}/{bucket}", _DIRECTORY)
        except NotADirectoryError:
            if self._leads_to_folder((bucket,)):
                return self._follow((bucket,))
        except FileNotFoundError:
            pass
        raise NoSuchBucket(BucketName=bucket)

    def _down(self, above: int, name: str, path: Sequence[str], *, create: bool) -> int:
        for _ in range(_TRIES):
            try:
                return os.open(name, _DIRECTORY, dir_fd=above)
            except FileNotFoundError:
                if not create:
                    raise
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, dir_fd=above)
                    os.fsync(above)
            except NotADirectoryError:
                found = os.stat(name, dir_fd=above, follow_symlinks=False)
                if stat.S_ISLNK(found.st_mode) and self._leads_to_folder(path):
                    return self._follow(path)
                if not create:
                    raise
                self._move_beside(above, name, path)
        raise FileNotFoundError(errno.ENOENT, "folder comes and goes", "/".join(path))

    def _move_beside(self, above: int, name: str, path: Sequence[str]) -> None:
        """A file is where a folder has to be. Atomic: its object is at the one place or at the other."""
        first = len(path) - 1
        while first > 1 and keys.is_part(path[first - 1]):  # a long piece has several names
            first -= 1
        found = keys.piece_of(path[first:])
        if found is None or keys.is_part(name):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), "/".join(path))
        beside = keys.names_beside(found[0])
        with self.folder(path[0], (*path[1:first], *beside[:-1]), create=True) as target:
            failpoint("object.before_beside")
            with contextlib.suppress(FileNotFoundError):
                os.rename(name, beside[-1], src_dir_fd=above, dst_dir_fd=target)
            failpoint("object.after_beside")
            os.fsync(target)

    def _open(self, bucket: str, place: Sequence[str]) -> OpenFile | None:
        try:
            with self.folder(bucket, place[:-1]) as folder:
                descriptor = os.open(place[-1], _FILE, dir_fd=folder)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            if error.errno == errno.ENXIO:  # a socket
                return None
            if error.errno != errno.ELOOP:
                raise
            real = self._real((bucket, *place))
            return None if real is None else self._open(real[0], real[1:])
        found = os.fstat(descriptor)
        if stat.S_ISREG(found.st_mode):
            return OpenFile(descriptor=descriptor, stat=found)
        os.close(descriptor)
        return None

    def _is_beside(self, bucket: str, key: str) -> bool:
        place = keys.place_beside(key)
        try:
            with self.folder(bucket, place[:-1]) as folder:
                return self.stat_in(folder, place[-1], (bucket, *place)) is not None
        except (FileNotFoundError, NotADirectoryError):
            return False

    def _unlink(self, bucket: str, place: Sequence[str]) -> bool:
        try:
            with self.folder(bucket, place[:-1]) as folder:
                if self.stat_in(folder, place[-1], (bucket, *place)) is None:
                    return False
                with self._noting(folder, place, there=False):
                    os.unlink(place[-1], dir_fd=folder)
                return True
        except (FileNotFoundError, NotADirectoryError):
            return False

    def _noting(
        self, folder: int, place: Sequence[str], *, there: bool
    ) -> contextlib.AbstractContextManager[None]:
        """Keep the cached names of a folder true over a change. One of a name that is not plain makes it read again."""
        if place[-1].startswith(MARK):
            return contextlib.nullcontext()
        return self.cache.changing(folder, place[-1], there=there)

    def _leads_to_folder(self, path: Sequence[str]) -> bool:
        return os.path.isdir("/".join((self.root, *path)))

    def _follow(self, path: Sequence[str]) -> int:
        real = self._real(path)
        if real is None:
            raise AccessDenied(f"s3://{'/'.join(path)} is a symbolic link that leads out of the lake")
        descriptor = os.open(self.root, _DIRECTORY)
        for name in real:
            above = descriptor
            try:
                descriptor = os.open(name, _DIRECTORY, dir_fd=above)
            finally:
                os.close(above)
        return descriptor

    def kind_of_link(self, path: Sequence[str]) -> str:
        """`file`, `folder`, or empty for a link that leads nowhere or out of the lake."""
        real = self._real(path)
        if real is None:
            return ""
        there = "/".join((self.root, *real))
        return "folder" if os.path.isdir(there) else "file" if os.path.isfile(there) else ""

    def _real(self, path: Sequence[str]) -> tuple[str, ...] | None:
        """Root-relative real path of a link, None when it is outside."""
        real = os.path.realpath("/".join((self.root, *path)))
        return tuple(real[len(self.root) + 1 :].split("/")) if real.startswith(f"{self.root}/") else None


def is_bucket_folder(name: str) -> bool:
    """Whether a folder of that name below the root can be a bucket."""
    return bool(name) and not name.startswith(".") and "/" not in name and "\0" not in name and _is_text(name)


def _is_text(name: str) -> bool:
    return name.isascii() or not any("\ud800" <= c <= "\udfff" for c in name)


def _places(key: str) -> Iterator[tuple[str, ...]]:
    yield keys.plain_place(key)
    yield keys.place_beside(key)
