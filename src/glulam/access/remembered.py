"""Remembers for a few seconds what a query found, so that not every request asks again. What was not there is asked for
again each time: a key that was just made works at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

TTL_S = 5.0
MAX_ENTRIES = 1024

Name = TypeVar("Name", bound=Hashable)
Found = TypeVar("Found")


class Remembered(Generic[Name, Found]):
    """Safe to share between threads; two that miss at once both ask."""

    def __init__(self, monotonic: Callable[[], float], ttl_s: float = TTL_S) -> None:
        """`monotonic`: `time.monotonic`, or a test's own clock, in seconds."""
        self._monotonic, self._ttl_s = monotonic, ttl_s
        self._lock = threading.Lock()
        self._entries: dict[Name, tuple[float, Found]] = {}

    def get(self, name: Name, load: Callable[[Name], Found | None]) -> Found | None:
        """What was found in the last seconds, else what `load` finds now."""
        now = self._monotonic()
        entry = self._entries.get(name)
        if entry is not None and now - entry[0] < self._ttl_s:
            return entry[1]
        found = load(name)
        with self._lock:
            self._entries.pop(name, None)
            if found is not None:
                if len(self._entries) >= MAX_ENTRIES:
                    self._entries.clear()
                self._entries[name] = (now, found)
        return found

    def forget(self, name: Name) -> None:
        """Ask again next time."""
        with self._lock:
            self._entries.pop(name, None)

    def forget_all(self) -> None:
        with self._lock:
            self._entries.clear()
