"""Crawlers as the catalog keeps them: their members as they were given, and whether a schedule is on.

Left to others: what the members mean (`definition.py`), the crawls (`runs.py`), when a schedule fires (the scheduler)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg

from glulam.catalog import resources, tags
from glulam.catalog.resources import Kind, Resource, Shelf
from glulam.catalog.scope import Scope
from glulam.crawl import memory, runs
from glulam.crawl.definition import parse_definition
from glulam.model.cron import parse_schedule
from glulam.model.errors import (
    CrawlerRunning,
    InvalidInput,
    NoSchedule,
    SchedulerNotRunning,
    SchedulerRunning,
)

SCHEDULE = "Schedule"
"""Member of the stored document: `{"ScheduleExpression": ..., "State": ...}`, as Glue shows it."""
SCHEDULED, NOT_SCHEDULED = "SCHEDULED", "NOT_SCHEDULED"


def create(conn: psycopg.Connection, scope: Scope, name: str, given: Mapping[str, Any]) -> Resource:
    """`given`: CreateCrawler's members without Name and Tags. Raises InvalidInput, AlreadyExists."""
    checked(name, given)
    require_classifiers(conn, scope, given)
    return resources.create(conn, shelf(scope), name, _scheduled(given))


def update(conn: psycopg.Connection, scope: Scope, name: str, given: Mapping[str, Any]) -> Resource:
    """Members that are not given stay as they are. Raises EntityNotFound, InvalidInput, CrawlerRunning."""
    found = resources.get(conn, shelf(scope), name, for_update=True)
    require_ready(conn, scope, name)
    changed = {**found.document, **given}
    checked(name, changed)
    require_classifiers(conn, scope, given)
    return resources.update(conn, shelf(scope), name, _scheduled(changed))


def delete(conn: psycopg.Connection, scope: Scope, name: str) -> None:
    """With its history and memory; the tables that it made stay. Raises EntityNotFound, CrawlerRunning."""
    resources.get(conn, shelf(scope), name, for_update=True)
    require_ready(conn, scope, name)
    resources.delete(conn, shelf(scope), name)
    runs.forget(conn, scope, name)
    memory.forget(conn, scope, name)
    tags.forget(conn, tags.scoped_arn(scope, "crawler", name))


def set_schedule(conn: psycopg.Connection, scope: Scope, name: str, cron: str) -> None:
    """Replace the expression, and switch it on; an empty one takes the schedule away. Raises InvalidInput."""
    found = resources.get(conn, shelf(scope), name, for_update=True)
    _save(conn, scope, found, {SCHEDULE: cron})


def switch_schedule(conn: psycopg.Connection, scope: Scope, name: str, *, on: bool) -> None:
    """Raises EntityNotFound, NoSchedule, SchedulerRunning, SchedulerNotRunning."""
    found = resources.get(conn, shelf(scope), name, for_update=True)
    schedule = found.document.get(SCHEDULE)
    if schedule is None and on:
        raise NoSchedule(f"Crawler {name} has no schedule; set one with UpdateCrawlerSchedule")
    is_on = schedule is not None and schedule["State"] == SCHEDULED
    if on and is_on:
        raise SchedulerRunning(f"The schedule of crawler {name} is on already")
    if not on and not is_on:
        raise SchedulerNotRunning(f"The schedule of crawler {name} is not on")
    _save(conn, scope, found, {SCHEDULE: {**(schedule or {}), "State": SCHEDULED if on else NOT_SCHEDULED}})


def checked(name: str, given: Mapping[str, Any]) -> None:
    """Raises InvalidInput, OperationNotSupported for members that no crawl could follow."""
    if not given.get("Role"):
        raise InvalidInput(f"crawler {name!r}: Role is empty; expected a role's name or ARN")
    parse_definition(name, given)


def require_ready(conn: psycopg.Connection, scope: Scope, name: str) -> None:
    """Raises CrawlerRunning."""
    if name in runs.latest(conn, scope, [name], still_open=True):
        raise CrawlerRunning(f"Crawler with name {name} is currently running")


def require_classifiers(conn: psycopg.Connection, scope: Scope, given: Mapping[str, Any]) -> None:
    """Raises EntityNotFound for a classifier that is not there."""
    classifier_documents(conn, scope, given.get("Classifiers") or ())


def classifier_documents(
    conn: psycopg.Connection, scope: Scope, names: Sequence[str]
) -> list[Mapping[str, Any]]:
    """`{kind: settings with their Name}` of each, in order. Raises EntityNotFound."""
    found: list[Mapping[str, Any]] = []
    for name in names:
        kept = resources.get(conn, Shelf(scope=scope, kind=Kind.CLASSIFIER), name)
        ((kind, settings),) = kept.document.items()
        found.append({kind: {**settings, "Name": name}})
    return found


def shelf(scope: Scope) -> Shelf:
    return Shelf(scope=scope, kind=Kind.CRAWLER)


def _save(conn: psycopg.Connection, scope: Scope, found: Resource, change: Mapping[str, Any]) -> None:
    resources.update(conn, shelf(scope), found.name, _scheduled({**found.document, **change}))


def _scheduled(given: Mapping[str, Any]) -> dict[str, Any]:
    """The document with its Schedule as Glue shows it: an expression that is new is on."""
    said = given.get(SCHEDULE)
    kept = {k: v for k, v in given.items() if k != SCHEDULE}
    if isinstance(said, str) and said.strip():
        parse_schedule(said)
        return {**kept, SCHEDULE: {"ScheduleExpression": said, "State": SCHEDULED}}
    if isinstance(said, str):
        return kept
    return {**kept, SCHEDULE: said} if said is not None else kept
