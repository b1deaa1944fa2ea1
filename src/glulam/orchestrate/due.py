"""When a schedule is due, and what of the ticks that were missed: a pure function over its row and the clock.

A tick that is late is a missed one from MISSED_AFTER on. By default the ticks that were missed are made up for by one run;
the tag `glulam:missed-ticks` of a trigger or crawler says otherwise (`once`, `skip`, `all`), `glulam:time-zone` names the
zone of its hours. A clock that goes back makes nothing due twice: the next tick is later than the last one was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum

from glulam.model.cron import parse_schedule, time_zone
from glulam.model.errors import InvalidInput

ZONE_TAG, MISSED_TAG = "glulam:time-zone", "glulam:missed-ticks"
MISSED_AFTER = timedelta(seconds=60)
MOST_TICKS = 100
"""Of those that are made up for one by one: so many in one decision, the others in the next."""
NEVER = datetime(9999, 1, 1, tzinfo=UTC)


class Missed(StrEnum):
    ONCE = "once"
    SKIP = "skip"
    ALL = "all"


@dataclass(frozen=True, kw_only=True)
class Due:
    ticks: tuple[datetime, ...] = ()
    """Those to act on, in order."""
    next_at: datetime


def due(
    expression: str, next_at: datetime | None, now: datetime, *, anchor: datetime, tags: Mapping[str, str]
) -> Due:
    """`next_at`: the tick that was worked out last; None: none yet, and nothing is due before the next one.

    anchor: when the schedule was set; a rate counts from there. Raises InvalidInput for tags that say nothing known."""
    schedule, zone = parse_schedule(expression), _zone(tags)
    policy = _policy(tags)

    def after(moment: datetime) -> datetime:
        return schedule.next_after(moment, anchor=anchor, zone=zone) or NEVER

    if next_at is None:
        return Due(next_at=after(now))
    if next_at > now:
        return Due(next_at=next_at)
    if policy is Missed.ALL:
        ticks = [next_at]
        while (following := after(ticks[-1])) <= now and len(ticks) < MOST_TICKS:
            ticks.append(following)
        return Due(ticks=tuple(ticks), next_at=following)
    latest = _latest(next_at, now, after)
    missed = now - latest >= MISSED_AFTER
    return Due(ticks=() if missed and policy is Missed.SKIP else (latest,), next_at=after(now))


def check_tags(tags: Mapping[str, str]) -> None:
    """Raises InvalidInput for a tag of ours that says nothing known."""
    _zone(tags)
    _policy(tags)


def _zone(tags: Mapping[str, str]) -> tzinfo:
    return time_zone(tags[ZONE_TAG]) if tags.get(ZONE_TAG) else UTC


def _policy(tags: Mapping[str, str]) -> Missed:
    said = tags.get(MISSED_TAG) or Missed.ONCE
    try:
        return Missed(said)
    except ValueError:
        raise InvalidInput(f"tag {MISSED_TAG} is {said!r}; expected one of {', '.join(Missed)}") from None


def _latest(first: datetime, now: datetime, after: object) -> datetime:
    """The last tick that is not later than now, looked for from ever nearer starts."""
    assert callable(after)
    found: datetime = first
    for back in (
        timedelta(days=366),
        timedelta(days=31),
        timedelta(days=1),
        timedelta(hours=1),
        timedelta(minutes=2),
    ):
        start: datetime = after(now - back)
        if found < start <= now:
            found = start
    while (following := after(found)) <= now:
        found = following
    return found
