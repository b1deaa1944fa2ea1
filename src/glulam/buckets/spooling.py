"""Bodies on their way to become objects: files in the bucket's hidden folder, hashed while they are written.

A spooled file is forced to disk before it can become an object (a part is not: the object made of it is, and the part's
checksum is compared on the way), and its modification time is set to the nanosecond, so
that no later write of the same size can look like it. What a killed process leaves here is removed by `sweep`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from glulam.buckets import checksums
from glulam.buckets.hashing import BodyMd5
from glulam.buckets.records import Version
from glulam.buckets.tree import HIDDEN, Tree
from glulam.model.errors import StorageFailed
from glulam.model.failpoints import failpoint
from glulam.model.s3_errors import InvalidPart
from glulam.objects.copying import NO_KERNEL_COPY
from glulam.objects.versions import unique_name

CHUNK = 1 << 20
_DAMAGED = "A part is not on disk as it was received; send it again"


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, kw_only=True)
class Spooled:
    """A complete file without a name of its own yet."""

    bucket: str
    hidden: int
    """The folder that it is in, open."""
    name: str
    version: Version
    md5: str
    """Hex."""
    checksums: dict[str, str]
    """Of the algorithms asked for, base64."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Some bytes of a file: an open one, or one to be opened by its name in a folder."""

    offset: int
    length: int
    descriptor: int = -1
    name: str = ""
    folder: int = -1
    algorithm: str = ""
    """Of its checksum; empty: none is known, and it is copied by the kernel."""
    checksum: str = ""
    """Base64."""

    @contextlib.contextmanager
    def opened(self) -> Iterator[int]:
        if not self.name:
            yield self.descriptor
            return
        try:
            descriptor = os.open(self.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self.folder)
        except FileNotFoundError:
            raise InvalidPart(_DAMAGED) from None
        try:
            yield descriptor
        finally:
            os.close(descriptor)


class PieceReader:
    """A piece as a body, for those who want to know its bytes."""

    def __init__(self, piece: Piece) -> None:
        self._descriptor, self._offset, self._left = piece.descriptor, piece.offset, piece.length

    def read(self, size: int) -> bytes:
        data = os.pread(self._descriptor, min(size, self._left), self._offset)
        if not data and self._left:
            raise OSError(errno.EIO, "the file that is copied became shorter")
        self._offset += len(data)
        self._left -= len(data)
        return data


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
    def take(
        self, bucket: str, body: Readable | None, algorithms: tuple[str, ...] = (), *, durable: bool = True
    ) -> Iterator[Spooled]:
        """The body as a file, for the block, which moves it away; it is removed when the block raises. One that is not
        durable may be damaged by a power cut: whoever reads it compares its checksum."""
        sums = {algorithm: checksums.running(algorithm) for algorithm in algorithms}
        with BodyMd5() as md5:

            def write(descriptor: int) -> None:
                while body is not None and (data := body.read(CHUNK)):
                    md5.update(data)
                    _write_all(descriptor, data)
                    for running in sums.values():
                        running.update(data)
                    failpoint("object.during_write")

            with self._file(bucket, write, durable=durable) as (hidden, name, version):
                found = {
                    algorithm: checksums.in_base64(running.digest()) for algorithm, running in sums.items()
                }
                yield Spooled(
                    bucket=bucket,
                    hidden=hidden,
                    name=name,
                    version=version,
                    md5=md5.hexdigest(),
                    checksums=found,
                )

    @contextlib.contextmanager
    def join(self, bucket: str, pieces: Iterable[Piece]) -> Iterator[Spooled]:
        """Pieces of files, one behind the other, as one file; nothing is known of the bytes but that the pieces' checksums
        hold. Raises InvalidPart when one does not."""

        def write(descriptor: int) -> None:
            for piece in pieces:
                with piece.opened() as source:
                    _copy(source, descriptor, piece)

        with self._file(bucket, write) as (hidden, name, version):
            yield Spooled(bucket=bucket, hidden=hidden, name=name, version=version, md5="", checksums={})

    @contextlib.contextmanager
    def linked(self, bucket: str, folder: int, name: str) -> Iterator[Spooled]:
        """The file of that name in a folder, under a second name: the same version, not one byte copied."""
        with self.folder(bucket) as hidden:
            second = unique_name()
            os.link(name, second, src_dir_fd=folder, dst_dir_fd=hidden, follow_symlinks=False)
            try:
                version = Version.of(os.stat(second, dir_fd=hidden, follow_symlinks=False))
                yield Spooled(
                    bucket=bucket, hidden=hidden, name=second, version=version, md5="", checksums={}
                )
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(second, dir_fd=hidden)

    @contextlib.contextmanager
    def _file(
        self, bucket: str, write: Callable[[int], None], *, durable: bool = True
    ) -> Iterator[tuple[int, str, Version]]:
        with self.folder(bucket) as folder:
            name = unique_name()
            try:
                try:
                    version = self._written(folder, name, write, durable=durable)
                except OSError as error:
                    raise disk_failed(bucket, error) from error
                failpoint("object.after_write")
                yield folder, name, version
            except BaseException:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=folder)
                raise

    def _written(self, folder: int, name: str, write: Callable[[int], None], *, durable: bool) -> Version:
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666, dir_fd=folder)
        try:
            failpoint("object.before_write")
            write(descriptor)
            now = self.clock_ns()
            os.utime(descriptor, ns=(now, now))
            if durable:
                os.fsync(descriptor)
            return Version.of(os.fstat(descriptor))
        finally:
            os.close(descriptor)

    def remove(self, bucket: str, names: Iterable[str]) -> None:
        with self.folder(bucket) as folder:
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=folder)

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


def _copy(source: int, target: int, piece: Piece) -> None:
    if not piece.algorithm:
        _copy_by_kernel(source, target, piece)
        return
    if os.fstat(source).st_size != piece.length:
        raise InvalidPart(_DAMAGED)
    running = checksums.running(piece.algorithm)
    reader = PieceReader(replace(piece, descriptor=source))
    while data := reader.read(CHUNK):
        running.update(data)
        _write_all(target, data)
    if checksums.in_base64(running.digest()) != piece.checksum:
        raise InvalidPart(_DAMAGED)


def _copy_by_kernel(source: int, target: int, piece: Piece) -> None:
    offset, left = piece.offset, piece.length
    by_kernel = hasattr(os, "copy_file_range")
    while left:
        try:
            count = os.copy_file_range(source, target, left, offset) if by_kernel else 0
        except OSError as error:
            if error.errno not in NO_KERNEL_COPY:
                raise
            by_kernel, count = False, 0
        if not by_kernel:
            data = os.pread(source, min(left, CHUNK), offset)
            _write_all(target, data)
            count = len(data)
        if count == 0:
            raise OSError(errno.EIO, "the file that is copied became shorter")
        offset, left = offset + count, left - count
