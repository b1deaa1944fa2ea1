"""What kind of value a text is, for formats that hold nothing but text: CSV, XML, logs.

A kind is the name of the least type that holds the text without loss: `bigint`, `decimal(20,2)`, `date`, ... Only forms that
every reader of the catalog's tables takes for that type count (docs/crawlers.md, "Types of text"); 007, +5, 1,000 and
03/04/2025 are `string`. Whole columns are counted with Arrow's regular expressions, single values with the same ones.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal as Number

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from glulam.infer.lattice import decimal_of, join_all
from glulam.infer.types import DOUBLE, DataType, Decimal, parse_type

NULLS = ("", "\\N")
"""Texts that stand for NULL: nothing, and Hive's own mark."""

_DATE = r"[1-9][0-9]{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?"
_ZONE = r"(?:Z|[+-](?:0[0-9]|1[0-4]):?[0-5][0-9])?"
_WHOLE = r"-?(?:0|[1-9][0-9]*)"
_POWER = r"(?:[eE][+-]?[0-9]{1,3})"
_PATTERNS = {
    "bigint": f"^{_WHOLE}$",
    "double": rf"^(?:-?(?:0|[1-9][0-9]*)?\.[0-9]+{_POWER}?|{_WHOLE}(?:\.{_POWER}?|{_POWER}))$",
    "date": f"^{_DATE}$",
    "timestamp": f"^{_DATE}[ T]{_TIME}{_ZONE}$",
    "boolean": "^(?:true|false|True|False|TRUE|FALSE)$",
}
_COMPILED = {kind: re.compile(pattern) for kind, pattern in _PATTERNS.items()}
_OTHER_DATES = re.compile(
    r"[0-9]{1,4}[/.][0-9]{1,2}[/.][0-9]{2,4}\b|[0-9]{8}T[0-9]{6}|(?:[A-Z][a-z]{2},? )?(?:[0-9]{1,2}[ /-][A-Z][a-z]{2}|"
    r"[A-Z][a-z]{2} [0-9]{1,2}),?[ /-][0-9]{4}\b"
)
_SAFE_DIGITS = 15
"""Every decimal number with so many digits survives the way into a double and back."""
_SAFE_INTEGER = 18
"""Every integer with so many characters has 64 bits."""
_INT64 = range(-(2**63), 2**63)
_KEPT = 3


def kind_of(text: str) -> str:
    """The kind of one text that is not in NULLS."""
    for kind, pattern in _COMPILED.items():
        if pattern.match(text) and not text.endswith("\n"):
            return _exact_kind(text, kind)
    return "string"


def _exact_kind(text: str, kind: str) -> str:
    """`kind` by form; what the value itself allows."""
    if kind == "bigint":
        return kind if len(text) < 19 or int(text[:45]) in _INT64 else _decimal(text)
    if kind == "double":
        return kind if len(text) <= _SAFE_DIGITS or _fits_double(text) else _decimal(text)
    if kind in ("date", "timestamp"):
        try:
            date.fromisoformat(text[:10])
        except ValueError:
            return "string"
    return kind


def _fits_double(text: str) -> bool:
    return "e" in text or "E" in text or Number(text) == Number(repr(float(text)))


def _decimal(text: str) -> str:
    whole, _, fraction = text.lstrip("-").partition(".")
    return str(decimal_of(len(whole.lstrip("0")), len(fraction)))


@dataclass(frozen=True, slots=True)
class _Found:
    kind: str
    count: int
    first: list[tuple[int, str]]
    """The first of them: position in the batch, text."""


def _first(kind: str, texts: pa.StringArray, at: np.ndarray) -> _Found:
    first = zip(at[:_KEPT].tolist(), texts.slice(0, _KEPT).to_pylist(), strict=True)
    return _Found(kind, len(texts), list(first))


