"""Columns of many rows as PostgreSQL array texts, for `unnest(%s::bigint[], ...)`.

psycopg adapts a Python list element by element: 5 us a text, 9 us a datetime. The texts built here are ordinary
parameters (never part of the SQL) and cost a tenth of that, which is what 30,000 files a second need.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def integers(values: Iterable[int]) -> str:
    """The text of an integer array."""
    return "{" + ",".join(map(str, values)) + "}"


def texts(values: Iterable[str | None]) -> str:
    """The text of a text array; None becomes NULL."""
    return "{" + ",".join(["NULL" if v is None else f'"{_escaped(v)}"' for v in values]) + "}"


def microseconds(values: Iterable[datetime]) -> str:
    """Times as a bigint array of microseconds since 1970, exact.

    SQL adds seconds and microseconds apart: an interval times a number is computed in doubles."""
    return integers((value - EPOCH) // MICROSECOND for value in values)


def _escaped(value: str) -> str:
    if "\\" in value or '"' in value:
        return value.replace("\\", "\\\\").replace('"', '\\"')
    return value
