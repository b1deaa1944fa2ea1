"""Work that costs the same for one as for many, done for all who wait for it: commits, and folders forced to disk.

Whoever gets the turn does the work of everybody in the queue; those find it done when their turn comes. One alone waits
for nobody.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class _Entry(Generic[T]):
    work: T
    done: bool = False
    error: Exception | None = None


class Together(Generic[T]):
    """`run` does all of some works or, raising an exception, none of them."""

    def __init__(self, run: Callable[[Sequence[T]], None]) -> None:
        self._run = run
        self._queue: list[_Entry[T]] = []
        self._queue_lock = threading.Lock()
        self._turn = threading.Lock()

    def do(self, work: T) -> None:
        """Returns when the work is done; raises what `run` raises for it."""
        entry = _Entry(work=work)
        with self._queue_lock:
            self._queue.append(entry)
        with self._turn:
            if not entry.done:
                with self._queue_lock:
                    batch, self._queue = self._queue, []
                self._settle(batch)
        if entry.error is not None:
            raise entry.error

    def _settle(self, batch: Sequence[_Entry[T]]) -> None:
        try:
            self._run([entry.work for entry in batch])
        except Exception as error:  # one bad work must not fail the others: each alone
            for entry in batch:
                entry.error = error if len(batch) == 1 else self._alone(entry.work)
        finally:
            for entry in batch:
                entry.done = True

    def _alone(self, work: T) -> Exception | None:
        try:
            self._run([work])
        except Exception as error:
            return error
        return None
