"""Whether a text is a schedule that AWS would take: `cron(minutes hours day-of-month month day-of-week year)`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from glulam.model.errors import InvalidInput

_CRON = re.compile(r"cron\((.+)\)")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_FIELDS: Sequence[tuple[str, int, int, Sequence[str]]] = (
    ("minutes", 0, 59, ()), ("hours", 0, 23, ()), ("day of month", 1, 31, ()), ("month", 1, 12, _MONTHS),
    ("day of week", 1, 7, _DAYS), ("year", 1970, 2199, ()),
)  # fmt: skip


def check_cron(text: str) -> None:
    """Raises InvalidInput that names the field."""
    found = _CRON.fullmatch(text.strip())
    parts = found[1].split() if found else []
    if len(parts) != len(_FIELDS):
        raise InvalidInput(
            f"schedule {text!r}: expected cron(minutes hours day-of-month month day-of-week year)"
        )
    for part, (name, low, high, names) in zip(parts, _FIELDS, strict=True):
        for item in part.split(","):
            if not _is_item(item.upper(), name, low, high, names):
                raise InvalidInput(
                    f"schedule {text!r}: {name} is {item!r}; expected {low} to {high}, a range, a step or *"
                )
    if (parts[2] == "?") == (parts[4] == "?"):
        raise InvalidInput(f"schedule {text!r}: exactly one of day of month and day of week has to be ?")


def _is_item(item: str, name: str, low: int, high: int, names: Sequence[str]) -> bool:
    if item == "*" or (item == "?" and name.startswith("day")):
        return True
    if name == "day of month" and re.fullmatch(r"L|LW|([1-9]|[12]\d|3[01])W", item):
        return True
    if name == "day of week" and re.fullmatch(r"L|([1-7]|[A-Z]{3})(L|#[1-5])", item):
        return item[0].isdigit() or item[:3] in names or item == "L"
    start, _, step = item.partition("/")
    if "/" in item and not (step.isascii() and step.isdigit() and int(step) > 0):
        return False
    if start == "*":
        return True
    ends = start.split("-")
    return len(ends) <= 2 and all(_number(end, low, high, names) for end in ends)


def _number(text: str, low: int, high: int, names: Sequence[str]) -> bool:
    if text in names:
        return True
    return text.isascii() and text.isdigit() and low <= int(text) <= high
