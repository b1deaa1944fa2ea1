"""Schedules as AWS writes them: `cron(minutes hours day-of-month month day-of-week year)` and `rate(5 minutes)`.

The syntax is EventBridge's: `*`, `?`, lists, ranges, steps, names, `L`, `LW`, `15W`, `6L`, `6#3`, Sunday is 1
(https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html). Glue takes these with its own lower
bound of five minutes, which is not kept here.

Time zones, where one is asked for: an expression that names hours means the clock on the wall. A time that the clock skips is
due when the clock has jumped; one that comes twice is due the first time. An expression of every hour goes by real time.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from glulam.model.errors import InvalidInput

_CRON = re.compile(r"cron\((.+)\)", re.ASCII)
_RATE = re.compile(r"rate\(([1-9]\d{0,8}) (minute|hour|day)(s?)\)", re.ASCII)
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_YEARS = (1970, 2199)
_FIELDS: Sequence[tuple[str, int, int, Sequence[str]]] = (
    ("minutes", 0, 59, ()), ("hours", 0, 23, ()), ("day of month", 1, 31, ()), ("month", 1, 12, _MONTHS),
    ("day of week", 1, 7, _DAYS), ("year", *_YEARS, ()),
)  # fmt: skip
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Rate:
    """So often, counted from when the schedule was set."""

    every: timedelta

    def next_after(self, moment: datetime, *, anchor: datetime, zone: tzinfo = UTC) -> datetime | None:
        """The first tick later than `moment`; `anchor` is a tick. The time zone does not matter."""
        del zone
        return anchor + ((moment - anchor) // self.every + 1) * self.every


@dataclass(frozen=True, kw_only=True)
class Cron:
    """Which minutes of which days."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    month_days: str
    """As written; `?` when the days of the week say it."""
    months: frozenset[int]
    week_days: str
    years: tuple[int, ...]

    def next_after(
        self, moment: datetime, *, anchor: datetime | None = None, zone: tzinfo = UTC
    ) -> datetime | None:
        """The first tick later than `moment`, in UTC; None when there is none any more."""
        del anchor
        for day in self._days(moment.astimezone(zone).date()):
            found = next((tick for tick in self._ticks(day, zone, moment) if tick > moment), None)
            if found is not None:
                return found
        return None

    def _days(self, first: date) -> Iterator[date]:
        for year in self.years:
            for month in range(1, 13):
                if (year, month) < (first.year, first.month) or month not in self.months:
                    continue
                last = calendar.monthrange(year, month)[1]
                for day in sorted(self._of_month(year, month, last)):
                    if date(year, month, day) >= first:
                        yield date(year, month, day)

    def _of_month(self, year: int, month: int, last: int) -> set[int]:
        if self.week_days != "?" and self.month_days in ("?", "*"):
            return _days_by_week(self.week_days, year, month, last)
        return _days_by_number(self.month_days, year, month, last)

    def _ticks(self, day: date, zone: tzinfo, after: datetime) -> Iterator[datetime]:
        """In order; those before `after` may be left out."""
        if len(self.hours) == 24 and zone is not UTC:
            yield from self._through(day, zone, after)
            return
        for hour in self.hours:
            for minute in self.minutes:
                yield _instant(datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone))

    def _through(self, day: date, zone: tzinfo, after: datetime) -> Iterator[datetime]:
        """By real time: as many hours as the day has."""
        midnight = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
        at = max(midnight, after.astimezone(UTC).replace(second=0, microsecond=0))
        while (local := at.astimezone(zone)).date() <= day:
            if local.date() == day and local.minute in self.minutes:
                yield at
            at += _MINUTE


Schedule = Cron | Rate


def parse_schedule(text: str) -> Schedule:
    """Raises InvalidInput that names the field, what was found and what was expected."""
    rate = _RATE.fullmatch(text.strip())
    if rate is not None:
        number = int(rate[1])
        if (number == 1) == bool(rate[3]):
            raise InvalidInput(
                f"schedule {text!r}: expected rate(1 {rate[2]}) or rate({max(number, 2)} {rate[2]}s)"
            )
        return Rate(every=number * timedelta(**{f"{rate[2]}s": 1}))
    found = _CRON.fullmatch(text.strip())
    parts = found[1].upper().split() if found else []
    if len(parts) != len(_FIELDS):
        raise InvalidInput(
            f"schedule {text!r}: expected cron(minutes hours day-of-month month day-of-week year) or rate(N minutes)"
        )
    for part, field in zip(parts, _FIELDS, strict=True):
        for item in part.split(","):
            if not _is_item(item, *field):
                raise InvalidInput(
                    f"schedule {text!r}: {field[0]} is {item!r}; expected {field[1]} to {field[2]}, a range, a step or *"
                )
    if (parts[2] == "?") == (parts[4] == "?"):
        raise InvalidInput(f"schedule {text!r}: exactly one of day of month and day of week has to be ?")
    return Cron(
        minutes=_numbers(parts[0], *_FIELDS[0][1:]), hours=_numbers(parts[1], *_FIELDS[1][1:]), month_days=parts[2],
        months=frozenset(_numbers(parts[3], *_FIELDS[3][1:])), week_days=parts[4],
        years=_numbers(parts[5], *_FIELDS[5][1:]),
    )  # fmt: skip


