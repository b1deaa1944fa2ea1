"""The difference of two versions: for AVRO and JSON a JSON Patch (RFC 6902), as Glue's model says; PROTOBUF is text, and
has no such form: there it is a unified diff."""

from __future__ import annotations

import difflib

import jsonpatch

from glulam.schemas.jsontext import parse_json
from glulam.schemas.versions import Version


def difference(first: Version, second: Version) -> str:
    """What leads from the first definition to the second."""
    if first.data_format != "PROTOBUF":
        patch = jsonpatch.make_patch(parse_json(first.definition), parse_json(second.definition))
        return str(patch.to_string())
    lines = difflib.unified_diff(
        first.definition.splitlines(),
        second.definition.splitlines(),
        fromfile=f"version {first.number}",
        tofile=f"version {second.number}",
        lineterm="",
    )
    return "\n".join(lines) or f"version {second.number} is the same as version {first.number}"
