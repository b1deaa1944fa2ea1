"""The body of a request, from the pieces that arrive to what a handler reads: unframed, measured, verified.

    Whole, Pipe          pieces as the socket gave them: all at once, or across threads with a bound on what waits
    unchunk (chunked.py) takes the `aws-chunked` framing off
    Body                 counts and hashes; lets the last bytes go only when everything holds

A Pipe is filled by the event loop and emptied by the request's thread. Nothing is read from the client before the thread
asks for the first piece, so that a refused request costs no upload.
"""

from __future__ import annotations

import asyncio
import base64
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from typing import Any, Protocol

from glulam.model.s3_errors import IncompleteBody, RequestTimeout
from glulam.wire.checksums import HASHERS, Expected
from glulam.wire.chunked import Trailers, unchunk
from glulam.wire.s3_signing import Payload

WAITING_BYTES = 4 << 20
"""At most about so much of one body waits in memory for its handler."""
PIECE_BYTES = 1 << 20
STALL_S = 30.0
"""A client that sends nothing for so long is given up."""

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class Source(Protocol):
    def pieces(self) -> Iterator[bytes]:
        """The bytes as sent, in order, none of them empty. Raises IncompleteBody or RequestTimeout."""

    @property
    def asked(self) -> bool:
        """Whether the client was let send its body."""


class Whole:
    """A body that is here already."""

    asked = True

    def __init__(self, data: bytes) -> None:
        self.data = data

    def pieces(self) -> Iterator[bytes]:
        if self.data:
            yield self.data


class Pipe:
    """A body that arrives while it is read."""

    def __init__(self, receive: Receive, loop: asyncio.AbstractEventLoop) -> None:
        self._receive, self._loop = receive, loop
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._changed = threading.Condition()
        self._room = asyncio.Event()
        self._ended = self._broken = False
        self._task: Any = None

    @property
    def asked(self) -> bool:
        return self._task is not None

    def pieces(self) -> Iterator[bytes]:
        self._task = asyncio.run_coroutine_threadsafe(self._fill(), self._loop)
        while taken := self._take():
            yield taken

    def stop(self) -> None:
        """Take no more. Called by the event loop."""
        if self._task is not None:
            self._task.cancel()

    def _take(self) -> bytes:
        with self._changed:
            if not self._changed.wait_for(lambda: self._waiting or self._ended, STALL_S):
                raise RequestTimeout
            if not self._waiting:
                if self._broken:
                    raise IncompleteBody
                return b""
            pieces, size = [self._waiting.popleft()], 0
            while self._waiting and (size := size + len(self._waiting[0])) <= PIECE_BYTES:
                pieces.append(self._waiting.popleft())
            was_full = self._size >= WAITING_BYTES
            found = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            self._size -= len(found)
            if was_full and self._size < WAITING_BYTES:
                self._loop.call_soon_threadsafe(self._room.set)
            return found

    async def _fill(self) -> None:
        more = True
        while more:
            message = await self._receive()
            broken = message["type"] == "http.disconnect"
            more = not broken and message.get("more_body", False)
            if self._put(message.get("body", b""), ended=not more, broken=broken):
                await self._room.wait()

    def _put(self, piece: bytes, *, ended: bool, broken: bool) -> bool:
        """Whether it is time to wait for room."""
        with self._changed:
            if piece:
                self._waiting.append(piece)
                self._size += len(piece)
            self._ended, self._broken = ended, broken
            full = self._size >= WAITING_BYTES and not ended
            if full:
                self._room.clear()
            self._changed.notify()
            return full


class Body:
    """Implements `model.streams.Incoming`."""

    def __init__(
        self, source: Source, payload: Payload, expected: dict[str, Expected], *, length: int | None
    ) -> None:
        self.length = length
        self._expected = expected
        self._trailers = Trailers()
        self._pieces = (
            unchunk(source.pieces(), payload, self._trailers) if payload.chunked else source.pieces()
        )
        self._now, self._at, self._next = b"", 0, b""
        self._seen = 0
        self._started = self._done = False

    def read(self, size: int) -> bytes:
        """See `Incoming`. The piece after the one that is read is looked at first: its absence is the end's check."""
        self.start()
        if self._at == 0 and len(self._now) <= size:
            found = self._now
            self._now, self._next = self._next, self._pull()
            return found
        found = self._now[self._at : self._at + size]
        self._at += len(found)
        if self._at >= len(self._now):
            self._now, self._at = self._next, 0
            self._next = self._pull()
        return found

    def start(self) -> None:
        """Read ahead by a piece. Of a body that is here already, all is verified by that."""
        if not self._started:
            self._started = True
            self._now = self._pull()
            self._next = self._pull() if self._now else b""

    def checksums(self) -> Mapping[str, str]:
        return {
            name: base64.b64encode(expected.hasher.digest()).decode()
            for name, expected in self._expected.items() if name in HASHERS
        }  # fmt: skip

    def _pull(self) -> bytes:
        if self._done:
            return b""
        piece = next(self._pieces, b"")
        if not piece:
            self._done = True
            self._finish()
            return b""
        self._seen += len(piece)
        if self.length is not None and self._seen > self.length:
            raise IncompleteBody
        for expected in self._expected.values():
            expected.hasher.update(piece)
        return piece

    def _finish(self) -> None:
        if self.length is not None and self._seen != self.length:
            raise IncompleteBody
        self._trailers.tell(self._expected)
        for expected in self._expected.values():
            expected.check()
