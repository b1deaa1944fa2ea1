"""Tokens counted with bits, against tokens counted one character after the other."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glulam.records import tokens
from glulam.records.tokens import Tokens, count_tokens, mark_nulls


def counted(lines: list[bytes]) -> Tokens:
    return count_tokens(b"".join(lines), np.cumsum([0, *map(len, lines)]))


def by_hand(line: bytes) -> tuple[int, int, int, bool]:
    """Keys, strings, nulls of keys, doubtful."""
    keys = strings = nulls = 0
    doubtful = inside = False
    at = 0
    while at < len(line):
        byte, before, after = line[at : at + 1], line[at - 1 : at], line[at + 1 : at + 2]
        if byte == b"\\" and after in b'"\\':
            at += 1
        elif byte == b'"':
            inside = not inside
            if not inside:
                doubtful |= after <= b" "
                if after == b":":
                    keys += 1
                    value = line[at + 2 :].removeprefix(b" ")
                    nulls += value.startswith((b"null,", b"null}"))
                    doubtful |= value.startswith(b"n") and not value.startswith((b"null,", b"null}"))
                else:
                    strings += 1
        elif byte in b"]}" and not inside:
            doubtful |= at > 0 and (before == b"," or before <= b" ")
        at += 1
    return keys, strings, nulls, doubtful or inside


pieces = st.sampled_from(
    ['"', '\\"', "\\\\", "\\", ":", ": ", ",", ", ", "{", "}", "[", "]", "null", "nul", " ", "a", "é", "x" * 61,
     '"k":', '"k": null,', '"v"', '"', "1.5", ':"', '",'],
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(pieces, max_size=40).map("".join), min_size=1, max_size=6))
def test_even_lines_are_counted_exactly(texts: list[str]) -> None:
    lines = [b"{" + text.encode() + b"\n" for text in texts]
    found = counted(lines)
    for row, line in enumerate(lines):
        keys, strings, nulls, doubtful = by_hand(line)
        if not found.doubtful[row]:
            assert (keys, strings, nulls, doubtful) == (
                found.keys[row], found.strings[row], found.nulls[row], False,
            ), line  # fmt: skip


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=70), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.dictionaries(st.text(max_size=5), values, max_size=5), min_size=1, max_size=5), st.booleans()
)
def test_json_is_counted_and_never_in_doubt(records: list[object], ascii_only: bool) -> None:
    lines = [json.dumps(r, ensure_ascii=ascii_only).encode() + b"\n" for r in records]
    found = counted(lines)
    assert not found.doubtful.any()
    assert [by_hand(line)[:3] for line in lines] == list(
        zip(found.keys.tolist(), found.strings.tolist(), found.nulls.tolist(), strict=True)
    )


@pytest.mark.parametrize("block", [1, 64, 100, 1 << 20])
def test_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    lines = [
        b'{"a":null,"b":"x\\"y","c":[1,2],"d":{"e": null}}\n',
        b'{"odd":"x\n',
        b'{"a":"\\\\"}\n',
        b'{"a":1,}\n',
    ] * 7
    monkeypatch.setattr(tokens, "_BLOCK", block)
    found = counted(lines)
    assert found.keys[[0, 2]].tolist() == [5, 1]
    assert found.strings[[0, 2]].tolist() == [1, 1]
    assert found.nulls[[0, 2]].tolist() == [2, 0]
    assert found.doubtful.tolist() == [False, True, False, True] * 7
    buffer = b"".join(lines)
    assert len(found.null_at) == 14
    assert all(buffer[at : at + 4] == b"null" for at in found.null_at)
    assert bytes(mark_nulls(buffer, found)) == buffer.replace(b"null", b"7e77")