def time_zone(name: str) -> tzinfo:
    """Raises InvalidInput when there is no such zone."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput(f"time zone {name!r} is not known; expected one as Europe/Berlin") from None


def _instant(wall: datetime) -> datetime:
    """When the clock on the wall shows this; when it jumps over it, the moment of the jump."""
    instant = wall.astimezone(UTC)  # fold 0: the first of two
    if instant.astimezone(wall.tzinfo).replace(tzinfo=None) == wall.replace(tzinfo=None):
        return instant
    low, high = instant - timedelta(hours=3), instant
    offset = low.astimezone(wall.tzinfo).utcoffset()
    while high - low > _MINUTE:  # the clock's jump lies between
        middle = low + (high - low) // _MINUTE // 2 * _MINUTE
        if middle.astimezone(wall.tzinfo).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return high


def _days_by_number(text: str, year: int, month: int, last: int) -> set[int]:
    found: set[int] = set()
    for item in text.split(","):
        if item == "L":
            found.add(last)
        elif item.startswith("L-"):
            found |= {day for day in [last - int(item[2:])] if day >= 1}
        elif item == "LW":
            found.add(_nearest_weekday(year, month, last, last))
        elif item.endswith("W"):
            day = int(item[:-1])
            found |= {_nearest_weekday(year, month, day, last)} if day <= last else set()
        else:
            found |= {day for day in _numbers(item, 1, 31, ()) if day <= last}
    return found


def _days_by_week(text: str, year: int, month: int, last: int) -> set[int]:
    first = date(year, month, 1).isoweekday() % 7 + 1  # Sunday is 1
    found: set[int] = set()
    for item in text.split(","):
        name, _, nth = item.partition("#")
        if item == "L":
            name = "7"
        alone = _number(name.removesuffix("L"), 1, 7, _DAYS)
        if nth or (name.endswith("L") and alone):
            assert alone is not None
            all_of_them = range((alone - first) % 7 + 1, last + 1, 7)
            found |= {all_of_them[-1]} if not nth else set(all_of_them[int(nth) - 1 : int(nth)])
        else:
            wanted = _numbers(name, 1, 7, _DAYS)
            found |= {day for day in range(1, last + 1) if (first + day - 2) % 7 + 1 in wanted}
    return found


def _nearest_weekday(year: int, month: int, day: int, last: int) -> int:
    """Of the same month."""
    match date(year, month, day).isoweekday():
        case 6:
            return day - 1 if day > 1 else day + 2
        case 7:
            return day + 1 if day < last else day - 2
        case _:
            return day


def _is_item(item: str, name: str, low: int, high: int, names: Sequence[str]) -> bool:
    if item == "*" or (item == "?" and name.startswith("day")):
        return True
    if name == "day of month" and re.fullmatch(
        r"L|LW|L-([1-9]|[12]\d|30)|([1-9]|[12]\d|3[01])W", item, re.ASCII
    ):
        return True
    if name == "day of week" and re.fullmatch(r"L|([1-7]|[A-Z]{3})(L|#[1-5])", item, re.ASCII):
        return item[0].isdigit() or item[:3] in names or item == "L"
    start, slash, step = item.partition("/")
    if slash and not (step.isascii() and step.isdigit() and int(step) > 0):
        return False
    if start == "*":
        return True
    ends = start.split("-")
    return len(ends) <= 2 and all(_number(end, low, high, names) is not None for end in ends)


def _numbers(text: str, low: int, high: int, names: Sequence[str]) -> tuple[int, ...]:
    """What a list of numbers, ranges and steps stands for; a range whose end is lower wraps around."""
    found: set[int] = set()
    for item in text.split(","):
        start, slash, step = item.partition("/")
        begin, dash, end = start.partition("-")
        first = low if begin in ("*", "?") else _number(begin, low, high, names)
        last = (
            high if begin in ("*", "?") or (slash and not dash) else _number(end or begin, low, high, names)
        )
        assert first is not None  # _is_item has seen it
        assert last is not None
        span = (
            list(range(first, last + 1))
            if first <= last
            else [*range(first, high + 1), *range(low, last + 1)]
        )
        found |= set(span[:: int(step) if slash else 1])
    return tuple(sorted(found))


def _number(text: str, low: int, high: int, names: Sequence[str]) -> int | None:
    if text in names:
        return names.index(text) + 1
    if text.isascii() and text.isdigit() and low <= int(text) <= high:
        return int(text)
    return None
