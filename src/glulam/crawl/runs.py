"""Crawls as rows: asked for, taken by a worker under a lease, ended; and their history.

    QUEUED -> RUNNING -> COMPLETED | FAILED | STOPPED          PLANNED (a dry run's plan) -> COMPLETED
       |         |  \\-- lease over: taken again under the next epoch, or FAILED after MOST_WORKERS
       \\-- stop --> STOPPED

Whoever ends a crawl names its epoch: a worker that lost its lease changes nothing any more. The database's clock decides.
Left to others: what a crawl does (`work.py`), who takes it (`worker.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson
import psycopg
from psycopg import sql

from glulam.catalog.scope import Scope
from glulam.model.errors import CrawlerNotRunning, CrawlerRunning, CrawlerStopping, EntityNotFound, Fenced
from glulam.store.documents import document

MOST_WORKERS = 3
"""So many workers may die over a crawl."""
LEASE_S = 60.0


class CrawlState(StrEnum):
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    PLANNED = "PLANNED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    STOPPED = "STOPPED"


@dataclass(frozen=True, kw_only=True)
class Crawl:
    """One crawl, without its plan and log."""

    id: str
    scope: Scope
    crawler: str
    spec: Mapping[str, Any]
    state: CrawlState
    stop_requested: bool
    epoch: int
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    error: str | None
    summary: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A filter of the history: `state = RUNNING`, `start_time > ...`."""

    column: str
    """`id`, `state`, `started_at` or `ended_at`."""
    operator: str
    """SQL's: `=`, `<`, `= ANY`, ..."""
    value: Any


_COLUMNS = """id, account_id, region, crawler, spec, state, stop_requested, epoch, created_at, started_at, ended_at, error,
  summary"""
_OPEN = "state IN ('QUEUED', 'RUNNING')"
_WHOSE = "account_id = %(account)s AND region = %(region)s AND crawler = %(crawler)s"
INSERT = f"""
INSERT INTO crawl (id, account_id, region, crawler, spec, state) VALUES (%(id)s, %(account)s, %(region)s, %(crawler)s,
  %(spec)s, 'QUEUED') ON CONFLICT (account_id, region, crawler) WHERE {_OPEN} AND crawler <> '' DO NOTHING
"""  # noqa: S608
START = """
INSERT INTO crawl (id, account_id, region, crawler, spec, state, epoch, worker, lease_until, started_at)
VALUES (%(id)s, %(account)s, %(region)s, %(crawler)s, %(spec)s, 'RUNNING', 1, %(worker)s,
  now() + make_interval(secs => %(lease)s), now())
ON CONFLICT (account_id, region, crawler) WHERE state IN ('QUEUED', 'RUNNING') AND crawler <> '' DO NOTHING
"""
DUE = f"""
SELECT {_COLUMNS} FROM crawl WHERE state = 'QUEUED' OR state = 'RUNNING' AND lease_until <= now()
ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED
"""  # noqa: S608
TAKE = f"""
UPDATE crawl SET state = 'RUNNING', epoch = epoch + 1, worker = %s, lease_until = now() + make_interval(secs => %s),
  started_at = coalesce(started_at, now()) WHERE id = %s RETURNING {_COLUMNS}
"""  # noqa: S608
BEAT = """
UPDATE crawl SET lease_until = now() + make_interval(secs => %s), log = log || %s
WHERE id = %s AND epoch = %s AND state = 'RUNNING' RETURNING stop_requested
"""
END = """
UPDATE crawl SET state = %s, ended_at = now(), lease_until = NULL, error = %s, summary = %s, plan = coalesce(%s, plan),
  log = log || %s
WHERE id = %s AND epoch = %s AND state = 'RUNNING'
"""
TAKE_PLAN = """
UPDATE crawl SET state = 'RUNNING', epoch = epoch + 1, worker = %s, lease_until = now() + make_interval(secs => %s)
WHERE id = %s AND state = 'PLANNED' RETURNING epoch
"""
STOP = f"""
UPDATE crawl SET stop_requested = true, state = CASE state WHEN 'QUEUED' THEN 'STOPPED' ELSE state END,
  ended_at = CASE state WHEN 'QUEUED' THEN now() END WHERE {_WHOSE} AND {_OPEN}
"""  # noqa: S608
LAST = f"""
SELECT DISTINCT ON (crawler) {_COLUMNS} FROM crawl
WHERE account_id = %(account)s AND region = %(region)s AND crawler = ANY(%(crawlers)s) AND state <> 'PLANNED' AND {{which}}
ORDER BY crawler, created_at DESC, id DESC
"""  # noqa: S608
OPEN = LAST.format(which=_OPEN)
ENDED = LAST.format(which=f"NOT {_OPEN}")
GET = f"SELECT {_COLUMNS} FROM crawl WHERE account_id = %s AND region = %s AND id = %s"  # noqa: S608
FIND = f"SELECT {_COLUMNS} FROM crawl WHERE id = %s"  # noqa: S608
FIND_MANY = f"SELECT {_COLUMNS} FROM crawl WHERE id = ANY(%s)"  # noqa: S608
CONTENT = "SELECT plan, log FROM crawl WHERE id = %s"
FORGET = f"DELETE FROM crawl WHERE {_WHOSE}"  # noqa: S608
METRICS = """
SELECT crawler, percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM ended_at - started_at))
    FILTER (WHERE started_at IS NOT NULL),
  coalesce(sum((summary #>> '{counts,CREATE}')::int), 0), coalesce(sum((summary #>> '{counts,UPDATE}')::int), 0),
  coalesce(sum((summary #>> '{counts,DELETE}')::int), 0)
FROM crawl WHERE account_id = %s AND region = %s AND crawler = ANY(%s) AND state IN ('COMPLETED', 'FAILED', 'STOPPED')
GROUP BY crawler
"""


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """Of all crawls of a crawler that ended."""

    median_s: float | None
    tables_created: int
    tables_updated: int
    tables_deleted: int


