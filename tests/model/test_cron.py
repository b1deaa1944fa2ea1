"""Schedules against calendars written by hand, and against a slow reference that looks at every minute."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glulam.model.cron import Rate, parse_schedule, time_zone
from glulam.model.errors import InvalidInput

START = datetime(2026, 1, 30, 23, 59, 30, tzinfo=UTC)


def ticks(expression: str, number: int, start: datetime = START, zone: str = "UTC") -> list[str]:
    """The next ticks, as the clock on the wall shows them."""
    schedule, found, at = parse_schedule(expression), [], start
    where = UTC if zone == "UTC" else time_zone(zone)
    for _ in range(number):
        following = schedule.next_after(at, anchor=START, zone=where)
        if following is None:
            found.append("never")
            break
        assert following > at
        at = following
        found.append(f"{at.astimezone(where):%Y-%m-%d %H:%M %z}".removesuffix(" +0000"))
    return found


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("cron(0/15 * * * ? *)", ["2026-01-31 00:00", "2026-01-31 00:15", "2026-01-31 00:30"]),
        ("cron(0 10 L * ? *)", ["2026-01-31 10:00", "2026-02-28 10:00", "2026-03-31 10:00"]),
        ("cron(0 10 L-3 * ? *)", ["2026-02-25 10:00", "2026-03-28 10:00", "2026-04-27 10:00"]),
        (
            "cron(0 10 LW * ? *)",
            ["2026-02-27 10:00", "2026-03-31 10:00", "2026-04-30 10:00", "2026-05-29 10:00"],
        ),
        ("cron(0 10 31W * ? *)", ["2026-03-31 10:00", "2026-05-29 10:00", "2026-07-31 10:00"]),
        (
            "cron(0 10 1W * ? *)",
            ["2026-02-02 10:00", "2026-03-02 10:00", "2026-04-01 10:00", "2026-05-01 10:00"],
        ),
        ("cron(0 8 15W * ? *)", ["2026-02-16 08:00", "2026-03-16 08:00", "2026-04-15 08:00"]),
        ("cron(0 10 ? * 6L *)", ["2026-02-27 10:00", "2026-03-27 10:00", "2026-04-24 10:00"]),
        ("cron(0 10 ? * FRI#2 *)", ["2026-02-13 10:00", "2026-03-13 10:00"]),
        ("cron(0 0 ? * 3#5 *)", ["2026-03-31 00:00", "2026-06-30 00:00", "2026-09-29 00:00"]),
        ("cron(0 10 ? * L *)", ["2026-01-31 10:00", "2026-02-07 10:00"]),
        ("cron(0 10 ? * MON-FRI *)", ["2026-02-02 10:00", "2026-02-03 10:00"]),
        (
            "cron(0 0 ? * FRI-MON *)",
            ["2026-01-31 00:00", "2026-02-01 00:00", "2026-02-02 00:00", "2026-02-06 00:00"],
        ),
        ("cron(0 22-2/2 * * ? *)", ["2026-01-31 00:00", "2026-01-31 02:00", "2026-01-31 22:00"]),
        ("cron(0 0 29 2 ? *)", ["2028-02-29 00:00", "2032-02-29 00:00"]),
        ("cron(5,7 8-10/2 ? JAN,MAR SUN 2027)", ["2027-01-03 08:05", "2027-01-03 08:07", "2027-01-03 10:05"]),
        ("cron(0 0 1 1 ? 2020)", ["never"]),
        ("cron(59 23 31 12 ? 2026)", ["2026-12-31 23:59", "never"]),
        ("rate(1 minute)", ["2026-01-31 00:00", "2026-01-31 00:01"]),
        ("rate(5 hours)", ["2026-01-31 04:59", "2026-01-31 09:59"]),
    ],
)
def test_ticks(expression: str, expected: list[str]) -> None:
    assert ticks(expression, len(expected)) == expected


def test_a_time_that_the_clock_skips_is_due_when_it_has_jumped() -> None:
    start = datetime(2026, 3, 28, tzinfo=UTC)
    assert ticks("cron(30 2 * * ? *)", 3, start, "Europe/Berlin") == [
        "2026-03-28 02:30 +0100", "2026-03-29 03:00 +0200", "2026-03-30 02:30 +0200",
    ]  # fmt: skip
    start = datetime(2026, 10, 3, tzinfo=UTC)
    assert ticks("cron(15 2 * * ? *)", 2, start, "Australia/Lord_Howe") == [  # half an hour
        "2026-10-04 02:30 +1100", "2026-10-05 02:15 +1100",
    ]  # fmt: skip


def test_a_time_that_comes_twice_is_due_once() -> None:
    start = datetime(2026, 10, 24, 1, tzinfo=UTC)
    assert ticks("cron(30 2 * * ? *)", 3, start, "Europe/Berlin") == [
        "2026-10-25 02:30 +0200", "2026-10-26 02:30 +0100", "2026-10-27 02:30 +0100",
    ]  # fmt: skip


def test_every_hour_is_every_hour_when_the_clock_is_set() -> None:
    start = datetime(2026, 10, 24, 22, 30, tzinfo=UTC)
    assert ticks("cron(0 * * * ? *)", 4, start, "Europe/Berlin") == [
        "2026-10-25 01:00 +0200", "2026-10-25 02:00 +0200", "2026-10-25 02:00 +0100", "2026-10-25 03:00 +0100",
    ]  # fmt: skip
    start = datetime(2026, 3, 29, 0, 10, tzinfo=UTC)
    assert ticks("cron(0 * * * ? *)", 2, start, "Europe/Berlin") == [
        "2026-03-29 03:00 +0200",
        "2026-03-29 04:00 +0200",
    ]


_numbers = {
    "minute": st.sampled_from(["*", "0", "59", "5,7", "0/20", "10-50/13"]),
    "hour": st.sampled_from(["*", "0", "23", "8-10", "0/7", "22-3"]),
    "day": st.sampled_from(["1", "15", "31", "28-31", "1/10"]),
    "month": st.sampled_from(["*", "2", "JAN,DEC", "11-3", "4/5"]),
    "week": st.sampled_from(["1", "SAT", "MON-FRI", "6-2", "2,4"]),
}


def _wanted(text: str, low: int, high: int, names: list[str]) -> set[int]:
    """The slow way: each number, asked whether it fits."""

    def number(word: str) -> int:
        return names.index(word) + 1 if word in names else int(word)

    found = set()
    for item in text.split(","):
        span, _, step = item.partition("/")
        first, _, last = span.partition("-")
        begin = low if first == "*" else number(first)
        end = high if first == "*" or (step and not last) else number(last or first)
        value, count = begin, 0
        while True:
            if count % int(step or 1) == 0:
                found.add(value)
            if value == end:
                break
            value, count = (low if value == high else value + 1), count + 1
    return found


@settings(max_examples=60)
@given(
    minute=_numbers["minute"], hour=_numbers["hour"], day=_numbers["day"], month=_numbers["month"], week=_numbers["week"],
    by_week=st.booleans(), start=st.datetimes(datetime(2026, 1, 1), datetime(2028, 12, 31), allow_imaginary=False),
)  # fmt: skip
def test_the_next_tick_is_the_first_minute_that_fits(
    minute: str, hour: str, day: str, month: str, week: str, by_week: bool, start: datetime
) -> None:
    text = f"cron({minute} {hour} {'?' if by_week else day} {month} {week if by_week else '?'} *)"
    months = _wanted(month, 1, 12, [name.upper() for name in calendar.month_abbr[1:]])
    days = _wanted(
        week if by_week else day, 1, 7 if by_week else 31, ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
    )
    hours, minutes = _wanted(hour, 0, 23, []), _wanted(minute, 0, 59, [])
    first = start.replace(second=0, microsecond=0, tzinfo=UTC) + timedelta(minutes=1)
    found = parse_schedule(text).next_after(start.replace(tzinfo=UTC), anchor=first)
    all_days = (first.date() + timedelta(days=n) for n in range(366 * 4))
    day = next(
        (
            d
            for d in all_days
            if d.month in months and _fits(d, days, by_week) and _has(d, first, hours, minutes)
        ),
        None,
    )
    if day is None:
        assert found is None  # as on the 31st of February
        return
    at = datetime(day.year, day.month, day.day, tzinfo=UTC)
    while at < first or at.hour not in hours or at.minute not in minutes:
        at += timedelta(minutes=1)
    assert found == at


def _has(day: date, first: datetime, hours: set[int], minutes: set[int]) -> bool:
    """Whether the day has a time that fits and is not too early."""
    last = datetime(day.year, day.month, day.day, max(hours), max(minutes), tzinfo=UTC)
    return last >= first


def _fits(day: date, wanted: set[int], by_week: bool) -> bool:
    return (day.isoweekday() % 7 + 1 if by_week else day.day) in wanted


def test_a_rate_counts_from_when_it_was_set() -> None:
    schedule = parse_schedule("rate(2 days)")
    assert schedule == Rate(every=timedelta(days=2))
    assert schedule.next_after(START, anchor=START) == START + timedelta(days=2)
    assert schedule.next_after(START + timedelta(days=5), anchor=START) == START + timedelta(days=6)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected cron"), ("cron(* * * * * *)", "exactly one of day of month and day of week"),
        ("cron(60 * * * ? *)", "minutes is '60'; expected 0 to 59"), ("cron(* 24 * * ? *)", "hours is '24'"),
        ("cron(* * 32 * ? *)", "day of month is '32'"), ("cron(* * 32W * ? *)", "day of month is '32W'"),
        ("cron(* * L-31 * ? *)", "day of month is 'L-31'"), ("cron(* * ? * ? *)", "exactly one"),
        ("cron(* * ? * FOO *)", "day of week is 'FOO'"), ("cron(* * ? * 6#6 *)", "day of week is '6#6'"),
        ("cron(*/0 * * * ? *)", "minutes"), ("cron(1-2-3 * * * ? *)", "minutes"), ("cron(0 0 * * ?)", "expected cron"),
        ("cron(٣ * * * ? *)", "minutes"), ("rate(5 minute)", r"rate\(5 minutes\)"), ("rate(1 hours)", r"rate\(1 hour\)"),
        ("rate(0 days)", "expected cron"),
    ],
)  # fmt: skip
def test_what_is_no_schedule_is_said(text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        parse_schedule(text)


@pytest.mark.parametrize("name", ["Nowhere/City", "", "../etc/passwd", "Europe/Berlin\0"])
def test_no_such_zone(name: str) -> None:
    with pytest.raises(InvalidInput, match="time zone"):
        time_zone(name)
