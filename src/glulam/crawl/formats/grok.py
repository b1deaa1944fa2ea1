"""Grok: lines of text taken apart by a pattern of named patterns.

No kept library compiles grok for Python, and none bounds the time that a pattern may take; this is `%{NAME:field:type}`
spelled out into one expression of the `regex` library, which has atomic groups and a time limit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

import regex

from glulam.crawl.findings import ColumnFinding
from glulam.crawl.formats import columns
from glulam.crawl.formats.file import Answer, LocalFile, LookOptions
from glulam.crawl.formats.grok_patterns import LOG_FORMATS, PATTERNS
from glulam.crawl.formats.lines import TextLines, sample_lines
from glulam.crawl.formats.opened import Opened
from glulam.crawl.formats.texts import TextColumn
from glulam.infer.types import DataType, Scalar
from glulam.model.errors import InvalidInput

LINE_SECONDS = 0.2
"""Longest time that one line may take to match."""
_SLOW_LINES = 3
"""After so many lines that took longer, the pattern is given up."""
_SAMPLE = 100
_BATCH = 8192
_MAX_DEPTH = 50
_BUILT_IN_SHARE = 0.8
_CUSTOM_SHARE = 0.5
_REFERENCE = regex.compile(r"%\{(\w+)(?::([\w.\-@\[\]]+)(?::(\w+))?)?\}")
_OWN_GROUP = regex.compile(r"\(\?P?<([A-Za-z_][\w.\-]*)>")
_TYPES = {"byte": "tinyint", "short": "smallint", "int": "int", "long": "bigint", "float": "float",
          "double": "double", "boolean": "boolean", "string": "string"}  # fmt: skip


class TooSlow(Exception):
    """The pattern takes too long on these lines; the message says on which one."""


@dataclass(frozen=True, kw_only=True)
class Grok:
    """A compiled pattern. Group i + 1 of the expression belongs to `fields[i]`; a field may have several groups."""

    pattern: str
    expression: Any
    fields: tuple[str, ...]
    types: Mapping[str, DataType]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.fields))

    def match(self, line: str, *, whole: bool) -> tuple[str | None, ...] | None:
        """The fields' values in the order of `names`, or None. Raises TimeoutError."""
        find = self.expression.fullmatch if whole else self.expression.search
        found = find(line, timeout=LINE_SECONDS)
        if found is None:
            return None
        values: dict[str, str | None] = {}
        for name, value in zip(self.fields, found.groups(), strict=True):
            if values.get(name) is None:
                values[name] = value
        return tuple(values.values())


@cache
def compile_grok(pattern: str, custom: str = "") -> Grok:
    """`custom` holds a definition a line, `NAME pattern`. Raises InvalidInput for an unknown name or a wrong expression."""
    spelled = _Spelled({**PATTERNS, **definitions(custom)})
    text = spelled.out(pattern, 0)
    try:
        expression = regex.compile(text)
    except regex.error as error:
        raise InvalidInput(f"grok pattern {pattern!r}: {error}") from None
    if not spelled.fields:
        raise InvalidInput(f"grok pattern {pattern!r}: expected a %{{PATTERN:field}} at least")
    return Grok(pattern=pattern, expression=expression, fields=tuple(spelled.fields), types=spelled.types)


def definitions(custom: str) -> dict[str, str]:
    found = {}
    for line in custom.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            name, _, pattern = line.strip().partition(" ")
            found[name] = pattern.strip()
    return found


class _Spelled:
    """A pattern with its references spelled out: every group that captures belongs to a field."""

    def __init__(self, patterns: Mapping[str, str]) -> None:
        self.patterns = patterns
        self.fields: list[str] = []
        self.types: dict[str, DataType] = {}

    def out(self, pattern: str, depth: int) -> str:
        if depth > _MAX_DEPTH:
            raise InvalidInput(f"grok pattern {pattern[:80]!r}: references nested deeper than {_MAX_DEPTH}")
        parts: list[str] = []
        at = 0
        while at < len(pattern):
            if pattern[at] == "\\":
                parts.append(pattern[at : at + 2])
                at += 2
            elif reference := _REFERENCE.match(pattern, at):
                parts.append(self._reference(*reference.groups(), depth=depth))
                at = reference.end()
            elif own := _OWN_GROUP.match(pattern, at):
                self.fields.append(own[1])
                parts.append("(")
                at = own.end()
            elif pattern[at] == "[":
                end = _class_end(pattern, at)
                parts.append(pattern[at:end])
                at = end
            elif pattern[at] == "(" and pattern[at + 1 : at + 2] not in ("?", "*"):
                parts.append("(?:")
                at += 1
            else:
                parts.append(pattern[at])
                at += 1
        return "".join(parts)

    def _reference(self, name: str, name_of_field: str | None, kind: str | None, *, depth: int) -> str:
        if name not in self.patterns:
            raise InvalidInput(f"grok pattern %{{{name}}}: no such pattern, neither built-in nor custom")
        if name_of_field is None:
            return f"(?:{self.out(self.patterns[name], depth + 1)})"
        self.fields.append(name_of_field)
        if kind is not None:
            self.types[name_of_field] = Scalar(_TYPES[kind.lower()])
        return f"({self.out(self.patterns[name], depth + 1)})"