def ask(conn: psycopg.Connection, scope: Scope, crawl_id: str, crawler: str, spec: Mapping[str, Any]) -> None:
    """Queue a crawl. Raises CrawlerRunning when the crawler has one open."""
    given = {"id": crawl_id, **_whose(scope, crawler), "spec": document(spec)}
    if conn.execute(INSERT, given).rowcount != 1:
        raise CrawlerRunning(f"Crawler with name {crawler} has already started")


def start(
    conn: psycopg.Connection, scope: Scope, crawl_id: str, crawler: str, spec: Mapping[str, Any], worker: str
) -> Crawl:
    """A crawl that the caller does at once. Raises CrawlerRunning."""
    given = {
        "id": crawl_id,
        **_whose(scope, crawler),
        "spec": document(spec),
        "worker": worker,
        "lease": LEASE_S,
    }
    if conn.execute(START, given).rowcount != 1:
        raise CrawlerRunning(f"Crawler with name {crawler} has already started")
    return get(conn, scope, crawl_id)


def claim(conn: psycopg.Connection, worker: str) -> Crawl | None:
    """The next crawl to do, or None. Ends those over which too many workers died."""
    while (row := conn.execute(DUE).fetchone()) is not None:
        found = _crawl(row)
        if found.stop_requested:
            _end_dead(conn, found, CrawlState.STOPPED, None)
        elif found.epoch >= MOST_WORKERS:
            error = f"the worker died {found.epoch} times without a word (killed, or out of memory?)"
            _end_dead(conn, found, CrawlState.FAILED, error)
        else:
            taken = conn.execute(TAKE, (worker, LEASE_S, found.id)).fetchone()
            assert taken is not None  # its row is locked
            return _crawl(taken)
    return None


def _end_dead(conn: psycopg.Connection, found: Crawl, state: CrawlState, error: str | None) -> None:
    conn.execute(END, (state, error, document({}), None, "", found.id, found.epoch))
    conn.execute(
        "UPDATE crawl SET state = %s, ended_at = now() WHERE id = %s AND state = 'QUEUED'", (state, found.id)
    )


def take_plan(conn: psycopg.Connection, found: Crawl, worker: str) -> int:
    """Take a PLANNED crawl in hand to apply its plan; its epoch. Raises CrawlerRunning when somebody else did."""
    row = conn.execute(TAKE_PLAN, (worker, LEASE_S, found.id)).fetchone()
    if row is None:
        raise CrawlerRunning(
            f"crawl {found.id} is {get(conn, found.scope, found.id).state}; expected PLANNED"
        )
    epoch: int = row[0]
    return epoch


def beat(conn: psycopg.Connection, crawl_id: str, epoch: int, log: str) -> bool:
    """Renew the lease, add to the log; whether a stop was asked for. Raises Fenced when the crawl is another's by now."""
    row = conn.execute(BEAT, (LEASE_S, log, crawl_id, epoch)).fetchone()
    if row is None:
        raise Fenced(f"crawl {crawl_id}: epoch {epoch} is over; another worker has it, or it has ended")
    return bool(row[0])


def end(
    conn: psycopg.Connection, crawl_id: str, epoch: int, state: CrawlState, *, error: str | None = None,
    summary: Mapping[str, Any] | None = None, plan: Mapping[str, Any] | None = None, log: str = "",
) -> None:  # fmt: skip
    """End it, in the transaction that did what it says. Raises Fenced."""
    kept = None if plan is None else orjson.dumps(plan).decode()
    given = (state, error, document(summary or {}), kept, log, crawl_id, epoch)
    if conn.execute(END, given).rowcount != 1:
        raise Fenced(f"crawl {crawl_id}: epoch {epoch} is over; another worker has it, or it has ended")


