"""The contract's own parser: RFC 8259, plus what the contract adds. Slow (microseconds a record) and exact.

The fast path (`verify.py`) accepts only what this parser would give the same values for; everything else comes here.
Built on the standard library's scanner through its documented hooks, because it is the one well-kept parser that
hands over numbers as text and objects as pairs.
"""

from __future__ import annotations

import json
import re
from typing import Any

from glulam.records.values import BadRecord, RejectCode

_INT64 = range(-(2**63), 2**63)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class BigInteger:
    """An integer beyond 64 bits, as its text."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BigInteger) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"BigInteger({self.text})"


class Real(float):
    """A double that remembers how it was written, for columns that are hinted string or decimal."""

    __slots__ = ("text",)
    text: str

    @classmethod
    def of(cls, text: str) -> Real:
        value = cls(text)
        if value - value != 0:  # infinite
            raise BadRecord(RejectCode.NUMBER_RANGE, f"number {text[:40]} is out of a double's range")
        value.text = text
        return value


def _integer(text: str) -> int | BigInteger:
    if len(text) < 19:
        return int(text)
    if len(text) < 22 and int(text) in _INT64:
        return int(text)
    return BigInteger(text)


def _constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        twice = next(k for k, _ in pairs if k in seen or seen.add(k))  # type: ignore[func-returns-value]
        raise BadRecord(RejectCode.DUPLICATE_KEY, f"key {twice[:80]!r} stands twice in one object")
    return members


_strict = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=Real.of, parse_constant=_constant
)
_lenient = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_constant)
_SPACE = re.compile(r"[ \t\n\r]*")


def skip_space(text: str, at: int) -> int:
    """The index of the first character at or after `at` that is not JSON white space."""
    match = _SPACE.match(text, at)
    return match.end() if match else at


def value_end(text: str, at: int) -> int:
    """Where the JSON value that starts at `at` ends, by syntax alone. Raises BadRecord (MALFORMED, or TOO_DEEP when
    it is nested beyond what the scanner can follow)."""
    try:
        return int(_lenient.raw_decode(text, at)[1])
    except RecursionError:
        raise BadRecord(RejectCode.TOO_DEEP, "nested too deep to find the end of the value") from None
    except ValueError as error:
        raise BadRecord(RejectCode.MALFORMED, _reason(error)) from None


def decode(raw: bytes, max_depth: int) -> dict[str, Any]:
    """The record in `raw` (white space around it allowed). Integers are int or BigInteger, other numbers Real.
    Raises BadRecord with the contract's code."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadRecord(
            RejectCode.NOT_UTF8, f"byte {error.start} of the record ({raw[error.start]:#04x}) is not UTF-8"
        ) from None
    start = skip_space(text, 0)
    try:
        value, end = _strict.raw_decode(text, start)
    except RecursionError:
        raise BadRecord(RejectCode.TOO_DEEP, f"nested deeper than {max_depth}") from None
    except ValueError as error:
        raise BadRecord(RejectCode.MALFORMED, _reason(error)) from None
    end = skip_space(text, end)
    if end != len(text):
        raise BadRecord(
            RejectCode.MALFORMED, f"text after the value, at character {end + 1}: {text[end : end + 20]!r}"
        )
    if "\\" in text and _SURROGATE.search(text):
        _check_surrogates(value)
    if text.count("[") + text.count("{") > max_depth and _depth(value) > max_depth:
        raise BadRecord(RejectCode.TOO_DEEP, f"nested {_depth(value)} deep, above max_depth={max_depth}")
    if not isinstance(value, dict):
        raise BadRecord(RejectCode.NOT_AN_OBJECT, f"found {_kind(value)}, expected an object")
    return value


def _reason(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg.removesuffix(' at')} at line {error.lineno}, column {error.colno} of the record"
    return str(error)


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    names = ((bool, "a boolean"), (str, "a string"), (list, "an array"))
    return next((name for kind, name in names if isinstance(value, kind)), "a number")


def _check_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode("utf-8")
    except UnicodeEncodeError as error:
        found = error.object[error.start : error.end]
        raise BadRecord(RejectCode.NOT_UTF8, f"half a surrogate pair: {found!a}") from None


def _depth(value: Any) -> int:
    deepest, stack = 0, [(value, 1)]
    while stack:
        node, depth = stack.pop()
        if isinstance(node, dict | list):
            deepest = max(deepest, depth)
            stack.extend((child, depth + 1) for child in (node.values() if isinstance(node, dict) else node))
    return deepest
