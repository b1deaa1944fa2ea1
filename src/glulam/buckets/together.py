"""Work that costs the same for one as for many, done for all who wait for it: commits, and folders forced to disk.

Whoever finds nobody at work does the work of everybody in the queue, and all of them go on at once when it is done. One
alone waits for nobody.
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
        self._busy = False
        self._changed = threading.Condition()

    def do(self, work: T) -> None:
        """Returns when the work is done; raises what `run` raises for it."""
        entry = _Entry(work=work)
        with self._changed:
            self._queue.append(entry)
            self._changed.wait_for(lambda: entry.done or not self._busy)
            batch: Sequence[_Entry[T]] = ()
            if not entry.done:
                batch, self._queue = self._queue, []
                self._busy = True
        if batch:
            try:
                self._settle(batch)
            finally:
                with self._changed:
                    self._busy = False
                    self._changed.notify_all()
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
