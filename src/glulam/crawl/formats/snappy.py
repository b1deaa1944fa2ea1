"""Snappy streams: the framing format (`.sz`) and Hadoop's block format (`.snappy`). Arrow decompresses the blocks; only
their framing is read here, a block at a time.

Framing format: https://github.com/google/snappy/blob/main/framing_format.txt; its checksums are not verified.
Hadoop: a block is its decompressed length, then pieces (compressed length, snappy bytes), all lengths 32-bit big-endian.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa

FRAMED_MAGIC = b"\xff\x06\x00\x00sNaPpY"
_MAX_BLOCK = 64 * 1024 * 1024
_COMPRESSED, _PLAIN, _SKIPPABLE = 0x00, 0x01, 0x80


class DamagedSnappy(Exception):
    """The stream breaks the format; the message says how."""


def raw_length(piece: bytes) -> int | None:
    """The decompressed length that a raw snappy piece begins with (a varint); None when there is none."""
    value = 0
    for index, byte in enumerate(piece[:5]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value
    return None


def decompress(piece: bytes) -> bytes:
    """One raw snappy piece. Raises DamagedSnappy."""
    size = raw_length(piece)
    if size is None or size > _MAX_BLOCK:
        raise DamagedSnappy("a piece does not begin with its length")
    try:
        return bytes(pa.Codec("snappy").decompress(piece, size, asbytes=True))
    except (pa.ArrowException, OSError) as error:
        raise DamagedSnappy(str(error)) from None


def is_hadoop(head: bytes, size_bytes: int) -> bool:
    """Whether the head is a first block of Hadoop's format that decompresses (there is no magic number)."""
    if len(head) < 10:
        return False
    whole, piece = int.from_bytes(head[:4], "big"), int.from_bytes(head[4:8], "big")
    inner = raw_length(head[8:13])
    if not 0 < whole <= _MAX_BLOCK or not 0 < piece <= min(len(head), size_bytes) - 8 or not inner:
        return False
    if inner > whole:
        return False
    try:
        return len(decompress(head[8 : 8 + piece])) == inner
    except DamagedSnappy:
        return False


def framed_blocks(file: BinaryIO) -> Iterator[bytes]:
    """Decompressed blocks of the framing format. Raises DamagedSnappy."""
    while header := file.read(4):
        if len(header) < 4:
            raise DamagedSnappy("it ends inside a chunk header")
        kind, length = header[0], int.from_bytes(header[1:], "little")
        body = file.read(length)
        if len(body) < length:
            raise DamagedSnappy("it ends inside a chunk")
        if kind == _COMPRESSED:
            yield decompress(body[4:])
        elif kind == _PLAIN:
            yield body[4:]
        elif kind < _SKIPPABLE:
            raise DamagedSnappy(f"chunk type {kind:#04x} is reserved")


def hadoop_blocks(file: BinaryIO) -> Iterator[bytes]:
    """Decompressed pieces of Hadoop's format. Raises DamagedSnappy."""
    while header := file.read(4):
        left = int.from_bytes(header, "big")
        if len(header) < 4 or left > _MAX_BLOCK:
            raise DamagedSnappy("a block does not begin with its length")
        while left > 0:
            length = int.from_bytes(file.read(4), "big")
            body = file.read(length) if 0 < length <= _MAX_BLOCK else b""
            if not body or len(body) < length:
                raise DamagedSnappy("it ends inside a block")
            piece = decompress(body)
            left -= len(piece)
            yield piece
