"""A YAML file that a person wrote, with the line of each of its parts: what is wrong with one is said as `file:line: field`.

What the keys mean is for those who read them, with pydantic or without."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml
from pydantic import ValidationError

from glulam.model.errors import InvalidConfig

MERGE = "tag:yaml.org,2002:merge"
Place = Sequence[str | int]
"""Keys and numbers that lead to a part: `("rules", "late", "channels", 0)`."""


@dataclass(frozen=True, kw_only=True)
class YamlFile:
    """One parsed document."""

    name: str
    data: Mapping[str, Any]
    root: Any = field(repr=False)

    def line(self, place: Place) -> int:
        """The line (from 1) of the deepest part of `place` that the file holds."""
        node, line = self.root, int(self.root.start_mark.line) + 1
        for step in place:
            if isinstance(node, yaml.MappingNode):
                found = next(((k, v) for k, v in node.value if k.value == str(step)), None)
                if found is None:
                    break
                line, node = int(found[0].start_mark.line) + 1, found[1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                line = int(node.start_mark.line) + 1
            else:
                break
        return line

    def wrong(self, place: Place, what: str) -> InvalidConfig:
        """An error to raise: `file:line: a.b.c: what`."""
        dotted = ".".join(str(step) for step in place)
        return InvalidConfig(f"{self.name}:{self.line(place)}: {dotted}: {what}")

    def problems(self, error: ValidationError, below: Place = ()) -> InvalidConfig:
        """All that pydantic found, a line each. below: where in the file the checked part lies."""
        return InvalidConfig("\n".join(self._problem(dict(one), below) for one in error.errors()))

    def _problem(self, error: dict[str, Any], below: Place) -> str:
        place = [*below, *(step for step in error["loc"] if step != "function-before")]
        return str(self.wrong(place, said(error)))


def said(error: Mapping[str, Any]) -> str:
    """One of pydantic's errors in our words: `found 7: expected ...`."""
    if error["type"] == "extra_forbidden":
        return "unknown key"
    if error["type"] == "missing":
        return "missing"
    message = str(error["msg"]).removeprefix("Value error, ")
    found = error.get("input")
    shown = "" if isinstance(found, dict | list) or "found" in message else f"found {found!r}: "
    return f"{shown}{message}"


def parse(text: str, name: str, starts_with: str) -> YamlFile:
    """Raises InvalidConfig: not YAML, not a mapping, or a key that is there twice. starts_with: a key, for the message."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.reader.ReaderError as error:
        raise InvalidConfig(
            f"{name}: not text that YAML can be: {error.reason} at character {error.position}"
        ) from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InvalidConfig(f"{name}:{line}: not YAML: {error.problem}") from None
    if not isinstance(data, dict):
        raise InvalidConfig(
            f"{name}:1: found {type(data).__name__}, expected a mapping that starts with '{starts_with}:'"
        )
    _refuse_doubles(root, name)
    return YamlFile(name=name, data=data, root=root)


def _refuse_doubles(root: Any, name: str) -> None:
    waiting, known = [root], set[int]()  # an alias is the node that it names, which may be its own parent
    while waiting:
        node = waiting.pop()
        if id(node) in known or isinstance(node, yaml.ScalarNode):
            continue
        known.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
            continue
        seen: set[str] = set()
        for key, value in node.value:
            if str(key.value) in seen and key.tag != MERGE:
                raise InvalidConfig(f"{name}:{key.start_mark.line + 1}: {key.value}: this key is there twice")
            if isinstance(key.value, str):
                seen.add(key.value)
            waiting.append(value)
