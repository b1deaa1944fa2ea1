"""A JSON Schema as nodes that can be compared: one schema, its draft, and where its references lead.

References are followed within the definition only; nothing is ever fetched. Keywords that the draft does not know are
invisible, as they are to a validator.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from jsonschema import Draft4Validator, Draft6Validator, Draft7Validator
from jsonschema_specifications import REGISTRY
from referencing import Resource, Specification
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT4, DRAFT6, DRAFT7

from glulam.schemas.jsontext import InvalidDefinition, canonical_json

NUMBERS = frozenset(("int", "whole", "fraction"))
"""Kinds of number: 1, 1.0 and 1.5. Whether 1.0 is an integer is where draft 4 differs from the later ones."""
KINDS = frozenset(("null", "boolean", "string", "array", "object")) | NUMBERS


class Unproven(Exception):
    """The comparison cannot be made; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """One of the drafts that Glue takes."""

    name: str
    validator: Any
    specification: Specification[Any]
    integer: frozenset[str]

    def kinds(self, type_name: str) -> frozenset[str]:
        if type_name == "number":
            return NUMBERS
        return self.integer if type_name == "integer" else frozenset((type_name,))


DRAFT_4 = Draft(name="draft-04", validator=Draft4Validator, specification=DRAFT4, integer=frozenset(("int",)))
DRAFT_6 = Draft(
    name="draft-06", validator=Draft6Validator, specification=DRAFT6, integer=frozenset(("int", "whole"))
)
DRAFT_7 = Draft(
    name="draft-07", validator=Draft7Validator, specification=DRAFT7, integer=frozenset(("int", "whole"))
)
DRAFTS = {f"http://json-schema.org/{draft.name}/schema": draft for draft in (DRAFT_4, DRAFT_6, DRAFT_7)}
EXTRA = frozenset(("then", "else", "exclusiveMinimum", "exclusiveMaximum"))
OPAQUE = frozenset(("$ref", "format", "pattern", "patternProperties"))


@dataclass(frozen=True, kw_only=True, eq=False)
class Node:
    """A schema where it stands in its definition."""

    schema: bool | Mapping[str, Any]
    draft: Draft
    resolver: Any
    known: dict[int, Node]
    """The nodes of the definition that were made so far, by the identity of their schema: each is made once."""

    @cached_property
    def keywords(self) -> Mapping[str, Any]:
        """What a validator would look at."""
        if isinstance(self.schema, bool):
            return {}
        if "$ref" in self.schema:
            return {"$ref": self.schema["$ref"]}  # in these drafts a reference hides what stands beside it
        known = self.draft.validator.VALIDATORS
        return {k: v for k, v in self.schema.items() if k in known or k in EXTRA}

    def child(self, schema: bool | Mapping[str, Any]) -> Node:
        """A schema inside this one."""
        if isinstance(schema, bool):
            return self._node(schema, self.resolver)
        resource = self.draft.specification.create_resource(schema)
        return self._node(schema, self.resolver.in_subresource(resource))

    def _node(self, schema: bool | Mapping[str, Any], resolver: Any) -> Node:
        node = self.known.get(id(schema))
        if node is None:
            node = Node(schema=schema, draft=self.draft, resolver=resolver, known=self.known)
            self.known[id(schema)] = node
        return node

    def children(self, keyword: str) -> list[Node]:
        return [self.child(schema) for schema in self.keywords.get(keyword, ())]

    def target(self) -> Node:
        """The schema itself, or the one that its reference leads to in the end."""
        node, seen = self, set()
        while "$ref" in node.keywords:
            if id(node.schema) in seen:
                raise Unproven(f"the reference {node.keywords['$ref']!r} leads to itself")
            seen.add(id(node.schema))
            try:
                found = node.resolver.lookup(node.keywords["$ref"])
            except Unresolvable as error:
                raise Unproven(f"the reference {error.ref!r} leads nowhere in the definition") from None
            if not isinstance(found.contents, bool | Mapping):
                raise Unproven(f"the reference {node.keywords['$ref']!r} does not lead to a schema")
            node = node._node(found.contents, found.resolver)
        return node

    @cached_property
    def plain(self) -> bool:
        """Whether a validator can judge values by this schema alone: no references, formats or regular expressions."""
        return not any(OPAQUE.intersection(found) for found in _objects(self.schema))

    @cached_property
    def text(self) -> bytes | None:
        """What the schema says, to compare; None if that hangs on its place in the definition."""
        has_reference = any("$ref" in found for found in _objects(self.schema))
        return None if has_reference else self.draft.name.encode() + canonical_json(self.schema)

    def accepts(self, value: Any) -> bool:
        """Whether a plain schema accepts a value."""
        return bool(self.draft.validator(self.schema).is_valid(value))

    def kinds(self) -> frozenset[str]:
        """Kinds of value that `type`, `enum` and `const` leave possible."""
        kinds = KINDS
        named = self.keywords.get("type")
        if named is not None:
            names = [named] if isinstance(named, str) else named
            kinds = frozenset[str]().union(*(self.draft.kinds(name) for name in names))
        values = self.values()
        return kinds if values is None else kinds & frozenset[str]().union(*map(kinds_of, values))

    def values(self) -> list[Any] | None:
        """The values that `enum` or `const` allows, or None."""
        if "const" in self.keywords:
            return [self.keywords["const"]]
        found = self.keywords.get("enum")
        return list(found) if found is not None else None


