"""Separated values, logs, fixed width, XML. Where Glue would say otherwise, the case's name or a comment says so."""

from __future__ import annotations

import bz2
import io
import zipfile

import pyarrow as pa
import zstandard

from tests.crawl.formats.case import Case


def zipped(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


def hadoop_snappy(*blocks: bytes) -> bytes:
    """Each block with its length, in one piece with its length."""
    codec = pa.Codec("snappy")
    pieces = [codec.compress(block, asbytes=True) for block in blocks]
    return b"".join(len(block).to_bytes(4, "big") + len(piece).to_bytes(4, "big") + piece
                    for block, piece in zip(blocks, pieces, strict=True))  # fmt: skip


def framed_snappy(*blocks: bytes) -> bytes:
    """The framing format; the checksums are zero, no reader here verifies them."""
    out = b"\xff\x06\x00\x00sNaPpY"
    for number, block in enumerate(blocks):
        body = bytes(4) + (block if number % 2 else pa.Codec("snappy").compress(block, asbytes=True))
        out += bytes([number % 2]) + len(body).to_bytes(3, "little") + body
    return out


def lz4(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "lz4") as stream:
        stream.write(content)
    return bytes(sink.getvalue())


def _csv(name: str, text: str | bytes, columns: dict[str, str], records: int, **more: object) -> Case:
    content = text if isinstance(text, bytes) else text.encode()
    return Case(name=name, content=content, classification="csv", columns=columns, records=records, **more)  # type: ignore[arg-type]


_SMALL = b"id,name\n1,a\n2,b\n"
_ID_NAME = {"id": "bigint", "name": "string"}
_HEADER = {"skip.header.line.count": "1"}

CSV = [
    _csv("comma and header", _SMALL, _ID_NAME, 2, parameters={"delimiter": ",", **_HEADER}),
    _csv("tabs", "id\tname\n1\ta\n2\tb\n", _ID_NAME, 2, parameters={"delimiter": "\t"}),
    _csv("pipes", "id|name\n1|a,b\n2|c,d\n", _ID_NAME, 2, parameters={"delimiter": "|"}),
    _csv("semicolons around decimal commas", "k;v\n1;2,5\n2;3,5\n", {"k": "bigint", "v": "string"}, 2,
         parameters={"delimiter": ";"}),
    _csv("Ctrl-A, as Hive writes", "1\x01a\n2\x01b\n", {"col0": "bigint", "col1": "string"}, 2,
         parameters={"delimiter": "\x01", "skip.header.line.count": None}),  # type: ignore[dict-item]
    _csv("no header", "1,a\n2,b\n", {"col0": "bigint", "col1": "string"}, 2),
    _csv("header above texts that are built alike: Glue sees none here", "code,city\nAB-12,Rome\nCD-34,Paris\n",
         {"code": "string", "city": "string"}, 2, certain=False, parameters=_HEADER),
    _csv("all text, nothing tells a header: as Glue", "alice,london\nbob,paris\n", {"col0": "string", "col1": "string"}, 2,
         certain=False, says=("set ContainsHeader",)),
    _csv("quoted values with delimiters and newlines", 'id,text\n1,"a,\nb"\n2,"say ""hi"""\n',
         {"id": "bigint", "text": "string"}, 2, parameters={"areColumnsQuoted": "true", "quoteChar": '"'}),
    _csv("single quotes", "id,text\n1,'a,b'\n2,'c,d'\n", {"id": "bigint", "text": "string"}, 2, parameters={"quoteChar": "'"}),
    _csv("leading zeros, plus signs and thousands are text", "zip,phone,sum\n01234,+4912,\"1,000\"\n12345,+4913,\"2,000\"\n",
         {"zip": "string", "phone": "string", "sum": "string"}, 2, certain=False),
    _csv("dates and timestamps", "d,t,z,m\n2024-02-29,2024-01-02 03:04:05,2024-01-02T03:04:05.123Z,2024-01-02\n"
         "2024-03-01,2024-01-02 03:04:06,2024-01-02T03:04:05+01:00,2024-01-02 00:00:00\n",
         {"d": "date", "t": "timestamp", "z": "timestamp", "m": "timestamp"}, 2),
    _csv("a day that does not exist", "d,x\n2023-02-29,1\n2024-01-01,2\n", {"d": "string", "x": "bigint"}, 2),
    _csv("dates in other forms stay text, and it says so", "d,x\n03/04/2024,1\n05/06/2024,2\n",
         {"d": "string", "x": "bigint"}, 2,
         says=("'d' looks like dates written as '03/04/2024'",)),
    _csv("booleans", "b,n\ntrue,1\nFALSE,2\n", {"b": "boolean", "n": "bigint"}, 2),
    _csv("yes and no are text", "b,n\nyes,1\nno,2\n", {"b": "string", "n": "bigint"}, 2),
    _csv("decimals that no double holds", "m,n\n12345678901234567.89,1\n1.5,2\n", {"m": "decimal(19,2)", "n": "bigint"}, 2),
    _csv("doubles as programs print them", "m,n\n0.30000000000000004,1\n1e-7,2\n", {"m": "double", "n": "bigint"}, 2),
    _csv("integers of 20 digits", "m,n\n12345678901234567890,1\n1,2\n", {"m": "decimal(20,0)", "n": "bigint"}, 2),
    _csv("empty and \\N are null", "a,b,c\n1,,x\n\\N,,y\n", {"a": "bigint", "b": "void", "c": "string"}, 2,
         says=("never a value in 'b'",)),
    _csv("rows of other widths", "a,b\n1,2\n3\n4,5,6\n" + "7,8\n" * 40, {"a": "bigint", "b": "bigint"}, 43, certain=False,
         says=("2 rows have another number of values; the first on line 3 has 1",)),
    _csv("names twice and none", "a,A,b;,\n1,2,3,4\n5,6,7,8\n",
         {"a": "bigint", "a__2": "bigint", "b_": "bigint", "col3": "bigint"}, 2),
    _csv("the last name may be missing", "a,b,\n1,2,3\n4,5,6\n", {"a": "bigint", "b": "bigint", "col2": "bigint"}, 2),
    _csv("spaces around numbers keep them text", "a,b\n1, 2\n3, 4\n", {"a": "bigint", "b": "string"}, 2),
    _csv("Latin-1", "id,name\n1,Jos\xe9\n2,b\n".encode("latin-1"), _ID_NAME, 2,
         says=("line 2 holds bytes that are not UTF-8",)),
    _csv("byte order mark", b"\xef\xbb\xbf" + _SMALL, _ID_NAME, 2),
    _csv("gone to zip", zipped({"a.csv": _SMALL}), _ID_NAME, 2, compression="zip"),
    _csv("bzip2", bz2.compress(_SMALL), _ID_NAME, 2, compression="bzip2"),
    _csv("zstd", zstandard.compress(_SMALL), _ID_NAME, 2, compression="zstd"),
    _csv("snappy, framed", framed_snappy(b"id,name\n1,a", b"\n2,b\n"), _ID_NAME, 2, compression="snappy"),
    _csv("snappy, as Hadoop writes", hadoop_snappy(b"id,name\n1,a", b"\n2,b\n"), _ID_NAME, 2, compression="snappy"),
    _csv("LZ4", lz4(_SMALL), _ID_NAME, 2, compression="lz4"),
    Case(name="one line", content=b"id,name\n", says=("one line of separated values only",)),
    Case(name="a letter", content=b"Dear Bob,\nthank you, as ever, for all.\nI am, with many thanks,\nyours\n",
         says=("text of no known format",)),
    Case(name="zip of two", content=zipped({"a.csv": _SMALL, "b.csv": _SMALL}), says=("a zip archive of 2 files",)),
    Case(name="UTF-16", content="id,name\n1,a\n".encode("utf-16"), says=("UTF-16",)),
]  # fmt: skip

_XML_ROW = {"_id": "bigint", "title": "string", "price": "double"}
XML = [
    Case(name="row tag found out", classification="xml", records=2, columns=_XML_ROW, parameters={"rowTag": "book"},
         content=b'<?xml version="1.0"?><books><book id="1"><title>A</title><price>1.5</price></book>'
                 b'<book id="2"><title>B</title><price>2</price></book></books>'),
    Case(name="rows two levels down", classification="xml", records=2, columns={"t": "string"}, parameters={"rowTag": "item"},
         content=b"<rss><channel><item><t>a</t></item><item><t>b</t></item></channel></rss>"),
    Case(name="a document that is one record", classification="xml", records=1, columns={"id": "bigint", "d": "date"},
         parameters={"rowTag": "order"}, content=b"<order><id>1</id><d>2024-01-02</d></order>"),
    Case(name="an element once and twice is an array", classification="xml", records=2, columns={"t": "array<string>"},
         content=b"<r><x><t>a</t></x><x><t>b</t><t>c</t></x></r>"),
    Case(name="text beside attributes", classification="xml", records=2,
         columns={"p": "struct<_cur:string,_value:double>"},
         content=b'<r><x><p cur="EUR">1.5</p></x><x><p cur="USD">2.5</p></x></r>'),
    Case(name="cut off", classification="xml", records=2, columns={"t": "bigint"}, certain=False,
         content=b"<r><x><t>1</t></x><x><t>2</t></x><x><t>3</", says=("not well-formed from line 1",)),
    Case(name="entities that multiply", says=("declares the entity",),
         content=b'<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><r><x>&b;</x><x>&b;</x></r>'),
    Case(name="an entity from outside", says=("declares the entity",),
         content=b'<!DOCTYPE r [<!ENTITY e SYSTEM "file:///etc/passwd">]><r><x><t>&e;</t></x></r>'),
    Case(name="nested without end", content=b"<r>" + b"<a>" * 200 + b"</a>" * 200 + b"</r>", says=("nested deeper",)),
    Case(name="a web page", content=b"<!DOCTYPE html><html><body><p>Hi<br>there</body></html>"),
]  # fmt: skip

FIXED = [
    Case(name="columns of fixed width", classification="fixedwidth", records=3, certain=False,
         columns={"name": "string", "age": "bigint", "city": "string"}, parameters={"input.regex": "(.{10})(.{5})(.*)"},
         content=b"NAME      AGE  CITY\nalice      30  london\nbob         4  paris\ncarol     100  rome\n"),
]  # fmt: skip
CASES = [*CSV, *XML, *FIXED]
