"""Decompress by content, in bounded memory, and say exactly where a damaged stream ends.

The standard library's decompressors are used through one loop because they tell the end of a member from the end of
the input, which whole-file readers do not: a truncated gzip must give the records before the damage, then one reject.
"""

from __future__ import annotations

import bz2
import os
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

from glulam.model.errors import UnreadableFile
from glulam.records.values import ReadLimits

WINDOW = 4 * 1024 * 1024
_RATIO_GRACE = 64 * 1024 * 1024

_BINARY = (
    (b"PK\x03\x04", "a zip archive"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"PAR1", "a Parquet file"),
    (b"ORC", "an ORC file"),
    (b"Obj\x01", "an Avro file"),
    (b"\x89PNG", "a PNG picture"),
    (b"%PDF-", "a PDF document"),
)


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, /) -> bytes: ...


def _zstd() -> Any:
    import zstandard  # only files that are zstd pay for it

    return zstandard.ZstdDecompressor().decompressobj()


@dataclass(frozen=True)
class _Codec:
    magic: re.Pattern[bytes]
    name: str
    make: Callable[[], _Decompressor]
    piece_bytes: int
    """Input given at once: small enough that even a bomb's expansion of it fits in memory."""


_CODECS = (
    _Codec(re.compile(rb"\x1f\x8b"), "gzip", lambda: zlib.decompressobj(wbits=31), 64 * 1024),
    _Codec(re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)"), "bzip2", bz2.BZ2Decompressor, 4 * 1024),
    _Codec(re.compile(rb"\x28\xb5\x2f\xfd"), "zstd", _zstd, 4 * 1024),
)


class Content:
    """The decompressed content of one open file, as windows of bytes. `damage` says, after the last window, what
    was wrong with the compressed stream, or None."""

    def __init__(self, file: BinaryIO, name: str, limits: ReadLimits) -> None:
        self._file, self._name, self._limits = file, name, limits
        self.damage: str | None = None

    def windows(self) -> Iterator[bytes]:
        """Non-empty windows, at most a few times WINDOW bytes each. Raises UnreadableFile for binary content,
        compression inside compression and decompression bombs."""
        size = os.fstat(self._file.fileno()).st_size  # a file that grows has another etag afterwards
        head = self._file.read(min(WINDOW, size))  # memory for a whole window costs more than a small file
        codec = next((c for c in _CODECS if c.magic.match(head)), None)
        if codec is None:
            self._refuse_binary(head)
            while head:
                yield head
                size -= len(head)
                head = self._file.read(min(WINDOW, size)) if size else b""
            return
        first = True
        for window in self._expand(head, codec):
            if first:
                if any(c.magic.match(window) for c in _CODECS):
                    raise UnreadableFile(f"{self._name}: compressed more than once; expected one layer")
                self._refuse_binary(window)
                first = False
            yield window

    def _refuse_binary(self, head: bytes) -> None:
        for magic, what in _BINARY:
            if head.startswith(magic):
                raise UnreadableFile(f"{self._name}: found {what}, expected JSON")

    def _expand(self, data: bytes, codec: _Codec) -> Iterator[bytes]:
        stream: Any = codec.make()
        inside, read, written = False, 0, 0
        while data:
            read += len(data)
            at = 0
            while at < len(data):
                piece = data[at : at + codec.piece_bytes]
                at += len(piece)
                before = stream.copy() if codec.name == "gzip" else None
                try:
                    out = stream.decompress(piece)
                except Exception as error:  # zlib.error, OSError, ZstdError: no common base
                    if before is not None and (good := _good_part(before, piece)):
                        written += len(good)
                        yield good
                    self.damage = (
                        f"the {codec.name} stream is damaged after {written} decompressed bytes: {error}"
                    )
                    return
                inside = True
                written += len(out)
                self._check_bomb(read, written)
                if out:
                    yield out
                if stream.eof:  # the next member or frame starts in what this one left over
                    data, at = stream.unused_data + data[at:], 0
                    data = data.lstrip(b"\0") if codec.name == "gzip" else data  # padding, as from tapes
                    stream, inside = codec.make(), False
            data = self._file.read(WINDOW)
        if inside:
            self.damage = f"the {codec.name} stream is cut off after {written} decompressed bytes"

    def _check_bomb(self, read: int, written: int) -> None:
        limits = self._limits
        if written > limits.max_expanded_bytes:
            raise UnreadableFile(
                f"{self._name}: expands to more than max_expanded_bytes={limits.max_expanded_bytes} bytes"
            )
        if written > _RATIO_GRACE and written > read * limits.max_expand_ratio:
            raise UnreadableFile(
                f"{self._name}: {read} compressed bytes expand to more than {written}: "
                f"above max_expand_ratio={limits.max_expand_ratio}"
            )


def _good_part(stream: Any, piece: bytes) -> bytes:
    """What zlib gives of a piece before the byte at which it fails: with a wrong checksum, all of the content."""
    out = bytearray()
    try:
        for at in range(len(piece)):
            out += stream.decompress(piece[at : at + 1])
    except zlib.error:
        pass
    return bytes(out)
