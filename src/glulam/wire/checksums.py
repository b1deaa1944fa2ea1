"""The checksums that S3's clients state of a body: made while it is read, compared at its end.

The CRCs are awscrt's, which S3's own clients use; the SHAs and MD5 are hashlib's. Both are given up to a mebibyte at a time.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Protocol

from awscrt import checksums as crt

from glulam.model.s3_errors import BadDigest, ContentSha256Mismatch, InvalidDigest, InvalidRequest

PREFIX = "x-amz-checksum-"
ATTRIBUTES = ("type", "algorithm", "mode")
"""`x-amz-checksum-` headers that are no checksum."""


class Hasher(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


class Crc:
    """A CRC as hashlib has its hashes; its digest is big-endian, as S3 writes it."""

    def __init__(self, step: Callable[[bytes, int], int], size: int) -> None:
        self._step, self._size, self._value = step, size, 0

    def update(self, data: bytes, /) -> None:
        self._value = self._step(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


HASHERS: dict[str, Callable[[], Hasher]] = {
    "CRC32": lambda: Crc(crt.crc32, 4),
    "CRC32C": lambda: Crc(crt.crc32c, 4),
    "CRC64NVME": lambda: Crc(crt.crc64nvme, 8),
    "SHA1": hashlib.sha1,
    "SHA256": hashlib.sha256,
}
"""By S3's names of the algorithms."""


class Expected:
    """One value that a body is to have, and the hasher that finds out."""

    def __init__(self, hasher: Hasher, wanted: bytes | None, error: type[Exception]) -> None:
        """`wanted` None: a trailer will say it."""
        self.hasher, self.wanted, self._error = hasher, wanted, error

    def check(self) -> None:
        if self.wanted is None or not hmac.compare_digest(self.hasher.digest(), self.wanted):
            raise self._error()


def expected_of(headers: Mapping[str, str], sha256: str | None, *, checksums: bool) -> dict[str, Expected]:
    """What the headers of a request (lower-case names) and its signature say of its body, by a name for each.

    `checksums`: the operation's `x-amz-checksum-` headers speak of the body that is sent. Names are the algorithms', and
    `content-md5` and `x-amz-content-sha256`. Raises InvalidDigest or InvalidRequest."""
    found: dict[str, Expected] = {}
    if sha256 is not None:
        found["x-amz-content-sha256"] = Expected(
            hashlib.sha256(), bytes.fromhex(sha256), ContentSha256Mismatch
        )
    if "content-md5" in headers:
        found["content-md5"] = Expected(hashlib.md5(), digest_of(headers["content-md5"], 16), BadDigest)
    if not checksums:
        return found
    for name, value in headers.items():
        if name.startswith(PREFIX) and name.removeprefix(PREFIX) not in ATTRIBUTES:
            _add(found, name, value)
    for name in (part.strip().lower() for part in headers.get("x-amz-trailer", "").split(",")):
        if name.startswith(PREFIX):
            _add(found, name, None)
    if sum(name in HASHERS for name in found) > 1:
        raise InvalidRequest(
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        )
    if "x-amz-sdk-checksum-algorithm" in headers and not any(name in HASHERS for name in found):
        raise InvalidRequest(
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers "
            "were found."
        )
    return found


def _add(found: dict[str, Expected], header: str, value: str | None) -> None:
    algorithm = header.removeprefix(PREFIX).upper()
    if algorithm not in HASHERS:
        raise InvalidRequest(
            f"The algorithm of {header} is not supported; expected one of {', '.join(HASHERS)}"
        )
    hasher = HASHERS[algorithm]()
    wanted = None if value is None else checksum_of(value, header, len(hasher.digest()))
    found[algorithm] = Expected(hasher, wanted, BadDigest)


def checksum_of(value: str, header: str, size: int) -> bytes:
    """The bytes of a checksum's base64. Raises InvalidRequest."""
    try:
        return digest_of(value, size)
    except InvalidDigest as error:
        raise InvalidRequest(f"Value for {header} header is invalid.") from error


def digest_of(value: str, size: int) -> bytes:
    """The bytes of a digest's base64. Raises InvalidDigest."""
    try:
        found = base64.b64decode(value.strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidDigest from error
    if len(found) != size:
        raise InvalidDigest
    return found
