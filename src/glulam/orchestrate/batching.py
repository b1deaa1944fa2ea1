"""When events start a workflow: a pure function over those that wait.

As in Glue: as soon as there are BatchSize of them, or BatchWindow seconds after the first one came, whichever is sooner.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, kw_only=True)
class Waiting:
    id: int
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Batches:
    full: tuple[tuple[int, ...], ...]
    """Ids of the events of each batch that starts a run now."""
    look_again_at: datetime | None
    """When the window of those left over ends."""


def batches(waiting: Sequence[Waiting], now: datetime, *, size: int, window_s: int) -> Batches:
    """`waiting` in the order in which they came."""
    found: list[tuple[int, ...]] = []
    rest = list(waiting)
    window = timedelta(seconds=window_s)
    while rest and (len(rest) >= size or rest[0].at + window <= now):
        found.append(tuple(event.id for event in rest[:size]))
        rest = rest[size:]
    return Batches(full=tuple(found), look_again_at=rest[0].at + window if rest else None)
