"""JSON files. Glue makes one column `array` of a file that is an array; here its elements are the records."""

from __future__ import annotations

import gzip
import json

from tests.crawl.formats.case import Case

_MAP = "\n".join(json.dumps({"id": i, "hits": {f"page{i * 3 + k}": k for k in range(3)}}) for i in range(20))
_CLOUDTRAIL = {"Records": [
    {"eventVersion": "1.08", "eventSource": "s3.amazonaws.com", "userIdentity": {"type": "IAMUser"}, "readOnly": True},
    {"eventVersion": "1.08", "eventSource": "ec2.amazonaws.com", "userIdentity": {"type": "Root"}, "readOnly": False},
]}  # fmt: skip


def _json(name: str, text: str | bytes, columns: dict[str, str], records: int, **more: object) -> Case:
    content = text if isinstance(text, bytes) else text.encode()
    return Case(name=name, content=content, classification="json", columns=columns, records=records, **more)  # type: ignore[arg-type]


CASES = [
    _json("lines", '{"a":1,"b":"x"}\n{"a":2,"b":"y"}\n', {"a": "bigint", "b": "string"}, 2),
    _json("one record without a newline", '{"a":1}', {"a": "bigint"}, 1),
    _json("windows newlines and blank lines", '{"a":1}\r\n\r\n{"a":2}\r\n', {"a": "bigint"}, 2),
    _json("byte order mark", b'\xef\xbb\xbf{"a":1}\n', {"a": "bigint"}, 1),
    _json("array of records", '[{"a":1},{"a":2.5}]', {"a": "double"}, 2, says=("an array of records",)),
    _json("pretty printed document", json.dumps({"a": {"b": [1, 2]}}, indent=2), {"a": "struct<b:array<bigint>>"}, 1),
    _json("several documents", '{\n "a": 1\n}\n{\n "a": 2\n}\n', {"a": "bigint"}, 2),
    _json("integers and reals", '{"a":1}\n{"a":1.5}\n', {"a": "double"}, 2),
    _json("beyond 64 bits", '{"a":1}\n{"a":12345678901234567890123}\n', {"a": "decimal(38,0)"}, 2),
    _json("beyond 38 digits", '{"a":1}\n{"a":' + "9" * 39 + "}\n", {"a": "string"}, 2),
    _json("beyond 64 bits beside a real: no type holds both exactly",
          '{"a":1.5}\n{"a":12345678901234567890123}\n', {"a": "string"}, 2),
    _json("text beside a number", '{"a":1}\n{"a":"n/a"}\n', {"a": "string"}, 2),
    _json("object beside text", '{"a":{"x":1}}\n{"a":"x"}\n', {"a": "string"}, 2),
    _json("array beside a scalar", '{"a":[1]}\n{"a":1}\n', {"a": "string"}, 2),
    _json("booleans", '{"a":true}\n{"a":null}\n', {"a": "boolean"}, 2),
    _json("dates stay text, as JSON wrote them", '{"d":"2025-01-02"}\n', {"d": "string"}, 1),
    _json("never a value", '{"a":null,"b":1}\n{"b":2}\n', {"b": "bigint", "a": "void"}, 2, says=("never a value in 'a'",)),
    _json("empty objects and arrays", '{"a":{},"b":[],"c":1}\n', {"a": "struct<>", "b": "array<void>", "c": "bigint"}, 1),
    _json("arrays of objects merge", '{"a":[{"x":1},{"y":"z"}]}\n', {"a": "array<struct<x:bigint,y:string>>"}, 1),
    _json("objects with many keys that vary are a map", _MAP, {"id": "bigint", "hits": "map<string,bigint>"}, 20),
    _json("names that are none", '{"A":1,"a b":2,"x.y":3,"c,d":4,"":5}\n',
          {"a": "bigint", "a b": "bigint", "x.y": "bigint", "c_d": "bigint", "_": "bigint"}, 1),
    _json("names that differ in case only", '{"Id":1,"id":2,"ID":"x"}\n',
          {"id__3": "bigint", "id": "bigint", "id__2": "string"}, 1),
    _json("a bad line among good ones", '{"a":1}\nnot json\n{"a":2}\n', {"a": "bigint"}, 2, certain=False,
          says=("1 rejected", "line 2: MALFORMED")),
    _json("a key twice in one record", '{"a":1,"a":2}\n{"a":1}\n', {"a": "bigint"}, 1, certain=False,
          says=("DUPLICATE_KEY",)),
    _json("cut off in the middle of a line", '{"a":1}\n{"a":2}\n{"a', {"a": "bigint"}, 2, certain=False),
    _json("gzip, whatever it is called", gzip.compress(b'{"a":1}\n'), {"a": "bigint"}, 1, compression="gzip"),
    _json("gzip, cut off", gzip.compress(b'{"a":1}\n' * 3) + gzip.compress(b'{"a":1}\n')[:8], {"a": "bigint"}, 3,
          compression="gzip", certain=False, says=("TRUNCATED_STREAM",)),
    Case(name="nothing but bad lines", content=b'{"a"\n{"b"\n', says=("not JSON", "MALFORMED")),
    Case(name="an array of numbers is no table", content=b"[[1,2],[3,4]]", says=("NOT_AN_OBJECT",)),
    Case(name="deeper than any record", content=b'{"a":' * 3000 + b"1" + b"}" * 3000, says=("TOO_DEEP",)),
    Case(name="CloudTrail", content=json.dumps(_CLOUDTRAIL).encode(), classification="cloudtrail", records=2,
         columns={"eventversion": "string", "eventsource": "string", "useridentity": "struct<type:string>",
                  "readonly": "boolean"}, parameters={"jsonPath": "$.Records[*]"}),
]  # fmt: skip
