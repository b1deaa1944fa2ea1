"""The `aws-chunked` framing of a body: pieces with their sizes, signatures where these are signed, trailers at the end.

    <size in hex>[;chunk-signature=<hex>]\\r\\n <bytes> \\r\\n ...  0[;chunk-signature=<hex>]\\r\\n
    [name:value\\r\\n ... x-amz-trailer-signature:<hex>\\r\\n] \\r\\n

Each signature covers its chunk and the signature before it, the first that of the request: none can be left out, added or
moved. Bytes are passed on before their chunk's signature is known, so whoever gets them uses none until the end.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator

from glulam.model.s3_errors import (
    IncompleteBody,
    InvalidRequest,
    MalformedTrailer,
    SignatureDoesNotMatch,
)
from glulam.wire.checksums import HASHERS, PREFIX, Expected, checksum_of
from glulam.wire.s3_signing import Chain, Payload

MAX_LINE = 1024
MAX_TRAILERS = 16
_NOTHING = hashlib.sha256().hexdigest()
_HEAD = re.compile(rb"([0-9a-fA-F]{1,16})(?:;chunk-signature=([0-9a-f]{64}))?")
_TRAILER = re.compile(r"([A-Za-z0-9-]+):[ \t]*(.*?)[ \t]*")


class Trailers:
    """What was said after the body."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def tell(self, expected: dict[str, Expected]) -> None:
        """Give the checksums among them to those who wait for one. Raises MalformedTrailer for one not announced."""
        for name, value in self.lines:
            wanting = expected.get(name.removeprefix(PREFIX).upper()) if name.startswith(PREFIX) else None
            if wanting is None or wanting.wanted is not None:
                raise MalformedTrailer(f"The trailer {name[:64]!r} was not announced in x-amz-trailer.")
            wanting.wanted = checksum_of(value, name, len(wanting.hasher.digest()))
        if any(e.wanted is None for name, e in expected.items() if name in HASHERS):
            raise MalformedTrailer("A checksum that x-amz-trailer announces did not follow the body.")


class Signer:
    """Checks the chain of signatures."""

    def __init__(self, chain: Chain) -> None:
        self._chain, self._previous = chain, chain.seed

    def check(self, kind: str, hashed: str, signature: str) -> None:
        """`kind` is PAYLOAD (which also covers the hash of no headers) or TRAILER. Raises SignatureDoesNotMatch."""
        lines = [f"AWS4-HMAC-SHA256-{kind}", self._chain.stamp, self._chain.scope, self._previous]
        lines += [_NOTHING, hashed] if kind == "PAYLOAD" else [hashed]
        expected = hmac.digest(self._chain.key, "\n".join(lines).encode(), "sha256").hex()
        if not hmac.compare_digest(expected, signature):
            raise SignatureDoesNotMatch
        self._previous = signature


class _Reader:
    """Lines and runs of bytes out of pieces."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._held = pieces, b""

    def line(self) -> bytes:
        while (end := self._held.find(b"\r\n")) < 0:
            if len(self._held) > MAX_LINE:
                raise InvalidRequest("aws-chunked: a chunk's first line is too long")
            self._held += self._more()
        found, self._held = self._held[:end], self._held[end + 2 :]
        if end > MAX_LINE:
            raise InvalidRequest("aws-chunked: a chunk's first line is too long")
        return found

    def run(self, size: int) -> Iterator[bytes]:
        """The next `size` bytes, in pieces."""
        while size:
            if not self._held:
                self._held = self._more()
            found, self._held = self._held[:size], self._held[size:]
            size -= len(found)
            yield found

    def end(self) -> None:
        if self._held or next(self._pieces, b""):
            raise InvalidRequest("aws-chunked: bytes follow the last chunk")

    def _more(self) -> bytes:
        piece = next(self._pieces, b"")
        if not piece:
            raise IncompleteBody
        return piece


def unchunk(pieces: Iterator[bytes], payload: Payload, trailers: Trailers) -> Iterator[bytes]:
    """The bytes without their framing; `trailers` is filled at the end.

    Raises IncompleteBody, InvalidRequest (no such framing), MalformedTrailer or SignatureDoesNotMatch."""
    reader = _Reader(pieces)
    signer = None if payload.chain is None else Signer(payload.chain)
    while True:
        head = _HEAD.fullmatch(reader.line())
        if head is None or (head[2] is None) is not (signer is None):
            raise InvalidRequest(
                "aws-chunked: expected a chunk's size in hex, and its signature where it is signed"
            )
        size = int(head[1], 16)
        hasher = hashlib.sha256()
        for piece in reader.run(size):
            if signer is not None:
                hasher.update(piece)
            yield piece
        if signer is not None:
            signer.check("PAYLOAD", hasher.hexdigest(), head[2].decode())
        if size == 0:
            break
        if reader.line():
            raise InvalidRequest("aws-chunked: a chunk is longer than its size says")
    _read_trailers(reader, payload, signer, trailers)
    reader.end()


def _read_trailers(reader: _Reader, payload: Payload, signer: Signer | None, trailers: Trailers) -> None:
    signature = None
    while line := reader.line():
        match = _TRAILER.fullmatch(line.decode("latin-1"))
        if not payload.trailer or match is None or len(trailers.lines) >= MAX_TRAILERS:
            raise MalformedTrailer
        if signature is not None:
            raise MalformedTrailer("A trailer follows the signature of the trailers.")
        name, value = match[1].lower(), match[2]
        if name == "x-amz-trailer-signature" and signer is not None:
            signature = value
        else:
            trailers.lines.append((name, value))
    if signer is not None and payload.trailer:
        text = "".join(f"{name}:{value}\n" for name, value in sorted(trailers.lines))
        signer.check("TRAILER", hashlib.sha256(text.encode("latin-1")).hexdigest(), signature or "")
