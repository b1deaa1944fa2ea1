"""The MD5 of a body while it is written. MD5 is the slowest step of a large put, so it gets a thread of its own."""

from __future__ import annotations

import hashlib
import queue
import threading
from types import TracebackType

_AHEAD = 8
"""Pieces that may wait for the thread."""


class BodyMd5:
    """Takes a body piece by piece, in a `with` block. A body of one piece costs no thread."""

    def __init__(self) -> None:
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._first: bytes | None = None
        self._waiting: queue.Queue[bytes | None] | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> BodyMd5:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finish()

    def update(self, data: bytes) -> None:
        if self._first is None:
            self._first = data
            self._md5.update(data)
            return
        if self._waiting is None:
            self._waiting = queue.Queue(_AHEAD)
            self._thread = threading.Thread(target=self._run, args=(self._waiting,), name="md5", daemon=True)
            self._thread.start()
        self._waiting.put(data)

    def hexdigest(self) -> str:
        """Of all that was given."""
        self._finish()
        return self._md5.hexdigest()

    def _run(self, waiting: queue.Queue[bytes | None]) -> None:
        while (data := waiting.get()) is not None:
            self._md5.update(data)

    def _finish(self) -> None:
        if self._thread is not None and self._waiting is not None:
            self._waiting.put(None)
            self._thread.join()
            self._thread = self._waiting = None
