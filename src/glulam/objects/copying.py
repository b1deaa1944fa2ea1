"""Copies files on a local disk so that a reader sees all of the bytes or no file, also after a power cut.

For `put`, and for moves between file systems, where no hard link can be made. Left to lake.py: conditions,
names.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from typing import BinaryIO

from glulam.model.errors import ObjectChanged, StorageFailed
from glulam.objects.versions import TEMPORARY, etag_of, link_new, same_bytes, unique_name

NO_KERNEL_COPY = frozenset(
    {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.ETXTBSY, errno.EBADF}
)


def spool_copy(source: str, target: str) -> tuple[str, os.stat_result]:
    """Copy `source` to a temporary file in the folder of `target` and force it to disk; returns its path and
    stat. Leaves no file when that fails."""
    temporary = _temporary_for(target)
    try:
        with open(source, "rb") as read:
            return temporary, _copy_open(read, temporary)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def copy_version(source: str, target: str, etag: str) -> None:
    """Copy version `etag` of `source` under a name that must be free (else FileExistsError), and read the
    copy again before it gets that name. Raises ObjectChanged when the source is or becomes another
    version."""
    temporary = _temporary_for(target)
    try:
        with open(source, "rb") as read:
            before = os.fstat(read.fileno())
            copied = _copy_open(read, temporary, times_of=before)
            if not same_bytes(source, temporary) or copied.st_size != before.st_size:
                if etag_of(os.stat(source)) == etag:
                    raise StorageFailed(f"{temporary}: the copy of {source} reads back with other content")
                raise ObjectChanged(f"{source}: changed while it was copied")
            for found in (before, os.fstat(read.fileno())):
                if etag_of(found) != etag:
                    raise ObjectChanged(f"{source}: has version {etag_of(found)}, expected {etag}")
        link_new(temporary, target)
        fsync_folder(os.path.dirname(target))
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


def make_folder(path: str) -> None:
    """Create a folder and those above it, each entry forced to disk."""
    try:
        os.mkdir(path)
    except FileExistsError:
        return
    except FileNotFoundError:
        make_folder(os.path.dirname(path))
        with contextlib.suppress(FileExistsError):
            os.mkdir(path)
    fsync_folder(os.path.dirname(path))


def fsync_folder(path: str) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems have no such thing
            raise
    finally:
        os.close(handle)


def _temporary_for(target: str) -> str:
    return f"{os.path.dirname(target)}/.{unique_name()}{TEMPORARY}"


def _copy_open(read: BinaryIO, temporary: str, times_of: os.stat_result | None = None) -> os.stat_result:
    try:
        write = open(temporary, "xb")  # noqa: SIM115 - closed below, in the same function
    except FileNotFoundError:
        make_folder(os.path.dirname(temporary))
        write = open(temporary, "xb")  # noqa: SIM115
    with write:
        if not _kernel_copy(read.fileno(), write.fileno()):
            shutil.copyfileobj(read, write, 1 << 20)
            write.flush()
        if times_of is not None:
            os.utime(write.fileno(), ns=(times_of.st_atime_ns, times_of.st_mtime_ns))
        os.fsync(write.fileno())
        return os.fstat(write.fileno())


def _kernel_copy(read: int, write: int) -> bool:
    """Copy inside the kernel, which shares the blocks where it can. False: nothing copied, do it by hand."""
    if not hasattr(os, "copy_file_range"):
        return False
    copied = 0
    while True:
        try:
            count = os.copy_file_range(read, write, 1 << 30)
        except OSError as error:
            if copied or error.errno not in NO_KERNEL_COPY:
                raise
            return False
        if count == 0:
            return copied > 0
        copied += count
