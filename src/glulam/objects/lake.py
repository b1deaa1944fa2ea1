"""A local folder that answers to `s3://bucket/key`: the object is the file `<root>/<bucket>/<key>`.

It exists so that one machine needs no object server. Readers get files in place, a move is a hard link and an
unlink, and the etag (modification time, size, inode) costs one stat. What a POSIX folder cannot hold is
refused with a message: keys with an empty, `.` or `..` part, and keys that lead out of the root, by a
symbolic link too.

Left to others: what a version is and its safe removal (versions.py), the steps of a move (lakemove.py),
copies (copying.py), the walk (lakelist.py).
"""

from __future__ import annotations

import builtins
import contextlib
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from glulam.model.errors import InvalidInput, ObjectChanged, ObjectNotFound, StorageFailed
from glulam.model.uri import S3Uri
from glulam.objects.base import ObjectStat
from glulam.objects.copying import copy_version, fsync_folder, spool_copy
from glulam.objects.lakelist import LakeListing, stat_of
from glulam.objects.lakemove import LakeMove, entry_of
from glulam.objects.versions import (
    TEMPORARY,
    drop,
    etag_of,
    link_new,
    lstat_or_none,
    recover,
    size_of,
    tag_of,
)

_KNOWN_FOLDERS = 10_000


