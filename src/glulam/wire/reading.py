"""From JSON to checked values, as botocore's service model says: each shape becomes one function, made once.

    read(value, path, problems) -> value

Timestamps become aware datetimes, blobs bytes, `null` members are left out. A value of the wrong JSON type ends the
request at once (SerializationException, as AWS answers); a value that breaks a constraint of the model is added to
`problems`, so that one answer names them all in AWS's words. `path` is a chain of (parent, name) and only written out
when there is something to say.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from glulam.model.errors import SerializationFailed, ValidationFailed
from glulam.wire.patterns import compile_pattern

Path = tuple[Any, ...] | None
Problems = list[str]
Read = Callable[[Any, Path, Problems], Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INT_BITS = {"integer": 31, "long": 63}


class Readers:
    """The readers of one service, compiled when first asked for."""

    def __init__(self) -> None:
        self._known: dict[str, Read] = {}

    def of(self, shape: Shape) -> Read:
        found = self._known.get(shape.name)
        if found is None:
            # shapes may contain themselves: whoever asks for this one meanwhile gets a function that looks it up later
            self._known[shape.name] = lambda v, p, e: self._known[shape.name](v, p, e)
            found = self._known[shape.name] = self._compile(shape)
        return found

    def _compile(self, shape: Shape) -> Read:
        if isinstance(shape, StructureShape):
            return _any if shape.is_document_type else self._structure(shape)
        if isinstance(shape, ListShape):
            return self._list(shape)
        if isinstance(shape, MapShape):
            return self._map(shape)
        if isinstance(shape, StringShape):
            return _string(shape)
        return {"boolean": _boolean, "timestamp": _timestamp, "blob": _blob}.get(shape.type_name) or _number(
            shape
        )

    def _structure(self, shape: StructureShape) -> Read:
        members = {name: self.of(member) for name, member in shape.members.items()}
        required = tuple(shape.required_members)
        union = getattr(shape, "is_tagged_union", False)

        def read(value: Any, path: Path, problems: Problems) -> dict[str, Any]:
            if type(value) is not dict:
                raise SerializationFailed(f"{_at(path)}: expected a JSON object, found {_kind(value)}")
            found = {}
            for name, item in value.items():
                reader = members.get(name)
                if reader is None:
                    raise ValidationFailed(
                        f'Unknown parameter in {_at(path)}: "{name}", must be one of: {", ".join(sorted(members))}'
                    )
                if item is not None:
                    found[name] = reader(item, (path, name), problems)
            for name in required:
                if name not in found:
                    problems.append(f"Value null at '{_at((path, name))}' {_FAILED} Member must not be null")
            if union and len(found) != 1:
                problems.append(
                    f"Value at '{_at(path)}' {_FAILED} Member must have exactly one of: {', '.join(sorted(members))}"
                )
            return found

        return read

    def _list(self, shape: ListShape) -> Read:
        member, least, most = self.of(shape.member), *_limits(shape)

        def read(value: Any, path: Path, problems: Problems) -> list[Any]:
            if type(value) is not list:
                raise SerializationFailed(f"{_at(path)}: expected a JSON array, found {_kind(value)}")
            if not least <= len(value) <= most:
                problems.append(_length_problem(value, path, least, most, len(value)))
            return [member(item, (path, index), problems) for index, item in enumerate(value, 1)]

        return read

    def _map(self, shape: MapShape) -> Read:
        key_reader, value_reader, (least, most) = self.of(shape.key), self.of(shape.value), _limits(shape)

        def read(value: Any, path: Path, problems: Problems) -> dict[str, Any]:
            if type(value) is not dict:
                raise SerializationFailed(f"{_at(path)}: expected a JSON object, found {_kind(value)}")
            if not least <= len(value) <= most:
                problems.append(_length_problem(value, path, least, most, len(value)))
            return {
                key_reader(k, (path, "key"), problems): value_reader(v, (path, k), problems)
                for k, v in value.items() if v is not None
            }  # fmt: skip

        return read


_FAILED = "failed to satisfy constraint:"


def raise_problems(problems: Problems) -> None:
    """Raises ValidationFailed in AWS's words when there is any problem."""
    if problems:
        count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected: "
        raise ValidationFailed(count + "; ".join(problems))


