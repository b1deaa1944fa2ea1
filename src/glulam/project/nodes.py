"""YAML with a file and a line behind each piece, and every scalar as the text that stands there.

What a text means is decided later, by the model of the member that it is for: `GlueVersion: 5.0` is "5.0", no number.
Left to others: which keys there may be (`folder.py`, `shapes.py`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from glulam.model.errors import InvalidConfig

_NULL = "tag:yaml.org,2002:null"
_DEEPEST = 50
_MOST = 100_000


@dataclass(frozen=True, kw_only=True, order=True)
class Place:
    """Where something stands."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, kw_only=True)
class Node:
    """A scalar's text, a list, a mapping, or nothing. In a mapping the place is the key's."""

    place: Place
    value: str | list[Node] | dict[str, Node] | None
    tag: str = "str"
    """What YAML takes a scalar for: `int`, `bool`, ... Only JSON inside of a project asks."""


class Problems:
    """What is wrong with a project, all of it; told at once."""

    def __init__(self) -> None:
        self._found: list[tuple[Place, str]] = []

    def add(self, place: Place, text: str) -> None:
        self._found.append((place, text))

    def refuse(self) -> None:
        """Raises InvalidConfig with a line for each problem, when there is one."""
        if self._found:
            lines = dict.fromkeys(f"{place}: {text}" for place, text in sorted(self._found))
            raise InvalidConfig("\n".join(lines))


def read(path: Path, name: str, problems: Problems) -> Node:
    """One file; `name` is what messages call it. A file that is no YAML mapping is a problem, and nothing."""
    nothing = Node(place=Place(file=name, line=1), value=None)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problems.add(nothing.place, f"cannot be read: {error}")
        return nothing
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        reading = _Reading(loader=loader, name=name, problems=problems)
        found = Node(place=nothing.place, value={}) if root is None else reading.node(root, None, 0)
    except yaml.reader.ReaderError as error:
        problems.add(nothing.place, f"not text that YAML can be: {error.reason}")
        return nothing
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problems.add(
            Place(file=name, line=line), f"not YAML that can be used: {error.problem or error.context}"
        )
        return nothing
    if not isinstance(found.value, dict):
        problems.add(found.place, f"found {kind_of(found)}, expected sections such as `jobs:`")
        return nothing
    return found


@dataclass(kw_only=True)
class _Reading:
    """One file. What an alias stands for is read as often as it is named, up to a limit."""

    loader: yaml.SafeLoader
    name: str
    problems: Problems
    left: int = _MOST

    def node(self, node: Any, place: Place | None, depth: int) -> Node:
        here = place or self.place(node)
        self.left -= 1
        if depth > _DEEPEST or self.left < 0:
            limit = f"more than {_DEEPEST} levels" if depth > _DEEPEST else f"more than {_MOST:,} pieces"
            raise yaml.MarkedYAMLError(
                problem=f"{limit}, with what aliases stand for", problem_mark=node.start_mark
            )
        if isinstance(node, yaml.ScalarNode):
            text = None if node.tag == _NULL else str(node.value)
            return Node(place=here, value=text, tag=node.tag.rpartition(":")[2])
        if isinstance(node, yaml.SequenceNode):
            return Node(place=here, value=[self.node(item, None, depth + 1) for item in node.value])
        self.keys(node)
        self.loader.flatten_mapping(node)  # `<<: *other`: what stands here itself comes last, and wins
        return Node(place=here, value={
            str(key.value): self.node(value, self.place(key), depth + 1)
            for key, value in node.value if isinstance(key, yaml.ScalarNode)
        })  # fmt: skip

    def keys(self, node: Any) -> None:
        """Each is a name, and stands once."""
        once: dict[str, int] = {}
        for key, _ in node.value:
            at = self.place(key)
            if not isinstance(key, yaml.ScalarNode):
                self.problems.add(at, "found a list or mapping as a key, expected a name")
            elif key.value in once:
                self.problems.add(at, f"{key.value}: it stands in line {once[key.value]} already")
            else:
                once[key.value] = at.line

    def place(self, node: Any) -> Place:
        return Place(file=self.name, line=node.start_mark.line + 1)


def merged(base: Node, over: Node) -> Node:
    """`over` laid over `base`: mappings by key; lists and texts are replaced; null takes away."""
    if not isinstance(base.value, dict) or not isinstance(over.value, dict):
        return over
    members = dict(base.value)
    for key, node in over.value.items():
        if node.value is None:
            members.pop(key, None)
        else:
            members[key] = merged(members[key], node) if key in members else without_nulls(node)
    return replace(base, value=members)


def without_nulls(node: Node) -> Node:
    """The same without members that are null: `Description:` says nothing."""
    if isinstance(node.value, dict):
        kept = {key: without_nulls(n) for key, n in node.value.items() if n.value is not None}
        return replace(node, value=kept)
    if isinstance(node.value, list):
        return replace(node, value=[without_nulls(n) for n in node.value])
    return node


def kind_of(node: Node) -> str:
    if isinstance(node.value, dict):
        return "a mapping"
    if isinstance(node.value, list):
        return "a list"
    return "nothing" if node.value is None else repr(node.value)


def as_json(node: Node) -> Any:
    """A node as a JSON value, with scalars as YAML takes them."""
    if isinstance(node.value, dict):
        return {key: as_json(inner) for key, inner in node.value.items()}
    if isinstance(node.value, list):
        return [as_json(inner) for inner in node.value]
    if node.value is None or node.tag not in ("int", "float", "bool"):
        return node.value
    return yaml.safe_load(node.value)


def did_you_mean(word: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    """`; did you mean 'Timeout'?`, when one of the known words is near."""
    by_folded = {k.lower(): k for k in known}
    near = get_close_matches(word.lower(), list(by_folded), n=1)
    return f"; did you mean {by_folded[near[0]]!r}?" if near else ""
