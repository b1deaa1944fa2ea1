"""Operations on runs of jobs and on their bookmarks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import psycopg

from glulam.api.jobs import place_of
from glulam.api.paging import Paging
from glulam.jobs import bookmarks, definitions, runs
from glulam.jobs.bookmarks import Bookmark
from glulam.jobs.runs import JobRun
from glulam.model.caller import Caller
from glulam.model.errors import EntityNotFound, GlulamError
from glulam.store.database import Database

_PAGE = 200
LOG_GROUPS = {"pythonshell": "/aws-glue/python-jobs"}
DEFAULT_LOG_GROUP = "/aws-glue/jobs"
_OF_JOB = ("JobMode", "AllocatedCapacity", "Timeout", "MaxCapacity", "WorkerType", "NumberOfWorkers",
           "SecurityConfiguration", "NotificationProperty", "GlueVersion", "ExecutionClass", "MaintenanceWindow",
           "ExecutionRoleSessionPolicy", "JobRunQueuingEnabled")  # fmt: skip
"""Members of a run that its job, or StartJobRun, said."""


@dataclass(frozen=True, kw_only=True)
class JobRuns:
    database: Database
    paging: Paging

    def start_job_run(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.transaction() as conn:
            return {"JobRunId": runs.start(conn, place_of(caller), asked["JobName"], asked).id}

    def batch_stop_job_run(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        name, stopped, errors = asked["JobName"], [], []
        for run_id in dict.fromkeys(asked["JobRunIds"]):
            try:
                with self.database.transaction() as conn:
                    runs.stop(conn, place_of(caller), name, run_id)
                stopped.append({"JobName": name, "JobRunId": run_id})
            except GlulamError as error:
                detail = {"ErrorCode": error.code, "ErrorMessage": str(error)}
                errors.append({"JobName": name, "JobRunId": run_id, "ErrorDetail": detail})
        return {"SuccessfulSubmissions": stopped, "Errors": errors}

    def get_job_run(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.connection() as conn:
            found = runs.get(conn, place_of(caller), asked["JobName"], asked["RunId"])
        return {"JobRun": shown(found)}

    def get_job_runs(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        def read(position: list[Any], limit: int) -> list[JobRun]:
            with self.database.connection() as conn:
                before = position[0] if position else None
                return runs.page(conn, place_of(caller), asked["JobName"], before=before, limit=limit)

        found, token = self.paging.page("GetJobRuns", caller, asked, _PAGE, read, lambda run: [run.seq])
        return {"JobRuns": [shown(run) for run in found], "NextToken": token}

    def get_job_bookmark(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        name, run_id = asked["JobName"], asked.get("RunId")
        with self.database.connection() as conn:
            _require_job(conn, caller, name)
            if run_id:
                return _entry(bookmarks.of_run(conn, place_of(caller), name, run_id))
            return _entry(bookmarks.current(conn, place_of(caller), name))

    def reset_job_bookmark(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        name, run_id = asked["JobName"], asked.get("RunId")
        with self.database.transaction() as conn:
            _require_job(conn, caller, name)
            if run_id:
                return _entry(bookmarks.rewind(conn, place_of(caller), name, run_id=run_id))
            return _entry(bookmarks.reset(conn, place_of(caller), name))


def log_group(run: JobRun) -> str:
    """The head of its log groups' names: `<head>/output` and `<head>/error`."""
    return LOG_GROUPS.get(run.kind, DEFAULT_LOG_GROUP)


def shown(run: JobRun) -> dict[str, Any]:
    """As Glue's JobRun."""
    found = {name: run.spec[name] for name in _OF_JOB if name in run.spec}
    return found | {
        "Id": run.id, "Attempt": run.attempt, "PreviousRunId": run.previous_run_id, "TriggerName": run.trigger_name,
        "JobName": run.job_name, "StartedOn": run.created_at, "LastModifiedOn": run.changed_at,
        "CompletedOn": run.completed_at, "JobRunState": run.state.value, "Arguments": run.arguments or None,
        "ErrorMessage": run.error_message, "PredecessorRuns": [], "ExecutionTime": round(run.execution_s or 0),
        "LogGroupName": log_group(run), "DPUSeconds": run.dpu_seconds, "StateDetail": run.state_detail,
    }  # fmt: skip


def _entry(found: Bookmark) -> dict[str, Any]:
    return {
        "JobBookmarkEntry": {
            "JobName": found.job_name, "Version": found.version, "Run": found.run, "Attempt": found.attempt,
            "PreviousRunId": found.previous_run_id, "RunId": found.run_id,
            "JobBookmark": orjson.dumps(found.state).decode(),
        }
    }  # fmt: skip


def _require_job(conn: psycopg.Connection, caller: Caller, name: str) -> None:
    try:
        definitions.get(conn, place_of(caller), name)
    except EntityNotFound:
        raise EntityNotFound(f"Job {name} not found.") from None
