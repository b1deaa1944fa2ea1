"""How a text of separated values is written: delimiter, quote, whether the first row is a header. Pure, on a sample.

The delimiter is the one by which most rows have the same number of values. A header is a first row that differs from the rows
below it: all text above a column that is not, or above a column whose values are all built alike.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from glulam.crawl.formats.texts import NULLS, kind_of

DELIMITERS = (",", "\t", "|", ";", "\x01")
MAX_HEADER_CHARACTERS = 150
_ROWS = 500
_REGULAR = 0.9
"""The part of the rows that must have the same number of values."""
_QUOTES = ('"', "'")
_WORDS_PER_VALUE = 8
"""Text whose values are longer than this on average is prose with commas, unless it is quoted."""


@dataclass(frozen=True, kw_only=True)
class Dialect:
    delimiter: str
    quote: str | None
    width: int
    """Number of columns."""
    regularity: float
    """The part of the sample's rows that has so many."""
    quoted: bool
    """Some values are in quotes."""


@dataclass(frozen=True, kw_only=True)
class Header:
    present: bool
    why: str
    certain: bool = True


def rows_of(lines: Sequence[str], delimiter: str, quote: str | None) -> list[list[str]]:
    """Rows of a sample, blank ones left out."""
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
    reader = csv.reader(
        [f"{line}\n" for line in lines], delimiter=delimiter, quotechar=quote or '"', quoting=quoting
    )
    found: list[list[str]] = []
    try:
        for row in reader:
            if row:
                found.append(row)
            if len(found) >= _ROWS:
                break
    except csv.Error:  # a NUL, a value beyond csv's limit
        pass
    return found


def sniff(lines: Sequence[str]) -> Dialect | None:
    """The dialect of a sample, or None when no delimiter splits its rows alike."""
    best: tuple[tuple[float, int], Dialect] | None = None
    for delimiter in DELIMITERS:
        if not any(delimiter in line for line in lines):
            continue
        for quote in _QUOTES:
            found = measured(lines, delimiter, quote)
            if quote == "'" and (found is None or not found.quoted):
                continue
            if found is None or found.width < 2 or found.regularity < _REGULAR:
                continue
            merit = (found.regularity, found.width + (1 if found.quoted else 0))
            if best is None or merit > best[0]:
                best = merit, found
    return best[1] if best and not _is_prose(lines, best[1]) else None


def measured(lines: Sequence[str], delimiter: str, quote: str | None) -> Dialect | None:
    """How regular a sample is by this delimiter; None without rows."""
    rows = rows_of(lines, delimiter, quote)
    if not rows:
        return None
    width, count = Counter(map(len, rows)).most_common(1)[0]
    quoted = quote is not None and _has_quoted(lines, delimiter, quote)
    return Dialect(delimiter=delimiter, quote=quote, width=width, regularity=count / len(rows), quoted=quoted)


def _has_quoted(lines: Sequence[str], delimiter: str, quote: str) -> bool:
    q, d = re.escape(quote), re.escape(delimiter)
    begin, end = re.compile(f"(?:^|{d}){q}"), re.compile(f"{q}(?:{d}|$)")
    return any(map(begin.search, lines)) and any(map(end.search, lines))


def _is_prose(lines: Sequence[str], found: Dialect) -> bool:
    if found.quoted or found.delimiter not in ",;":
        return False
    words = sum(len(line.split()) for line in lines)
    values = sum(line.count(found.delimiter) + 1 for line in lines)
    spaced = sum(line.count(f"{found.delimiter} ") for line in lines)
    return words > _WORDS_PER_VALUE * values and spaced * 2 > values - len(lines)


def find_header(rows: Sequence[Sequence[str]]) -> Header:
    """Whether the first of the rows names the columns."""
    if len(rows) < 2:
        return Header(present=False, why="one row only", certain=False)
    first, below = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    if any(len(value) > MAX_HEADER_CHARACTERS for value in first):
        return Header(present=False, why="the first row has a value too long for a name")
    kinds = ["null" if v in NULLS else kind_of(v.strip()) for v in first]
    strange = [i for i, kind in enumerate(kinds) if kind not in ("string", "null")]
    if strange:
        what = f"column {strange[0] + 1} of the first row is a {kinds[strange[0]]}"
        return Header(present=False, why=f"{what}, which is no name")
    if "null" in kinds[:-1]:
        return Header(present=False, why="the first row has empty values")
    for index, name in enumerate(first):
        values = [row[index] for row in below if row[index] not in NULLS]
        if values and all(kind_of(v.strip()) != "string" for v in values):
            return Header(present=True, why=f"{name!r} stands above values that are no text")
    return _by_form(first, below)


def _by_form(first: Sequence[str], below: Sequence[Sequence[str]]) -> Header:
    """All columns are text: a header shows where the values of a column are all built alike, and it is not."""
    if len({v.strip().lower() for v in first}) < len(first):
        return Header(present=False, why="the first row has a value twice", certain=False)
    for index, name in enumerate(first):
        values = [row[index] for row in below if row[index] not in NULLS]
        forms = {_form(v) for v in values}
        if len(values) >= 2 and len(forms) == 1 and _form(name) not in forms:
            why = f"{name!r} stands above values of another form, such as {values[0]!r}"
            return Header(present=True, why=why, certain=False)
    why = "all columns are text, and nothing tells the first row from the others"
    return Header(present=False, why=why, certain=False)


def _form(text: str) -> str:
    """Runs of digits and of letters collapsed: `AB-12` and `X-7` are built alike."""
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "9", text))
