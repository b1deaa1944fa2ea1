"""EventBridge's event patterns: read once, checked, then matched against events. Pure.

    {"source": ["aws.s3"], "detail": {"bucket": {"name": ["raw"]}, "object": {"size": [{"numeric": [">", 0]}]}}}

An object asks for all of its members, an array for one of its elements, `$or` for one of its patterns. Where an event has an
array, one element has to match. Syntax: the EventBridge User Guide, "Comparison operators for use in event patterns"."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from glulam.model.errors import InvalidEventPattern

MOST_CHARACTERS = 4096
MOST_ALTERNATIVES = 1000
DEEPEST = 100
OR = "$or"

Test = Callable[[Any], bool]
"""Whether a value matches; asked only for values that are there."""


@dataclass(frozen=True, slots=True)
class _Leaf:
    tests: tuple[Test, ...]
    absent: bool
    """It matches where there is nothing (`exists: false`)."""

    def matches(self, values: list[Any]) -> bool:
        if not values:
            return self.absent
        return any(test(value) for value in values for test in self.tests)


@dataclass(frozen=True, slots=True)
class _Node:
    members: tuple[tuple[str, _Leaf | _Node], ...]
    either: tuple[_Node, ...]

    def matches(self, event: Mapping[str, Any]) -> bool:
        return all(_at(event, name, inner) for name, inner in self.members) and (
            not self.either or any(node.matches(event) for node in self.either)
        )


def _at(event: Mapping[str, Any], name: str, inner: _Leaf | _Node) -> bool:
    value = event.get(name, _NOTHING)
    if isinstance(inner, _Leaf):
        return inner.matches(list(_leaves(value)))
    if isinstance(value, list):
        return any(inner.matches(one) for one in value if isinstance(one, Mapping))
    return inner.matches(value if isinstance(value, Mapping) else {})


_NOTHING = object()


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for one in value:
            yield from _leaves(one)
    elif value is not _NOTHING and not isinstance(value, Mapping):
        yield value


@dataclass(frozen=True, slots=True)
class Pattern:
    text: str
    content: Mapping[str, Any]
    _node: _Node

    def matches(self, event: Mapping[str, Any]) -> bool:
        return self._node.matches(event)

    def alternatives(self) -> list[dict[str, list[Any]]]:
        """The pattern without `$or`: what each of its alternatives asks for at each path (`detail.bucket.name`)."""
        return _alternatives(self.content, "")


def parse_pattern(text: str) -> Pattern:
    """Raises InvalidEventPattern, which says where."""
    if len(text) > MOST_CHARACTERS:
        raise _invalid("", f"has {len(text)} characters; expected at most {MOST_CHARACTERS}")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _invalid("", f"is not JSON: {error}") from None
    if not isinstance(content, dict) or not content:
        raise _invalid("", "is no JSON object with members")
    pattern = Pattern(text, content, _node(content, ""))
    if (count := len(pattern.alternatives())) > MOST_ALTERNATIVES:
        raise _invalid("", f"makes {count} alternatives of its $or; expected at most {MOST_ALTERNATIVES}")
    return pattern


def _invalid(path: str, why: str) -> InvalidEventPattern:
    return InvalidEventPattern(f"Event pattern is not valid. Reason: {path or 'it'} {why}")


def _node(content: Mapping[str, Any], path: str, depth: int = 0) -> _Node:
    if depth > DEEPEST:
        raise _invalid("", f"is nested deeper than {DEEPEST}")
    members: list[tuple[str, _Leaf | _Node]] = []
    either: tuple[_Node, ...] = ()
    for name, inner in content.items():
        place = f"{path}.{name}" if path else name
        if name == OR:
            if (
                not isinstance(inner, list)
                or not inner
                or not all(isinstance(one, dict) and one for one in inner)
            ):
                raise _invalid(place, "is no array of patterns")
            either = tuple(_node(one, path, depth + 1) for one in inner)
        elif isinstance(inner, dict):
            if not inner:
                raise _invalid(place, "is an empty object; expected members, or an array of values")
            members.append((name, _node(inner, place, depth + 1)))
        elif isinstance(inner, list) and inner:
            members.append((name, _leaf(inner, place)))
        else:
            raise _invalid(place, f"is {json.dumps(inner)}; expected an object, or an array with values")
    return _Node(tuple(members), either)


def _leaf(choices: list[Any], place: str) -> _Leaf:
    absent = {"exists": False} in choices
    return _Leaf(tuple(_test(choice, place) for choice in choices if choice != {"exists": False}), absent)


def _test(choice: Any, place: str) -> Test:
    if isinstance(choice, dict):
        if len(choice) != 1:
            raise _invalid(place, f"has {json.dumps(choice)}; expected one operator")
        ((operator, operand),) = choice.items()
        make = _OPERATORS.get(operator)
        if make is None:
            raise _invalid(place, f"has the operator {operator!r}; expected one of {', '.join(_OPERATORS)}")
        return make(operand, place)
    if isinstance(choice, list):
        raise _invalid(place, "has an array inside an array")
    return _equal(choice)


def _equal(wanted: Any) -> Test:
    """As EventBridge: numbers by how they are written, so that 300 is not 300.0."""
    kind = type(wanted)
    return lambda value: type(value) is kind and value == wanted


def _text(operand: Any, place: str, operator: str) -> str:
    if not isinstance(operand, str) or not operand:
        raise _invalid(place, f"has {operator} {json.dumps(operand)}; expected text")
    return operand


def _affix(operator: str) -> Callable[[Any, str], Test]:
    def make(operand: Any, place: str) -> Test:
        if isinstance(operand, dict) and set(operand) == {"equals-ignore-case"}:
            folded = _text(operand["equals-ignore-case"], place, operator).casefold()
            return lambda value: isinstance(value, str) and _has(operator, value.casefold(), folded)
        wanted = _text(operand, place, operator)
        return lambda value: isinstance(value, str) and _has(operator, value, wanted)

    return make


def _has(operator: str, value: str, wanted: str) -> bool:
    return value.startswith(wanted) if operator == "prefix" else value.endswith(wanted)


def _ignoring_case(operand: Any, place: str) -> Test:
    wanted = _text(operand, place, "equals-ignore-case").casefold()
    return lambda value: isinstance(value, str) and value.casefold() == wanted


def _wildcard(operand: Any, place: str) -> Test:
    text = _text(operand, place, "wildcard")
    parts, at = [], 0
    while at < len(text):
        if text[at] == "\\" and text[at + 1 : at + 2] in ("*", "\\"):
            at += 1
            parts.append(re.escape(text[at]))
        elif text[at] == "\\":
            raise _invalid(place, f"has wildcard {text!r}; expected * or \\ behind a \\")
        elif text[at] == "*":
            if parts and parts[-1] == ".*":
                raise _invalid(place, f"has wildcard {text!r}; expected no two * beside each other")
            parts.append(".*")
        else:
            parts.append(re.escape(text[at]))
        at += 1
    expression = re.compile("".join(parts), re.DOTALL)
    return lambda value: isinstance(value, str) and expression.fullmatch(value) is not None


_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "=": lambda a, b: a == b, "<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}  # fmt: skip


def _numeric(operand: Any, place: str) -> Test:
    bounds: list[tuple[Callable[[float, float], bool], float]] = []
    if isinstance(operand, list) and len(operand) in (2, 4):
        for operator, number in zip(operand[::2], operand[1::2], strict=True):
            if operator in _COMPARE and _is_number(number):
                bounds.append((_COMPARE[operator], number))
    if not bounds or 2 * len(bounds) != len(operand):
        raise _invalid(place, f'has numeric {json.dumps(operand)}; expected like [">", 0, "<=", 5]')
    return lambda value: _is_number(value) and all(holds(value, number) for holds, number in bounds)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _exists(operand: Any, place: str) -> Test:
    if operand is not True:  # false is the leaf's
        raise _invalid(place, f"has exists {json.dumps(operand)}; expected true or false")
    return lambda value: True


def _cidr(operand: Any, place: str) -> Test:
    try:
        network = ipaddress.ip_network(_text(operand, place, "cidr"), strict=False)
    except ValueError:
        raise _invalid(place, f"has cidr {operand!r}; expected like 10.0.0.0/24") from None

    def within(value: Any) -> bool:
        try:
            return isinstance(value, str) and ipaddress.ip_address(value) in network
        except ValueError:
            return False

    return within


_BUT_NOT = ("prefix", "suffix", "equals-ignore-case", "wildcard")


def _anything_but(operand: Any, place: str) -> Test:
    if isinstance(operand, dict):
        if len(operand) != 1 or next(iter(operand)) not in _BUT_NOT:
            raise _invalid(
                place, f"has anything-but {json.dumps(operand)}; expected one of {', '.join(_BUT_NOT)}"
            )
        ((operator, inner),) = operand.items()
        choices = [{operator: one} for one in (inner if isinstance(inner, list) else [inner])]
    else:
        choices = operand if isinstance(operand, list) else [operand]
        if any(isinstance(one, dict | list) for one in choices):
            raise _invalid(place, f"has anything-but {json.dumps(operand)}; expected values")
    if not choices:
        raise _invalid(place, "has anything-but []; expected values")
    tests = [_test(one, place) for one in choices]
    return lambda value: not any(test(value) for test in tests)


_OPERATORS: dict[str, Callable[[Any, str], Test]] = {
    "prefix": _affix("prefix"), "suffix": _affix("suffix"), "anything-but": _anything_but, "numeric": _numeric,
    "exists": _exists, "equals-ignore-case": _ignoring_case, "wildcard": _wildcard, "cidr": _cidr,
}  # fmt: skip


def _alternatives(content: Mapping[str, Any], path: str) -> list[dict[str, list[Any]]]:
    parts: list[Iterable[dict[str, list[Any]]]] = []
    for name, inner in content.items():
        place = f"{path}.{name}" if path else name
        if name == OR:
            parts.append([one for pattern in inner for one in _alternatives(pattern, path)])
        elif isinstance(inner, dict):
            parts.append(_alternatives(inner, place))
        else:
            parts.append([{place: inner}])
    found: list[dict[str, list[Any]]] = []
    for combination in product(*parts):
        merged: dict[str, list[Any]] = {}
        for one in combination:
            merged |= one
        found.append(merged)
        if len(found) > MOST_ALTERNATIVES:
            break
    return found
