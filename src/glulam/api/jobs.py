"""Operations on jobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from glulam.api.paging import Paging
from glulam.api.sight import Sight
from glulam.catalog import tags
from glulam.catalog.scope import Scope
from glulam.jobs import definitions
from glulam.jobs.definitions import Job
from glulam.model.caller import Caller
from glulam.model.place import Place
from glulam.store.database import Database

_PAGE = 200


def place_of(caller: Caller) -> Place:
    return Place(account_id=caller.account_id, region=caller.region)


def require_job(conn: psycopg.Connection, scope: Scope, path: str) -> None:
    """For tagging: raises EntityNotFound."""
    definitions.get(conn, Place(account_id=scope.catalog_id, region=scope.region), path)


@dataclass(frozen=True, kw_only=True)
class Jobs:
    database: Database
    paging: Paging
    sight: Sight

    def create_job(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        given = dict(asked)
        name, wanted = given.pop("Name"), given.pop("Tags", {})
        with self.database.transaction() as conn:
            definitions.create(conn, place_of(caller), name, given)
            tags.put(conn, tags.arn(caller, "job", name), wanted)
        return {"Name": name}

    def update_job(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.transaction() as conn:
            definitions.update(conn, place_of(caller), asked["JobName"], asked["JobUpdate"])
        return {"JobName": asked["JobName"]}

    def delete_job(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        name = asked["JobName"]
        with self.database.transaction() as conn:
            if definitions.delete(conn, place_of(caller), name):
                tags.forget(conn, tags.arn(caller, "job", name))
        return {"JobName": name}

    def get_job(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.connection() as conn:
            return {"Job": shown(definitions.get(conn, place_of(caller), asked["JobName"]))}

    def get_jobs(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        found, token = self._page("GetJobs", "GetJob", caller, asked)
        return {"Jobs": [shown(job) for job in found], "NextToken": token}

    def list_jobs(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        found, token = self._page("ListJobs", "GetJob", caller, asked)
        wanted = (asked.get("Tags") or {}).items()
        if wanted:
            with self.database.connection() as conn:
                found = [
                    j for j in found if wanted <= tags.get(conn, tags.arn(caller, "job", j.name)).items()
                ]
        return {"JobNames": [job.name for job in found], "NextToken": token}

    def batch_get_jobs(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        names = list(dict.fromkeys(asked["JobNames"]))
        with self.database.connection() as conn:
            found = {
                job.name: job
                for job in definitions.page(conn, place_of(caller), names=names, limit=len(names))
            }
        return {
            "Jobs": [shown(found[name]) for name in names if name in found],
            "JobsNotFound": [name for name in names if name not in found],
        }

    def _page(
        self, operation: str, single: str, caller: Caller, asked: Mapping[str, Any]
    ) -> tuple[list[Job], str | None]:
        def read(position: list[Any], limit: int) -> list[Job]:
            with self.database.connection() as conn:
                return definitions.page(
                    conn, place_of(caller), after=position[0] if position else "", limit=limit
                )

        found, token = self.paging.page(operation, caller, asked, _PAGE, read, lambda job: [job.name])
        seen = self.sight.seen(
            caller, (operation, single), found, lambda job: [tags.arn(caller, "job", job.name)]
        )
        return list(seen), token


def shown(job: Job) -> dict[str, Any]:
    return {**job.document, "Name": job.name, "CreatedOn": job.created_at, "LastModifiedOn": job.updated_at}
