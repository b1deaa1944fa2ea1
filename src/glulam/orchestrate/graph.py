"""The graph of a workflow: its triggers, jobs and crawlers as nodes, and an edge for each action and each condition."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from glulam.model.errors import InvalidInput
from glulam.orchestrate.decide import Node
from glulam.orchestrate.definition import Kind, Trigger, TriggerType

TRIGGER = "TRIGGER"
Vertex = tuple[str, str]
"""Kind (TRIGGER, JOB, CRAWLER) and name."""


@dataclass(frozen=True, kw_only=True)
class Graph:
    vertices: tuple[Vertex, ...]
    edges: tuple[tuple[Vertex, Vertex], ...]


def graph_of(triggers: Sequence[Trigger]) -> Graph:
    """In the order in which triggers name them; the one that starts comes first."""
    vertices: dict[Vertex, None] = {}
    edges: dict[tuple[Vertex, Vertex], None] = {}
    for trigger in sorted(triggers, key=lambda t: (t.type is TriggerType.CONDITIONAL, t.name)):
        here = (TRIGGER, trigger.name)
        vertices[here] = None
        for condition in trigger.conditions:
            vertices[condition.kind, condition.name] = None
            edges[(condition.kind, condition.name), here] = None
        for action in trigger.actions:
            vertices[action.kind, action.name] = None
            edges[here, (action.kind, action.name)] = None
    return Graph(vertices=tuple(vertices), edges=tuple(edges))


def node_id(workflow: str, vertex: Vertex) -> str:
    """The same in all runs."""
    return "wnode_" + hashlib.sha256("\0".join((workflow, *vertex)).encode()).hexdigest()


def chosen(workflow: str, nodes: Sequence[Node], ids: Sequence[str]) -> list[Node]:
    """The nodes of a run that ids mean. Raises InvalidInput for an id of none, and for a trigger's."""
    known: dict[str, list[Node]] = {}
    for node in nodes:
        known.setdefault(node_id(workflow, (node.kind, node.name)), []).append(node)
    if not ids:
        raise InvalidInput("NodeIds is empty; expected the ids of jobs and crawlers that are to run again")
    for one in ids:
        if one not in known:
            raise InvalidInput(f"node {one!r} is no job or crawler that ran in this run")
    return [node for one in dict.fromkeys(ids) for node in known[one]]


def behind(triggers: Sequence[Trigger], first: Collection[tuple[Kind, str]]) -> set[str]:
    """Names of the triggers that wait, directly or not, for one of these."""
    reached: set[tuple[Kind, str]] = set(first)
    found: set[str] = set()
    while True:
        more = [
            t for t in triggers
            if t.name not in found and any((c.kind, c.name) in reached for c in t.conditions)
        ]  # fmt: skip
        if not more:
            return found
        found |= {t.name for t in more}
        reached |= {(a.kind, a.name) for t in more for a in t.actions}
