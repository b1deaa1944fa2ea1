"""The rows that the differential test runs every expression over, on Spark and on DuckDB: hostile on
purpose."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from itertools import cycle, islice
from typing import Any

import pyarrow as pa

from glulam.infer.types import Array, DataType, Map, Struct, parse_type
from glulam.infer.types import Decimal as DecimalType

STRINGS = [
    None, "", " ", "0", "1", "-1", "+1", " 12 ", "1.5", "-1.9", "2.5", ".5", "5.", ".", "+.", "-", "+", "1e3",
    "1E-3",
    "1e400", "-1e400", "1_000", "0x1f", "1.5d", "2F", "inf", "-Infinity", "NaN", "nan", "127", "128", "-129",
    "32768",
    "2147483647", "2147483648", "9223372036854775807", "9223372036854775808",
    "99999999999999999999999999999999999999",
    "1.005", "2.675", "0.0000001", "123456789.987654321", "\t7\n", "1 2", "1\u00a0", "t", "true", "TRUE",
    " Yes ", "y", "f", "False", "no", "n", "on", "off", "null", "NULL", "abc", "ABC def", "hello world",
    "Ünïcödé",
    "straße", "日本語", "a,b,,c,", ",", "a|b|c", "x=1;y=2", "user@example.com", "line\nbreak", "tab\there",
    "quote'd",
    'dq"x', "back\\slash", "100%", "a_b", "😀 smile", "2020-01-01", "2020-1-1", "2020", "2020-02",
    "2020-2-3 ",
    "2020-02-30", "2021-02-29", "2020-02-29", "2020-13-01", "2020-00-10", "20200101", "+2020-01-01",
    "2020-01-01x",
    "2020-01-01 xyz", "2020-01-01T", "2020-001-01", "99-01-01", "2020/01/01", "2020-01-01T10:20:30Z",
    "2020-01-01 10",
    "2020-01-01 10:20", "2020-01-01 1:2:3", "2020-01-01 10:20:30", "2020-01-01 10:20:30.1234567",
    "2020-01-01 10:20:30.",
    "2020-01-01T10:20:30+02:00", "2020-01-01T10:20:30-0330", "2020-01-01T10:20:30+02",
    "2020-01-01T10:20:30+2:00",
    "2020-01-01 10:20:30 UTC", "2020-01-01 10:20:30 GMT+1", "2020-01-01 10:20:30UTC+01:00",
    "2020-01-01 10:20:30 z",
    "2020-01-01T10:20:30-18:00", "2020-01-01 00:00:00.5-15:59", "2020-02-30T10:20:30+01:00",
    "2020-12-31T23:59:59.999999-00:01", "2020-01-01T10:20:30+18:01", "2020-01-01 24:00:00",
    "2020-01-01 23:59:60",
    "2020-01-01 10:20:30.12 Z", "2020-01-01t10:20:30", "2020-01-01 10:20Z", "2020-01-01Z",
    "2020-01-01  10:20:30",
    "2020-01-01T10:20:30.5+05:30", "2020-01-01 10:20:30+01:00:30", "2020-01-01 10:20:30 GMT0",
    "2020-01-01 10:20:30+1:5",
    "2020-01-01 10:20+01:00", "2020-01-01 10:20:", "1969-12-31 23:59:59.5", "9999-12-31 23:59:59.999999",
    "01/02/2020", "01/02/2020 03:04:05", "2020-06-07T08:09:10.123", "2020-06-07T08:09:10+01:00", "1577836800",
    "1577836800000", "YWJj", "YWI=", "YWI", "Hello, World! 123 foo_bar", "aaa", "AbC", "a", "é",
    "  padded  ", "{}", "[1,2]", "A1B22C333", "2020-01-01 10:20:30+020", "2020-12-31", "192.168.1.1",
]  # fmt: skip
LONGS = [None, 0, 1, -1, 2, 5, -5, 7, 100, 127, 128, -129, 32768, 2147483647, 2147483648, -2147483649,
1577836800,
         1577836800123, 9007199254740993, 9223372036854775807, -9223372036854775808, 10, 3]  # fmt: skip
INTS = [None, 0, 1, -1, 2, 3, 7, -7, 12, 100, 127, 300, -129, 70000, 2147483647, -2147483648, 4, 6]
DOUBLES = [None, 0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 1.005, 0.285, 2.675, 1e-3, 9.99e-4, 1e-7,
123456.789,
           1e7, 9999999.0, 12345678.9, 1e15, 1e16, 1e20, -1e20, 1.7976931348623157e308,
           2.2250738585072014e-308, float("nan"),
           float("inf"), float("-inf"), 3.0, 100.25, 1577836800.123456, -1.9999999, 0.1, 299.9,
           1e10]  # fmt: skip
FLOATS = [None, 0.0, 1.5, -2.25, 0.1, 1e10, 3.4e38, float("nan"), float("inf"), 1e-5, 16777216.0, 100.5, 2.5]
DATES = [None, date(1970, 1, 1), date(2020, 2, 29), date(2020, 1, 31), date(2021, 12, 31), date(1969, 12, 31),
         date(9999, 12, 31), date(2020, 1, 5), date(2019, 12, 30), date(1900, 1, 1), date(2023, 7,
         4)]  # fmt: skip
TIMES = [None, datetime(1970, 1, 1), datetime(2020, 2, 29, 13, 14, 15, 123456), datetime(2020, 12, 31, 23, 59,
59, 999999),
         datetime(1969, 12, 31, 23, 59, 59, 500000), datetime(2020, 1, 1), datetime(2020, 1, 1, 0, 0, 0,
         120000),
         datetime(1999, 9, 9, 9, 9, 9), datetime(2021, 3, 4, 5, 6, 7, 8)]  # fmt: skip
DECIMALS = [None, *(Decimal(t) for t in ("0.000", "1.000", "-1.005", "2.675", "123456789.999", "0.001",
"-0.500", "300.000",
                                         "2.500", "99999999999.999"))]  # fmt: skip
TINIES = [None, 0, 1, -1, 100, 127, -128]
SMALLS = [None, 0, 1, -1, 300, 32767, -32768, 12]
BOOLEANS = [True, False, None]
STRUCTS = [None, {"a": "x", "n": {"x": 1}}, {"a": None, "n": None}, {"a": "7", "n": {"x": None}}]
ARRAYS = [None, [], [1], [1, 2, 3], [None, 2], [5, None, 7, 2]]
WORDS = [None, [], ["a"], ["a", None, "c"], ["x", "y"]]
ITEMS = [None, [], [{"q": 1, "r": {"x": "a"}}], [{"q": None, "r": None}, None, {"q": 2, "r": {"x": "b"}}]]
MAPS = [None, {}, {"k": 1}, {"k": None, "j": 2}]
COLUMNS: dict[str, tuple[str, list[Any]]] = {
    "s": ("string", STRINGS), "l": ("bigint", LONGS), "l2": ("bigint", LONGS[3:] + LONGS[:3]), "i": ("int",
    INTS),
    "i2": ("int", INTS[5:] + INTS[:5]), "ti": ("tinyint", TINIES), "sm": ("smallint", SMALLS),
    "d": ("double", DOUBLES), "d2": ("double", DOUBLES[7:] + DOUBLES[:7]), "f": ("float", FLOATS),
    "b": ("boolean", BOOLEANS), "dt": ("date", DATES), "ts": ("timestamp", TIMES), "dec": ("decimal(14,3)",
    DECIMALS),
    "st": ("struct<a:string,n:struct<x:bigint>>", STRUCTS), "arr": ("array<bigint>", ARRAYS),
    "words": ("array<string>", WORDS), "m": ("map<string,bigint>", MAPS), "s2": ("string",
    STRINGS[40:] + STRINGS[:40]),
    "items": ("array<struct<q:bigint,r:struct<x:string>>>", ITEMS),
    "g": ("string", ["p", "q", None, "r"]),
}  # fmt: skip
"""Spark type and values; shorter lists repeat."""


def rows() -> list[tuple[Any, ...]]:
    return list(zip(*(islice(cycle(values), len(STRINGS)) for _, values in COLUMNS.values()), strict=True))


def table() -> pa.Table:
    """The rows as Arrow."""
    fields = [pa.field(name, _arrow(parse_type(kind))) for name, (kind, _) in COLUMNS.items()]
    columns = [list(column) for column in zip(*rows(), strict=True)]
    place = list(COLUMNS).index("m")
    columns[place] = [list(m.items()) if m is not None else None for m in columns[place]]
    return pa.table(columns, schema=pa.schema(fields))


def _arrow(kind: DataType) -> pa.DataType:
    text = str(kind)
    plain = {"string": pa.string(), "bigint": pa.int64(), "int": pa.int32(), "smallint": pa.int16(),
    "tinyint": pa.int8(),
             "double": pa.float64(), "float": pa.float32(), "boolean": pa.bool_(), "date": pa.date32(),
             "timestamp": pa.timestamp("us")}  # fmt: skip
    if text in plain:
        return plain[text]
    if isinstance(kind, DecimalType):
        return pa.decimal128(kind.precision, kind.scale)
    if isinstance(kind, Array):
        return pa.list_(_arrow(kind.element))
    if isinstance(kind, Map):
        return pa.map_(_arrow(kind.key), _arrow(kind.value))
    assert isinstance(kind, Struct)
    return pa.struct([(f.name, _arrow(f.type)) for f in kind.fields])