def stop(conn: psycopg.Connection, scope: Scope, crawler: str) -> None:
    """Raises CrawlerNotRunning, CrawlerStopping."""
    current = latest(conn, scope, [crawler], still_open=True).get(crawler)
    if current is None:
        raise CrawlerNotRunning(f"Crawler with name {crawler} isn't running")
    if current.stop_requested:
        raise CrawlerStopping(f"Crawler with name {crawler} is stopping already")
    conn.execute(STOP, _whose(scope, crawler))


def latest(
    conn: psycopg.Connection, scope: Scope, crawlers: Sequence[str], *, still_open: bool
) -> dict[str, Crawl]:
    """By crawler: the one that is open, or the last that ended."""
    given = {"account": scope.catalog_id, "region": scope.region, "crawlers": list(crawlers)}
    rows = conn.execute(OPEN if still_open else ENDED, given).fetchall()
    return {row[3]: _crawl(row) for row in rows}


def get(conn: psycopg.Connection, scope: Scope, crawl_id: str) -> Crawl:
    """Raises EntityNotFound."""
    row = conn.execute(GET, (scope.catalog_id, scope.region, crawl_id)).fetchone()
    if row is None:
        raise EntityNotFound(f"Crawl {crawl_id} not found.")
    return _crawl(row)


def find(conn: psycopg.Connection, crawl_id: str) -> Crawl | None:
    """Of any account and region."""
    row = conn.execute(FIND, (crawl_id,)).fetchone()
    return None if row is None else _crawl(row)


def find_many(conn: psycopg.Connection, crawl_ids: Sequence[str]) -> dict[str, Crawl]:
    """Those that are there, by id."""
    return {row[0]: _crawl(row) for row in conn.execute(FIND_MANY, (list(crawl_ids),)).fetchall()}


def content(conn: psycopg.Connection, crawl_id: str) -> tuple[dict[str, Any] | None, str]:
    """Plan and log."""
    row = conn.execute(CONTENT, (crawl_id,)).fetchone()
    return (None, "") if row is None else (row[0], row[1])


def page(
    conn: psycopg.Connection, scope: Scope, crawler: str | None, conditions: Sequence[Condition],
    before: tuple[datetime, str] | None, limit: int,
) -> list[Crawl]:  # fmt: skip
    """The history, newest first; `crawler` None: of all."""
    parts: list[sql.Composable] = [sql.SQL("account_id = %s AND region = %s")]
    values: list[Any] = [scope.catalog_id, scope.region]
    if crawler is not None:
        parts.append(sql.SQL("crawler = %s"))
        values.append(crawler)
    for c in conditions:
        parts.append(sql.SQL("{} {} (%s)").format(sql.Identifier(c.column), sql.SQL(c.operator)))
        values.append(c.value)
    if before is not None:
        parts.append(sql.SQL("(created_at, id) < (%s, %s)"))
        values += before
    query = sql.SQL("SELECT {} FROM crawl WHERE {} ORDER BY created_at DESC, id DESC LIMIT %s").format(
        sql.SQL(_COLUMNS), sql.SQL(" AND ").join(parts)
    )
    return [_crawl(row) for row in conn.execute(query, (*values, limit)).fetchall()]


def metrics(conn: psycopg.Connection, scope: Scope, crawlers: Sequence[str]) -> dict[str, Metrics]:
    """By crawler; without those that never ended a crawl."""
    rows = conn.execute(METRICS, (scope.catalog_id, scope.region, list(crawlers))).fetchall()
    return {
        name: Metrics(median_s=None if median is None else float(median), tables_created=created,
                      tables_updated=updated, tables_deleted=deleted)
        for name, median, created, updated, deleted in rows
    }  # fmt: skip


def forget(conn: psycopg.Connection, scope: Scope, crawler: str) -> None:
    """Drop the history of a crawler that is deleted."""
    conn.execute(FORGET, _whose(scope, crawler))


def _whose(scope: Scope, crawler: str) -> dict[str, Any]:
    return {"account": scope.catalog_id, "region": scope.region, "crawler": crawler}


def _crawl(row: tuple[Any, ...]) -> Crawl:
    return Crawl(
        id=row[0], scope=Scope(catalog_id=row[1], region=row[2]), crawler=row[3], spec=row[4], state=CrawlState(row[5]),
        stop_requested=row[6], epoch=row[7], created_at=row[8], started_at=row[9], ended_at=row[10], error=row[11],
        summary=row[12],
    )  # fmt: skip
