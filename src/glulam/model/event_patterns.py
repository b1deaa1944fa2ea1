"""Event patterns, as EventBridge has them: which events a rule is for. Pure; the rules of events and of alerts share it.

    {"source": ["glulam"],                                   every field named must match,
     "detail": {"pipeline": ["orders", {"prefix": "eu-"}],   by one of the values in its list
                "rejected": [{"numeric": [">", 100]}],
                "$or": [{"kind": ["a"]}, {"size": [{"exists": false}]}]}}

A field of the event that is a list matches when one of its members does; below a list of objects, one object must match all
that the pattern says below it. An empty list, and an object where the pattern has a value, count as absent.
One thing differs from AWS on purpose: numbers are compared as they are, not only from -5e9 to 5e9."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from glulam.model.errors import InvalidInput

OR = "$or"
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    "=": lambda a, b: a == b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
_PIECES = re.compile(r"\\[\\*]|\*|[^\\*]+")


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Whether the event is one of those that a pattern, which `check` let through, describes."""
    for name, wanted in pattern.items():
        if name == OR and isinstance(wanted, list):
            if not any(matches(branch, event) for branch in wanted):
                return False
        elif isinstance(wanted, Mapping):
            inner = [value for value in _flat(event.get(name)) if isinstance(value, Mapping)]
            if not any(matches(wanted, value) for value in inner or [{}]):
                return False
        elif not _leaf(wanted, name in event, event.get(name)):
            return False
    return True


def check(pattern: object, where: str = "") -> None:
    """Raises InvalidInput, which names the field: no pattern."""
    if not isinstance(pattern, Mapping):
        raise _wrong(where, f"expected an object, found {pattern!r}")
    if not pattern:
        raise _wrong(where, "empty objects are not allowed")
    for name, wanted in pattern.items():
        place = f"{where}.{name}" if where else str(name)
        if name == OR:
            if not isinstance(wanted, list) or len(wanted) < 2:
                raise _wrong(place, "expected a list of at least two objects")
            for number, branch in enumerate(wanted):
                check(branch, f"{place}[{number}]")
        elif isinstance(wanted, Mapping):
            check(wanted, place)
        elif isinstance(wanted, list):
            if not wanted:
                raise _wrong(place, "empty lists are not allowed")
            for one in wanted:
                _check_matcher(place, one)
        else:
            raise _wrong(place, f"expected a list of values or an object, found {wanted!r}")


def _leaf(wanted: list[Any], present: bool, value: object) -> bool:
    found = [one for one in _flat(value) if not isinstance(one, Mapping)] if present else []
    if not found:
        return {"exists": False} in wanted
    return any(_fits(one, value) for one in wanted for value in found)


def _flat(value: object) -> Iterator[object]:
    if isinstance(value, list | tuple):
        for one in value:
            yield from _flat(one)
    else:
        yield value


def _fits(matcher: object, value: object) -> bool:
    if not isinstance(matcher, Mapping):
        return _same(matcher, value)
    ((kind, operand),) = matcher.items()
    match kind:
        case "exists":
            return bool(operand)
        case "anything-but":
            return not any(_fits(_as_matcher(operand, one), value) for one in _members(operand))
        case "numeric":
            pairs = zip(operand[::2], operand[1::2], strict=True)
            return _is_number(value) and all(_COMPARE[sign](value, limit) for sign, limit in pairs)  # type: ignore[arg-type]
    return isinstance(value, str) and _fits_text(kind, operand, value)


def _fits_text(kind: str, operand: Any, value: str) -> bool:
    if isinstance(operand, Mapping):  # {"prefix": {"equals-ignore-case": "x"}}
        operand, value = operand["equals-ignore-case"].casefold(), value.casefold()
    match kind:
        case "prefix":
            return value.startswith(operand)
        case "suffix":
            return value.endswith(operand)
        case "equals-ignore-case":
            return bool(value.casefold() == operand.casefold())
        case "wildcard":
            return _fits_wildcard(operand, value)
    return _in_network(operand, value)


def _fits_wildcard(wanted: str, value: str) -> bool:
    """In one walk over the value: each literal at its first place after the one before, the last one at the end."""
    literals = [""]
    for piece in _PIECES.findall(wanted):
        if piece == "*":
            literals.append("")
        else:
            literals[-1] += piece[1:] if piece[0] == "\\" else piece
    if len(literals) == 1:
        return value == literals[0]
    first, *middle, last = literals
    if len(value) < len(first) + len(last) or not value.startswith(first) or not value.endswith(last):
        return False
    at, end = len(first), len(value) - len(last)
    for literal in middle:
        found = value.find(literal, at, end)
        if found < 0:
            return False
        at = found + len(literal)
    return True