def _class_end(pattern: str, start: int) -> int:
    """After the bracket that closes the character class opened at `start`."""
    at = start + 1
    if pattern[at : at + 1] == "^":
        at += 1
    if pattern[at : at + 1] == "]":
        at += 1
    while at < len(pattern) and pattern[at] != "]":
        if pattern[at] == "\\":
            at += 1
        elif pattern.startswith("[:", at) and (end := pattern.find(":]", at)) > 0:
            at = end + 1
        at += 1
    return at + 1


def log_answer(file: LocalFile, opened: Opened, head: bytes, options: LookOptions) -> Answer | None:
    """The built-in log format that the first lines are written in, if any."""
    sample = [line for line in sample_lines(head)[:_SAMPLE] if line.strip()]
    for log in LOG_FORMATS:
        grok = compile_grok(log.pattern)
        try:
            if (
                _share(grok, sample[:3], whole=True) == 0
                or _share(grok, sample, whole=True) < _BUILT_IN_SHARE
            ):
                continue
            return _read(file, opened, grok, options, log.classification, log.classification, whole=True)
        except (TooSlow, TimeoutError):
            continue
    return None


def grok_answer(file: LocalFile, opened: Opened, head: bytes, options: LookOptions, grok: Grok, classification: str,
                classifier: str, custom: str) -> Answer:  # fmt: skip
    """What a custom classifier's pattern makes of a file: certain when every line of it matches."""
    sample = [line for line in sample_lines(head)[:_SAMPLE] if line.strip()]
    try:
        share = _share(grok, sample, whole=False)
        if share < _CUSTOM_SHARE:
            why = f"the pattern matches {share:.0%} of the first {len(sample)} lines"
            return Answer(classification=classification, classifier=classifier, certainty=0, evidence=(why,))
        return _read(file, opened, grok, options, classification, classifier, whole=False, custom=custom)
    except (TooSlow, TimeoutError) as slow:
        why = f"the pattern takes too long: {slow or f'more than {LINE_SECONDS} s for one line'}"
        return Answer(classification=classification, classifier=classifier, certainty=0, evidence=(why,))


def _share(grok: Grok, lines: Sequence[str], *, whole: bool) -> float:
    return sum(grok.match(line, whole=whole) is not None for line in lines) / len(lines) if lines else 0.0


@dataclass(slots=True)
class _Lines:
    """What became of a file's lines."""

    columns: list[TextColumn]
    matched: int = 0
    strange: int = 0
    first_strange: int | None = None
    slow: int = 0
    complete: bool = True

    def add(self, grok: Grok, batch: Sequence[tuple[int, str]], *, whole: bool, most: int | None) -> None:
        """Match some numbered lines; `complete` becomes False when there were `most` and more come."""
        rows: list[tuple[str | None, ...]] = []
        numbers: list[int] = []
        for number, raw in batch:
            line = raw.rstrip("\r\n")
            if not line.strip():
                continue
            if most is not None and self.matched + len(rows) >= most:
                self.complete = False
                break
            found = self._match(grok, number, line, whole)
            if found is not None:
                rows.append(found)
                numbers.append(number)
        self.matched += len(rows)
        for column, values in zip(self.columns, zip(*rows, strict=True), strict=False):
            column.add(values, numbers)

    def _match(self, grok: Grok, number: int, line: str, whole: bool) -> tuple[str | None, ...] | None:
        try:
            found = grok.match(line, whole=whole)
        except TimeoutError:
            found, self.slow = None, self.slow + 1
            if self.slow > _SLOW_LINES:
                raise TooSlow(f"more than {LINE_SECONDS} s on line {number}") from None
        if found is None:
            self.strange += 1
            self.first_strange = self.first_strange or number
        return found


def _read(file: LocalFile, opened: Opened, grok: Grok, options: LookOptions, classification: str, classifier: str, *,
          whole: bool, custom: str = "") -> Answer:  # fmt: skip
    seen = _Lines([TextColumn() for _ in grok.names])
    lines = enumerate(TextLines(opened), 1)
    while seen.complete and (batch := list(islice(lines, _BATCH))):
        seen.add(grok, batch, whole=whole, most=options.sample_records)
    found = columns.named(
        _column(file, grok, name, one) for name, one in zip(grok.names, seen.columns, strict=True)
    )
    total = seen.matched + seen.strange
    evidence = [f"{seen.matched} of {total} lines are {classification} lines"]
    if seen.strange:
        evidence.append(f"{seen.strange} lines do not match, the first is line {seen.first_strange}")
    if opened.damage:
        evidence.append(opened.damage)
    parameters = {"grokPattern": grok.pattern, **({"grokCustomPatterns": custom} if custom else {})}
    return Answer(
        classification=classification, classifier=classifier, certainty=seen.matched / max(total, 1),
        parameters=parameters, columns=found, records=seen.matched,
        complete=seen.complete and opened.damage is None, evidence=evidence + columns.nothing_seen(found),
    )  # fmt: skip


def _column(file: LocalFile, grok: Grok, name: str, seen: TextColumn) -> ColumnFinding:
    found = columns.text_column(name, seen, file.uri)
    kind = grok.types.get(name)
    return columns.column(name, kind, found.counts, found.examples) if kind else found
