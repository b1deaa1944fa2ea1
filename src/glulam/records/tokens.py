"""Count the tokens of JSON lines with array arithmetic, exactly or not at all.

For each line: how many keys, how many string values, how many keys whose value is `null`. A line whose tokens cannot be
counted exactly this way (odd quotes, white space after a closing quote or before a closing bracket, a comma before a
closing bracket) is marked doubtful and left to the strict parser. Why it is exact: quotes that are not escaped
alternate between opening and closing; the byte after a closing one tells a key from a value.

Bytes become bits first: for each kind of byte one bit a byte, 64 to a word (Langdale and Lemire, "Parsing gigabytes of
JSON per second", 2019). Everything after that works on a sixty-fourth of the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]
"""Bit i of word w stands for byte 64 w + i of a block; the last bit of the last word for none."""

_QUOTE, _BACKSLASH, _COLON, _COMMA, _SPACE, _N, _BRACE = 34, 92, 58, 44, 32, 110, 125

_NONE: Ints = np.zeros(0, np.int64)
_BLOCK = 512 * 1024
"""Fits the processor's cache together with what is computed of it."""

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
    """Count in each line buffer[offsets[i]:offsets[i+1]], newline included. Done in blocks that fit the processor's
    cache."""
    data = np.frombuffer(buffer, np.uint8)
    cuts = np.searchsorted(offsets, np.arange(_BLOCK, len(buffer), _BLOCK))
    rows = np.unique(np.concatenate(([0], cuts, [len(offsets) - 1])))
    blocks: list[Tokens] = []
    for first, end in pairwise(rows.tolist()):
        start = int(offsets[first])
        found = _count_block(data[start : offsets[end]], offsets[first : end + 1] - start)
        found.null_at[:] += start
        blocks.append(found)
    if not blocks:
        return Tokens(keys=_NONE, strings=_NONE, nulls=_NONE, doubtful=np.zeros(0, bool), null_at=_NONE)
    return Tokens(
        keys=np.concatenate([b.keys for b in blocks]), strings=np.concatenate([b.strings for b in blocks]),
        nulls=np.concatenate([b.nulls for b in blocks]), doubtful=np.concatenate([b.doubtful for b in blocks]),
        null_at=np.concatenate([b.null_at for b in blocks]),
    )  # fmt: skip


