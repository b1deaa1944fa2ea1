"""Kinds of text: whole columns are counted as single values are; the type holds every value."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal as Number

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glulam.crawl.formats.texts import NULLS, TextColumn, kind_of
from glulam.infer.types import Decimal


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("0", "bigint"), ("-1", "bigint"), ("9223372036854775807", "bigint"), ("9223372036854775808", "decimal(19,0)"),
        ("-9223372036854775808", "bigint"), ("1" * 38, "decimal(38,0)"), ("1" * 39, "string"), ("007", "string"),
        ("+1", "string"), ("1_000", "string"), ("1,000", "string"), (" 1", "string"), ("1\n", "string"), ("٣", "string"),
        ("1.5", "double"), (".5", "double"), ("1.", "double"), ("-0.0", "double"), ("1e5", "double"), ("00.5", "string"),
        ("0.1234567890123456789", "decimal(19,19)"), ("0.30000000000000004", "double"), ("1e999", "double"),
        ("NaN", "string"), ("Infinity", "string"), ("0x1F", "string"),
        ("true", "boolean"), ("FALSE", "boolean"), ("t", "string"), ("yes", "string"), ("null", "string"),
        ("2024-02-29", "date"), ("2023-02-29", "string"), ("2024-13-01", "string"), ("2024-1-1", "string"),
        ("0000-01-01", "string"), ("2024-01-01T00:00:00Z", "timestamp"), ("2024-01-01 23:59:59.123456789", "timestamp"),
        ("2024-01-01T24:00:00", "string"), ("2024-01-01T00:00:00+0530", "timestamp"), ("2024-01-01T00:00", "string"),
        ("01/02/2024", "string"),
    ],
)  # fmt: skip
def test_kind_of_a_text(text: str, kind: str) -> None:
    assert kind_of(text) == kind
    column = TextColumn()
    column.add([text], [1])
    assert column.counts == {kind: 1}


_TEXT = st.one_of(
    st.sampled_from(["", "\\N", "true", "2024-01-01", "2023-02-30", "2024-01-01 00:00:00", "abc", "1e5", "-0"]),
    st.integers(-(10**20), 10**20).map(str), st.decimals(allow_nan=False, allow_infinity=False, places=3).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr), st.text(max_size=4), st.none(),
)  # fmt: skip


@given(st.lists(_TEXT, max_size=30), st.integers(1, 5))
def test_columns_count_as_single_values_do(values: list[str | None], size: int) -> None:
    column = TextColumn()
    for start in range(0, len(values), size):
        part = values[start : start + size]
        column.add(part, range(start, start + len(part)))
    expected = Counter("null" if v is None or v in NULLS else kind_of(v) for v in values)
    assert column.counts == expected
    for kind, examples in column.examples.items():
        first = [(i, v) for i, v in enumerate(values) if v not in (None, *NULLS) and kind_of(v or "") == kind]
        assert examples == first[:3]


@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=4).map(
    lambda n: f"{n:f}"), min_size=1, max_size=8))  # fmt: skip
def test_decimals_lose_nothing(values: list[str]) -> None:
    column = TextColumn()
    column.add(values, range(len(values)))
    kind = column.type()
    for text in values:
        if isinstance(kind, Decimal):
            digits = Number(text).quantize(Number(1).scaleb(-kind.scale))
            assert digits == Number(text)
            assert len(digits.as_tuple().digits) <= kind.precision
        elif str(kind) == "double":
            assert Number(repr(float(text))) == Number(text)
        else:
            assert str(kind) == "bigint", (kind, values)