def load(value: Any) -> Node:
    """The root of a definition. Raises InvalidDefinition for a draft that is none of ours, or a bad schema."""
    draft = _draft(value)
    _valid(draft, value)
    resource = draft.specification.create_resource(value)
    try:
        resolver = REGISTRY.resolver_with_root(resource)
        _references(draft, resource, resolver)
    except Unresolvable as error:
        raise InvalidDefinition(
            f"the reference {error.ref!r} leads nowhere in the definition (other documents are not fetched)"
        ) from None
    return Node(schema=value, draft=draft, resolver=resolver, known={})


def kinds_of(value: Any) -> frozenset[str]:
    """Kinds that a value equal to this one can be of: 1 equals 1.0."""
    if value is None or isinstance(value, bool):
        return frozenset(("null" if value is None else "boolean",))
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return frozenset(("int", "whole"))
    return frozenset(({float: "fraction", str: "string", list: "array", dict: "object"}[type(value)],))


def facts(nodes: Iterable[Node], keyword: str) -> list[Any]:
    """What the nodes say under a keyword, those that have it."""
    return [node.keywords[keyword] for node in nodes if keyword in node.keywords]


def _draft(value: Any) -> Draft:
    if not isinstance(value, bool | dict):
        raise InvalidDefinition(f"expected a schema (an object), found {type(value).__name__}")
    if isinstance(value, bool) or "$schema" not in value:
        return DRAFT_7
    named = value["$schema"]
    draft = DRAFTS.get(str(named).rstrip("#").replace("https://", "http://", 1))
    if draft is None:
        raise InvalidDefinition(f"/$schema: expected draft-04, draft-06 or draft-07, found {named!r}")
    return draft


def _valid(draft: Draft, value: Any) -> None:
    checker = draft.validator(draft.validator.META_SCHEMA)
    worst = min(checker.iter_errors(value), key=lambda error: len(error.absolute_path), default=None)
    if worst is not None:
        path = "/".join(str(step) for step in worst.absolute_path)
        raise InvalidDefinition(f"/{path}: {worst.message[:500]} ({draft.name})")


def _references(draft: Draft, resource: Resource[Any], resolver: Any) -> None:
    """Follow every reference in the schema once. Raises Unresolvable."""
    contents = resource.contents
    if isinstance(contents, dict) and isinstance(contents.get("$ref"), str):
        resolver.lookup(contents["$ref"])
    for inner in resource.subresources():
        _references(draft, inner, resolver.in_subresource(inner))


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _objects(inner)
