"""Formats of lines: logs by grok patterns and regular expressions, logs that name their columns, fixed width, and separated
values compressed as DuckDB does not read them. Everything is text, in the order of the table's columns.

A line that a pattern does not match is a row of NULLs, as in Hive and Athena: it is counted, and seen. Of separated values,
what is missing at the end is NULL, and too many are an error."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import accumulate, islice, pairwise
from pathlib import Path

import pyarrow as pa
import regex

from glulam.crawl.formats.grok import LINE_SECONDS, Grok, compile_grok
from glulam.crawl.formats.grok_patterns import LOG_FORMATS
from glulam.crawl.formats.lines import MAX_LINE_BYTES, TextLines
from glulam.crawl.formats.opened import Opened
from glulam.crawl.formats.texts import NULLS
from glulam.crawl.rows.records import content, told
from glulam.model.errors import InvalidInput, StorageFailed

_BATCH = 8192
_FIXED = re.compile(r"(?:\(\.\{\d+\}\))*\(\.\*\)")
_BUILT_IN = frozenset(log.pattern for log in LOG_FORMATS)
_HIVE_NULL = NULLS[-1]
Row = Sequence[str | None]
Parse = Callable[[str], Row | None]
"""A line's values; None for a line that holds none, such as a comment."""


@dataclass(frozen=True)
class LineRows:
    """A `FileReader` of lines."""

    names: tuple[str, ...]
    rows: Callable[[Opened], Iterator[tuple[int, Row]]]
    """(line, values)."""

    @cached_property
    def schema(self) -> pa.Schema:
        return pa.schema([pa.field(name, pa.string()) for name in self.names])

    def batches(self, path: Path) -> Iterator[pa.RecordBatch]:
        with told(path), content(path) as (opened, _):
            rows = self.rows(opened)
            while some := list(islice(rows, _BATCH)):
                columns = zip(*(self._fitted(row, f"{path}: line {line}") for line, row in some), strict=True)
                arrays = [pa.array(values, pa.string()) for values in columns]
                yield pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _fitted(self, row: Row, place: str) -> list[str | None]:
        more = len(self.names) - len(row)
        if more < 0:
            raise InvalidInput(f"{place}: found {len(row)} values; expected {len(self.names)}")
        return [None if value == _HIVE_NULL else value for value in row] + [None] * more


def parsed(names: tuple[str, ...], parse: Parse, skip_lines: int = 0) -> LineRows:
    """Line by line; blank ones hold nothing."""
    return LineRows(names, partial(_parsed, parse, skip_lines))


def _parsed(parse: Parse, skip_lines: int, opened: Opened) -> Iterator[tuple[int, Row]]:
    for number, raw in islice(enumerate(TextLines(opened), 1), skip_lines, None):
        line = raw.rstrip("\r\n")
        if not line.strip():
            continue
        try:
            found = parse(line)
        except TimeoutError:
            raise StorageFailed(
                f"{opened.name}: line {number}: the pattern takes more than {LINE_SECONDS} s"
            ) from None
        if found is not None:
            yield number, found


def separated(names: tuple[str, ...], delimiter: str, quote: str, skip_lines: int) -> LineRows:
    return LineRows(names, partial(_separated, delimiter, quote or '"', skip_lines))


def _separated(delimiter: str, quote: str, skip_lines: int, opened: Opened) -> Iterator[tuple[int, Row]]:
    csv.field_size_limit(MAX_LINE_BYTES)
    lines = islice(TextLines(opened), skip_lines, None)
    reader = csv.reader(lines, delimiter=delimiter, quotechar=quote)
    for row in reader:
        if row:
            yield skip_lines + reader.line_num, row


def grok_line(pattern: str, custom: str) -> Parse:
    """Raises InvalidInput. Built-in formats are whole lines; a custom pattern may stand anywhere in one."""
    return partial(_grok_line, compile_grok(pattern, custom), pattern in _BUILT_IN and not custom)


def _grok_line(grok: Grok, whole: bool, line: str) -> Row:
    return grok.match(line, whole=whole) or ()


def headed_line(delimiter: str) -> Parse:
    """Of a log whose `#Fields:` line or first line names its columns; - stands for NULL."""
    return partial(_headed_line, delimiter)


def _headed_line(delimiter: str, line: str) -> Row | None:
    if line.startswith("#"):
        return None
    return [None if value == "-" else value for value in line.split(delimiter)]


def regex_line(pattern: str) -> Parse:
    """Raises InvalidInput. A pattern that only counts characters is columns of fixed width: their lines may end early."""
    if _FIXED.fullmatch(pattern):
        ends = list(accumulate(map(int, re.findall(r"\d+", pattern)), initial=0))
        return partial(_fixed_line, [*pairwise(ends), (ends[-1], None)])
    try:
        return partial(_regex_line, regex.compile(pattern))
    except regex.error as error:
        raise InvalidInput(f"input.regex {pattern!r}: {error}") from None


def _fixed_line(spans: Sequence[tuple[int, int | None]], line: str) -> Row:
    return [line[start:end].strip() for start, end in spans]


def _regex_line(expression: regex.Pattern[str], line: str) -> Row:
    found = expression.fullmatch(line, timeout=LINE_SECONDS)
    return found.groups() if found else ()