@dataclass(slots=True, kw_only=True)
class TextColumn:
    """What was seen in one column of text."""

    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    """By kind the first few (line, text)."""
    whole_digits: int = 0
    fraction_digits: int = 0
    exponents: bool = False

    def add(self, values: Sequence[str | None], lines: Sequence[int]) -> None:
        """Count values; `lines` says where each one stands."""
        texts = pa.array(values, pa.string())
        at = np.arange(len(texts))
        empty = np.asarray(pc.or_(pc.is_null(texts), pc.is_in(texts, pa.array(NULLS))))
        self._count("null", int(empty.sum()))
        texts, at = texts.filter(pa.array(~empty)), at[~empty]
        found: list[_Found] = []
        for kind in sorted(_PATTERNS, key=lambda k: -self.counts.get(k, 0)):
            if not len(texts):
                break
            match = np.asarray(pc.match_substring_regex(texts, _PATTERNS[kind]))
            if match.any():
                found += self._matched(kind, texts.filter(pa.array(match)), at[match])
                texts, at = texts.filter(pa.array(~match)), at[~match]
        if len(texts):
            found.append(_first("string", texts, at))
        self._keep(found, lines)

    def _matched(self, kind: str, texts: pa.StringArray, at: np.ndarray) -> list[_Found]:
        """Texts of one form: those that are of its kind, and one by one those whose value does not allow it."""
        doubtful = np.zeros(len(texts), bool)
        if kind in ("bigint", "double"):
            lengths = pc.binary_length(texts)
            doubtful = np.asarray(pc.greater(lengths, _SAFE_DIGITS if kind == "double" else _SAFE_INTEGER))
            self._digits(texts, int(pc.max(lengths).as_py()))
        elif kind in ("date", "timestamp"):
            doubtful = ~_real_dates(texts)
        found = []
        for row in np.flatnonzero(doubtful).tolist():
            text = texts[row].as_py()
            if (exact := _exact_kind(text, kind)) == kind:
                doubtful[row] = False
            else:
                found.append(_Found(exact, 1, [(int(at[row]), text)]))
        if doubtful.all():
            return found
        return [_first(kind, texts.filter(pa.array(~doubtful)), at[~doubtful]), *found]

    def _keep(self, found: list[_Found], lines: Sequence[int]) -> None:
        first: dict[str, list[tuple[int, str]]] = {}
        for one in found:
            self._count(one.kind, one.count)
            first.setdefault(one.kind, []).extend(one.first)
        for kind, places in first.items():
            known = self.examples.setdefault(kind, [])
            room = _KEPT - len(known)
            known += [(lines[at], text) for at, text in sorted(places)[:room]]

    def _digits(self, texts: pa.StringArray, longest: int) -> None:
        """Keep the most digits before and after the point."""
        if longest > _SAFE_DIGITS:
            parts = pc.extract_regex(texts, r"^-?0?(?P<w>[0-9]*)\.?(?P<f>[0-9]*)(?P<e>[eE]?)")
            whole, fraction = _longest(parts, "w"), _longest(parts, "f")
            self.exponents |= _longest(parts, "e") > 0
        else:  # a tenth of the time
            lengths, point = np.asarray(pc.binary_length(texts)), np.asarray(pc.find_substring(texts, "."))
            signs = np.asarray(pc.starts_with(texts, "-"))
            whole = int((np.where(point < 0, lengths, point) - signs).max())
            fraction = int(np.where(point < 0, 0, lengths - point - 1).max())
            self.exponents |= bool(pc.any(pc.match_substring(texts, "e", ignore_case=True)).as_py())
        self.whole_digits = max(self.whole_digits, whole)
        self.fraction_digits = max(self.fraction_digits, fraction)

    def _count(self, kind: str, count: int) -> None:
        if count:
            self.counts[kind] = self.counts.get(kind, 0) + count

    def type(self) -> DataType:
        """The least type that holds every value; `void` when there is none."""
        kinds = [parse_type(kind) for kind in self.counts if kind != "null"]
        numbers = {str(kind) for kind in kinds}
        if DOUBLE in kinds and len(numbers) > 1 and not self.exponents and _only_numbers(kinds):
            exact = any(isinstance(kind, Decimal) for kind in kinds) or self.whole_digits > _SAFE_DIGITS
            if exact:  # doubles beside numbers that no double holds: all of them as decimals
                return decimal_of(self.whole_digits, self.fraction_digits)
        return join_all(kinds)


def date_in_another_form(seen: TextColumn) -> str | None:
    """A value of a column of text that looks like a date in a form that readers of tables do not take for one."""
    texts = [text for _, text in seen.examples.get("string", ())]
    return texts[0] if texts and all(_OTHER_DATES.match(text) for text in texts) else None


def _only_numbers(kinds: Sequence[DataType]) -> bool:
    return all(isinstance(kind, Decimal) or str(kind) in ("bigint", "double") for kind in kinds)


def _longest(parts: pa.StructArray, name: str) -> int:
    return int(pc.max(pc.binary_length(pc.struct_field(parts, name))).as_py() or 0)


def _real_dates(texts: pa.StringArray) -> np.ndarray:
    """Which of the texts, dates by form, name a day that exists."""
    days = pc.utf8_slice_codeunits(texts, 0, 10)
    try:
        pc.cast(days, pa.date32())
    except pa.ArrowInvalid:
        return np.array([_is_day(day) for day in days.to_pylist()], bool)
    return np.ones(len(texts), bool)


def _is_day(text: str) -> bool:
    try:
        datetime.strptime(text, "%Y-%m-%d")
    except ValueError:
        return False
    return True
