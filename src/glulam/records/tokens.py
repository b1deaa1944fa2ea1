"""Count the tokens of JSON lines with array arithmetic, exactly or not at all.

For each line: how many keys, how many string values, how many keys whose value is `null`. A line whose tokens cannot be
counted exactly this way (odd quotes, white space after a closing quote or before a closing bracket, a comma before a
closing bracket) is marked doubtful and left to the strict parser. Why it is exact: quotes that are not escaped
alternate between opening and closing; the byte after a closing one tells a key from a value.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_QUOTE, _BACKSLASH, _COLON, _COMMA, _SPACE, _N = 34, 92, 58, 44, 32, 110


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    keys: Ints
    strings: Ints
    nulls: Ints
    doubtful: Bools


def count_tokens(buffer: bytes, offsets: Ints) -> Tokens:
    """Count in each line buffer[offsets[i]:offsets[i+1]]."""
    data = np.frombuffer(buffer, np.uint8)
    rows = len(offsets) - 1
    doubtful = np.zeros(rows, bool)
    quotes = np.flatnonzero(data == _QUOTE)
    if b"\\" in buffer:
        quotes = _unescaped(data, quotes)
    bounds = np.searchsorted(quotes, offsets)
    odd = np.flatnonzero(np.diff(bounds) & 1)
    if len(odd):
        doubtful[odd] = True
        keep = np.ones(len(quotes), bool)
        for row in odd:
            keep[bounds[row] : bounds[row + 1]] = False
        quotes = quotes[keep]
        bounds = np.searchsorted(quotes, offsets)
    closing = quotes[1::2]
    following = data[np.minimum(closing + 1, len(data) - 1)]  # a quote at the very end is its own follower: a string
    _mark(doubtful, offsets, closing[following <= _SPACE])
    keys = closing[following == _COLON]
    strings = np.diff(bounds) // 2 - _per_row(keys, offsets)
    nulls = keys[_value_start(data, keys) == _N]
    _mark(doubtful, offsets, _bad_closers(data))
    return Tokens(keys=_per_row(keys, offsets), strings=strings, nulls=_per_row(nulls, offsets), doubtful=doubtful)


def _per_row(positions: Ints, offsets: Ints) -> Ints:
    counts: Ints = np.diff(np.searchsorted(positions, offsets)).astype(np.int64)
    return counts


def _mark(rows: Bools, offsets: Ints, positions: Ints) -> None:
    if len(positions):
        rows[np.searchsorted(offsets, positions, side="right") - 1] = True


def _value_start(data: npt.NDArray[np.uint8], keys: Ints) -> npt.NDArray[np.uint8]:
    """The first byte of each key's value, looking past at most one space."""
    size = len(data)
    at = np.minimum(keys + 2, size - 1)
    first = data[at]
    spaced = np.flatnonzero(first == _SPACE)
    if len(spaced):
        first = first.copy()
        first[spaced] = data[np.minimum(at[spaced] + 1, size - 1)]
    return first


def _bad_closers(data: npt.NDArray[np.uint8]) -> Ints:
    """Closing brackets after a comma or white space: fast parsers forgive `[1,]`, the contract does not."""
    before = data[:-1]
    found = np.flatnonzero((before == _COMMA) | (before <= _SPACE))
    after = data[found + 1] | 32  # ] and } differ in that bit only
    return found[after == 125]


def _unescaped(data: npt.NDArray[np.uint8], quotes: Ints) -> Ints:
    """Quotes after an even run of backslashes."""
    after = np.flatnonzero((quotes > 0) & (data[quotes - 1] == _BACKSLASH))
    keep = np.ones(len(quotes), bool)
    for index in after:
        at = int(quotes[index]) - 1
        while at >= 0 and data[at] == _BACKSLASH:
            at -= 1
        keep[index] = (int(quotes[index]) - 1 - at) % 2 == 0
    return quotes[keep]
