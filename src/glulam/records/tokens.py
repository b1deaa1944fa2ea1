"""Count the tokens of JSON lines with array arithmetic, exactly or not at all.

For each line: how many keys, how many string values, how many keys whose value is `null`. A line whose tokens cannot be
counted exactly this way (odd quotes, white space after a closing quote or before a closing bracket, a comma before a
closing bracket) is marked doubtful and left to the strict parser. Why it is exact: quotes that are not escaped
alternate between opening and closing; the byte after a closing one tells a key from a value.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_QUOTE, _BACKSLASH, _COLON, _COMMA, _SPACE, _N, _BRACE = 34, 92, 58, 44, 32, 110, 125

_BLOCK = 1024 * 1024

MARK, MARK_AS_TEXT = "7e77", "7e+77"
"""A number as long as `null`, and how DuckDB writes it into a text column. Data that really holds it is noticed,
because the count of nulls is then off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Per line; `null_at` lists the positions in the buffer of every `null` that is a key's value."""

    keys: Ints
    strings: Ints
    nulls: Ints
    doubtful: Bools
    null_at: Ints


def count_tokens(buffer: bytes, offsets: Ints) -> Tokens:
    """Count in each line buffer[offsets[i]:offsets[i+1]]. Done in blocks that fit the processor's cache."""
    data = np.frombuffer(buffer, np.uint8)
    escapes = b"\\" in buffer
    cuts = np.searchsorted(offsets, np.arange(_BLOCK, len(buffer), _BLOCK))
    rows = np.unique(np.concatenate(([0], cuts, [len(offsets) - 1])))
    blocks: list[Tokens] = []
    for first, end in pairwise(rows.tolist()):
        start = int(offsets[first])
        found = _count_block(data[start : offsets[end]], offsets[first : end + 1] - start, escapes)
        found.null_at[:] += start
        blocks.append(found)
    if not blocks:
        empty: Ints = np.zeros(0, np.int64)
        return Tokens(keys=empty, strings=empty, nulls=empty, doubtful=np.zeros(0, bool), null_at=empty)
    return Tokens(
        keys=np.concatenate([b.keys for b in blocks]), strings=np.concatenate([b.strings for b in blocks]),
        nulls=np.concatenate([b.nulls for b in blocks]), doubtful=np.concatenate([b.doubtful for b in blocks]),
        null_at=np.concatenate([b.null_at for b in blocks]),
    )  # fmt: skip


def _count_block(data: npt.NDArray[np.uint8], offsets: Ints, escapes: bool) -> Tokens:
    rows = len(offsets) - 1
    doubtful = np.zeros(rows, bool)
    quotes = np.flatnonzero(data == _QUOTE)
    if escapes:
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
    following = data[
        np.minimum(closing + 1, len(data) - 1)
    ]  # a quote at the very end is its own follower: a string
    _mark(doubtful, offsets, closing[following <= _SPACE])
    keys = closing[following == _COLON]
    strings = np.diff(bounds) // 2 - _per_row(keys, offsets)
    null_at, strange = _nulls(data, keys)
    _mark(doubtful, offsets, strange)
    _mark(doubtful, offsets, _bad_closers(data))
    return Tokens(keys=_per_row(keys, offsets), strings=strings, nulls=_per_row(null_at, offsets), doubtful=doubtful,
                  null_at=null_at)  # fmt: skip


def mark_nulls(buffer: bytes, tokens: Tokens) -> bytes:
    """The buffer with every `null` that is a key's value written as MARK, so that a parser shows that the key is there."""
    data = np.frombuffer(buffer, np.uint8).copy()
    for index, byte in enumerate(MARK.encode()):
        data[tokens.null_at + index] = byte
    return data.tobytes()


def _per_row(positions: Ints, offsets: Ints) -> Ints:
    counts: Ints = np.diff(np.searchsorted(positions, offsets)).astype(np.int64)
    return counts


def _mark(rows: Bools, offsets: Ints, positions: Ints) -> None:
    if len(positions):
        rows[np.searchsorted(offsets, positions, side="right") - 1] = True


def _nulls(data: npt.NDArray[np.uint8], keys: Ints) -> tuple[Ints, Ints]:
    """Where values of keys are `null`, looking past at most one space; and where they begin like it but are not."""
    last = len(data) - 1
    at = keys + 2
    spaced = np.flatnonzero(data[np.minimum(at, last)] == _SPACE)
    at[spaced] += 1
    at = at[data[np.minimum(at, last)] == _N]
    sound = at + 4 <= last
    for index, byte in enumerate(b"null"):
        sound &= data[np.minimum(at + index, last)] == byte
    after = data[np.minimum(at + 4, last)]
    sound &= (after == _COMMA) | (after == _BRACE)
    return at[sound], at[~sound]


def _bad_closers(data: npt.NDArray[np.uint8]) -> Ints:
    """Closing brackets after a comma or white space: fast parsers forgive `[1,]`, the contract does not."""
    closers = np.flatnonzero((data & 0xDF) == 0x5D)  # ] and } differ in that bit only
    before = data[
        closers - 1
    ]  # a bracket in front has the last byte before it, a newline: doubtful, and malformed
    bad: Ints = closers[(before == _COMMA) | (before <= _SPACE)]
    return bad


def _unescaped(data: npt.NDArray[np.uint8], quotes: Ints) -> Ints:
    """Quotes after an even run of backslashes."""
    after = np.flatnonzero((quotes > 0) & (data[quotes - 1] == _BACKSLASH))
    keep = np.ones(len(quotes), bool)
    keep[after] = False
    for index in after[data[quotes[after] - 2] == _BACKSLASH]:  # runs of two and more are rare
        at = int(quotes[index]) - 1
        while at >= 0 and data[at] == _BACKSLASH:
            at -= 1
        keep[index] = (int(quotes[index]) - 1 - at) % 2 == 0
    return quotes[keep]
