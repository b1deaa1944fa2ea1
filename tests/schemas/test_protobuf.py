"""PROTOBUF: what protoc takes, and which changes keep data readable. Compatible verdicts are held against the real
protobuf runtime: bytes written with the old definition are parsed with the new one."""

from __future__ import annotations

import re
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from glulam.model.errors import InvalidInput
from glulam.schemas.formats import canonical, conflict


def form(body: str, syntax: str = "proto3") -> bytes:
    return canonical("PROTOBUF", f'syntax = "{syntax}"; {body}')


def message(fields: str, syntax: str = "proto3") -> bytes:
    return form(f"message M {{ {fields} }}", syntax)


def verdict(old: bytes, new: bytes, mode: str = "BACKWARD") -> str | None:
    return conflict("PROTOBUF", mode, new, [(1, old)])


def message_class(compiled: bytes) -> Any:
    pool = DescriptorPool()
    pool.Add(FileDescriptorProto.FromString(compiled))
    return GetMessageClass(pool.FindMessageTypeByName("M"))


SAME_WIRE = [
    ("int32 a = 1;", "int64 a = 1;", {"a": -5}),
    ("int32 a = 1;", "int32 renamed = 1;", {"a": 7}),
    ("bool a = 1;", "uint32 a = 1;", {"a": True}),
    ("string a = 1;", "bytes a = 1;", {"a": "x"}),
    ("sint32 a = 1;", "sint64 a = 1;", {"a": -5}),
    ("fixed32 a = 1;", "sfixed32 a = 1;", {"a": 5}),
    ("string a = 1;", "repeated string a = 1;", {"a": "x"}),
    ("repeated int32 a = 1;", "repeated int64 a = 1;", {"a": [1, 2]}),
    ("map<string, int32> a = 1;", "map<string, int64> a = 1;", {"a": {"k": 3}}),
    ("int32 a = 1; string gone = 2;", "int32 a = 1;", {"a": 1, "gone": "x"}),
    ("int32 a = 1;", "int32 a = 1; string more = 2;", {"a": 1}),
    ("int32 a = 1;", "oneof o { int32 a = 1; string b = 2; }", {"a": 1}),
    ("oneof o { int32 a = 1; string b = 2; }", "int32 a = 1; string b = 2;", {"b": "x"}),
    ("enum E { Z = 0; A = 1; } E a = 1;", "int32 a = 1; enum E { Z = 0; }", {"a": "A"}),
    ("enum E { Z = 0; A = 1; } E a = 1;", "enum E { Z = 0; } E a = 1;", {"a": "A"}),
    ("message N { int32 x = 1; } N a = 1;", "message N { int64 x = 1; } N a = 1;", {"a": {"x": 4}}),
    ("message N { N n = 1; int32 x = 2; } N a = 1;", "message N { N n = 1; int64 x = 2; } repeated N a = 1;",
     {"a": {"n": {"x": 4}}}),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "value"), SAME_WIRE)
def test_readable_and_read(old: str, new: str, value: dict[str, Any]) -> None:
    assert verdict(message(old), message(new)) is None
    written = json_format.ParseDict(value, message_class(message(old))())
    parsed = message_class(message(new)).FromString(written.SerializeToString())
    reader_numbers = {f.number for f in parsed.DESCRIPTOR.fields}
    expected = {f.number for f, _ in written.ListFields()} & reader_numbers
    assert {f.number for f, _ in parsed.ListFields()} == expected


UNREADABLE = [
    ("int32 a = 1;", "string a = 1;", "M.a: number 1 is string for the reader, int32 for the writer"),
    ("int32 a = 1;", "sint32 a = 1;", "is sint32"),
    ("int32 a = 1;", "fixed32 a = 1;", "is fixed32"),
    ("float a = 1;", "double a = 1;", "is double"),
    ("int32 a = 1;", "repeated int32 a = 1;", "repeated on one side only"),
    ("repeated string a = 1;", "string a = 1;", "repeated on one side only"),
    ("int32 a = 1;", "int32 a = 2;", "its number is 2 for the reader, 1 for the writer"),
    ("map<string, int32> a = 1;", "map<string, string> a = 1;", "M.AEntry.value: number 2"),
    ("map<string, int32> a = 1;", "message N {} repeated N a = 1;", "a map on one side only"),
    ("int32 a = 1; string b = 2;", "oneof o { int32 a = 1; string b = 2; }", "M.o: the reader takes one"),
    ("message N { int32 x = 1; } N a = 1;", "message N { string x = 1; } N a = 1;", "M.N.x: number 1"),
    ("message N {}", "", "M.N: the reader has no such message"),
]


@pytest.mark.parametrize(("old", "new", "why"), UNREADABLE)
def test_unreadable(old: str, new: str, why: str) -> None:
    reason = verdict(message(old), message(new))
    assert reason is not None
    assert re.search(why, reason), reason
    assert verdict(message(new), message(old), "FORWARD") is not None


def test_required_fields_of_proto2() -> None:
    old = message("optional int32 a = 1;", "proto2")
    new = message("required int32 a = 1;", "proto2")
    assert "the reader requires it" in (verdict(old, new) or "")
    assert verdict(new, old) is None
    assert "the reader requires it" in (verdict(new, message("", "proto2"), "FORWARD") or "")


def test_enums_of_proto2_are_closed() -> None:
    small = message("enum E { Z = 0; } optional E a = 1;", "proto2")
    large = message("enum E { Z = 0; A = 7; } optional E a = 1;", "proto2")
    numbers = message("enum E { Z = 0; } optional int32 a = 1;", "proto2")
    assert verdict(small, large) is None
    assert "has no value 7" in (verdict(large, small) or "")
    assert "other numbers" in (verdict(numbers, small) or "")


def test_packages_and_imported_types() -> None:
    assert "a.M: the reader has no such message" in (
        verdict(form("package a; message M {}"), form("package b; message M {}")) or ""
    )
    body = 'import "google/protobuf/{0}.proto"; message M {{ google.protobuf.{1} t = 1; }}'
    time, span = form(body.format("timestamp", "Timestamp")), form(body.format("duration", "Duration"))
    assert verdict(time, time) is None
    assert "google.protobuf.Duration for the reader" in (verdict(time, span) or "")


def test_comments_and_layout_do_not_matter() -> None:
    assert form("message M { int32 a = 1; }") == form("// why\nmessage M {\n  int32 a = 1; /* x */\n}")


@pytest.mark.parametrize(
    ("definition", "why"),
    [
        ("message {", "Expected message name"),
        ('syntax = "proto3"; message M { Nope x = 1; }', '"Nope" is not defined'),
        ('syntax = "proto3"; message M { int32 a = 1; int32 b = 1; }', "already been used"),
        ('import "other.proto";', "other.proto"),
        ('import "../../../etc/passwd";', "not allowed in the virtual path"),
        ('edition = "2023"; message M {}', "proto2 or proto3"),
        ('syntax = "proto2"; message M { extensions 5 to 9; }', "groups and extensions"),
        ('syntax = "proto2"; message M { optional group G = 1 { } }', "groups and extensions"),
    ],
)
def test_invalid(definition: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(why)) as error:
        canonical("PROTOBUF", definition)
    assert "/tmp" not in str(error.value)
