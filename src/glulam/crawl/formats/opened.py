"""A file's content behind whatever it is compressed with, known by its first bytes and never by its name.

gzip, bzip2 and zstd are read by `records/expand.py`, whose limits against bombs hold here too; snappy, LZ4 and zip with
one file in it are added. Nothing is unpacked to disk.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

import pyarrow as pa

from glulam.crawl.formats import snappy
from glulam.model.errors import UnreadableFile
from glulam.records.expand import WINDOW, Content
from glulam.records.values import ReadLimits

_MAGIC = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (snappy.FRAMED_MAGIC, "snappy"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
)
_PIECE = 1 << 20
_HEAD_BYTES = 64 * 1024
_SNAPPY_HEAD_BYTES = 1024 * 1024
"""What may be the first block of a Hadoop snappy stream must be there whole."""
_NAME_OF_CODEC = ("gzip", "bzip2", "zstd", "none")


def compression_of(start: bytes, size_bytes: int) -> str:
    """`none`, or what the first bytes of a file say. `snappy` also for Hadoop's blocks, which are tried."""
    found = next((name for magic, name in _MAGIC if start.startswith(magic)), None)
    if found == "bzip2" and not (start[3:4].isdigit() and start[4:5] in (b"1", b"\x17")):
        found = None
    if found is not None:
        return found
    return "snappy" if start[:1] == b"\x00" and snappy.is_hadoop(start, size_bytes) else "none"


def open_file(
    file: BinaryIO, name: str, size_bytes: int, limits: ReadLimits, check: Callable[[], None] = lambda: None
) -> tuple[Opened, bytes]:
    """The content of a file, and its beginning. Raises UnreadableFile."""
    start = file.read(_HEAD_BYTES) or b""
    if start[:1] == b"\x00":
        start += file.read(_SNAPPY_HEAD_BYTES) or b""
    opened = Opened(file, name, compression_of(start, size_bytes), limits, check)
    return opened, start if opened.compression == "none" else opened.head(_HEAD_BYTES)


class Opened:
    """The decompressed content of one open file. Can be read again from the start."""

    def __init__(
        self,
        file: BinaryIO,
        name: str,
        compression: str,
        limits: ReadLimits,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """`check`: asked at each window; raises to stop."""
        self.file, self.name, self.compression, self.limits, self.check = (
            file,
            name,
            compression,
            limits,
            check,
        )
        self.damage: str | None = None

    def head(self, count: int) -> bytes:
        """The first bytes, at least `count` when there are as many. Raises UnreadableFile."""
        found = b""
        for window in self.windows():
            found += window
            if len(found) >= count:
                break
        return found

    def windows(self) -> Iterator[bytes]:
        """Non-empty windows from the start; `damage` after the last. Raises UnreadableFile for what is no file of records:
        a bomb, an archive of several files, compression inside compression."""
        self.damage = None
        self.file.seek(0)
        if self.compression in _NAME_OF_CODEC:
            content = Content(self.file, self.name, self.limits)
            for window in content.windows():
                self.check()
                yield window
            self.damage = content.damage
            return
        written = 0
        try:
            for piece in self._pieces():
                self.check()
                written += len(piece)
                self._check_bomb(written)
                if piece:
                    yield piece
        except (snappy.DamagedSnappy, zipfile.BadZipFile, zlib.error, pa.ArrowException, OSError, EOFError,
                NotImplementedError, RuntimeError) as error:  # fmt: skip
            # zipfile raises RuntimeError for an encrypted file, NotImplementedError for a method it does not know
            self.damage = f"the {self.compression} stream ends after {written} decompressed bytes: {error}"

    def _check_bomb(self, written: int) -> None:
        if written > self.limits.max_expanded_bytes:
            limit = self.limits.max_expanded_bytes
            raise UnreadableFile(f"{self.name}: expands to more than max_expanded_bytes={limit} bytes")
        size = os.fstat(self.file.fileno()).st_size
        if written > 16 * WINDOW and written > size * self.limits.max_expand_ratio:
            raise UnreadableFile(
                f"{self.name}: {size} compressed bytes expand to more than {written}: "
                f"above max_expand_ratio={self.limits.max_expand_ratio}"
            )

    def _pieces(self) -> Iterator[bytes]:
        if self.compression == "zip":
            yield from self._unzipped()
        elif self.compression == "lz4":
            with (
                os.fdopen(os.dup(self.file.fileno()), "rb") as own,  # Arrow closes what it reads
                pa.CompressedInputStream(pa.PythonFile(own, "r"), "lz4") as stream,
            ):
                while piece := stream.read(_PIECE):
                    yield piece
        elif self.file.read(len(snappy.FRAMED_MAGIC)) == snappy.FRAMED_MAGIC:
            yield from snappy.framed_blocks(self.file)
        else:
            self.file.seek(0)
            yield from snappy.hadoop_blocks(self.file)

    def _unzipped(self) -> Iterator[bytes]:
        with zipfile.ZipFile(self.file) as archive:
            members = [m for m in archive.infolist() if not m.is_dir()]
            if len(members) != 1:
                raise UnreadableFile(f"{self.name}: a zip archive of {len(members)} files, expected one")
            with archive.open(members[0]) as member:
                while piece := member.read(_PIECE):
                    yield piece
