"""One writer at a time for each key, in this process and in others on this machine.

A thread lock for the threads, a byte-range lock of a file for the processes; the kernel drops the latter with its
process. Keys share a fixed number of locks, so whoever holds some must not ask for more.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import zlib
from collections.abc import Iterator

from glulam.objects.versions import TEMPORARY

_LOCKS = 1024


class KeyLocks:
    """Locks for the keys of all buckets of the lake at `root`."""

    def __init__(self, root: str) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self._file = os.open(f"{root}/.locks{TEMPORARY}", flags, 0o600)
        self._threads = [threading.Lock() for _ in range(_LOCKS)]

    @contextlib.contextmanager
    def hold(self, bucket: str, *keys: str) -> Iterator[None]:
        """Hold the locks of some keys of a bucket. They are taken in one order, so that nobody waits in a circle."""
        held: list[int] = []
        try:
            for number in sorted({_number(bucket, key) for key in keys}):
                self._threads[number].acquire()
                held.append(number)
                fcntl.lockf(self._file, fcntl.LOCK_EX, 1, number)
            yield
        finally:
            for number in reversed(held):
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, number)
                self._threads[number].release()

    def close(self) -> None:
        os.close(self._file)


def _number(bucket: str, key: str) -> int:
    return zlib.crc32(f"{bucket}/{key}".encode(errors="surrogatepass")) % _LOCKS
