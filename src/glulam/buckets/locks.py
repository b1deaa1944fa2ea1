"""One writer at a time for each key, in this process and in others on this machine.

A thread lock for the threads, a byte-range lock of a file for the processes; the kernel drops the latter with its
process. Keys share a fixed number of locks, so whoever holds one must not ask for another.
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
    def hold(self, bucket: str, key: str) -> Iterator[None]:
        number = zlib.crc32(f"{bucket}/{key}".encode(errors="surrogatepass")) % _LOCKS
        with self._threads[number]:
            fcntl.lockf(self._file, fcntl.LOCK_EX, 1, number)
            try:
                yield
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, number)

    def close(self) -> None:
        os.close(self._file)
