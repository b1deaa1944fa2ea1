"""The checksums of S3: of a stream, of an object put together from parts.

A composite checksum is the checksum of the parts' checksums with the number of parts behind it; a full-object one is that
of all bytes, which for the CRCs follows from the parts' without reading them again.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable, Sequence
from typing import Protocol

from awscrt import checksums as crt

from glulam.model.s3_errors import InvalidRequest


class Running(Protocol):
    """A checksum of the bytes that it has seen."""

    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


class _Crc:
    def __init__(self, compute: Callable[[bytes, int], int], size: int) -> None:
        self._compute, self._size, self._value = compute, size, 0

    def update(self, data: bytes) -> None:
        self._value = self._compute(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


_MAKE: dict[str, Callable[[], Running]] = {
    "CRC32": lambda: _Crc(zlib.crc32, 4),
    "CRC32C": lambda: _Crc(crt.crc32c, 4),
    "CRC64NVME": lambda: _Crc(crt.crc64nvme, 8),
    "SHA1": lambda: hashlib.sha1(usedforsecurity=False),
    "SHA256": hashlib.sha256,
}
_COMBINE: dict[str, Callable[[int, int, int], int]] = {
    "CRC32": crt.combine_crc32,
    "CRC32C": crt.combine_crc32c,
    "CRC64NVME": crt.combine_crc64nvme,
}
DEFAULT = "CRC64NVME"
"""What S3 computes when the client says nothing."""


def running(algorithm: str) -> Running:
    """Raises InvalidRequest for an algorithm that is not known here."""
    make = _MAKE.get(algorithm)
    if make is None:
        raise InvalidRequest(f"checksum algorithm {algorithm!r}: expected one of {', '.join(_MAKE)}")
    return make()


def in_base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def type_of(algorithm: str, asked: str | None) -> str:
    """COMPOSITE or FULL_OBJECT for an upload in parts. Raises InvalidRequest for a pair that S3 does not have."""
    running(algorithm)
    found = asked or ("FULL_OBJECT" if algorithm == DEFAULT else "COMPOSITE")
    if (found == "FULL_OBJECT" and algorithm not in _COMBINE) or (
        found == "COMPOSITE" and algorithm == DEFAULT
    ):
        raise InvalidRequest(
            f"The {found} checksum type cannot be used with the {algorithm.lower()} checksum algorithm."
        )
    return found


def of_parts(algorithm: str, checksum_type: str, parts: Sequence[tuple[str, int]]) -> str:
    """The checksum of an object from those of its parts, given as (base64, size in bytes)."""
    digests = [(base64.b64decode(checksum), size) for checksum, size in parts]
    if checksum_type == "COMPOSITE":
        whole = running(algorithm)
        whole.update(b"".join(digest for digest, _ in digests))
        return f"{in_base64(whole.digest())}-{len(parts)}"
    combine = _COMBINE[algorithm]
    value, width = 0, len(digests[0][0])
    for digest, size in digests:
        value = combine(value, int.from_bytes(digest, "big"), size)
    return in_base64(value.to_bytes(width, "big"))
