"""PROTOBUF definitions, compiled by protoc itself in a process of its own: what it refuses, no one else could use.

The compiled form (a FileDescriptorProto without comments) is what the registry compares. As in Glue, proto2 and proto3
are taken, without groups and extensions; the only files that can be imported are protobuf's own (google/protobuf/*).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

from glulam.schemas.jsontext import InvalidDefinition

TIMEOUT_S = 20
SOURCE = "schema.proto"
COMPILED = "compiled"


def compile_proto(definition: str) -> bytes:
    """The serialized FileDescriptorProto. Raises InvalidDefinition with protoc's own words."""
    with tempfile.TemporaryDirectory(prefix="glulam-proto-") as folder:
        (Path(folder) / SOURCE).write_text(definition, encoding="utf-8")
        _run(folder)
        found = FileDescriptorSet.FromString((Path(folder) / COMPILED).read_bytes()).file[0]
    if found.syntax not in ("", "proto2", "proto3"):
        raise InvalidDefinition(f"expected syntax proto2 or proto3, found {found.syntax}")
    for path, message in messages(found):
        groups = [f.name for f in message.field if f.type == FieldDescriptorProto.TYPE_GROUP]
        if groups or message.extension_range or message.extension:
            raise InvalidDefinition(f"{path}: groups and extensions are not supported")
    if found.extension:
        raise InvalidDefinition("groups and extensions are not supported")
    compiled: bytes = found.SerializeToString(deterministic=True)
    return compiled


def messages(file: FileDescriptorProto) -> Iterator[tuple[str, DescriptorProto]]:
    """Every message of a file with its full name (`.package.Outer.Inner`), but the entries of maps too."""
    prefix = f".{file.package}" if file.package else ""
    waiting = [(f"{prefix}.{message.name}", message) for message in file.message_type]
    while waiting:
        name, message = waiting.pop(0)
        yield name, message
        waiting += [(f"{name}.{inner.name}", inner) for inner in message.nested_type]


def _run(folder: str) -> None:
    command = [
        sys.executable, "-I", "-m", "grpc_tools.protoc", f"-I{folder}", f"--descriptor_set_out={folder}/{COMPILED}", SOURCE,
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, cwd=folder, check=False)
    except subprocess.TimeoutExpired:
        raise InvalidDefinition(f"protoc did not come to an end within {TIMEOUT_S} seconds") from None
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").replace(f"{folder}/", "").strip()
        raise InvalidDefinition(said or f"protoc ended with {done.returncode}")
