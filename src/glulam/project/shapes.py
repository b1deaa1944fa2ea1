"""From a node to the value that botocore's model wants there; what does not fit is a problem with file and line.

Patterns are left to the server: AWS writes them for Java's engine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape
from botocore.utils import parse_timestamp

from glulam.project.nodes import Node, Problems, did_you_mean, kind_of
from glulam.project.texts import secrets_in

Path = tuple[str, ...]
_INTEGER = re.compile(r"[+-]?[0-9]+")
_FLOAT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def value_of(node: Node, shape: Shape, path: Path, problems: Problems) -> Any:
    """The value, as far as it can be made of what stands there."""
    if isinstance(shape, StructureShape):
        return _structure(node, shape, path, problems)
    if isinstance(shape, MapShape):
        if not isinstance(node.value, dict):
            return _wrong(node, path, "a mapping", problems)
        return {key: value_of(n, shape.value, (*path, key), problems) for key, n in node.value.items()}
    if isinstance(shape, ListShape):
        if not isinstance(node.value, list):
            return _wrong(node, path, "a list", problems)
        found = [value_of(n, shape.member, (*path, str(at)), problems) for at, n in enumerate(node.value)]
        return _sized(node, found, len(found), "items", shape, path, problems)
    if not isinstance(node.value, str):
        return _wrong(node, path, _wanted(shape), problems)
    return _scalar(node, node.value, shape, path, problems)


def _structure(node: Node, shape: StructureShape, path: Path, problems: Problems) -> Any:
    if not isinstance(node.value, dict):
        return _wrong(node, path, "a mapping", problems)
    found = {}
    for key, member in node.value.items():
        if key in shape.members:
            found[key] = value_of(member, shape.members[key], (*path, key), problems)
        else:
            problems.add(
                member.place, f"{field((*path, key))}: unknown key{did_you_mean(key, shape.members)}"
            )
    for key in shape.required_members:
        if key not in node.value:
            problems.add(node.place, f"{field((*path, key))}: missing")
    return found


def _scalar(node: Node, text: str, shape: Shape, path: Path, problems: Problems) -> Any:
    if secrets_in(text):
        return text if shape.type_name == "string" else _wrong(node, path, _wanted(shape), problems)
    if shape.type_name == "string":
        allowed = list(shape.enum) if isinstance(shape, StringShape) else []
        if allowed and text not in allowed:
            said = f"expected {', '.join(allowed)}" if len(allowed) < 12 else "which is none of Glue's"
            problems.add(node.place, f"{field(path)}: found {text!r}, {said}{did_you_mean(text, allowed)}")
        return _sized(node, text, len(text), "characters", shape, path, problems)
    if shape.type_name in ("integer", "long") and _INTEGER.fullmatch(text):
        return _sized(node, int(text), int(text), "", shape, path, problems)
    if shape.type_name in ("double", "float") and _FLOAT.fullmatch(text):
        return _sized(node, float(text), float(text), "", shape, path, problems)
    if shape.type_name == "boolean" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if shape.type_name == "timestamp":
        try:
            found = parse_timestamp(text)
            return (found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)).isoformat()
        except (ValueError, TypeError):
            pass
    return _wrong(node, path, _wanted(shape), problems)


def _sized(
    node: Node, value: Any, size: float, unit: str, shape: Shape, path: Path, problems: Problems
) -> Any:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if (least is not None and size < least) or (most is not None and size > most):
        limits = " and ".join(
            text for text in (f"at least {least}" if least is not None else "", f"at most {most}" if most is not None else "")
            if text
        )  # fmt: skip
        found = f"{size} {unit}" if unit else str(value)
        problems.add(node.place, f"{field(path)}: found {found}, expected {limits}")
    return value


def _wanted(shape: Shape) -> str:
    words = {"string": "a text", "integer": "a whole number", "long": "a whole number", "boolean": "true or false",
             "double": "a number", "float": "a number", "timestamp": "a time such as 2024-01-31T12:00:00Z"}  # fmt: skip
    return words.get(shape.type_name, "nothing: such a value cannot stand in a project")


def _wrong(node: Node, path: Path, expected: str, problems: Problems) -> Any:
    problems.add(node.place, f"{field(path)}: found {kind_of(node)}, expected {expected}")
    return None


def field(path: Path) -> str:
    return ".".join(path)


def places(node: Node, path: Path = ()) -> Iterator[tuple[Path, Node]]:
    """Every piece of a node with its path."""
    yield path, node
    if isinstance(node.value, dict):
        for key, member in node.value.items():
            yield from places(member, (*path, key))
    elif isinstance(node.value, list):
        for at, item in enumerate(node.value):
            yield from places(item, (*path, str(at)))
