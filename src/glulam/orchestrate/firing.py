"""Carries decisions out: starts runs of workflows, fires triggers, and follows what they set off to its end.

Everything that one decision does is one transaction: the fire, the job runs and crawls that it starts, and the rows that say
so are there together or not at all. Each trigger fires once in a run (a primary key), so several schedulers, or one that
died and looks again, do nothing twice.

Left to others: when to look (`scheduler.py`), what follows (`decide.py`), how jobs and crawls run (`Children`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

import psycopg

from glulam.model.errors import ConcurrentRunsExceeded, GlulamError, IllegalWorkflowState, InvalidInput
from glulam.model.failpoints import failpoint
from glulam.model.place import Place
from glulam.orchestrate import graph, runs, triggers, workflows
from glulam.orchestrate.decide import Node, RunStatus, RunView, decide
from glulam.orchestrate.definition import Action, Kind, Trigger
from glulam.orchestrate.runs import WorkflowRun
from glulam.orchestrate.workflows import Workflow

NAME_ARGUMENT, RUN_ARGUMENT = "--WORKFLOW_NAME", "--WORKFLOW_RUN_ID"
"""Glue passes these to the jobs of a workflow."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What became of a child."""

    child_id: str
    """Itself, or the next attempt at it."""
    state: str | None
    """None: the next attempt is not over."""
    error: str | None


class Children(Protocol):
    """Job runs and crawls."""

    def start(
        self,
        conn: psycopg.Connection,
        place: Place,
        kind: Kind,
        name: str,
        asked: Mapping[str, Any],
        trigger: str,
    ) -> str:
        """The id of a new one. Raises GlulamError when it cannot be started."""

    def stop(self, conn: psycopg.Connection, place: Place, kind: Kind, name: str, child_id: str) -> None:
        """No error when it has ended."""

    def ended(self, conn: psycopg.Connection, kind: Kind, child_id: str) -> Ended:
        """Of one that has ended."""