def _in_network(network: str, value: str) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _members(operand: object) -> list[Any]:
    """What an anything-but excludes: `"x"`, `["x", "y"]`, `{"prefix": "x"}`, `{"prefix": ["x", "y"]}`."""
    if isinstance(operand, Mapping):
        (operand,) = operand.values()
    return operand if isinstance(operand, list) else [operand]


def _as_matcher(operand: object, one: object) -> object:
    if not isinstance(operand, Mapping):
        return one
    (kind,) = operand
    return {kind: one}


def _same(wanted: object, value: object) -> bool:
    """Equal, where true is not 1."""
    return wanted == value and isinstance(wanted, bool) == isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_matcher(place: str, matcher: object) -> None:
    if matcher is None or isinstance(matcher, str | int | float | bool):
        return
    if not isinstance(matcher, Mapping):
        raise _wrong(place, f"expected strings, numbers, true, false, null or matchers, found {matcher!r}")
    if len(matcher) != 1:
        raise _wrong(place, f"expected one key in a matcher, found {sorted(map(str, matcher)) or 'none'}")
    ((kind, operand),) = matcher.items()
    match kind:
        case "exists" if not isinstance(operand, bool):
            raise _wrong(place, f"exists: expected true or false, found {operand!r}")
        case "exists":
            return
        case "numeric":
            _check_numeric(place, operand)
        case "anything-but":
            _check_anything_but(place, operand)
        case "prefix" | "suffix" if isinstance(operand, Mapping):
            if set(operand) != {"equals-ignore-case"}:
                raise _wrong(place, f"{kind}: expected a string or equals-ignore-case, found {operand!r}")
            _check_text(place, "equals-ignore-case", operand["equals-ignore-case"])
        case "prefix" | "suffix" | "equals-ignore-case" | "wildcard" | "cidr":
            _check_text(place, kind, operand)
        case _:
            raise _wrong(place, f"{kind!r} is no matcher")


def _check_text(place: str, kind: str, operand: object) -> None:
    if not isinstance(operand, str):
        raise _wrong(place, f"{kind}: expected a string, found {operand!r}")
    if kind == "wildcard":
        pieces = _PIECES.findall(operand)
        if "".join(pieces) != operand:
            raise _wrong(place, f"wildcard {operand!r}: a backslash stands before * or another one only")
        if any(a == b == "*" for a, b in pairwise(pieces)):
            raise _wrong(place, f"wildcard {operand!r}: two * in a row")
    if kind == "cidr":
        try:
            ipaddress.ip_network(operand, strict=False)
        except ValueError as error:
            raise _wrong(place, f"cidr: {error}") from error


def _check_numeric(place: str, operand: object) -> None:
    good = isinstance(operand, list) and len(operand) in (2, 4)
    if good and isinstance(operand, list):
        signs, limits = operand[::2], operand[1::2]
        good = all(isinstance(s, str) and s in _COMPARE for s in signs) and all(map(_is_number, limits))
        if good and len(signs) == 2:
            good = signs[0] in (">", ">=") and signs[1] in ("<", "<=") and limits[0] < limits[1]
    if not good:
        form = '["<", 10] or [">", 0, "<=", 5] with the lower limit first'
        raise _wrong(place, f"numeric: expected {form}, found {operand!r}")


def _check_anything_but(place: str, operand: object) -> None:
    members = _members(operand) if not isinstance(operand, Mapping) or len(operand) == 1 else []
    if not members:
        raise _wrong(place, f"anything-but: expected values or one matcher, found {operand!r}")
    if isinstance(operand, Mapping):
        (kind,) = operand
        if kind not in ("prefix", "suffix", "equals-ignore-case", "wildcard"):
            raise _wrong(place, f"anything-but: {kind!r} cannot be excluded")
        for one in members:
            _check_text(place, f"anything-but {kind}" if kind != "wildcard" else kind, one)
    elif not (all(isinstance(one, str) for one in members) or all(map(_is_number, members))):
        raise _wrong(place, f"anything-but: expected strings only or numbers only, found {operand!r}")


def _wrong(place: str, what: str) -> InvalidInput:
    return InvalidInput(f"event pattern{f', {place}' if place else ''}: {what}")
