"""A scheduler, put together: here the rooms `orchestrate`, `jobs` and `crawl` meet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg

from glulam.catalog import resources
from glulam.catalog.scope import Scope
from glulam.crawl import crawlers
from glulam.crawl import runs as crawls
from glulam.crawl.runs import CrawlState
from glulam.jobs import runs as job_runs
from glulam.jobs.states import RunState
from glulam.model.clock import new_batch_id
from glulam.model.errors import CrawlerNotRunning, CrawlerStopping, EntityNotFound, RunEnded
from glulam.model.place import Place
from glulam.orchestrate.definition import Kind
from glulam.orchestrate.firing import Ended, Firing
from glulam.orchestrate.scheduler import Scheduler
from glulam.store.database import Database

_CRAWL_STATES = {
    CrawlState.COMPLETED: "SUCCEEDED", CrawlState.FAILED: "FAILED", CrawlState.STOPPED: "CANCELLED",
}  # fmt: skip
"""Glue's words."""


class JobsAndCrawls:
    """Implements `orchestrate.firing.Children`."""

    def start(
        self,
        conn: psycopg.Connection,
        place: Place,
        kind: Kind,
        name: str,
        asked: Mapping[str, Any],
        trigger: str,
    ) -> str:
        if kind is Kind.JOB:
            return job_runs.start(conn, place, name, asked, trigger=trigger).id
        scope, crawl_id = _scope(place), new_batch_id()
        found = resources.get(conn, crawlers.shelf(scope), name)
        crawls.ask(conn, scope, crawl_id, found.name, found.document)
        return crawl_id

    def stop(self, conn: psycopg.Connection, place: Place, kind: Kind, name: str, child_id: str) -> None:
        try:
            if kind is Kind.JOB:
                job_runs.stop(conn, place, name, child_id)
            else:
                crawls.stop(conn, _scope(place), name)
        except (RunEnded, CrawlerNotRunning, CrawlerStopping):
            return

    def ended(self, conn: psycopg.Connection, kind: Kind, child_id: str) -> Ended:
        return _job(conn, child_id) if kind is Kind.JOB else _crawl(conn, child_id)


def firing() -> Firing:
    return Firing(children=JobsAndCrawls())


def scheduler(database: Database) -> Scheduler:
    return Scheduler(database=database, firing=firing())


def _job(conn: psycopg.Connection, run_id: str) -> Ended:
    found = job_runs.find(conn, run_id)
    if found is None:
        raise EntityNotFound(f"Job run {run_id} not found.")
    while found.state is RunState.FAILED and (again := job_runs.retry_of(conn, found)) is not None:
        found = again
    return Ended(
        child_id=found.id, state=found.state.value if found.state.ended else None, error=found.error_message
    )


def _crawl(conn: psycopg.Connection, crawl_id: str) -> Ended:
    found = crawls.find(conn, crawl_id)
    if found is None:  # its crawler was deleted, and its history with it
        return Ended(child_id=crawl_id, state="ERROR", error=f"crawl {crawl_id} was deleted with its crawler")
    return Ended(child_id=crawl_id, state=_CRAWL_STATES.get(found.state), error=found.error)


def _scope(place: Place) -> Scope:
    return Scope(catalog_id=place.account_id, region=place.region)
