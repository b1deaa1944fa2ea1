"""Operations on triggers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from glulam.api.crawlers import require_crawler
from glulam.api.jobs import place_of, require_job
from glulam.api.paging import Paging
from glulam.api.scopes import account_scope
from glulam.api.sight import Sight
from glulam.catalog import tags
from glulam.catalog.scope import Scope
from glulam.model.caller import Caller
from glulam.model.place import Place
from glulam.orchestrate import triggers, workflows
from glulam.orchestrate.definition import Trigger, TriggerType
from glulam.orchestrate.due import check_tags
from glulam.orchestrate.firing import Firing
from glulam.store.database import Database

_PAGE = 200
_KEPT = ("Description", "Schedule", "Actions", "Predicate", "EventBatchingCondition")


def require_trigger(conn: psycopg.Connection, scope: Scope, path: str) -> None:
    """For tagging: raises EntityNotFound."""
    triggers.get(conn, Place(account_id=scope.catalog_id, region=scope.region), path)


@dataclass(frozen=True, kw_only=True)
class Triggers:
    database: Database
    paging: Paging
    sight: Sight
    firing: Firing

    def create_trigger(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        name, place, workflow = asked["Name"], place_of(caller), asked.get("WorkflowName") or ""
        given = {member: asked[member] for member in _KEPT if member in asked}
        check_tags(asked.get("Tags") or {})
        with self.database.transaction() as conn:
            if workflow:
                workflows.get(conn, place, workflow, for_update=True)
            _require_named(conn, caller, given)
            triggers.create(
                conn,
                place,
                name,
                given,
                kind=asked["Type"],
                workflow=workflow,
                start=asked.get("StartOnCreation") or False,
            )
            tags.put(conn, tags.arn(caller, "trigger", name), asked.get("Tags") or {})
        return {"Name": name}

    def update_trigger(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        update = asked["TriggerUpdate"]
        given = {member: update[member] for member in _KEPT if member in update}
        with self.database.transaction() as conn:
            _require_named(conn, caller, given)
            return {"Trigger": shown(triggers.update(conn, place_of(caller), asked["Name"], given))}

    def delete_trigger(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        """One that is not there is no error, as in Glue."""
        with self.database.transaction() as conn:
            if triggers.delete(conn, place_of(caller), asked["Name"]):
                tags.forget(conn, tags.arn(caller, "trigger", asked["Name"]))
        return {"Name": asked["Name"]}

    def start_trigger(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        """One that is on demand fires; any other waits from now on for what it waits for."""
        place, name = place_of(caller), asked["Name"]
        with self.database.transaction() as conn:
            found = triggers.get(conn, place, name, for_update=True)
            if found.type is TriggerType.ON_DEMAND:
                self.firing.fire_trigger(conn, place, found)
            else:
                triggers.switch(conn, place, name, on=True)
        return {"Name": name}

    def stop_trigger(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.transaction() as conn:
            triggers.switch(conn, place_of(caller), asked["Name"], on=False)
        return {"Name": asked["Name"]}

    def get_trigger(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.connection() as conn:
            return {"Trigger": shown(triggers.get(conn, place_of(caller), asked["Name"]))}

    def get_triggers(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        found, token = self._page("GetTriggers", caller, asked)
        return {"Triggers": [shown(trigger) for trigger in found], "NextToken": token}

    def list_triggers(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        found, token = self._page("ListTriggers", caller, asked)
        wanted = (asked.get("Tags") or {}).items()
        if wanted:
            with self.database.connection() as conn:
                found = [
                    t for t in found if wanted <= tags.get(conn, tags.arn(caller, "trigger", t.name)).items()
                ]
        return {"TriggerNames": [trigger.name for trigger in found], "NextToken": token}

    def batch_get_triggers(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        names = list(dict.fromkeys(asked["TriggerNames"]))
        with self.database.connection() as conn:
            found = {t.name: t for t in triggers.page(conn, place_of(caller), names=names, limit=len(names))}
        return {
            "Triggers": [shown(found[name]) for name in names if name in found],
            "TriggersNotFound": [name for name in names if name not in found],
        }

    def _page(
        self, operation: str, caller: Caller, asked: Mapping[str, Any]
    ) -> tuple[list[Trigger], str | None]:
        job = asked.get("DependentJobName")

        def read(position: list[Any], limit: int) -> list[Trigger]:
            with self.database.connection() as conn:
                if job:
                    require_job(conn, account_scope(caller), job)
                return triggers.page(
                    conn, place_of(caller), after=position[0] if position else "", limit=limit, job=job
                )

        found, token = self.paging.page(operation, caller, asked, _PAGE, read, lambda t: [t.name])
        seen = self.sight.seen(
            caller, (operation, "GetTrigger"), found, lambda t: [tags.arn(caller, "trigger", t.name)]
        )
        return list(seen), token


def shown(trigger: Trigger) -> dict[str, Any]:
    """As Glue's Trigger."""
    return {
        **trigger.document, "Name": trigger.name, "WorkflowName": trigger.workflow or None, "Type": trigger.type.value,
        "State": trigger.state.value,
    }  # fmt: skip


def _require_named(conn: psycopg.Connection, caller: Caller, given: Mapping[str, Any]) -> None:
    """Raises EntityNotFound for a job or crawler that is not there."""
    scope = account_scope(caller)
    conditions = (given.get("Predicate") or {}).get("Conditions") or ()
    for one in (*(given.get("Actions") or ()), *conditions):
        if one.get("JobName"):
            require_job(conn, scope, one["JobName"])
        if one.get("CrawlerName"):
            require_crawler(conn, scope, one["CrawlerName"])
