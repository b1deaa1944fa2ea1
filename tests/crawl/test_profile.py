"""Statistics in Glue's shape, and tags of what looks like personal data."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal as Number

import botocore.loaders
import botocore.model
import botocore.validate
import pyarrow as pa
import pytest

from glulam.crawl.personal import TagCounter, is_card_number, is_iban, is_ip_address, is_phone_number
from glulam.crawl.profile import Distinct, decimal_number, profile
from glulam.infer.types import BIGINT, BINARY, BOOLEAN, DATE, DOUBLE, STRING, TIMESTAMP, Array, Decimal

_TYPES = {
    "n": BIGINT, "d": DOUBLE, "s": STRING, "b": BOOLEAN, "day": DATE, "t": TIMESTAMP, "m": Decimal(10, 2), "x": BINARY,
    "l": Array(BIGINT),
}  # fmt: skip
_BATCH = pa.RecordBatch.from_pydict({
    "n": [3, 1, None, 3], "d": [1.5, None, -2.0, 1.5], "s": ["a", "bbb", None, "a"], "b": [True, False, None, True],
    "day": [date(2024, 1, 2), date(2023, 5, 6), None, None], "t": [datetime(2024, 1, 2, 3, 4, 5), None, None, None],
    "m": [Number("1.50"), Number("-2.25"), None, None], "x": [b"ab", None, None, b"abcd"], "l": [[1], None, [], [2]],
})  # fmt: skip


def test_statistics_of_each_type() -> None:
    found = {
        name: seen.statistics()
        for name, seen in profile(_TYPES, [_BATCH.slice(0, 2), _BATCH.slice(2)]).items()
    }

    def data(name: str) -> dict[str, object]:
        (member,) = [v for k, v in (found[name] or {}).items() if k != "Type"]
        return dict(member)

    assert data("n") == {
        "MinimumValue": 1,
        "MaximumValue": 3,
        "NumberOfNulls": 1,
        "NumberOfDistinctValues": 2,
    }
    assert data("d") == {
        "MinimumValue": -2.0,
        "MaximumValue": 1.5,
        "NumberOfNulls": 1,
        "NumberOfDistinctValues": 2,
    }
    assert data("s") == {
        "MaximumLength": 3,
        "AverageLength": 5 / 3,
        "NumberOfNulls": 1,
        "NumberOfDistinctValues": 2,
    }
    assert data("b") == {"NumberOfTrues": 2, "NumberOfFalses": 1, "NumberOfNulls": 1}
    assert data("day")["MinimumValue"] == datetime(2023, 5, 6, tzinfo=UTC)
    assert data("t")["MaximumValue"] == 1704164645
    assert data("m")["MinimumValue"] == {"UnscaledValue": (-225).to_bytes(2, "big", signed=True), "Scale": 2}
    assert data("x") == {"MaximumLength": 4, "AverageLength": 3.0, "NumberOfNulls": 2}
    assert found["l"] is None


def test_statistics_are_what_the_api_takes() -> None:
    model = botocore.loaders.Loader().load_service_model("glue", "service-2")
    shape = botocore.model.ServiceModel(model).shape_for("ColumnStatisticsData")
    for name, seen in profile(_TYPES, [_BATCH]).items():
        if (found := seen.statistics()) is not None:
            report = botocore.validate.ParamValidator().validate(found, shape)
            assert not report.has_errors(), (name, report.generate_report())


def test_a_column_of_nulls() -> None:
    (seen,) = profile(
        {"n": BIGINT}, [pa.RecordBatch.from_pydict({"n": pa.array([None, None], pa.int64())})]
    ).values()
    found = {"Type": "LONG", "LongColumnStatisticsData": {"NumberOfNulls": 2, "NumberOfDistinctValues": 0}}
    assert seen.statistics() == found


def test_many_distinct_values_are_estimated_in_bounded_memory() -> None:
    distinct = Distinct()
    for start in range(0, 100_000, 10_000):
        distinct.add(range(start, start + 10_000))
        distinct.add(range(start, start + 10_000))
    assert len(distinct.smallest) <= 10_000
    assert distinct.count() == pytest.approx(100_000, rel=0.05)


@pytest.mark.parametrize(
    "text", ["0", "1.50", "-1.50", "-128", "127", "128", "12345678901234567890.5", "1E+3"]
)
def test_decimal_numbers_come_back(text: str) -> None:
    found = decimal_number(Number(text))
    whole = int.from_bytes(found["UnscaledValue"], "big", signed=True)
    assert Number(whole).scaleb(-found["Scale"]) == Number(text)


def tagged(column: str, values: list[str]) -> dict[str, float]:
    counter = TagCounter()
    counter.add(values)
    return {tag.kind: tag.confidence for tag in counter.tags(column)}


def test_tags() -> None:
    assert tagged("contact", ["a@example.com", "b.c+d@sub.example.org", "none"]) == {
        "email": pytest.approx(0.667)
    }
    assert tagged("src", ["192.0.2.1", "2001:db8::1"]) == {"ip_address": 1.0}
    assert tagged("pan", ["4111 1111 1111 1111", "378282246310005"]) == {"card_number": 0.95}
    assert tagged("account", ["DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432"]) == {"iban": 1.0}
    assert tagged("contact", ["+49 30 901820", "+1 202-456-1111"]) == {"phone_number": 0.9}
    assert tagged("home_phone", ["202-456-1111", "(202) 456-1414"]) == {"phone_number": 0.9}
    assert tagged("last_name", ["Müller", "O'Brien", "García Márquez"]) == {"person_name": 0.6}


def test_what_only_looks_like_it() -> None:
    assert (
        tagged("order_id", ["2024561111", "2024561414"]) == {}
    )  # telephone numbers in form, in no such column
    assert tagged("pan", ["4111 1111 1111 1112", "1234567890123456"]) == {}  # wrong check digits
    assert tagged("product", ["Table", "Chair"]) == {}  # words
    assert tagged("version", ["1.2.3", "1.2.4"]) == {}
    assert tagged("last_name", ["a@example.com"] + ["?"] * 9) == {}
    assert tagged("empty", []) == {}
    assert not is_card_number("0000000000000000")
    assert not is_iban("DE00370400440532013000")
    assert not is_ip_address("999.1.1.1")
    assert not is_phone_number("+1 111 111 1111")
