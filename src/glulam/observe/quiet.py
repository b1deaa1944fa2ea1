"""Quiet hours: until when an alert waits. Pure; local times of a time zone, across midnight and clock changes."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, kw_only=True)
class QuietHours:
    """From one time of the day to another; over midnight when the end is not after the start."""

    start: time
    end: time
    zone: ZoneInfo
    days: frozenset[int]
    """Days on which they begin: 0 is Monday."""
    passing: Container[str]
    """Severities that are told at once all the same."""

    def until(self, now: datetime, severity: str) -> datetime | None:
        """When the alert may be told, in UTC; None: now."""
        if severity in self.passing:
            return None
        until = now
        for _ in DAYS:  # one period may begin where another ends; hours that never end are a week
            here = until.astimezone(self.zone)
            ends = [end for back in (0, 1) if (end := self._end_of(here, back)) is not None]
            if not ends:
                break
            until = max(ends).astimezone(now.tzinfo)
        return until if until > now else None

    def _end_of(self, here: datetime, days_back: int) -> datetime | None:
        """The end of the hours that began so many days ago, when they hold this moment."""
        day = here.date() - timedelta(days=days_back)
        if day.weekday() not in self.days:
            return None
        start = datetime.combine(day, self.start, self.zone)
        last = day + timedelta(days=self.end <= self.start)
        end = datetime.combine(last, self.end, self.zone)
        # compared as instants: two times of one zone would be compared by their clock faces, wrong when the clock changes
        return end if start.timestamp() <= here.timestamp() < end.timestamp() else None
