"""Bodies that are too long for memory: what the S3 door hands to an operation, and what an operation hands back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO, Protocol


class Incoming(Protocol):
    """The body of a request, decoded, read once from front to back by one thread."""

    length: int | None
    """Size in bytes of the decoded body, where the request says it."""

    def read(self, size: int) -> bytes:
        """At most `size` bytes; empty at the end. Raises BadDigest, IncompleteBody or SignatureDoesNotMatch, at the
        latest with the last byte, when the body is not what the request promised: store nothing of it then."""

    def checksums(self) -> Mapping[str, str]:
        """After the end: the checksums that the client stated and that hold, base64 by algorithm (`CRC32C`)."""


@dataclass(frozen=True, kw_only=True)
class FileSlice:
    """A part of an open file as the body of an answer. Whoever sends it closes the file."""

    file: BinaryIO
    offset: int
    length: int
