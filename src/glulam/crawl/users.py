"""Which jobs and triggers name a table: a job in its script or its arguments, a trigger by starting such a job.

Read as text: a table is named by `database.table`, or by both names as words of their own (`database="sales",
table_name="orders"`). Jobs are documents of the control plane here; nothing of theirs is changed."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg

from glulam.catalog.scope import Scope
from glulam.crawl.plan import Action, Plan, TableChange
from glulam.model.errors import GlulamError
from glulam.model.uri import S3Uri
from glulam.objects.base import ObjectStore

log = logging.getLogger(__name__)

JOBS = "SELECT name, document FROM job WHERE account_id = %s AND region = %s ORDER BY name"
TRIGGERS = "SELECT name, document FROM trigger WHERE account_id = %s AND region = %s ORDER BY name"
_MOST_BYTES = 1 << 20
"""Of a script that is looked through."""


@dataclass(frozen=True, kw_only=True)
class Named:
    """A job or trigger, with its document."""

    name: str
    document: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Users:
    """All that could name a table."""

    jobs: Sequence[Named]
    triggers: Sequence[Named]
    scripts: Mapping[str, str]
    """By job, the text of its script."""

    def of(self, database: str, table: str) -> tuple[str, ...]:
        jobs = {
            job.name: why for job in self.jobs
            if (why := self._why(job, database, table)) is not None
        }  # fmt: skip
        found = [f"job {name} ({why})" for name, why in jobs.items()]
        for trigger in self.triggers:
            for action in trigger.document.get("Actions") or ():
                job = action.get("JobName")
                if job in jobs or (job and _values_name(action.get("Arguments"), database, table)):
                    found.append(f"trigger {trigger.name} (starts job {job})")
        return tuple(dict.fromkeys(found))

    def _why(self, job: Named, database: str, table: str) -> str | None:
        if names(self.scripts.get(job.name, ""), database, table):
            return "script"
        given = {
            **(job.document.get("DefaultArguments") or {}),
            **(job.document.get("NonOverridableArguments") or {}),
        }
        return "arguments" if _values_name(given, database, table) else None


def names(text: str, database: str, table: str) -> bool:
    """Whether a script's text names the table."""
    quote = r"[`\"']?"
    full = rf"(?<![\w.]){quote}{re.escape(database)}{quote}\.{quote}{re.escape(table)}(?![\w])"
    if re.search(full, text, re.IGNORECASE):
        return True
    return all(re.search(rf"([\"'`]){re.escape(word)}\1", text, re.IGNORECASE) for word in (database, table))


def _values_name(given: Mapping[str, str] | None, database: str, table: str) -> bool:
    values = list((given or {}).values())
    return {database, table} <= {v.lower() for v in values} or any(names(v, database, table) for v in values)


def with_users(plan: Plan, users: Users) -> Plan:
    """The plan, in which each table that changes says which jobs and triggers name it."""
    return replace(plan, tables=tuple(
        replace(t, used_by=(*t.used_by, *users.of(t.database, t.name))) if changes(t) else t for t in plan.tables
    ))  # fmt: skip


def changes(change: TableChange) -> bool:
    """Whether it is a table that is there and will not be as it was."""
    return change.table_id is not None and (change.action is not Action.KEEP or bool(change.changes))


def read_users(conn: psycopg.Connection, scope: Scope, store: ObjectStore, spool: Path) -> Users:
    """A script that is not there, or is larger than a script, names nothing."""
    account = scope.catalog_id.partition(":")[0]
    jobs, triggers = (
        [
            Named(name=name, document=found)
            for name, found in conn.execute(query, (account, scope.region)).fetchall()
        ]
        for query in (JOBS, TRIGGERS)
    )
    with ThreadPoolExecutor(store.at_once, thread_name_prefix="scripts") as pool:
        texts = pool.map(lambda place: _text(store, place, spool), (place for _, place in _scripts(jobs)))
        scripts = {name: text for (name, _), text in zip(_scripts(jobs), texts, strict=True)}
    return Users(jobs=jobs, triggers=triggers, scripts=scripts)


def _scripts(jobs: Sequence[Named]) -> Iterator[tuple[str, str]]:
    for job in jobs:
        place = (job.document.get("Command") or {}).get("ScriptLocation")
        if place:
            yield job.name, place


def _text(store: ObjectStore, place: str, spool: Path) -> str:
    try:
        uri = S3Uri.parse(place)
        found = store.head(uri)
        if found.size_bytes > _MOST_BYTES:
            return ""
        path = store.fetch(uri, found.etag, spool)
        try:
            return path.read_text("utf-8", "replace")
        finally:
            if not store.in_place:
                path.unlink(missing_ok=True)
    except (GlulamError, OSError) as error:
        log.info("script %s: %s", place, error)
        return ""
