"""What follows in a workflow run: a pure function over its rows.

    RUNNING  --> a conditional trigger whose predicate holds fires, each once in a run
             --> nothing open, nothing to fire: COMPLETED
    STOPPING --> nothing open: STOPPED

A condition holds when something of its name, set off in this run, has ended in its state. (As in Glue, a run that nobody's
trigger set off is part of no run here, and fires nothing.)
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from glulam.orchestrate.definition import Kind, Trigger, TriggerState, TriggerType


class RunStatus(StrEnum):
    """Glue's WorkflowRunStatus."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"
    ERROR = "ERROR"

    @property
    def ended(self) -> bool:
        return self not in (RunStatus.RUNNING, RunStatus.STOPPING)


@dataclass(frozen=True, kw_only=True)
class Node:
    """A job or crawler that a trigger set off."""

    kind: Kind
    name: str
    trigger: str
    action: int
    """Its place among the trigger's actions."""
    child_id: str | None
    """The job run, the last one of its attempts, or the crawl."""
    state: str | None
    """How it ended; None: it has not."""
    error: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class RunView:
    """A workflow run, as far as a decision needs it."""

    status: RunStatus
    triggers: Sequence[Trigger]
    fired: Collection[str]
    nodes: Sequence[Node]


_Ends = set[tuple[Kind, str, str]]


@dataclass(frozen=True, kw_only=True)
class Decision:
    fire: tuple[Trigger, ...] = ()
    becomes: RunStatus | None = None


def decide(view: RunView) -> Decision:
    """Which triggers fire now, or how the run ends."""
    if view.status.ended:
        return Decision()
    still_open = any(node.state is None for node in view.nodes)
    if view.status is RunStatus.STOPPING:
        return Decision() if still_open else Decision(becomes=RunStatus.STOPPED)
    ended: _Ends = {(node.kind, node.name, node.state) for node in view.nodes if node.state is not None}
    fire = tuple(t for t in view.triggers if t.name not in view.fired and _holds(t, ended))
    if fire or still_open:
        return Decision(fire=fire)
    return Decision(becomes=RunStatus.COMPLETED)


def _holds(trigger: Trigger, ended: _Ends) -> bool:
    if trigger.type is not TriggerType.CONDITIONAL or trigger.state is not TriggerState.ACTIVATED:
        return False
    met = [(c.kind, c.name, c.state) in ended for c in trigger.conditions]
    return any(met) if trigger.any_of_them else all(met)