def _limits(shape: Shape) -> tuple[float, float]:
    return shape.metadata.get("min", float("-inf")), shape.metadata.get("max", float("inf"))


def _string(shape: StringShape) -> Read:
    least, most = _limits(shape)
    pattern = compile_pattern(shape.metadata["pattern"]) if "pattern" in shape.metadata else None
    allowed = frozenset(shape.enum) if shape.enum else None
    match = pattern.match if pattern is not None else None
    secret = shape.metadata.get("sensitive", False)

    def read(value: Any, path: Path, problems: Problems) -> str:
        if type(value) is not str:
            raise SerializationFailed(f"{_at(path)}: expected a string, found {_kind(value)}")
        if not least <= len(value) <= most:
            problems.append(_length_problem("***" if secret else value, path, least, most, len(value)))
        if match is not None and match(value) is None:
            problems.append(
                f"Value '{'***' if secret else value}' at '{_at(path)}' {_FAILED} Member must "
                f"satisfy regular expression pattern: {shape.metadata['pattern']}"
            )
        if allowed is not None and value not in allowed:
            problems.append(
                f"Value '{value}' at '{_at(path)}' {_FAILED} Member must satisfy enum value set: "
                f"[{', '.join(shape.enum)}]"
            )
        return value

    return read


def _number(shape: Shape) -> Read:
    least, most = _limits(shape)
    bits = _INT_BITS.get(shape.type_name)

    def read(value: Any, path: Path, problems: Problems) -> int | float:
        if type(value) is float and bits is not None and value.is_integer():
            value = int(value)
        if type(value) is not int and (bits is not None or type(value) is not float):
            raise SerializationFailed(f"{_at(path)}: expected a number, found {_kind(value)}")
        if bits is not None and not -(1 << bits) <= value < 1 << bits:
            raise SerializationFailed(f"{_at(path)}: {value} is beyond {bits + 1} bits")
        if not least <= value <= most:
            problems.append(_range_problem(value, path, least, most))
        return value

    return read


def _boolean(value: Any, path: Path, problems: Problems) -> bool:
    if type(value) is not bool:
        raise SerializationFailed(f"{_at(path)}: expected true or false, found {_kind(value)}")
    return value


def _timestamp(value: Any, path: Path, problems: Problems) -> datetime:
    """Seconds since 1970 (JSON protocols), or ISO 8601 text."""
    try:
        if type(value) in (int, float):
            return _EPOCH + timedelta(seconds=value)
        if type(value) is str:
            found = datetime.fromisoformat(value)
            return found if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        pass
    raise SerializationFailed(f"{_at(path)}: expected seconds since 1970, found {_kind(value)}")


def _blob(value: Any, path: Path, problems: Problems) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise SerializationFailed(f"{_at(path)}: expected base64 text, found {_kind(value)}") from None


def _any(value: Any, path: Path, problems: Problems) -> Any:
    return value


def _length_problem(shown: Any, path: Path, least: float, most: float, length: int) -> str:
    bound = f"greater than or equal to {least:.0f}" if length < least else f"less than or equal to {most:.0f}"
    return f"Value '{shown}' at '{_at(path)}' {_FAILED} Member must have length {bound}"


def _range_problem(value: float, path: Path, least: float, most: float) -> str:
    bound = f"greater than or equal to {least:g}" if value < least else f"less than or equal to {most:g}"
    return f"Value '{value}' at '{_at(path)}' {_FAILED} Member must have value {bound}"


def _at(path: Path) -> str:
    """`tableInput.partitionKeys.2.member.name`: AWS writes member names with a small first letter, lists from 1."""
    words: list[str] = []
    while path is not None:
        path, name = path
        words.append(f"{name}.member" if isinstance(name, int) else name[:1].lower() + name[1:])
    return ".".join(reversed(words)) or "input"


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    names = {
        dict: "an object",
        list: "an array",
        bool: "a boolean",
        str: "a string",
        int: "a number",
        float: "a number",
    }
    return names.get(type(value), type(value).__name__)
