"""Versions of a file on a local disk: what identifies one, and how to remove one and never another.

POSIX can replace a file atomically but cannot unlink it "only if it still is that version": between the look
and the unlink a writer may rename a new version into place, and the unlink would destroy it. So removal takes
the name away first and looks after:

    rename path -> aside     atomic; whichever version it is, it now has a name that nobody else uses
    lstat aside              the version asked for?  yes: unlink it
                             no: put it back (link aside -> path, never over a newer one; unlink aside)

A look before the rename keeps the common "other version" case from touching anything. A process that dies
with a version aside leaves it there; the same operation done again finds it by its tag (a hash of the
operation) and settles it first. If a version cannot go back because yet another one has taken its name, it is
kept beside it under a name that lists and is read like any other object.

Left to others: names and folders of the lake (lake.py). On a file system without hard links `link_new` looks
before it renames: a window of microseconds in which a file that somebody else made there would be replaced.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import os
import secrets
from collections.abc import Iterator

TEMPORARY = ".tmp~"
"""Names with this end are ours and are never objects."""
MARK = "_~"
"""Names with this beginning are written by the rule of keys.py."""
ASIDE = f".aside{TEMPORARY}"
NO_HARD_LINK = frozenset(
    {errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}
)
_NO_RENAME = frozenset({errno.EXDEV, errno.EACCES, errno.EPERM, errno.EROFS})

_counter = itertools.count()
_process = secrets.token_hex(4)


def etag_of(st: os.stat_result) -> str:
    """Modification time (ns), size and inode in hex: the same after a rename, another after any write."""
    return f"{st.st_mtime_ns:x}-{st.st_size:x}-{st.st_ino:x}"


def size_of(etag: str) -> int | None:
    """The size in bytes that an etag carries; None for a text that is not one of ours."""
    try:
        _, size, _ = etag.split("-")
        return int(size, 16)
    except ValueError:
        return None


def same_file(a: os.stat_result, b: os.stat_result) -> bool:
    return a.st_ino == b.st_ino and a.st_dev == b.st_dev


def lstat_or_none(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def unique_name() -> str:
    """A name that no other process or thread uses, forked ones and other hosts included."""
    return f"{os.getpid():x}-{_process}-{next(_counter):x}"


def same_bytes(a: str, b: str) -> bool:
    """Whether two files hold the same content (read fully unless their sizes differ)."""
    with open(a, "rb") as left, open(b, "rb") as right:
        if os.fstat(left.fileno()).st_size != os.fstat(right.fileno()).st_size:
            return False
        return hashlib.file_digest(left, "blake2b").digest() == hashlib.file_digest(right, "blake2b").digest()


def link_new(path: str, new: str) -> None:
    """Give the file the name `new`, never over another (FileExistsError). `path` itself may stay or not."""
    try:
        os.link(path, new, follow_symlinks=False)
    except OSError as error:
        if error.errno not in NO_HARD_LINK:
            raise
        if os.path.lexists(new):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), new) from None
        os.rename(path, new)


def tag_of(*operation: str) -> str:
    """What the redo of an operation recognises its own left-overs by."""
    return hashlib.blake2b("\0".join(operation).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def drop(path: str, etag: str, tag: str, top: str) -> str | None:
    """Remove `path` if it holds version `etag`. None: that version is not there any more. Otherwise another
    version is there and stays; returns its etag. `top` is the bucket's folder."""
    try:
        found = etag_of(os.lstat(path))
        if found != etag:
            return found
        aside = _take(path, tag, top)
        taken = etag_of(os.lstat(aside))
        if taken == etag:
            os.unlink(aside)
            return None
    except FileNotFoundError:
        return None
    put_back(aside, path)
    return taken


def recover(path: str, target: str, etag: str | None, tag: str, top: str) -> None:
    """Settle what an earlier try of the same operation left aside: a version that `target` holds is dropped,
    everything else goes back to `path`. `target` is empty for a plain deletion."""
    for aside in _left_aside(path, tag, top):
        taken = lstat_or_none(aside)
        there = lstat_or_none(target) if target else None
        if taken is None:
            continue
        if there and same_file(there, taken) and (etag is None or etag_of(taken) == etag):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(aside)
        else:
            put_back(aside, path)


def put_back(aside: str, path: str) -> None:
    """Give the file aside its name back; when another has the name, one beside it. Never loses either."""
    for name in itertools.chain((path,), _names_beside(path)):
        try:
            link_new(aside, name)
        except FileExistsError:
            there, taken = lstat_or_none(name), lstat_or_none(aside)
            if taken is not None and not (there and same_file(there, taken)):
                continue
        except FileNotFoundError:
            if not os.path.lexists(aside):
                return  # a redo running at the same time was faster
            os.makedirs(os.path.dirname(path), exist_ok=True)
            link_new(aside, name)
        break
    with contextlib.suppress(FileNotFoundError):
        os.unlink(aside)


def _aside_folders(path: str, top: str) -> tuple[str, ...]:
    """In the bucket's folder; beside the file where that is another file system or not ours to write."""
    return f"{top}/{ASIDE}", f"{os.path.dirname(path)}/{ASIDE}"


def _take(path: str, tag: str, top: str) -> str:
    refused: OSError | None = None
    for folder in _aside_folders(path, top):
        aside = f"{folder}/{tag}-{unique_name()}"
        try:
            try:
                os.rename(path, aside)
            except FileNotFoundError:
                os.makedirs(folder, exist_ok=True)
                os.rename(path, aside)
            return aside
        except OSError as error:
            if error.errno not in _NO_RENAME:
                raise
            refused = error
    assert refused is not None
    raise refused


def _left_aside(path: str, tag: str, top: str) -> Iterator[str]:
    for folder in dict.fromkeys(_aside_folders(path, top)):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            for name in os.listdir(folder):
                if name.startswith(f"{tag}-"):
                    yield f"{folder}/{name}"


def _names_beside(path: str) -> Iterator[str]:
    folder, name = os.path.split(path)
    stem, ends = os.path.splitext(name.removeprefix(MARK))
    while True:
        mark = f"~kept-{secrets.token_hex(4)}"
        room = 255 - len(os.fsencode(mark + ends))
        yield f"{folder}/{os.fsencode(stem)[:room].decode('utf-8', 'ignore')}{mark}{ends}"
