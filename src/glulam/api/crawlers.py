"""Operations on crawlers: keep them, start and stop them, and say how they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from glulam.api.paging import Paging
from glulam.api.scopes import account_scope
from glulam.api.sight import Sight
from glulam.catalog import resources, tags
from glulam.catalog.resources import Resource
from glulam.catalog.scope import Scope
from glulam.crawl import crawlers, runs
from glulam.crawl.runs import Crawl, CrawlState
from glulam.model.caller import Caller
from glulam.model.clock import new_batch_id, utc_now
from glulam.model.errors import EntityNotFound
from glulam.store.database import Database

_PAGE = 100
_LOG_GROUP = "/aws-glue/crawlers"
_LAST = {CrawlState.COMPLETED: "SUCCEEDED", CrawlState.FAILED: "FAILED", CrawlState.STOPPED: "CANCELLED"}
_DEFAULTS: Mapping[str, Any] = {
    "Classifiers": [], "RecrawlPolicy": {"RecrawlBehavior": "CRAWL_EVERYTHING"},
    "LineageConfiguration": {"CrawlerLineageSettings": "DISABLE"},
    "LakeFormationConfiguration": {"UseLakeFormationCredentials": False, "AccountId": ""},
}  # fmt: skip
_POLICY = {"UpdateBehavior": "UPDATE_IN_DATABASE", "DeleteBehavior": "DEPRECATE_IN_DATABASE"}
_LOG_POLICY = {"UpdateBehavior": "LOG", "DeleteBehavior": "LOG"}


@dataclass(frozen=True, kw_only=True)
class Crawlers:
    database: Database
    paging: Paging
    sight: Sight

    def create_crawler(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        given = {k: v for k, v in asked.items() if k not in ("Name", "Tags")}
        scope = account_scope(caller)
        with self.database.transaction() as conn:
            crawlers.create(conn, scope, asked["Name"], given)
            tags.put(conn, tags.scoped_arn(scope, "crawler", asked["Name"]), asked.get("Tags", {}))

    def update_crawler(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        """Members that are not given stay as they are."""
        given = {k: v for k, v in asked.items() if k != "Name"}
        with self.database.transaction() as conn:
            crawlers.update(conn, account_scope(caller), asked["Name"], given)

    def delete_crawler(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        with self.database.transaction() as conn:
            crawlers.delete(conn, account_scope(caller), asked["Name"])

    def get_crawler(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        scope = account_scope(caller)
        with self.database.connection() as conn:
            found = resources.get(conn, crawlers.shelf(scope), asked["Name"])
            return {"Crawler": _shown(conn, scope, [found])[0]}

    def get_crawlers(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        found, token = self._page("GetCrawlers", caller, asked, {})
        with self.database.connection() as conn:
            return {"Crawlers": _shown(conn, account_scope(caller), found), "NextToken": token}

    def list_crawlers(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        found, token = self._page("ListCrawlers", caller, asked, asked.get("Tags") or {})
        return {"CrawlerNames": [r.name for r in found], "NextToken": token}

    def batch_get_crawlers(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        scope = account_scope(caller)
        names = list(dict.fromkeys(asked["CrawlerNames"]))
        with self.database.connection() as conn:
            found = [
                r for name in names if (r := resources.find(conn, crawlers.shelf(scope), name)) is not None
            ]
            there = {r.name for r in found}
            return {
                "Crawlers": _shown(conn, scope, found), "CrawlersNotFound": [name for name in names if name not in there],
            }  # fmt: skip

    def start_crawler(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        scope = account_scope(caller)
        with self.database.transaction() as conn:
            found = resources.get(conn, crawlers.shelf(scope), asked["Name"])
            runs.ask(conn, scope, new_batch_id(), found.name, found.document)

    def stop_crawler(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        scope = account_scope(caller)
        with self.database.transaction() as conn:
            runs.stop(conn, scope, resources.get(conn, crawlers.shelf(scope), asked["Name"]).name)

    def update_crawler_schedule(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        with self.database.transaction() as conn:
            crawlers.set_schedule(
                conn, account_scope(caller), asked["CrawlerName"], asked.get("Schedule") or ""
            )

    def start_crawler_schedule(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        with self.database.transaction() as conn:
            crawlers.switch_schedule(conn, account_scope(caller), asked["CrawlerName"], on=True)

    def stop_crawler_schedule(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        with self.database.transaction() as conn:
            crawlers.switch_schedule(conn, account_scope(caller), asked["CrawlerName"], on=False)

    def get_crawler_metrics(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        scope, token = account_scope(caller), None
        if asked.get("CrawlerNameList"):
            names = list(dict.fromkeys(asked["CrawlerNameList"]))
            with self.database.connection() as conn:
                for name in names:
                    resources.get(conn, crawlers.shelf(scope), name)
        else:
            found, token = self._page("GetCrawlerMetrics", caller, asked, {})
            names = [r.name for r in found]
        with self.database.connection() as conn:
            return {"CrawlerMetricsList": _metrics(conn, scope, names), "NextToken": token}

    def _page(
        self, operation: str, caller: Caller, asked: Mapping[str, Any], wanted: Mapping[str, str]
    ) -> tuple[list[Resource], str | None]:
        """Crawlers by name that have the tags."""
        scope = account_scope(caller)

        def read(position: list[Any], limit: int) -> list[Resource]:
            after, kept = position[0] if position else "", list[Resource]()
            with self.database.connection() as conn:
                while len(kept) < limit:
                    some = resources.page(conn, crawlers.shelf(scope), after=after, limit=limit)
                    kept += [r for r in some if wanted.items() <= _tags(conn, scope, r.name, wanted).items()]
                    if len(some) < limit:
                        break
                    after = some[-1].name
            return kept[:limit]

        found, token = self.paging.page(operation, caller, asked, _PAGE, read, lambda r: [r.name])
        arns = (operation, "GetCrawler")
        return self.sight.seen(
            caller, arns, found, lambda r: [tags.scoped_arn(scope, "crawler", r.name)]
        ), token


def require_crawler(conn: psycopg.Connection, scope: Scope, path: str) -> None:
    """For tags. Raises EntityNotFound."""
    if resources.find(conn, crawlers.shelf(scope), path) is None:
        raise EntityNotFound(f"Crawler {path} not found.")


def _tags(conn: psycopg.Connection, scope: Scope, name: str, wanted: Mapping[str, str]) -> dict[str, str]:
    return tags.get(conn, tags.scoped_arn(scope, "crawler", name)) if wanted else {}


def _shown(conn: psycopg.Connection, scope: Scope, found: Sequence[Resource]) -> list[dict[str, Any]]:
    """In Glue's shape."""
    names = [r.name for r in found]
    current = runs.latest(conn, scope, names, still_open=True)
    last = runs.latest(conn, scope, names, still_open=False)
    return [_one(r, current.get(r.name), last.get(r.name)) for r in found]


