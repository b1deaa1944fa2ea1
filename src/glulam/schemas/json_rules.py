"""JSON Schema: what must hold for each keyword of the newer schema, given all that is known of the older one.

A rule answers None, or why its keyword could refuse a value that was accepted. It may rely on any of `Case.olds`, since
all of them hold. Numbers are compared as exact fractions. Regular expressions are compared, never run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from glulam.schemas.json_nodes import DRAFT_4, NUMBERS, Node, facts
from glulam.schemas.jsontext import canonical_json


@dataclass(frozen=True, kw_only=True)
class Case:
    """One question: does `new` accept every value that all of `olds` accept?"""

    olds: tuple[Node, ...]
    new: Node
    kinds: frozenset[str]
    """Kinds of value that `olds` leave possible."""
    path: str
    here: Callable[[Iterable[Node], Node, str], str | None]
    """Asks whether a schema accepts this same value, given nodes that do."""
    inside: Callable[[Iterable[Node], Node, str], str | None]
    """The same about a value inside this one."""

    def get(self, keyword: str) -> Any:
        return self.new.keywords.get(keyword)

    def no(self, keyword: str, why: str) -> str:
        return f"{self.path or '/'}: {keyword}: {why}"


def disjoint(olds: tuple[Node, ...], other: Node) -> bool:
    """Whether `other` certainly refuses all that `olds` accept: no type in common, or a required tag that differs."""
    other = other.target()
    if other.schema is False:
        return True
    kinds = other.kinds().intersection(*(old.kinds() for old in olds))
    if not kinds:
        return True
    if kinds != {"object"}:
        return False
    required = {name for names in facts((*olds, other), "required") for name in names}
    for name, schema in other.keywords.get("properties", {}).items():
        theirs = other.child(schema).target().values()
        ours = [old.child(p[name]).target().values() for old, p in _properties(olds) if name in p]
        if name in required and theirs is not None:
            texts = {canonical_json(value) for value in theirs}
            if any(v is not None and not _may_equal(v, texts) for v in ours):
                return True
    return False


def _may_equal(values: list[Any], texts: set[bytes]) -> bool:
    """Whether a value may be among the texts; numbers have several spellings, so they always may."""
    return any(not isinstance(v, str | bool | None) or canonical_json(v) in texts for v in values)


def _properties(nodes: Iterable[Node]) -> Iterator[tuple[Node, dict[str, Any]]]:
    for node in nodes:
        yield node, node.keywords.get("properties", {})


def _types(case: Case) -> str | None:
    named = case.get("type")
    if named is None:
        return None
    names = [named] if isinstance(named, str) else named
    gone = case.kinds.difference(*(case.new.draft.kinds(name) for name in names))
    return (
        case.no("type", f"expected {', '.join(names)}; {', '.join(sorted(gone))} was accepted")
        if gone
        else None
    )


def _values(case: Case) -> str | None:
    values = case.new.values()
    if values is None:
        return None
    allowed = {canonical_json(value) for value in values}
    for old in case.olds:
        found = old.values()
        if found is not None and all(canonical_json(value) in allowed for value in found):
            return None
    return case.no("enum", "values outside of it were accepted")


def _numbers(case: Case) -> str | None:
    if not case.kinds & NUMBERS:
        return None
    for keyword, sign in (("minimum", 1), ("maximum", -1)):
        wanted = _bounds((case.new,), keyword, sign)
        known = _bounds(case.olds, keyword, sign)
        if wanted and (not known or max(known) < max(wanted)):
            return case.no(keyword, "it is tighter than it was")
    step = case.get("multipleOf")
    if step is not None:
        known_steps = facts(case.olds, "multipleOf") + ([1] if "fraction" not in case.kinds else [])
        if not any((_exact(known) / _exact(step)).denominator == 1 for known in known_steps):
            return case.no("multipleOf", f"other numbers than multiples of {step} were accepted")
    return None


def _bounds(nodes: Iterable[Node], keyword: str, sign: int) -> list[tuple[Fraction, bool]]:
    """The bounds as (value, exclusive), signed so that the greatest is the tightest."""
    exclusive = f"exclusive{keyword.capitalize()}"
    found = []
    for node in nodes:
        inclusive, strict = node.keywords.get(keyword), node.keywords.get(exclusive)
        if node.draft is DRAFT_4:
            strict, inclusive = (inclusive, None) if strict is True else (None, inclusive)
        if inclusive is not None:
            found.append((_exact(inclusive) * sign, False))
        if strict is not None:
            found.append((_exact(strict) * sign, True))
    return found


def _exact(number: int | float) -> Fraction:
    return Fraction(str(number))


def _strings(case: Case) -> str | None:
    if "string" not in case.kinds:
        return None
    if reason := _sizes(case, "minLength", "maxLength", 0, None):
        return reason
    for keyword in ("pattern", "format"):
        wanted = case.get(keyword)
        if wanted is not None and wanted not in facts(case.olds, keyword):
            return case.no(keyword, f"{wanted!r} was not asked for")
    return None


def _sizes(case: Case, least: str, most: str, known_least: int, known_most: int | None) -> str | None:
    """The rule of a size that is bounded below and above; known_*: what is known of it besides the keywords."""
    if case.get(least) is not None and max([known_least, *facts(case.olds, least)]) < case.get(least):
        return case.no(least, f"less than {case.get(least)} was accepted")
    bounds = [*facts(case.olds, most), *([] if known_most is None else [known_most])]
    if case.get(most) is not None and (not bounds or min(bounds) > case.get(most)):
        return case.no(most, f"more than {case.get(most)} was accepted")
    return None


def _arrays(case: Case) -> str | None:
    if "array" not in case.kinds:
        return None
    if reason := _sizes(case, "minItems", "maxItems", 0, None):
        return reason
    longest = min(facts(case.olds, "maxItems"), default=None)
    if (
        case.get("uniqueItems")
        and True not in facts(case.olds, "uniqueItems")
        and (longest is None or longest > 1)
    ):
        return case.no("uniqueItems", "equal items were accepted")
    positions = max((len(n.keywords["items"]) for n in (*case.olds, case.new) if _is_tuple(n)), default=0)
    for position in range(positions + 1):
        target = _item(case.new, position)
        if target is None or (longest is not None and position >= longest):
            continue
        known = [item for old in case.olds if (item := _item(old, position)) is not None]
        if reason := case.inside(known, target, f"/items/{position}" if position < positions else "/items"):
            return reason
    if (wanted := case.get("contains")) is not None:
        known = [old.child(old.keywords["contains"]) for old in case.olds if "contains" in old.keywords]
        if all(case.inside((one,), case.new.child(wanted), "/contains") for one in known):
            return case.no("contains", "arrays without such an item were accepted")
    return None


def _is_tuple(node: Node) -> bool:
    return isinstance(node.keywords.get("items"), list)


def _item(node: Node, position: int) -> Node | None:
    """What the schema asks of the item at a position."""
    items = node.keywords.get("items")
    if isinstance(items, list):
        if position < len(items):
            return node.child(items[position])
        items = node.keywords.get("additionalItems")
    return None if items is None else node.child(items)


def _objects(case: Case) -> str | None:
    if "object" not in case.kinds:
        return None
    required = {name for names in facts(case.olds, "required") for name in names}
    missing = [name for name in case.get("required") or () if name not in required]
    if missing:
        return case.no("required", f"objects without {missing[0]!r} were accepted")
    closed = [len(p) for old, p in _properties(case.olds) if _is_closed(old)]
    if reason := _sizes(case, "minProperties", "maxProperties", len(required), min(closed, default=None)):
        return reason
    if (names := case.get("propertyNames")) is not None:
        known = [
            old.child(old.keywords["propertyNames"]) for old in case.olds if "propertyNames" in old.keywords
        ]
        if reason := case.inside(known, case.new.child(names), "/propertyNames"):
            return reason
    return _members(case) or _dependencies(case, required)


def _is_closed(node: Node) -> bool:
    return node.keywords.get("additionalProperties") is False and not node.keywords.get("patternProperties")


def _members(case: Case) -> str | None:
    """properties, patternProperties, additionalProperties: every name that is written down, then any other."""
    names: dict[str | None, None] = {}
    for _, properties in _properties((case.new, *case.olds)):
        names.update(dict.fromkeys(properties))
    names[None] = None
    for name in names:
        step = f"/{name}" if name is not None else "/*"
        for target, pattern in _targets(case.new, name):
            if reason := _member(case, name, pattern, target, step):
                return reason
    return None


def _targets(new: Node, name: str | None) -> Iterator[tuple[Node, str | None]]:
    """What `new` may ask of a member, each with the pattern that the name then matches."""
    properties = new.keywords.get("properties", {})
    if name in properties:
        yield new.child(properties[name]), None
    for pattern, schema in new.keywords.get("patternProperties", {}).items():
        yield new.child(schema), pattern
    if name not in properties and "additionalProperties" in new.keywords:
        yield new.child(new.keywords["additionalProperties"]), None


def _member(case: Case, name: str | None, pattern: str | None, target: Node, step: str) -> str | None:
    certain: list[Node] = []
    uncertain: list[list[Node]] = []
    written = case.get("properties") or {}
    unmatched = case.get("patternProperties") or {} if pattern is None and name not in written else {}
    for old in case.olds:
        choices = _asked(old, name, pattern, unmatched)
        if isinstance(choices, list) and len(choices) > 1:
            uncertain.append(choices)
        else:
            certain.extend(choices)
    reason = case.inside(certain, target, step)
    if reason is None or any(
        all(case.inside((*certain, c), target, step) is None for c in cs) for cs in uncertain
    ):
        return None
    return reason


def _asked(old: Node, name: str | None, pattern: str | None, unmatched: Iterable[str]) -> Sequence[Node]:
    """What `old` asks of a member: a tuple of schemas that all hold, or a list of which at least one does."""
    properties = old.keywords.get("properties", {})
    patterns = old.keywords.get("patternProperties", {})
    both = [properties[name]] if name in properties else []
    if pattern in patterns:
        both.append(patterns[pattern])
    if both:
        return tuple(old.child(schema) for schema in both)
    rest = [schema for p, schema in patterns.items() if p not in unmatched]
    return [old.child(schema) for schema in (old.keywords.get("additionalProperties", True), *rest)]


def _dependencies(case: Case, required: set[str]) -> str | None:
    for name, wanted in (case.get("dependencies") or {}).items():
        known = [(old, d[name]) for old in case.olds if name in (d := old.keywords.get("dependencies", {}))]
        lists = {other for _, one in known if isinstance(one, list) for other in one}
        schemas = [old.child(one) for old, one in known if not isinstance(one, list)]
        if isinstance(wanted, list):
            if not required.union(lists).issuperset(wanted):
                return case.no("dependencies", f"objects with {name!r} but not {wanted} were accepted")
        elif reason := case.here((*case.olds, *schemas), case.new.child(wanted), f"/dependencies/{name}"):
            return reason
    return None


def _conditions(case: Case) -> str | None:
    """if, then, else: both outcomes hold, or the same condition was there."""
    if "if" not in case.new.keywords:
        return None
    words = ("if", "then", "else")
    same = [[node.child(node.keywords.get(w, True)).text for w in words] for node in (case.new, *case.olds)]
    if None not in same[0] and same[0] in same[1:]:
        return None
    outcomes = [case.new.child(case.new.keywords[word]) for word in words[1:] if word in case.new.keywords]
    return next((reason for outcome in outcomes if (reason := case.here(case.olds, outcome, ""))), None)


RULES = (_types, _values, _numbers, _strings, _arrays, _objects, _conditions)
