"""The history of a crawler."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from glulam.api.paging import Paging
from glulam.api.scopes import account_scope
from glulam.catalog import resources
from glulam.crawl import crawlers, runs
from glulam.crawl.runs import Condition, Crawl
from glulam.model.caller import Caller
from glulam.model.errors import InvalidInput, OperationNotSupported
from glulam.store.database import Database

_PAGE = 20
_LOG_GROUP = "/aws-glue/crawlers"
_OPERATORS = {"GT": ">", "GE": ">=", "LT": "<", "LE": "<=", "EQ": "=", "NE": "<>"}
_COLUMNS = {"CRAWL_ID": "id", "STATE": "state", "START_TIME": "started_at", "END_TIME": "ended_at"}
_STATES = ("RUNNING", "COMPLETED", "FAILED", "STOPPED")
_MOST = 255


@dataclass(frozen=True, kw_only=True)
class CrawlHistory:
    database: Database
    paging: Paging

    def list_crawls(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Newest first. A dry run is in it once its plan was applied."""
        scope, name = account_scope(caller), asked["CrawlerName"]
        conditions = [_condition(one) for one in asked.get("Filters") or ()]
        conditions.append(Condition(column="state", operator="<>", value="PLANNED"))

        def read(position: list[Any], limit: int) -> list[Crawl]:
            before = (datetime.fromisoformat(position[0]), position[1]) if position else None
            with self.database.connection() as conn:
                resources.get(conn, crawlers.shelf(scope), name)
                return runs.page(conn, scope, name, conditions, before, limit)

        place: Callable[[Crawl], list[Any]] = lambda c: [c.created_at.isoformat(), c.id]  # noqa: E731
        found, token = self.paging.page("ListCrawls", caller, asked, _PAGE, read, place)
        return {"Crawls": [_shown(c) for c in found], "NextToken": token}


def _shown(crawl: Crawl) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "CrawlId": crawl.id, "State": "RUNNING" if crawl.state.value == "QUEUED" else crawl.state.value,
        "StartTime": crawl.started_at or crawl.created_at, "LogGroup": _LOG_GROUP,
        "LogStream": crawl.crawler.replace(":", "_").replace("*", "_"), "MessagePrefix": crawl.id, "DPUHour": 0.0,
    }  # fmt: skip
    if crawl.ended_at is not None:
        shown["EndTime"] = crawl.ended_at
    if crawl.error:
        shown["ErrorMessage"] = crawl.error
    if summary := _summary(crawl.summary):
        shown["Summary"] = summary
    return shown


def _summary(found: Mapping[str, Any]) -> str:
    """`{"TABLE": "{\\"ADD\\": {\\"Count\\": 1, ...}}", "PARTITION": ...}`, as Glue nests it; names as far as they fit."""
    for names in (5, 1, 0):
        tables = {
            word: {"Count": found["counts"][action], **_names(found["tables"].get(action, ())[:names])}
            for word, action in (("ADD", "CREATE"), ("UPDATE", "UPDATE"), ("DELETE", "DELETE"))
            if found.get("counts", {}).get(action)
        }  # fmt: skip
        partitions = {
            word: {"Count": count}
            for word, action in (("ADD", "ADD"), ("UPDATE", "RECOUNT"), ("DELETE", "DELETE"))
            if (count := found.get("partitions", {}).get(action))
        }  # fmt: skip
        both = {"TABLE": tables, "PARTITION": partitions}
        text = json.dumps({kind: json.dumps(counts) for kind, counts in both.items() if counts})
        if len(text) <= _MOST:
            return "" if text == "{}" else text
    return ""


def _names(some: Sequence[str]) -> dict[str, Any]:
    return {"Details": {"names": list(some)}} if some else {}


def _condition(given: Mapping[str, Any]) -> Condition:
    name, word, value = given.get("FieldName"), given.get("FilterOperator"), given.get("FieldValue")
    if name == "DPU_HOUR":
        raise OperationNotSupported("filter DPU_HOUR: crawls are not metered here")
    if name not in _COLUMNS or word not in _OPERATORS or value is None:
        raise InvalidInput("a filter needs FieldName, FilterOperator and FieldValue")
    if name == "STATE":
        return _state(word, value)
    if name in ("START_TIME", "END_TIME"):
        return Condition(column=_COLUMNS[name], operator=_OPERATORS[word], value=_time(name, value))
    return Condition(column=_COLUMNS[name], operator=_OPERATORS[word], value=value)


def _state(word: str, value: str) -> Condition:
    if value not in _STATES or word not in ("EQ", "NE"):
        raise InvalidInput(
            f"filter STATE {word} {value!r}: expected EQ or NE and one of {', '.join(_STATES)}"
        )
    states = ["QUEUED", "RUNNING"] if value == "RUNNING" else [value]
    return Condition(column="state", operator="= ANY" if word == "EQ" else "<> ALL", value=states)


def _time(name: str, value: str) -> datetime:
    """Seconds or milliseconds since 1970, or ISO 8601."""
    try:
        if value.isascii() and value.isdigit():
            number = int(value)
            return datetime.fromtimestamp(number / 1000 if number > 10**11 else number, UTC)
        found = datetime.fromisoformat(value)
    except (ValueError, OverflowError, OSError):
        raise InvalidInput(
            f"filter {name} {value!r}: expected seconds since 1970 or an ISO 8601 time"
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
