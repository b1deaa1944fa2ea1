"""GetSystemLogsForJobRun and GetSystemLogsForSession: a link to the whole log, for a while."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from glulam.api.jobs import place_of
from glulam.jobs import runs, sessions
from glulam.jobs.system_logs import LogLinks
from glulam.model.caller import Caller
from glulam.store.database import Database


@dataclass(frozen=True, kw_only=True)
class SystemLogs:
    database: Database
    links: LogLinks

    def get_system_logs_for_job_run(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.connection() as conn:
            found = runs.get(conn, place_of(caller), asked["JobName"], asked["RunId"])
        return {"SystemLogsUrl": self.links.url(found.id)}

    def get_system_logs_for_session(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.connection() as conn:
            found = sessions.get(conn, place_of(caller), asked["Id"])
        return {"SystemLogsUrl": self.links.url(found.run.id)}
