"""What fields of channels and rules hold: durations, times of the day, time zones, texts with fields. Each is read from what
YAML gives, or refused with what was found and what is expected."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict

from glulam.model.errors import InvalidInput
from glulam.observe import templates

Severity = Literal["P0", "P1", "P2", "P3"]
"""From `wake somebody` to `good to know`."""
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Part(BaseModel):
    """Of a document: it has no other keys than these."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, strict=True)


def _duration(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    number, unit = (value[:-1], value[-1:]) if isinstance(value, str) else ("", "")
    if not (number.isascii() and number.isdigit()) or unit not in _UNITS or len(number) > 6:
        raise ValueError(f"found {value!r}, expected a time like 90s, 15m, 2h or 1d")
    return timedelta(seconds=int(number) * _UNITS[unit])


def _clock(value: Any) -> time:
    if isinstance(value, time):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 24 * 60:
        return time(
            value // 60, value % 60
        )  # YAML's 22:00 without quotation marks: a number to the base of sixty
    try:
        return time.fromisoformat(value).replace(tzinfo=None)
    except (TypeError, ValueError):
        raise ValueError(f"found {value!r}, expected a time of the day like 22:00") from None


def _zone(value: Any) -> ZoneInfo:
    if isinstance(value, ZoneInfo):
        return value
    try:
        return ZoneInfo(value)
    except (TypeError, ValueError, OSError, ZoneInfoNotFoundError):
        raise ValueError(f"found {value!r}, expected a time zone like Europe/Berlin") from None


def _template(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return templates.check(value)
    except InvalidInput as error:
        raise ValueError(str(error)) from None


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _one_or_more(value: Any) -> Any:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


Duration = Annotated[timedelta, BeforeValidator(_duration)]
ClockTime = Annotated[time, BeforeValidator(_clock)]
Zone = Annotated[ZoneInfo, BeforeValidator(_zone)]
Template = Annotated[str, BeforeValidator(_template)]
Names = Annotated[tuple[str, ...], BeforeValidator(_tuple)]
Severities = Annotated[tuple[Severity, ...], BeforeValidator(_tuple)]
ONE_OR_MORE = BeforeValidator(_one_or_more)
"""For a tuple: a single value is a tuple of it."""
