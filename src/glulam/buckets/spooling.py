"""Bodies on their way to become objects: files in the bucket's hidden folder, hashed while they are written.

A spooled file is forced to disk before it can become an object, and its modification time is set to the nanosecond, so
that no later write of the same size can look like it. What a killed process leaves here is removed by `sweep`.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import time
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from typing import Protocol

from glulam.buckets import checksums
from glulam.buckets.records import Version
from glulam.buckets.tree import HIDDEN, Tree
from glulam.model.errors import StorageFailed
from glulam.model.failpoints import failpoint
from glulam.objects.versions import unique_name

CHUNK = 1 << 20


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, kw_only=True)
class Spooled:
    """A complete file without a name of its own yet."""

    bucket: str
    name: str
    version: Version
    md5: str
    """Hex."""
    checksums: dict[str, str]
    """Of the algorithms asked for, base64."""


class Spool:
    """Where bodies are kept. `clock_ns` is the wall clock in nanoseconds."""

    def __init__(self, tree: Tree, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self.tree = tree
        self.clock_ns = clock_ns

    @contextlib.contextmanager
    def folder(self, bucket: str) -> Iterator[int]:
        with self.tree.folder(bucket, (HIDDEN,), create=True) as descriptor:
            yield descriptor

    @contextlib.contextmanager
    def take(self, bucket: str, body: Readable | None, algorithms: tuple[str, ...] = (),
             ) -> Iterator[Spooled]:  # fmt: skip
        """The body as a file, for the block; a file that was not moved away in it is removed at its end."""
        with self.folder(bucket) as folder:
            name = unique_name()
            try:
                yield self._write(folder, bucket, name, body, algorithms)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=folder)

    def _write(
        self, folder: int, bucket: str, name: str, body: Readable | None, algorithms: tuple[str, ...]
    ) -> Spooled:
        md5 = hashlib.md5(usedforsecurity=False)
        sums = {algorithm: checksums.running(algorithm) for algorithm in algorithms}
        try:
            descriptor = os.open(
                name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666, dir_fd=folder
            )
            try:
                failpoint("object.before_write")
                while body is not None and (data := body.read(CHUNK)):
                    _write_all(descriptor, data)
                    md5.update(data)
                    for running in sums.values():
                        running.update(data)
                    failpoint("object.during_write")
                now = self.clock_ns()
                os.utime(descriptor, ns=(now, now))
                os.fsync(descriptor)
                version = Version.of(os.fstat(descriptor))
            finally:
                os.close(descriptor)
        except OSError as error:
            raise disk_failed(bucket, error) from error
        failpoint("object.after_write")
        return Spooled(
            bucket=bucket, name=name, version=version, md5=md5.hexdigest(),
            checksums={algorithm: checksums.in_base64(running.digest()) for algorithm, running in sums.items()},
        )  # fmt: skip

    def sweep(self, bucket: str, kept: Container[str], older_than_s: float) -> int:
        """Remove what killed processes left: files that nobody names, untouched for so long. How many."""
        removed = 0
        oldest = self.clock_ns() - int(older_than_s * 1e9)
        with self.folder(bucket) as folder:
            for name in os.listdir(folder):
                found = os.stat(name, dir_fd=folder, follow_symlinks=False)
                if name not in kept and found.st_mtime_ns < oldest:
                    os.unlink(name, dir_fd=folder)
                    removed += 1
        return removed


def disk_failed(bucket: str, error: OSError) -> StorageFailed:
    """What the disk said, with what to do about it where that is known."""
    advice = "; the lake's disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
    return StorageFailed(f"s3://{bucket}: {error.strerror or error}{advice}; nothing was changed")


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
