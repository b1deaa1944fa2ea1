"""Operations on workflows and their runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from glulam.api import job_runs as job_run_shapes
from glulam.api.jobs import place_of
from glulam.api.paging import Paging
from glulam.api.sight import Sight
from glulam.api.triggers import shown as trigger_shown
from glulam.catalog import tags
from glulam.catalog.scope import Scope
from glulam.crawl import runs as crawls
from glulam.crawl.runs import Crawl
from glulam.jobs import runs as job_runs
from glulam.jobs.runs import JobRun
from glulam.model.caller import Caller
from glulam.model.place import Place
from glulam.orchestrate import graph, runs, triggers, workflows
from glulam.orchestrate.decide import Node
from glulam.orchestrate.definition import Kind, Trigger
from glulam.orchestrate.firing import Firing
from glulam.orchestrate.runs import WorkflowRun
from glulam.orchestrate.workflows import Workflow
from glulam.store.database import Database

_PAGE = 25
_KEPT = ("Description", "DefaultRunProperties", "MaxConcurrentRuns")
_COUNTED = {"TIMEOUT": "TimeoutActions", "FAILED": "FailedActions", "STOPPED": "StoppedActions",
            "CANCELLED": "StoppedActions", "SUCCEEDED": "SucceededActions", "ERROR": "ErroredActions",
            "EXPIRED": "ErroredActions"}  # fmt: skip
_CRAWL_LOGS = "/aws-glue/crawlers"


def require_workflow(conn: psycopg.Connection, scope: Scope, path: str) -> None:
    """For tagging: raises EntityNotFound."""
    workflows.get(conn, Place(account_id=scope.catalog_id, region=scope.region), path)


@dataclass(frozen=True, kw_only=True)
class Workflows:
    database: Database
    paging: Paging
    sight: Sight
    firing: Firing

    def create_workflow(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        name = asked["Name"]
        with self.database.transaction() as conn:
            workflows.create(conn, place_of(caller), name, {k: asked[k] for k in _KEPT if k in asked})
            tags.put(conn, tags.arn(caller, "workflow", name), asked.get("Tags") or {})
        return {"Name": name}

    def update_workflow(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.transaction() as conn:
            workflows.update(
                conn, place_of(caller), asked["Name"], {k: asked[k] for k in _KEPT if k in asked}
            )
        return {"Name": asked["Name"]}

    def delete_workflow(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        """With its triggers. One that is not there is no error, as in Glue."""
        name = asked["Name"]
        with self.database.transaction() as conn:
            gone = workflows.delete(conn, place_of(caller), name)
            if gone is not None:
                tags.forget(conn, tags.arn(caller, "workflow", name))
            for trigger in gone or ():
                tags.forget(conn, tags.arn(caller, "trigger", trigger))
        return {"Name": name}

    def get_workflow(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.connection() as conn:
            found = workflows.get(conn, place_of(caller), asked["Name"])
            return {"Workflow": self._shown(conn, caller, [found], asked)[0]}

    def list_workflows(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        def read(position: list[Any], limit: int) -> list[Workflow]:
            with self.database.connection() as conn:
                return workflows.page(
                    conn, place_of(caller), after=position[0] if position else "", limit=limit
                )

        found, token = self.paging.page("ListWorkflows", caller, asked, _PAGE, read, lambda w: [w.name])
        seen = self.sight.seen(
            caller, ("ListWorkflows", "GetWorkflow"), found, lambda w: [tags.arn(caller, "workflow", w.name)]
        )
        return {"Workflows": [workflow.name for workflow in seen], "NextToken": token}

    def batch_get_workflows(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        names = list(dict.fromkeys(asked["Names"]))
        with self.database.connection() as conn:
            found = workflows.page(conn, place_of(caller), names=names, limit=len(names))
            by_name = {w["Name"]: w for w in self._shown(conn, caller, found, asked)}
        return {
            "Workflows": [by_name[name] for name in names if name in by_name],
            "MissingWorkflows": [name for name in names if name not in by_name],
        }

    def start_workflow_run(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.transaction() as conn:
            run = self.firing.start_workflow(
                conn, place_of(caller), asked["Name"], asked.get("RunProperties") or {}
            )
        return {"RunId": run.id}

    def stop_workflow_run(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        with self.database.transaction() as conn:
            self.firing.stop_workflow(conn, place_of(caller), asked["Name"], asked["RunId"])

    def resume_workflow_run(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.transaction() as conn:
            run = self.firing.resume_workflow(
                conn, place_of(caller), asked["Name"], asked["RunId"], asked["NodeIds"]
            )
        return {"RunId": run.id, "NodeIds": asked["NodeIds"]}

    def get_workflow_run(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.connection() as conn:
            run = runs.get(conn, place_of(caller), asked["Name"], asked["RunId"])
            return {"Run": run_shown(conn, run, graph_too=asked.get("IncludeGraph") or False)}

    def get_workflow_runs(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        place, name = place_of(caller), asked["Name"]

        def read(position: list[Any], limit: int) -> list[WorkflowRun]:
            with self.database.connection() as conn:
                found = runs.page(conn, place, name, before=position[0] if position else None, limit=limit)
                if not found:
                    workflows.get(conn, place, name)
                return found

        found, token = self.paging.page("GetWorkflowRuns", caller, asked, _PAGE, read, lambda run: [run.seq])
        graph_too = asked.get("IncludeGraph") or False
        with self.database.connection() as conn:
            return {"Runs": [run_shown(conn, run, graph_too=graph_too) for run in found], "NextToken": token}

    def get_workflow_run_properties(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.connection() as conn:
            return {
                "RunProperties": runs.get(conn, place_of(caller), asked["Name"], asked["RunId"]).properties
            }

    def put_workflow_run_properties(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        """Properties that are not named stay as they are."""
        with self.database.transaction() as conn:
            run = runs.get(conn, place_of(caller), asked["Name"], asked["RunId"], for_update=True)
            runs.set_properties(conn, run.id, asked["RunProperties"])

    def _shown(
        self, conn: psycopg.Connection, caller: Caller, found: Sequence[Workflow], asked: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        place, graph_too = place_of(caller), asked.get("IncludeGraph") or False
        last = runs.last(conn, place, [workflow.name for workflow in found])
        answer = []
        for one in found:
            shown = {
                **one.document, "Name": one.name, "CreatedOn": one.created_at, "LastModifiedOn": one.updated_at,
            }  # fmt: skip
            if one.name in last:
                shown["LastRun"] = run_shown(conn, last[one.name], graph_too=graph_too)
            if graph_too:
                shown["Graph"] = _graph(one.name, triggers.of_workflow(conn, place, one.name), {})
            answer.append(shown)
        return answer


def run_shown(conn: psycopg.Connection, run: WorkflowRun, *, graph_too: bool) -> dict[str, Any]:
    """As Glue's WorkflowRun."""
    nodes = runs.nodes(conn, run.id)
    events = run.events
    shown: dict[str, Any] = {
        "Name": run.workflow, "WorkflowRunId": run.id, "PreviousRunId": run.previous_id,
        "WorkflowRunProperties": run.properties, "StartedOn": run.started_at, "CompletedOn": run.completed_at,
        "Status": run.status.value, "ErrorMessage": run.error, "Statistics": _statistics(conn, nodes),
    }  # fmt: skip
    if events is not None:
        shown["StartingEventBatchCondition"] = {k: events[k] for k in ("BatchSize", "BatchWindow")}
    if graph_too:
        shown["Graph"] = _graph(run.workflow, run.triggers, _details(conn, nodes))
    return shown


