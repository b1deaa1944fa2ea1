"""A local folder that answers to `s3://bucket/key`: the object is the file `<root>/<bucket>/<key>`.

It exists so that one machine needs no object server. Readers get files in place, a move is a hard link and an
unlink, and the etag (modification time, size, inode) costs one stat. Keys that folders make hard lie where
keys.py says. What leads out of the root, by a symbolic link, is refused with a message.

Left to others: what a version is and its safe removal (versions.py), the steps of a move (lakemove.py),
copies (copying.py), the walk (lakelist.py).
"""

from __future__ import annotations

import builtins
import contextlib
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from glulam.model.errors import InvalidInput, ObjectChanged, ObjectNotFound, StorageFailed
from glulam.model.uri import S3Uri
from glulam.objects import keys
from glulam.objects.base import ObjectStat
from glulam.objects.copying import copy_version, fsync_folder, make_folder, spool_copy
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
        folder = self._prefix(prefix)
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
        folder = self._prefix(prefix)
        with _storage(prefix):
            return [name[:-1] for name, _ in LakeListing(self.root).names(folder) if name.endswith("/")]

    def head(self, uri: S3Uri) -> ObjectStat:
        return stat_of(uri, self._stat(uri))

    def fetch(self, uri: S3Uri, etag: str, spool: Path) -> Path:
        found = etag_of(self._stat(uri))
        if found != etag:
            raise ObjectChanged(f"{uri}: has version {found}, expected {etag}")
        return Path(self._place(uri))

    def unchanged(self, uri: S3Uri, etag: str) -> bool:
        try:
            return etag_of(self._stat(uri)) == etag
        except ObjectNotFound:
            return False

    def put(self, path: Path, uri: S3Uri, *, overwrite: bool = True) -> ObjectStat:
        target = self._new_place(uri)
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
        old, new = self._place(source), self._new_place(target)
        if old == new:
            raise InvalidInput(f"cannot move {source} to itself")
        tag = tag_of(old, new, etag or "")
        with _storage(source, target):
            LakeMove(root=self.root, source=source, target=target, old=old, new=new, tag=tag).run(etag)

    def flush(self, targets: Iterable[S3Uri]) -> None:
        """Force the folders of moved objects to disk, each once: before the moves are recorded as done."""
        for folder in {os.path.dirname(self._place(target)) for target in targets}:
            with _storage(folder):
                fsync_folder(folder)

    def copy(self, source: S3Uri, target: S3Uri, etag: str) -> None:
        old, new = self._place(source), self._new_place(target)
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
        path = self._place(uri)
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
        folder = self._prefix(prefix)
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
        return Path(self._place(uri))

    def _stat(self, uri: S3Uri) -> os.stat_result:
        path = self._place(uri)
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

    def _place(self, uri: S3Uri) -> str:
        """The path of an object: its plain one, or beside where a folder has that name (keys.py)."""
        path = self._path(uri)
        there = lstat_or_none(path)
        if there is not None and not stat.S_ISDIR(there.st_mode):
            return path
        names = keys.place_beside(uri.key)
        beside = f"{self._folder(uri, names[:-1])}/{names[-1]}"
        return beside if there is not None or os.path.lexists(beside) else path

    def _new_place(self, uri: S3Uri) -> str:
        """The same for an object to be made. One that has the name of a folder on its way moves beside."""
        path = self._place(uri)
        with _storage(uri):
            if not os.path.isdir(os.path.dirname(path)):
                self._make_way(uri)
        return path

    def _make_way(self, uri: S3Uri) -> None:
        key = uri.key
        for end in (index for index, character in enumerate(key) if character == "/" and index):
            names = keys.folder_place(key[:end])
            path = "/".join((self.root, uri.bucket, *names))
            there = lstat_or_none(path)
            if there is None:
                return
            if not stat.S_ISDIR(there.st_mode) and not os.path.isdir(path):
                beside = "/".join((self.root, uri.bucket, *keys.place_beside(key[:end])))
                make_folder(os.path.dirname(beside))
                os.rename(path, beside)
                fsync_folder(os.path.dirname(beside))
                return

    def _path(self, uri: S3Uri) -> str:
        keys.require_key(uri.key)
        folder, slash, piece = uri.key.rpartition("/")
        names = keys.names_of(piece)
        known = self._known.get((uri.bucket, folder)) if bool(folder) == bool(slash) else None
        if known and len(names) == 1:
            return f"{known}/{names[0]}"
        place = keys.plain_place(uri.key)
        real = self._folder(uri, place[:-1])
        if len(names) == 1 and bool(folder) == bool(slash) and os.path.isdir(real):
            if len(self._known) >= _KNOWN_FOLDERS:
                self._known.clear()
            self._known[uri.bucket, folder] = real
        return f"{real}/{place[-1]}"

    def _folder(self, uri: S3Uri, names: Sequence[str]) -> str:
        """The real path of a folder in the bucket, there or not. Raises InvalidInput when it is outside of the root."""
        bucket = uri.bucket
        if not bucket or bucket.startswith(".") or "/" in bucket or "\0" in bucket:
            raise InvalidInput(f"{uri}: {bucket!r} is not a bucket name")
        real = os.path.realpath("/".join((self.root, bucket, *names)))
        self._inside(real, uri)
        return real

    def _prefix(self, prefix: S3Uri) -> str:
        key = prefix.key.rstrip("/")
        return self._folder(prefix, keys.folder_place(key) if key else ())

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
