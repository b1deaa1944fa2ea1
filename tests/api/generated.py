"""Requests made from the service model: every member of every shape, so that a round trip misses none.

    made = Generator(seed).request("CreateConnection", {"ConnectionInput.Name": "c", "ConnectionInput.X": OMIT})
    assert missing(made["ConnectionInput"], answer["Connection"], ignore=...) == []

Seed 0 fills each member; other seeds leave optional ones out here and there. `given` says what some members must hold.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape

GLUE = ServiceModel(Loader().load_service_model("glue", "service-2"), "glue")
OMIT = object()
_LETTERS = "abcXYZ019 é漢😀-_."
_BY_PATTERN = {
    r"\S+": "a-b.c",
    r"[a-zA-Z0-9-_$#.]+": "a-Z_0$#.",
    r"[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}": "0123abcd-0123-4567-89ab-0123456789ab",
    r".*": "p w",
    r"^[\x20-\x7E]*$": "printable ~",
    r"[^\r\n]": "|",
    r"arn:aws(-(cn|us-gov|iso(-[bef])?))?:glue:.*": "arn:aws:glue:us-east-1:123456789012:schema/r/s",
    r"^$|arn:aws[a-z0-9-]*:kms:.*": "arn:aws:kms:us-east-1:123456789012:key/k",
    r"^arn:aws(-(cn|us-gov|iso(-[bef])?))?:secretsmanager:.*$": "arn:aws:secretsmanager:us-east-1:123456789012:secret:s",
    r"^arn:aws(-(cn|us-gov|iso(-[bef])?))?:iam::[0-9]{12}:role/.+": "arn:aws:iam::123456789012:role/r",
    r"^(https?)://[-a-zA-Z0-9+&@#/%?=~_|!:,.;]*[-a-zA-Z0-9+&@#/%=~_|]": "https://example.com/token",
    r"^(https?):\/\/[^\s/$.?#].[^\s]*$": "https://example.com/back",
    r"^([a-zA-Z0-9_=]+)\.([a-zA-Z0-9_=]+)\.([a-zA-Z0-9_\-\+\/=]*)": "aaa.bbb.ccc",
}
"""An example for each pattern that is not simply 'any line of text'."""


class Generator:
    """Values for shapes, the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._every = seed == 0

    def request(self, operation: str, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The whole input of an operation. `given`: value, or OMIT, by dotted path (lists and maps are not in it)."""
        found: dict[str, Any] = self._value(GLUE.operation_model(operation).input_shape, given or {}, "")
        return found

    def shape(self, name: str, given: Mapping[str, Any] | None = None) -> Any:
        return self._value(GLUE.shape_for(name), given or {}, "")

    def _value(self, shape: Shape, given: Mapping[str, Any], path: str) -> Any:
        if path in given:
            return given[path]
        kind = shape.type_name
        if kind == "structure":
            return self._structure(shape, given, path)
        if kind == "list":
            size = max(shape.metadata.get("min", 0), min(2, shape.metadata.get("max", 2)))
            return [self._value(shape.member, given, path) for _ in range(size)]
        if kind == "map":
            return {self._text(shape.key): self._value(shape.value, given, path) for _ in range(2)}
        if kind == "string":
            return self._text(shape)
        plain = {
            "boolean": lambda: self._random.random() < 0.5,
            "timestamp": lambda: datetime.fromtimestamp(self._random.randrange(2**31), UTC),
            "blob": lambda: self._random.randbytes(5),
        }
        return plain[kind]() if kind in plain else self._number(shape)

    def _structure(self, shape: Shape, given: Mapping[str, Any], path: str) -> dict[str, Any]:
        found = {}
        for name, member in shape.members.items():
            inner = f"{path}.{name}" if path else name
            needed = name in shape.required_members or any(
                p == inner or p.startswith(inner + ".") for p in given
            )
            if needed or self._every or self._random.random() < 0.5:
                value = self._value(member, given, inner)
                if value is not OMIT:
                    found[name] = value
        return found

    def _number(self, shape: Shape) -> int | float:
        least = shape.metadata.get("min", 0)
        number = self._random.randint(least, min(shape.metadata.get("max", least + 1000), least + 1000))
        return number if shape.type_name in ("integer", "long") else number / 4

    def _text(self, shape: Shape) -> str:
        if shape.enum:
            return str(self._random.choice(shape.enum))
        pattern = shape.metadata.get("pattern", "")
        if pattern in _BY_PATTERN:
            return _BY_PATTERN[pattern]
        assert not pattern or "u0020" in pattern or pattern.startswith("^(?!"), (
            f"{shape.name}: no example of {pattern}"
        )
        size = min(max(shape.metadata.get("min", 1), 12), shape.metadata.get("max", 12))
        letters = _LETTERS if "(?!" not in pattern else "abc"
        return (
            "x" + "".join(self._random.choice(letters) for _ in range(max(0, size - 2))) + "y"
            if size > 1
            else "x"
        )


def missing(asked: Any, found: Any, ignore: Collection[str] = (), path: str = "") -> list[str]:
    """Paths of what was asked and is not in what was found. `ignore`: paths that Glue does not give back."""
    if path in ignore:
        return []
    if isinstance(asked, dict) and isinstance(found, dict):
        return [
            line for name, value in asked.items()
            for line in missing(value, found.get(name), ignore, f"{path}.{name}" if path else name)
        ]  # fmt: skip
    if isinstance(asked, list) and isinstance(found, list) and len(asked) == len(found):
        return [line for a, f in zip(asked, found, strict=True) for line in missing(a, f, ignore, path)]
    return [] if asked == found else [f"{path}: asked {asked!r}, found {found!r}"]
