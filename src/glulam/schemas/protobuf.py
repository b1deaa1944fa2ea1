"""PROTOBUF: can messages written with one definition be read with another, without mistaking or losing a field?

Fields are matched by number, so that they may be renamed. Types may change within a group that has one form on the wire
(protobuf's guide, "Updating A Message Type"); a number that does not fit the narrower type is truncated, as protobuf does.
A record of the registry may be any message of its definition, so every message of the writer has to be there by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)

from glulam.schemas.protoc import compile_proto, messages

TYPES: Mapping[int, str] = {
    number: name.removeprefix("TYPE_").lower() for name, number in FieldDescriptorProto.Type.items()
}
VARINTS = frozenset(("int32", "int64", "uint32", "uint64", "bool", "enum"))
GROUPS = (
    VARINTS,
    frozenset(("sint32", "sint64")),
    frozenset(("string", "bytes")),
    frozenset(("fixed32", "sfixed32")),
    frozenset(("fixed64", "sfixed64")),
)
LENGTH_DELIMITED = frozenset(("string", "bytes", "message"))
REPEATED, REQUIRED = FieldDescriptorProto.LABEL_REPEATED, FieldDescriptorProto.LABEL_REQUIRED


class Protobuf:
    """The format PROTOBUF."""

    def canonical(self, definition: str) -> bytes:
        return compile_proto(definition)

    def unreadable(self, *, reader: bytes, writer: bytes) -> str | None:
        ours, theirs = _file(reader), _file(writer)
        walk = _Walk(ours, theirs)
        for name, message in theirs.messages.items():
            if message.options.map_entry:
                continue
            if name not in ours.messages:
                return f"{name[1:]}: the reader has no such message"
            if reason := walk.messages(name, name):
                return reason
        return None


@dataclass(frozen=True, kw_only=True)
class _File:
    messages: Mapping[str, DescriptorProto]
    enums: Mapping[str, EnumDescriptorProto]
    is_proto3: bool


def _file(compiled: bytes) -> _File:
    found = FileDescriptorProto.FromString(compiled)
    prefix = f".{found.package}" if found.package else ""
    known = dict(messages(found))
    enums = {f"{prefix}.{enum.name}": enum for enum in found.enum_type}
    enums |= {f"{name}.{enum.name}": enum for name, message in known.items() for enum in message.enum_type}
    return _File(messages=known, enums=enums, is_proto3=found.syntax == "proto3")


class _Walk:
    def __init__(self, reader: _File, writer: _File) -> None:
        self.reader = reader
        self.writer = writer
        self.seen: set[tuple[str, str]] = set()

    def messages(self, reader_name: str, writer_name: str) -> str | None:
        """Compare two messages, once; a pair that does not fit has failed the whole already."""
        if (reader_name, writer_name) in self.seen:
            return None
        self.seen.add((reader_name, writer_name))
        reader, writer = self.reader.messages[reader_name], self.writer.messages[writer_name]
        written = {field.number: field for field in writer.field}
        numbers = {field.name: field.number for field in writer.field}
        for field in reader.field:
            path = f"{reader_name[1:]}.{field.name}"
            found = written.get(field.number)
            if field.label == REQUIRED and (found is None or found.label != REQUIRED):
                return f"{path}: the reader requires it, the writer may leave it out"
            if found is None and field.name in numbers:
                return f"{path}: its number is {field.number} for the reader, {numbers[field.name]} for the writer"
            if found is not None and (reason := self._fields(field, found, path)):
                return reason
        return _oneofs(reader, writer, reader_name[1:])

    def _fields(self, reader: FieldDescriptorProto, writer: FieldDescriptorProto, path: str) -> str | None:
        r, w = TYPES[reader.type], TYPES[writer.type]
        if r != w and not any(r in group and w in group for group in GROUPS):
            return f"{path}: number {reader.number} is {r} for the reader, {w} for the writer"
        if (reader.label == REPEATED) != (writer.label == REPEATED):
            single = writer.label != REPEATED and r in LENGTH_DELIMITED and not self._is_map(reader)
            if not single:
                return f"{path}: number {reader.number} is repeated on one side only"
        if r == w == "message":
            return self._typed(reader.type_name, writer.type_name, path)
        if r == "enum":
            return self._enums(reader, writer, path)
        return None

    def _is_map(self, field: FieldDescriptorProto) -> bool:
        message = self.reader.messages.get(field.type_name)
        return message is not None and message.options.map_entry

    def _typed(self, reader_name: str, writer_name: str, path: str) -> str | None:
        reader, writer = self.reader.messages.get(reader_name), self.writer.messages.get(writer_name)
        if reader is None or writer is None:  # a type of protobuf's own, imported
            same = reader_name == writer_name
            return (
                None
                if same
                else f"{path}: it is {reader_name[1:]} for the reader, {writer_name[1:]} for the writer"
            )
        if reader.options.map_entry != writer.options.map_entry:
            return f"{path}: it is a map on one side only"
        return self.messages(reader_name, writer_name)

    def _enums(self, reader: FieldDescriptorProto, writer: FieldDescriptorProto, path: str) -> str | None:
        """An enum of proto2 is closed: a value that it does not know would be lost."""
        known, written = self.reader.enums.get(reader.type_name), self.writer.enums.get(writer.type_name)
        if self.reader.is_proto3 or known is None:
            return None
        if written is None:
            return f"{path}: the reader's enum {reader.type_name[1:]} is closed, the writer has other numbers"
        unknown = {value.number for value in written.value}.difference(value.number for value in known.value)
        if unknown:
            return (
                f"{path}: the reader's enum {reader.type_name[1:]} is closed and has no value {min(unknown)}"
            )
        return None


def _oneofs(reader: DescriptorProto, writer: DescriptorProto, path: str) -> str | None:
    """Of the fields of a oneof the reader keeps the last; fields that the writer can set together would be lost."""
    where = {f.number: f.oneof_index if f.HasField("oneof_index") else None for f in writer.field}
    for index, oneof in enumerate(reader.oneof_decl):
        inside = [f.number for f in reader.field if f.HasField("oneof_index") and f.oneof_index == index]
        theirs = [where[number] for number in inside if number in where]
        if len(theirs) > 1 and (None in theirs or len(set(theirs)) > 1):
            return f"{path}.{oneof.name}: the reader takes one of these fields, the writer can set several"
    return None