class Lake:
    """The local ObjectStore. Safe to use from several threads and processes at once."""

    in_place = True
    at_once = 1

    def __init__(self, root: Path) -> None:
        self.root = os.path.realpath(root)
        self._known: dict[tuple[str, str], str] = {}

    def list(self, prefix: S3Uri, *, page_size: int = 1000) -> Iterator[builtins.list[ObjectStat]]:
        """Pages in key order, as S3 gives them. Holds the names of the folders on the way down, 70 bytes
        each."""
        key = f"{prefix.key.rstrip('/')}/" if prefix.key else ""
        folder = self._folder(prefix.bucket, key[:-1])
        page: builtins.list[ObjectStat] = []
        with _storage(prefix):
            for found in LakeListing(self.root).walk(folder, prefix.bucket, key):
                page.append(found)
                if len(page) >= page_size:
                    yield page
                    page = []
        if page:
            yield page

    def folders(self, prefix: S3Uri) -> builtins.list[str]:
        folder = self._folder(prefix.bucket, prefix.key.rstrip("/"))
        with _storage(prefix):
            return [name[:-1] for name in LakeListing(self.root).names(folder) if name.endswith("/")]

    def head(self, uri: S3Uri) -> ObjectStat:
        return stat_of(uri, self._stat(uri))

    def fetch(self, uri: S3Uri, etag: str, spool: Path) -> Path:
        found = etag_of(self._stat(uri))
        if found != etag:
            raise ObjectChanged(f"{uri}: has version {found}, expected {etag}")
        return Path(self._path(uri))

    def unchanged(self, uri: S3Uri, etag: str) -> bool:
        try:
            return etag_of(self._stat(uri)) == etag
        except ObjectNotFound:
            return False

    def put(self, path: Path, uri: S3Uri, *, overwrite: bool = True) -> ObjectStat:
        target = self._path(uri)
        with _storage(uri, path):
            temporary, found = spool_copy(str(path), target)
            try:
                if overwrite:
                    os.replace(temporary, target)
                else:
                    link_new(temporary, target)
            except FileExistsError as error:
                raise ObjectChanged(f"{uri}: is there already; expected no object at that key") from error
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(temporary)
            fsync_folder(os.path.dirname(target))
        return stat_of(uri, found)

    def move(self, source: S3Uri, target: S3Uri, etag: str | None = None) -> None:
        """As the seam says. Forces no folder to disk: see `flush`."""
        old, new = self._path(source), self._path(target)
        if old == new:
            raise InvalidInput(f"cannot move {source} to itself")
        tag = tag_of(old, new, etag or "")
        with _storage(source, target):
            LakeMove(root=self.root, source=source, target=target, old=old, new=new, tag=tag).run(etag)

    def flush(self, targets: Iterable[S3Uri]) -> None:
        """Force the folders of moved objects to disk, each once: before the moves are recorded as done."""
        for folder in {os.path.dirname(self._path(target)) for target in targets}:
            with _storage(folder):
                fsync_folder(folder)

    def copy(self, source: S3Uri, target: S3Uri, etag: str) -> None:
        old, new = self._path(source), self._path(target)
        with _storage(source, target):
            there = lstat_or_none(new)
            if there is None:
                try:
                    copy_version(old, new, etag)
                    return
                except FileExistsError:
                    there = os.stat(new)
            if there.st_size != size_of(etag):
                raise ObjectChanged(f"{target}: holds {there.st_size} bytes, not version {etag} of {source}")

    def delete(self, uri: S3Uri, etag: str | None = None) -> None:
        path = self._path(uri)
        with _storage(uri):
            if etag is None:
                with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                    os.unlink(path)
                return
            tag, top = tag_of(path, etag), f"{self.root}/{uri.bucket}"
            recover(path, "", etag, tag, top)
            found = drop(path, entry_of(path, self.root, etag) or etag, tag, top)
            if found is not None:
                raise ObjectChanged(f"{uri}: has version {found}, expected {etag}; left in place")

    def delete_prefix(self, prefix: S3Uri) -> int:
        """Also removes empty folders and what killed processes left. Symbolic links are removed, not
        followed."""
        folder = self._folder(prefix.bucket, prefix.key.rstrip("/"))
        objects = 0
        with _storage(prefix):
            for path, folders, files in os.walk(folder, topdown=False):
                for name in files:
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(f"{path}/{name}")
                        objects += not name.endswith(TEMPORARY)
                for name in folders:
                    if os.path.islink(f"{path}/{name}"):
                        os.unlink(f"{path}/{name}")
                if path != f"{self.root}/{prefix.bucket}":
                    with contextlib.suppress(OSError):  # a writer put something in meanwhile: it stays
                        os.rmdir(path)
        return objects

    def local_path(self, uri: S3Uri) -> Path | None:
        return Path(self._path(uri))

    def _stat(self, uri: S3Uri) -> os.stat_result:
        path = self._path(uri)
        with _storage(uri):
            try:
                found = os.lstat(path)
                if stat.S_ISLNK(found.st_mode):
                    self._inside(os.path.realpath(path), uri)
                    found = os.stat(path)
            except NotADirectoryError as error:
                raise ObjectNotFound(f"no object at {uri}: a part of its key is an object itself") from error
        if not stat.S_ISREG(found.st_mode):
            raise ObjectNotFound(f"no object at {uri}: {path} is not a regular file")
        return found

    def _path(self, uri: S3Uri) -> str:
        folder, _, name = uri.key.rpartition("/")
        if not name or name in (".", "..") or "\0" in name or name.endswith(TEMPORARY) or uri.key[0] == "/":
            raise InvalidInput(f"{uri}: not a key that a local lake can hold (last part {name!r})")
        known = self._known.get((uri.bucket, folder))
        return f"{known or self._folder(uri.bucket, folder)}/{name}"

    def _folder(self, bucket: str, folder: str) -> str:
        """The real path of a folder, there or not. Raises InvalidInput when it is outside of the root."""
        uri = S3Uri(bucket, folder)
        parts = folder.split("/") if folder else []
        if any(p in ("", ".", "..") or "\0" in p or p.endswith(TEMPORARY) for p in parts):
            raise InvalidInput(f"{uri}: a key on a local lake has no empty, '.', '..' or *{TEMPORARY} part")
        if not bucket or bucket.startswith(".") or "/" in bucket or "\0" in bucket:
            raise InvalidInput(f"{uri}: {bucket!r} is not a bucket name")
        real = os.path.realpath("/".join([self.root, bucket, *parts]))
        self._inside(real, uri)
        if os.path.isdir(real):
            if len(self._known) >= _KNOWN_FOLDERS:
                self._known.clear()
            self._known[bucket, folder] = real
        return real

    def _inside(self, real: str, uri: S3Uri) -> None:
        if not real.startswith(f"{self.root}/"):
            raise InvalidInput(f"{uri}: leads to {real}, outside of the lake {self.root}")


@contextlib.contextmanager
def _storage(*names: object) -> Iterator[None]:
    """Turn what the operating system says into our errors, with the names it was about."""
    try:
        yield
    except FileNotFoundError as error:
        raise ObjectNotFound(f"no object or file at {error.filename or names[0]}") from error
    except OSError as error:
        about = " -> ".join(str(name) for name in names)
        where = f" (at {error.filename})" if error.filename else ""
        raise StorageFailed(f"{about}: {error.strerror or error}{where}") from error