def _statistics(conn: psycopg.Connection, nodes: Sequence[Node]) -> dict[str, int]:
    counts = dict.fromkeys((*_COUNTED.values(), "RunningActions", "WaitingActions"), 0)
    waiting = job_runs.waiting(conn, _children(nodes, Kind.JOB, ended=False))
    for node in nodes:
        if node.state is not None:
            counts[_COUNTED[node.state]] += 1
        else:
            counts["WaitingActions" if node.child_id in waiting else "RunningActions"] += 1
    return {"TotalActions": len(nodes), **counts}


def _children(nodes: Sequence[Node], kind: Kind, *, ended: bool = True) -> list[str]:
    """Ids of the runs or crawls; without `ended`, of those that are open."""
    return [n.child_id for n in nodes if n.child_id and n.kind is kind and (ended or n.state is None)]


def _details(conn: psycopg.Connection, nodes: Sequence[Node]) -> dict[graph.Vertex, dict[str, Any]]:
    """What a run's graph tells of its jobs and crawlers."""
    tried = job_runs.attempts(conn, _children(nodes, Kind.JOB))
    crawled = crawls.find_many(conn, _children(nodes, Kind.CRAWLER))
    found: dict[graph.Vertex, dict[str, Any]] = {}
    for node in nodes:
        member, name = ("JobDetails", "JobRuns") if node.kind is Kind.JOB else ("CrawlerDetails", "Crawls")
        listed = found.setdefault((node.kind, node.name), {member: {name: []}})[member][name]
        child = node.child_id or ""
        listed += (
            _job_runs(node, tried.get(child)) if node.kind is Kind.JOB else [_crawl(node, crawled.get(child))]
        )
    return found


def _job_runs(node: Node, attempts: Sequence[JobRun] | None) -> list[dict[str, Any]]:
    if attempts is not None:
        return [job_run_shapes.shown(one) for one in attempts]
    return [
        {
            "JobName": node.name,
            "JobRunState": node.state,
            "ErrorMessage": node.error,
            "TriggerName": node.trigger,
        }
    ]


def _crawl(node: Node, crawl: Crawl | None) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "State": node.state or "RUNNING", "ErrorMessage": node.error, "LogGroup": _CRAWL_LOGS,
        "LogStream": node.name,
    }  # fmt: skip
    if crawl is not None:
        shown |= {"StartedOn": crawl.started_at or crawl.created_at, "CompletedOn": crawl.ended_at}
    return shown


def _graph(
    workflow: str, found: Sequence[Trigger], details: Mapping[graph.Vertex, Mapping[str, Any]]
) -> dict[str, Any]:
    """As Glue's WorkflowGraph."""
    made, by_name = graph.graph_of(found), {trigger.name: trigger for trigger in found}
    nodes = []
    for vertex in made.vertices:
        kind, name = vertex
        more = {"TriggerDetails": {"Trigger": trigger_shown(by_name[name])}} if kind == graph.TRIGGER else {}
        nodes.append(
            {
                "Type": str(kind),
                "Name": name,
                "UniqueId": graph.node_id(workflow, vertex),
                **more,
                **details.get(vertex, {}),
            }
        )
    edges = [
        {"SourceId": graph.node_id(workflow, a), "DestinationId": graph.node_id(workflow, b)}
        for a, b in made.edges
    ]
    return {"Nodes": nodes, "Edges": edges}
