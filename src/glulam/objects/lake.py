"""A local folder that answers to `s3://bucket/key`: the object is the file `<root>/<bucket>/<key>`.

It exists so that one machine needs no object server. Readers get files in place, a move is a hard link and an
unlink, and the etag (modification time, size, inode) costs one stat. What a POSIX folder cannot hold is refused with
a message: keys with an empty, `.` or `..` part, and keys that lead out of the root, by a symbolic link too.

    move   link source -> target    never over another; the target is now exactly the version that was linked
           look at the target       another version than asked (a writer was faster)? take the link back
           drop the source          only if it still is that version (versions.py says how)

A process may die at any of these steps: no version is lost, and the same move done again ends the work. A writer
that rewrites a file in place through a descriptor it opened before the move writes into the moved file: its bytes are
not lost, but they are not at the source. Writers should write a new file and rename it, as everywhere.

Left to others: what a version is and its safe removal (versions.py), copies (copying.py), the walk (lakelist.py).
"""

from __future__ import annotations

import builtins
import contextlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from glulam.model.errors import InvalidInput, ObjectChanged, ObjectNotFound, StorageFailed
from glulam.model.failpoints import failpoint
from glulam.model.uri import S3Uri
from glulam.objects.base import ObjectStat
from glulam.objects.copying import copy_version, fsync_folder, make_folder, spool_copy
from glulam.objects.lakelist import LakeListing, stat_of
from glulam.objects.versions import (
    NO_HARD_LINK,
    TEMPORARY,
    drop,
    etag_of,
    link_new,
    lstat_or_none,
    recover,
    same_bytes,
    same_file,
    size_of,
    tag_of,
)

_KNOWN_FOLDERS = 10_000


class Lake:
    """The local ObjectStore. Safe to use from several threads and processes at once."""

    def __init__(self, root: Path) -> None:
        self.root = os.path.realpath(root)
        self._known: dict[tuple[str, str], str] = {}

    def list(self, prefix: S3Uri, *, page_size: int = 1000) -> Iterator[builtins.list[ObjectStat]]:
        """Pages in key order, as S3 gives them. Holds the names of the folders on the way down, 70 bytes each."""
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
        step = _Move(source=source, target=target, old=old, new=new, tag=tag_of(old, new, etag or ""))
        with _storage(source, target):
            entry = self._entry(old, etag)
            if entry is None:
                recover(old, new, etag, step.tag, self._top(source))
                entry = self._entry(old, etag)  # it may have been aside, and be back now
            if entry is None:
                self._settle_without_source(step, etag)
                return
            want = etag or entry
            self._link(step, want, is_link=entry != want)
            failpoint("archive.during_copy")
            if drop(old, entry, step.tag, self._top(source)) is not None:
                self._undo_if_rewritten(step, want)

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
            tag, top = tag_of(path, etag), self._top(uri)
            recover(path, "", etag, tag, top)
            found = drop(path, self._entry(path, etag) or etag, tag, top)
            if found is not None:
                raise ObjectChanged(f"{uri}: has version {found}, expected {etag}; left in place")

    def delete_prefix(self, prefix: S3Uri) -> int:
        """Also removes empty folders and what killed processes left. Symbolic links are removed, not followed."""
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
            found = os.lstat(path)
            if stat.S_ISLNK(found.st_mode):
                self._inside(os.path.realpath(path), uri)
                found = os.stat(path)
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

    def _top(self, uri: S3Uri) -> str:
        return f"{self.root}/{uri.bucket}"

    def _entry(self, path: str, etag: str | None) -> str | None:
        """The etag of the directory entry itself, if an object with version `etag` (None: any) is there. For a
        symbolic link that stays inside the root, the version is the file's and the entry is the link."""
        there = lstat_or_none(path)
        if there is None:
            return None
        entry = found = etag_of(there)
        if stat.S_ISLNK(there.st_mode):
            real = os.path.realpath(path)
            if not real.startswith(f"{self.root}/") or not os.path.isfile(real):
                return None
            found = etag_of(os.stat(real))
        elif not stat.S_ISREG(there.st_mode):
            return None
        return entry if etag is None or found == etag else None

    def _link(self, step: _Move, want: str, *, is_link: bool) -> None:
        """Make the target be version `want`, which the source held a moment ago."""
        try:
            if is_link:
                copy_version(step.old, step.new, want)
                return
            try:
                os.link(step.old, step.new, follow_symlinks=False)
            except FileNotFoundError:
                make_folder(os.path.dirname(step.new))
                os.link(step.old, step.new, follow_symlinks=False)
        except FileExistsError:
            self._accept_target(step)
            return
        except OSError as error:
            if error.errno not in NO_HARD_LINK:
                raise
            self._link(step, want, is_link=True)
            return
        found = etag_of(os.lstat(step.new))
        if found != want:
            drop(step.new, found, step.tag, self._top(step.target))
            raise ObjectChanged(f"{step.source}: has version {found}, expected {want}; left in place")

    def _accept_target(self, step: _Move) -> None:
        """The target is there while the source is too: fine when the content is the same."""
        left, right = os.stat(step.old), os.stat(step.new)
        if same_file(left, right):
            if left.st_nlink == 1:
                raise InvalidInput(f"cannot move {step.source} to {step.target}: they are one and the same file")
        elif not same_bytes(step.old, step.new):
            raise ObjectChanged(f"{step.target}: is there already with other content than {step.source}")

    def _settle_without_source(self, step: _Move, etag: str | None) -> None:
        """The version to move is not at the source: moved before, or replaced, or never there."""
        there, moved = lstat_or_none(step.old), lstat_or_none(step.new)
        if moved is None:
            if there is None or not stat.S_ISREG(there.st_mode):
                raise ObjectNotFound(f"neither {step.source} nor {step.target} is there")
            found = etag_of(there)
            raise ObjectChanged(f"{step.source}: has version {found}, expected {etag}; left in place")
        if etag is not None:
            self._undo_if_rewritten(step, etag)

    def _undo_if_rewritten(self, step: _Move, want: str) -> None:
        """The source holds another version now. If the target is that same file (linked too late, or rewritten in
        place since), it is not the version asked for: take the link back."""
        there, moved = lstat_or_none(step.old), lstat_or_none(step.new)
        if there and moved and same_file(there, moved) and etag_of(moved) != want:
            drop(step.new, etag_of(moved), step.tag, self._top(step.target))
            found = etag_of(there)
            raise ObjectChanged(f"{step.source}: has version {found}, expected {want}; left in place")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Move:
    """One move: its objects, their paths, and the tag that its redo will know it by."""

    source: S3Uri
    target: S3Uri
    old: str
    new: str
    tag: str


@contextlib.contextmanager
def _storage(*names: object) -> Iterator[None]:
    """Turn what the operating system says into our errors, with the names it was about."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ObjectNotFound(f"no object or file at {error.filename or names[0]}") from error
    except OSError as error:
        about = " -> ".join(str(name) for name in names)
        where = f" (at {error.filename})" if error.filename else ""
        raise StorageFailed(f"{about}: {error.strerror or error}{where}") from error