def _count_block(data: Bytes, offsets: Ints) -> Tokens:
    flags = np.zeros(len(data) // 64 * 64 + 64, bool)
    here = flags[: len(data)]
    quote = _unescaped(data, _bits(np.equal(data, _QUOTE, out=here), flags),
                       _bits(np.equal(data, _BACKSLASH, out=here), flags))  # fmt: skip
    colon = _bits(np.equal(data, _COLON, out=here), flags)
    space = _bits(np.less_equal(data, _SPACE, out=here), flags)
    comma = _bits(np.equal(data, _COMMA, out=here), flags)
    closer = _bits(np.equal(data & 0xDF, 0x5D, out=here), flags)  # ] and } differ in that bit only

    quotes = _per_row(quote, offsets)
    odd = offsets[1:][quotes & 1 == 1] - 1
    paired = (
        quote.copy()
    )  # a line with a quote too few or too many must not turn the lines after it inside out
    np.bitwise_xor.at(paired, odd >> 6, np.uint64(1) << (odd & 63).astype(np.uint64))
    inside = _parity(paired)
    closing = quote & ~inside
    key = closing & _shifted_down(colon)
    keys = _per_row(key, offsets)
    null_at, strange = _nulls(data, _shifted_up(key, 1) & colon, space, flags)
    doubtful = closing & _shifted_down(space)
    doubtful |= (
        closer & ~inside & _shifted_up(comma | space, 1)
    )  # fast parsers forgive `[1,]`, the contract does not
    rows = _per_row(doubtful, offsets) > 0
    rows[quotes & 1 == 1] = True
    rows[_rows_of(strange, offsets)] = True
    nulls = np.bincount(_rows_of(null_at, offsets), minlength=len(keys))
    return Tokens(keys=keys, strings=quotes // 2 - keys, nulls=nulls, doubtful=rows, null_at=null_at)


def mark_nulls(buffer: bytes, tokens: Tokens) -> bytearray:
    """The buffer with every `null` that is a key's value written as MARK, so that a parser shows that the key is there."""
    marked = bytearray(buffer)
    data = np.frombuffer(marked, np.uint8)
    for index, byte in enumerate(MARK.encode()):
        data[tokens.null_at + index] = byte
    return marked


def _bits(_: Bools, flags: Bools) -> Words:
    """The flags as words. (The first argument is where a comparison wrote the flags of the data.)"""
    words: Words = np.packbits(flags, bitorder="little").view("<u8")
    return words


def _positions(words: Words) -> Ints:
    some = np.flatnonzero(words)
    word, bit = np.nonzero(np.unpackbits(words[some].view(np.uint8), bitorder="little").reshape(-1, 64))
    return some[word] * 64 + bit


def _shifted_up(words: Words, by: int) -> Words:
    """Each bit for the byte `by` places further on."""
    found = words << np.uint64(by)
    found[1:] |= words[:-1] >> np.uint64(64 - by)
    return found


def _shifted_down(words: Words) -> Words:
    """Each bit for the byte before."""
    found = words >> np.uint64(1)
    found[:-1] |= words[1:] << np.uint64(63)
    return found


def _parity(words: Words) -> Words:
    """For each bit, whether the bits up to it, itself included, are odd in number: from an opening quote to before its
    closing one."""
    found = words.copy()
    for by in (1, 2, 4, 8, 16, 32):
        found ^= found << np.uint64(by)
    odd = np.bitwise_xor.accumulate(found >> np.uint64(63))
    found[1:] ^= np.uint64(0) - odd[:-1]  # all bits of a word that begins inside
    return found


def _per_row(words: Words, offsets: Ints) -> Ints:
    """How many bits are set in each line."""
    before = np.zeros(len(words), np.int64)
    np.cumsum(np.bitwise_count(words[:-1]), out=before[1:])
    word = offsets >> 6
    below = (np.uint64(1) << (offsets & 63).astype(np.uint64)) - np.uint64(1)
    rank: Ints = before[word] + np.bitwise_count(words[word] & below)
    return np.diff(rank)


def _rows_of(positions: Ints, offsets: Ints) -> Ints:
    rows: Ints = np.searchsorted(offsets, positions, side="right") - 1
    return rows


def _nulls(data: Bytes, colon: Words, space: Words, flags: Bools) -> tuple[Ints, Ints]:
    """Where values of keys are `null`, looking past at most one space; and where they begin like it but are not.
    `colon`: those after keys."""
    begin = _shifted_up(colon, 1)
    begin |= _shifted_up(begin & space, 1)
    begin &= _bits(np.equal(data, _N, out=flags[: len(data)]), flags)
    if not begin.any():
        return _NONE, _NONE
    at, last = _positions(begin), len(data) - 1
    sound = at + 4 <= last
    for index, byte in enumerate(b"null"):
        sound &= data[np.minimum(at + index, last)] == byte
    after = data[np.minimum(at + 4, last)]
    sound &= (after == _COMMA) | (after == _BRACE)
    return at[sound], at[~sound]


def _unescaped(data: Bytes, quote: Words, backslash: Words) -> Words:
    """The quotes after an even run of backslashes."""
    escaped = quote & _shifted_up(backslash, 1)
    if not escaped.any():
        return quote
    unescaped = quote & ~escaped
    runs = escaped & _shifted_up(backslash, 2)
    for index in _positions(runs) if runs.any() else ():  # of two and more: rare
        at = int(index) - 1
        while at >= 0 and data[at] == _BACKSLASH:
            at -= 1
        if (int(index) - 1 - at) % 2 == 0:
            unescaped[index >> 6] |= np.uint64(1) << np.uint64(index & 63)
    return unescaped
