"""JSON Schema: is every value that one schema accepts accepted by another?

Sound, not complete: "yes" is proved keyword by keyword, and what the rules here do not prove counts as "no", with the
place and the rule. The older schema is a list of nodes that all hold (its `allOf` and references, opened); its `anyOf`
and its list of types are taken case by case where that is needed. Schemas may refer to themselves: a question that
comes up again further inside a value is answered by the one that is being asked (induction on the value's depth).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from glulam.schemas.json_nodes import DRAFT_4, DRAFT_7, KINDS, NUMBERS, Node, Unproven
from glulam.schemas.json_rules import RULES, Case, disjoint

MAX_STEPS = 20_000
"""Questions that one comparison may ask; a few hundred are usual."""

ONE_TYPE = {
    kind: Node(schema={"type": name}, draft=DRAFT_7, resolver=None, known={})
    for kind, name in [*((k, k) for k in sorted(KINDS - NUMBERS)), ("int", "number")]
}
Key = tuple[frozenset[int], int]


def unaccepted(old: Node, new: Node) -> str | None:
    """None if `new` accepts all that `old` accepts; else where that is not so, or not proved."""
    try:
        return _Proof().holds((old,), new, "", _Trail())
    except Unproven as error:
        return str(error)


@dataclass(frozen=True, kw_only=True)
class _Trail:
    """Questions that are open: those about this very value, and those about values around it."""

    here: frozenset[Key] = frozenset()
    around: frozenset[Key] = frozenset()
    split: frozenset[int] = frozenset()
    """Disjunctions about this value that were taken case by case already."""

    def inside(self) -> _Trail:
        return _Trail(around=self.around | self.here)


@dataclass
class _Proof:
    steps: int = field(default=0)

    def holds(self, olds: tuple[Node, ...], new: Node, path: str, trail: _Trail) -> str | None:
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise Unproven(f"the schemas are too entangled to compare within {MAX_STEPS} steps")
        olds, new = _opened(olds), new.target()
        if new.schema is True or (new.schema is not False and not new.keywords):
            return None
        kinds = KINDS.intersection(*(old.kinds() for old in olds))
        if not kinds or any(old.schema is False for old in olds):
            return None
        if new.schema is False:
            return f"{path or '/'}: nothing is accepted here any more"
        if new.text is not None and any(old.text == new.text for old in olds):
            return None
        key = (frozenset(id(old.schema) for old in olds), id(new.schema))
        if key in trail.around:
            return None
        if key in trail.here:
            return f"{path or '/'}: the references lead in a circle"
        trail = _Trail(here=trail.here | {key}, around=trail.around, split=trail.split)
        reason = self._directly(olds, new, kinds, path, trail)
        if reason is None or self._by_cases(olds, new, kinds, path, trail):
            return None
        return reason

    def _directly(
        self, olds: tuple[Node, ...], new: Node, kinds: frozenset[str], path: str, trail: _Trail
    ) -> str | None:
        values = _finite(olds, kinds, new)
        if values is not None:
            possible = [v for v in values if all(old.accepts(v) for old in olds if old.plain)]
            gone = [value for value in possible if not new.accepts(value)]
            return f"{path or '/'}: {gone[0]!r} is not accepted any more" if gone else None
        case = Case(
            olds=olds,
            new=new,
            kinds=kinds,
            path=path,
            here=lambda nodes, to, step: self.holds(tuple(nodes), to, path + step, trail),
            inside=lambda nodes, to, step: self.holds(tuple(nodes), to, path + step, trail.inside()),
        )
        for rule in RULES:
            if reason := rule(case):
                return reason
        return self._combined(case)

    def _combined(self, case: Case) -> str | None:
        """allOf, anyOf, oneOf and not."""
        new = case.new
        for branch in new.children("allOf"):
            if reason := case.here(case.olds, branch, ""):
                return reason
        for keyword in ("anyOf", "oneOf"):
            if keyword not in new.keywords:
                continue
            branches = new.children(keyword)
            takers = [b for b in branches if case.here(case.olds, b, f"/{keyword}") is None]
            if not takers:
                return f"{case.path or '/'}: no branch of {keyword} was proved to take what was accepted"
            others = [branch for branch in branches if branch is not takers[0]]
            if keyword == "oneOf" and not all(disjoint(case.olds, other) for other in others):
                return f"{case.path or '/'}: more than one branch of oneOf could take what was accepted"
        if "not" in new.keywords:
            forbidden = new.child(new.keywords["not"])
            known = (old.child(old.keywords["not"]) for old in case.olds if "not" in old.keywords)
            if not disjoint(case.olds, forbidden) and all(case.here((forbidden,), k, "/not") for k in known):
                return f"{case.path or '/'}: not: what it forbids could have been accepted"
        return None

    def _by_cases(
        self, olds: tuple[Node, ...], new: Node, kinds: frozenset[str], path: str, trail: _Trail
    ) -> bool:
        """Whether the proof succeeds for each branch of a disjunction in `olds`, or for each type of value."""
        for old in olds:
            for keyword in ("anyOf", "oneOf"):
                mark = id(old.keywords.get(keyword))
                if keyword not in old.keywords or mark in trail.split:
                    continue
                marked = _Trail(here=trail.here, around=trail.around, split=trail.split | {mark})
                branches = old.children(keyword)
                if all(self.holds((*olds, branch), new, path, marked) is None for branch in branches):
                    return True
        types = sorted(kinds - NUMBERS) + (["int"] if kinds & NUMBERS else [])
        if len(types) < 2:
            return False
        return all(self.holds((*olds, ONE_TYPE[kind]), new, path, trail) is None for kind in types)


def _opened(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """The nodes with references followed and `allOf` laid open, each once; what says nothing is left out."""
    found: dict[int, Node] = {}
    waiting = list(nodes)
    while waiting:
        node = waiting.pop(0).target()
        if id(node.schema) in found or node.schema is True:
            continue
        found[id(node.schema)] = node
        waiting.extend(node.children("allOf"))
    return tuple(found.values())


def _finite(olds: tuple[Node, ...], kinds: frozenset[str], new: Node) -> list[Any] | None:
    """All values that can still be, if they can be listed and put to `new` one by one."""
    if not new.plain:
        return None
    for old in olds:
        if (values := old.values()) is not None:
            # 1 and 1.0 are equal, but to draft 4 only one of them is an integer
            return None if new.draft is DRAFT_4 and any(map(_has_number, values)) else values
    if kinds <= {"null", "boolean"}:
        return [v for v, kind in ((None, "null"), (True, "boolean"), (False, "boolean")) if kind in kinds]
    return None


def _has_number(value: Any) -> bool:
    if isinstance(value, list | dict):
        return any(map(_has_number, value.values() if isinstance(value, dict) else value))
    return isinstance(value, int | float) and not isinstance(value, bool)
