"""Files that carry their schema. Written by pyarrow, fastavro and Amazon's Ion library."""

from __future__ import annotations

import gzip
import io
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import orc

from tests.crawl.formats.case import Case


def parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def orc_bytes(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    orc.write_table(table, sink)
    return sink.getvalue()


def avro(fields: list[dict[str, Any]], records: list[Mapping[str, Any]], codec: str = "deflate") -> bytes:
    sink = io.BytesIO()
    fastavro.writer(sink, {"type": "record", "name": "R", "fields": fields}, records, codec=codec)
    return sink.getvalue()


_TABLE = pa.table({
    "Id": pa.array([1, 2, None], pa.int32()), "big": pa.array([1, 2, 3], pa.int64()), "u8": pa.array([1, 2, 3], pa.uint8()),
    "u64": pa.array([1, 2, 3], pa.uint64()), "d": pa.array([Decimal("1.50")] * 3, pa.decimal128(10, 2)),
    "when": pa.array([0, 1, 2], pa.timestamp("ns", "UTC")), "day": pa.array([0, 1, 2], pa.date32()),
    "s": pa.array(["a", "b", "a"]).dictionary_encode(), "m": pa.array([[("k", 1)]] * 3, pa.map_(pa.string(), pa.int32())),
    "n": pa.array([{"x y": [1.5]}] * 3),
})  # fmt: skip
_STRANGE = pa.table(
    {"t": pa.array([1], pa.time64("us")), "w": pa.array([Decimal("1.50")], pa.decimal256(50, 2))}
)
_TYPES = {
    "id": "int", "big": "bigint", "u8": "smallint", "u64": "decimal(20,0)", "d": "decimal(10,2)", "when": "timestamp",
    "day": "date", "s": "string", "m": "map<string,int>", "n": "struct<x y:array<double>>",
}  # fmt: skip
_AVRO_FIELDS: list[dict[str, Any]] = [
    {"name": "a", "type": ["null", "long"]}, {"name": "i", "type": "int"},
    {"name": "t", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "d", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
    {"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["X", "Y"]}},
    {"name": "m", "type": {"type": "map", "values": ["null", "double"]}},
    {"name": "l", "type": {"type": "array", "items": {"type": "record", "name": "L", "fields": [
        {"name": "x", "type": "string"}]}}},
    {"name": "again", "type": "L"}, {"name": "u", "type": ["int", "string"]},
]  # fmt: skip
_AVRO_RECORD = {"a": 1, "i": 2, "t": 0, "d": Decimal("1.50"), "e": "X", "m": {"k": 1.5}, "l": [{"x": "y"}], "again": {"x": "z"},
                "u": "text"}  # fmt: skip
_AVRO_TYPES = {
    "a": "bigint", "i": "int", "t": "timestamp", "d": "decimal(9,2)", "e": "string", "m": "map<string,double>",
    "l": "array<struct<x:string>>", "again": "struct<x:string>", "u": "string",
}  # fmt: skip
_LIST_OF_ITSELF = [{"name": "value", "type": "int"}, {"name": "next", "type": ["null", "R"]}]

CASES = [
    Case(name="parquet", content=parquet(_TABLE), classification="parquet", columns=_TYPES, records=3),
    Case(name="parquet without rows", content=parquet(_TABLE.slice(0, 0)), classification="parquet", columns=_TYPES,
         says=("no row in it",)),
    Case(name="parquet, cut off", content=parquet(_TABLE)[:-7], says=("cannot be read",)),
    Case(name="parquet inside gzip", content=gzip.compress(parquet(_TABLE)), says=("a Parquet file",)),
    Case(name="parquet with a time of day and 76 digits", classification="parquet", records=1,
         columns={"t": "bigint", "w": "string"}, content=parquet(_STRANGE),
         says=("t: time64[us] is a time of day", "w: decimal256(50, 2) has more digits")),
    Case(name="orc", content=orc_bytes(pa.table({"A": [1, 2], "n": [{"q": "x"}] * 2})), classification="orc",
         columns={"a": "bigint", "n": "struct<q:string>"}, records=2),
    Case(name="orc, cut off", content=orc_bytes(pa.table({"a": [1]}))[:-9], says=("footer",)),
    Case(name="avro", content=avro(_AVRO_FIELDS, [_AVRO_RECORD] * 3), classification="avro", columns=_AVRO_TYPES, records=3,
         says=("u: a union of int, string",)),
    Case(name="avro, cut off in its second block", classification="avro", columns={"a": "bigint"}, records=0, certain=False,
         content=avro([{"name": "a", "type": "long"}], [{"a": 1}] * 100, "null")[:-20], says=("damaged after 0 records",)),
    Case(name="avro that holds itself", classification="avro", columns={"value": "int", "next": "string"}, records=1,
         content=avro(_LIST_OF_ITSELF, [{"value": 1, "next": None}]), says=("R holds itself",)),
    Case(name="avro, header only in part", content=b"Obj\x01\x04", says=("cannot be read",)),
    Case(name="ion text", classification="ion", records=2, content=b"$ion_1_0 {a:1,b:2.50,c:2007-02-23T12:14:33Z} {a:2,d:[x]}",
         columns={"a": "bigint", "b": "decimal(3,2)", "c": "timestamp", "d": "array<string>"}),
    Case(name="ion binary", classification="ion", records=1, columns={"name": "bigint"},
         content=b"\xe0\x01\x00\xea\xd3\x84\x21\x05"),
    Case(name="empty", content=b"", says=("empty",)),
    Case(name="blank", content=b" \n\n", says=("nothing but white space",)),
    Case(name="a picture", content=b"\x89PNG\r\n\x1a\n" + bytes(100), says=("PNG",)),
    Case(name="bytes of no kind", content=bytes(range(256)) * 4, says=("binary content of no known format",)),
    Case(name="gzip of nothing", content=gzip.compress(b""), says=("empty",)),
    Case(name="gzip in gzip", content=gzip.compress(gzip.compress(b'{"a":1}')), says=("compressed more than once",)),
    Case(name="a line without end", content=gzip.compress(b"a,b\n1,2\n3,4\n" + b"0" * (40 << 20)),
         says=("a line of more than",)),
]  # fmt: skip