def _one(found: Resource, current: Crawl | None, last: Crawl | None) -> dict[str, Any]:
    document = found.document
    new_folders = (document.get("RecrawlPolicy") or {}).get("RecrawlBehavior") == "CRAWL_NEW_FOLDERS_ONLY"
    policy = {**(_LOG_POLICY if new_folders else _POLICY), **(document.get("SchemaChangePolicy") or {})}
    shown: dict[str, Any] = {
        **_DEFAULTS, **document, "Role": document["Role"].rpartition(":role/")[2], "SchemaChangePolicy": policy,
        "Name": found.name, "State": _state(current), "CreationTime": found.created_at, "LastUpdated": found.updated_at,
        "Version": found.version, "CrawlElapsedTime": round(_seconds(current) * 1000) if current else 0,
    }  # fmt: skip
    if last is not None:
        shown["LastCrawl"] = {
            "Status": _LAST[last.state], "LogGroup": _LOG_GROUP, "LogStream": _stream(found.name), "MessagePrefix": last.id,
            "StartTime": last.started_at or last.created_at, **({"ErrorMessage": last.error} if last.error else {}),
        }  # fmt: skip
    return shown


def _state(current: Crawl | None) -> str:
    if current is None:
        return "READY"
    return "STOPPING" if current.stop_requested else "RUNNING"


def _stream(name: str) -> str:
    return name.replace(":", "_").replace("*", "_")


def _seconds(crawl: Crawl) -> float:
    begun = crawl.started_at or crawl.created_at
    ended: datetime = crawl.ended_at or utc_now()
    return max(0.0, (ended - begun).total_seconds())


def _metrics(conn: psycopg.Connection, scope: Scope, names: Sequence[str]) -> list[dict[str, Any]]:
    known = runs.metrics(conn, scope, names)
    current = runs.latest(conn, scope, names, still_open=True)
    last = runs.latest(conn, scope, names, still_open=False)
    found = []
    for name in names:
        metrics = known.get(name)
        median = metrics.median_s if metrics else None
        running = current.get(name)
        found.append({
            "CrawlerName": name, "StillEstimating": running is not None and median is None,
            "TimeLeftSeconds": max(0.0, (median or 0.0) - _seconds(running)) if running else 0.0,
            "LastRuntimeSeconds": _seconds(last[name]) if name in last else 0.0, "MedianRuntimeSeconds": median or 0.0,
            "TablesCreated": metrics.tables_created if metrics else 0,
            "TablesUpdated": metrics.tables_updated if metrics else 0,
            "TablesDeleted": metrics.tables_deleted if metrics else 0,
        })  # fmt: skip
    return found
