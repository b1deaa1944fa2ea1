"""Operations on blueprints and their runs; and making the workflow that a run's script describes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from glulam.api.jobs import place_of
from glulam.api.paging import Paging
from glulam.api.scopes import account_scope
from glulam.api.sight import Sight
from glulam.catalog import resources, tags
from glulam.catalog.resources import Kind, Resource, Shelf
from glulam.catalog.scope import Scope
from glulam.crawl import crawlers
from glulam.jobs import definitions
from glulam.jobs import runs as job_runs
from glulam.jobs.layouts import start_layout
from glulam.model.caller import Caller
from glulam.model.errors import InvalidInput
from glulam.model.place import Place
from glulam.model.uri import S3Uri
from glulam.orchestrate import blueprints, triggers, workflows
from glulam.orchestrate.blueprints import BlueprintRun
from glulam.store.database import Database

_PAGE = 25
ReadObject = Callable[[S3Uri], bytes]
"""The content of an object. Raises GlulamError."""


@dataclass(frozen=True, kw_only=True)
class Blueprints:
    database: Database
    paging: Paging
    sight: Sight
    read: ReadObject

    def create_blueprint(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        name, given = asked["Name"], self._document(asked)
        with self.database.transaction() as conn:
            resources.create(conn, _shelf(caller), name, given)
            tags.put(conn, tags.arn(caller, "blueprint", name), asked.get("Tags") or {})
        return {"Name": name}

    def update_blueprint(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.transaction() as conn:
            resources.update(conn, _shelf(caller), asked["Name"], self._document(asked))
        return {"Name": asked["Name"]}

    def delete_blueprint(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The workflows that it made stay. One that is not there is no error, as in Glue."""
        with self.database.transaction() as conn:
            if resources.find(conn, _shelf(caller), asked["Name"]) is not None:
                resources.delete(conn, _shelf(caller), asked["Name"])
                tags.forget(conn, tags.arn(caller, "blueprint", asked["Name"]))
        return {"Name": asked["Name"]}

    def get_blueprint(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.connection() as conn:
            return {"Blueprint": _shown(resources.get(conn, _shelf(caller), asked["Name"]), asked)}

    def list_blueprints(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        def read(position: list[Any], limit: int) -> list[Resource]:
            with self.database.connection() as conn:
                return resources.page(
                    conn, _shelf(caller), after=position[0] if position else "", limit=limit
                )

        found, token = self.paging.page("ListBlueprints", caller, asked, _PAGE, read, lambda r: [r.name])
        names = [r.name for r in self.sight.seen(
            caller, ("ListBlueprints", "GetBlueprint"), found, lambda r: [tags.arn(caller, "blueprint", r.name)]
        )]  # fmt: skip
        wanted = (asked.get("Tags") or {}).items()
        if wanted:
            with self.database.connection() as conn:
                names = [
                    n for n in names if wanted <= tags.get(conn, tags.arn(caller, "blueprint", n)).items()
                ]
        return {"Blueprints": names, "NextToken": token}

    def batch_get_blueprints(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        names = list(dict.fromkeys(asked["Names"]))
        with self.database.connection() as conn:
            found = {n: r for n in names if (r := resources.find(conn, _shelf(caller), n)) is not None}
        return {
            "Blueprints": [_shown(r, asked) for r in found.values()],
            "MissingBlueprints": [name for name in names if name not in found],
        }

    def start_blueprint_run(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Its script runs as a job's does, on a worker."""
        place, name, run_id = place_of(caller), asked["BlueprintName"], blueprints.new_id()
        with self.database.transaction() as conn:
            found = resources.get(conn, _shelf(caller), name)
            given = blueprints.checked(json.loads(found.document["ParameterSpec"]), asked.get("Parameters"))
            job_run = start_layout(conn, place, name, found.document["BlueprintLocation"], given)
            blueprints.insert(conn, place, name, run_id, given, asked["RoleArn"], job_run.id)
        return {"RunId": run_id}

    def get_blueprint_run(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.connection() as conn:
            found = blueprints.get(conn, place_of(caller), asked["BlueprintName"], asked["RunId"])
            return {"BlueprintRun": _run_shown(conn, found)}

    def get_blueprint_runs(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        name = asked["BlueprintName"]

        def read(position: list[Any], limit: int) -> list[BlueprintRun]:
            with self.database.connection() as conn:
                before = position[0] if position else None
                return blueprints.page(conn, place_of(caller), name, before=before, limit=limit)

        found, token = self.paging.page("GetBlueprintRuns", caller, asked, _PAGE, read, lambda run: [run.seq])
        with self.database.connection() as conn:
            return {"BlueprintRuns": [_run_shown(conn, run) for run in found], "NextToken": token}

    def _document(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        place = asked["BlueprintLocation"]
        spec = blueprints.read_spec(self.read(S3Uri.parse(place)))
        given = {"BlueprintLocation": place, "ParameterSpec": json.dumps(spec)}
        return given | ({"Description": asked["Description"]} if asked.get("Description") else {})


def require_blueprint(conn: psycopg.Connection, scope: Scope, path: str) -> None:
    """For tagging: raises EntityNotFound."""
    resources.get(conn, Shelf(scope=scope, kind=Kind.BLUEPRINT), path)


def make_workflow(conn: psycopg.Connection, place: Place, job_run_id: str, layout: Mapping[str, Any]) -> None:
    """Make what the layout describes, in the caller's transaction: its workflow, jobs, crawlers and triggers.

    Jobs and crawlers get a suffix, as in Glue, so that two runs of a blueprint are apart.
    Raises GlulamError for what cannot be made, EntityNotFound when the job run is no blueprint's."""
    run = blueprints.of_job_run(conn, job_run_id)
    workflow, suffix = str(layout["Name"]), run.id[-8:]
    document = {
        k: layout[k] for k in ("Description", "DefaultRunProperties", "MaxConcurrentRuns") if k in layout
    }
    details = {"BlueprintName": run.blueprint, "RunId": run.id}
    workflows.create(conn, place, workflow, {**document, "BlueprintDetails": details})
    names = {
        (kind, entity["Name"]): f"{entity['Name']}_{suffix}"
        for kind, member in (("JOB", "Jobs"), ("CRAWLER", "Crawlers")) for entity in layout[member]
    }  # fmt: skip
    scope = Scope(catalog_id=place.account_id, region=place.region)
    for job in layout["Jobs"]:
        definitions.create(conn, place, names["JOB", job["Name"]], _members(job))
    for crawler in layout["Crawlers"]:
        crawlers.create(conn, scope, names["CRAWLER", crawler["Name"]], _members(crawler))
    for number, (kind, given) in enumerate(_triggers(layout, names)):
        triggers.create(
            conn,
            place,
            f"{workflow}_{suffix}_{number}",
            given,
            kind=kind,
            workflow=workflow,
            start=kind != "ON_DEMAND",
        )
    blueprints.made(conn, run.id, workflow)


def note_refusal(conn: psycopg.Connection, job_run_id: str, error: str) -> None:
    """Why the layout of a blueprint's run was not made. Raises EntityNotFound."""
    blueprints.refused(conn, blueprints.of_job_run(conn, job_run_id).id, error)


def _members(entity: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in entity.items() if k not in ("Name", "DependsOn", "WaitForDependencies")}


def _triggers(
    layout: Mapping[str, Any], names: Mapping[tuple[str, str], str]
) -> list[tuple[str, dict[str, Any]]]:
    """One that starts, and one for each set of dependencies."""
    groups: dict[str, tuple[Sequence[Mapping[str, str]], str, list[dict[str, str]]]] = {}
    for kind, member in (("JOB", "Jobs"), ("CRAWLER", "Crawlers")):
        for entity in layout[member]:
            waits: Sequence[Mapping[str, str]] = sorted(
                entity["DependsOn"], key=lambda one: (one["Kind"], one["Name"])
            )
            logical = entity["WaitForDependencies"]
            action = {"JobName" if kind == "JOB" else "CrawlerName": names[kind, entity["Name"]]}
            groups.setdefault(json.dumps([waits, logical if waits else ""]), (waits, logical, []))[2].append(
                action
            )
    schedule = layout.get("OnSchedule")
    found: list[tuple[str, dict[str, Any]]] = []
    for waited, logical, actions in groups.values():
        if waited:
            conditions = [_condition(one, names) for one in waited]
            found.append(
                (
                    "CONDITIONAL",
                    {"Actions": actions, "Predicate": {"Logical": logical, "Conditions": conditions}},
                )
            )
        elif schedule:
            found.append(("SCHEDULED", {"Actions": actions, "Schedule": schedule}))
        else:
            found.append(("ON_DEMAND", {"Actions": actions}))
    return found


def _condition(one: Mapping[str, str], names: Mapping[tuple[str, str], str]) -> dict[str, str]:
    name = names.get((one["Kind"], one["Name"]))
    if name is None:
        raise InvalidInput(f"the layout waits for {one['Name']!r}, which is not in it")
    members = ("JobName", "State") if one["Kind"] == "JOB" else ("CrawlerName", "CrawlState")
    return {"LogicalOperator": "EQUALS", members[0]: name, members[1]: one["State"]}


def _shelf(caller: Caller) -> Shelf:
    return Shelf(scope=account_scope(caller), kind=Kind.BLUEPRINT)


def _shown(found: Resource, asked: Mapping[str, Any]) -> dict[str, Any]:
    shown = {
        **found.document, "Name": found.name, "CreatedOn": found.created_at, "LastModifiedOn": found.updated_at,
        "BlueprintServiceLocation": found.document["BlueprintLocation"], "Status": "ACTIVE",
    }  # fmt: skip
    if not asked.get("IncludeParameterSpec"):
        del shown["ParameterSpec"]
    if asked.get("IncludeBlueprint") is False:
        del shown["BlueprintLocation"], shown["BlueprintServiceLocation"]
    return shown


def _run_shown(conn: psycopg.Connection, run: BlueprintRun) -> dict[str, Any]:
    job_run = job_runs.find(conn, run.job_run_id)
    over = job_run is None or job_run.state.ended
    state = "SUCCEEDED" if over and run.workflow else "FAILED" if over else "RUNNING"
    error = run.error or (job_run.error_message if job_run else "its job run was forgotten")
    return {
        "BlueprintName": run.blueprint, "RunId": run.id, "WorkflowName": run.workflow, "State": state,
        "StartedOn": run.started_at, "CompletedOn": job_run.completed_at if job_run else None,
        "ErrorMessage": error if state == "FAILED" else None, "Parameters": json.dumps(run.parameters),
        "RoleArn": run.role_arn,
    }  # fmt: skip