@dataclass(frozen=True, kw_only=True)
class Firing:
    children: Children

    def start_workflow(
        self, conn: psycopg.Connection, place: Place, name: str, properties: Mapping[str, str], *,
        events: Mapping[str, Any] | None = None, tick: datetime | None = None,
    ) -> WorkflowRun:  # fmt: skip
        """A run of the workflow, its first trigger fired. Raises EntityNotFound, ConcurrentRunsExceeded, InvalidInput."""
        workflow = workflows.get(conn, place, name, for_update=True)
        found = triggers.of_workflow(conn, place, name)
        first = triggers.starting(found)
        if first is None:
            raise InvalidInput(
                f"workflow {name!r} has no trigger to start with; expected one that is not CONDITIONAL"
            )
        _require_room(conn, place, workflow)
        given = {**(workflow.document.get("DefaultRunProperties") or {}), **properties}
        run = runs.insert(conn, place, name, found, given, events=events)
        self._fire(conn, run, [first], tick)
        self._go_on(conn, run)
        return run

    def fire_trigger(
        self, conn: psycopg.Connection, place: Place, trigger: Trigger, *, tick: datetime | None = None
    ) -> WorkflowRun:
        """A trigger fires by itself: it starts its workflow, or a run of none. Raises what start_workflow raises."""
        if trigger.workflow:
            return self.start_workflow(conn, place, trigger.workflow, {}, tick=tick)
        run = runs.insert(conn, place, "", (), {})
        self._fire(conn, run, [trigger], tick)
        self._go_on(conn, run)
        return run

    def advance(self, conn: psycopg.Connection, run_id: str) -> bool:
        """Deal with what has ended in the run. False when somebody else does."""
        run = runs.lock(conn, run_id)
        if run is None:
            return False
        for node in runs.nodes(conn, run_id, ended_now=True):
            assert node.child_id is not None
            ended = self.children.ended(conn, node.kind, node.child_id)
            runs.set_node(
                conn, run_id, replace(node, child_id=ended.child_id, state=ended.state, error=ended.error)
            )
            if ended.state is None and run.status is RunStatus.STOPPING:
                self.children.stop(conn, run.place, node.kind, node.name, ended.child_id)
        failpoint("orchestrate.after_ends")
        self._go_on(conn, run)
        return True

    def stop_workflow(self, conn: psycopg.Connection, place: Place, name: str, run_id: str) -> None:
        """Nothing new is set off, and what runs is stopped. Raises EntityNotFound, IllegalWorkflowState."""
        run = runs.get(conn, place, name, run_id, for_update=True)
        if run.status is not RunStatus.RUNNING:
            raise IllegalWorkflowState(f"Workflow run {run_id} is {run.status}; expected RUNNING")
        runs.move(conn, run, RunStatus.STOPPING)
        for node in runs.nodes(conn, run_id):
            if node.state is None and node.child_id is not None:
                self.children.stop(conn, place, node.kind, node.name, node.child_id)
        self._go_on(conn, replace(run, status=RunStatus.STOPPING))

    def resume_workflow(
        self, conn: psycopg.Connection, place: Place, name: str, run_id: str, node_ids: Sequence[str]
    ) -> WorkflowRun:
        """A new run: what stands neither among these nodes nor behind them counts as in the run before.

        Raises EntityNotFound, IllegalWorkflowState, InvalidInput, ConcurrentRunsExceeded."""
        workflow = workflows.get(conn, place, name, for_update=True)
        before = runs.get(conn, place, name, run_id, for_update=True)
        if not before.status.ended:
            raise IllegalWorkflowState(f"Workflow run {run_id} is {before.status}; expected one that is over")
        _require_room(conn, place, workflow)
        done = runs.nodes(conn, run_id)
        again = graph.chosen(name, done, node_ids)
        behind = graph.behind(before.triggers, {(node.kind, node.name) for node in again})
        run = runs.insert(
            conn, place, name, before.triggers, before.properties, events=before.events, previous=run_id
        )
        for trigger in runs.fired(conn, run_id).keys() - behind:
            runs.fire(conn, run.id, trigger)
        for node in done:
            if node not in again and node.trigger not in behind:
                runs.add_node(conn, run.id, node)
        actions = {
            (t.name, number): action for t in before.triggers for number, action in enumerate(t.actions)
        }
        for node in (node for node in again if node.trigger not in behind):
            self._set_off(conn, run, node.trigger, node.action, actions[node.trigger, node.action])
        self._go_on(conn, run)
        return run

    def _go_on(self, conn: psycopg.Connection, run: WorkflowRun) -> None:
        """Fire what follows, until nothing does."""
        while True:
            known = runs.nodes(conn, run.id)
            waiting = (
                run.triggers if run.workflow else triggers.conditional_on(conn, run.place, _names(known))
            )
            view = RunView(status=run.status, triggers=waiting, fired=runs.fired(conn, run.id), nodes=known)
            decision = decide(view)
            self._fire(conn, run, decision.fire)
            if decision.becomes is not None:
                runs.move(conn, run, decision.becomes)
            if not decision.fire:
                return

    def _fire(
        self,
        conn: psycopg.Connection,
        run: WorkflowRun,
        firing: Sequence[Trigger],
        tick: datetime | None = None,
    ) -> None:
        """Each action of each trigger, by name: whoever starts several jobs locks them in this order."""
        actions = [
            (action.kind, action.name, trigger.name, number, action)
            for trigger in firing if runs.fire(conn, run.id, trigger.name, tick)
            for number, action in enumerate(trigger.actions)
        ]  # fmt: skip
        for _, _, name, number, action in sorted(actions, key=lambda found: found[:4]):
            self._set_off(conn, run, name, number, action)
        failpoint("orchestrate.after_fire")

    def _set_off(
        self, conn: psycopg.Connection, run: WorkflowRun, trigger: str, number: int, action: Action
    ) -> None:
        """Start a job or crawler. One that cannot be started is a node in ERROR: conditions may wait for that, too."""
        asked = dict(action.asked)
        if run.workflow and action.kind is Kind.JOB:
            own = {NAME_ARGUMENT: run.workflow, RUN_ARGUMENT: run.id}
            asked["Arguments"] = {**(asked.get("Arguments") or {}), **own}
        child: str | None = None
        error: str | None = None
        try:
            with conn.transaction():
                child = self.children.start(conn, run.place, action.kind, action.name, asked, trigger)
        except GlulamError as failure:
            error = str(failure)
        runs.add_node(conn, run.id, Node(
            kind=action.kind, name=action.name, trigger=trigger, action=number, child_id=child,
            state=None if error is None else "ERROR", error=error,
        ))  # fmt: skip


def _require_room(conn: psycopg.Connection, place: Place, workflow: Workflow) -> None:
    """For one more run of a workflow whose row is locked."""
    if workflow.most_runs is not None and runs.active(conn, place, workflow.name) >= workflow.most_runs:
        raise ConcurrentRunsExceeded(
            f"Workflow {workflow.name} runs {workflow.most_runs} times already, as often as MaxConcurrentRuns allows"
        )


def _names(nodes: Sequence[Node]) -> list[str]:
    return sorted({node.name for node in nodes})
