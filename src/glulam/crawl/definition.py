"""A crawler's settings as one value, read from Glue's members and its Configuration JSON, checked when they are set.

Left to others: keeping crawlers (`crawlers.py`), doing what they say (`grouping.py`, `planning.py`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from glulam.crawl.targets import CatalogTarget, S3Target, Target, parse_targets
from glulam.model.errors import InvalidInput


class Update(StrEnum):
    """What becomes of a table whose data changed."""

    LOG = "LOG"
    UPDATE = "UPDATE_IN_DATABASE"
    MERGE = "MERGE_NEW_COLUMNS"
    """Ours for Configuration's `MergeNewColumns`: add columns, and change none that is there."""


class Delete(StrEnum):
    """What becomes of a table or partition whose data is gone."""

    LOG = "LOG"
    DELETE = "DELETE_FROM_DATABASE"
    DEPRECATE = "DEPRECATE_IN_DATABASE"


class Recrawl(StrEnum):
    EVERYTHING = "CRAWL_EVERYTHING"
    NEW_FOLDERS = "CRAWL_NEW_FOLDERS_ONLY"
    EVENTS = "CRAWL_EVENT_MODE"


@dataclass(frozen=True, kw_only=True)
class Definition:
    """All that decides what a crawl does."""

    name: str
    """Of the crawler; empty for a crawl from the command line."""
    database: str
    """Of the tables that it makes; empty: it makes none (existing tables only)."""
    targets: tuple[Target, ...]
    classifiers: tuple[str, ...] = ()
    table_prefix: str = ""
    update: Update = Update.UPDATE
    delete: Delete = Delete.DEPRECATE
    recrawl: Recrawl = Recrawl.EVERYTHING
    combine: bool = False
    """One table for each include path and format, however different the schemas are."""
    table_level: int | None = None
    """Depth of a table's folder; 1 is the bucket."""
    table_limit: int | None = None
    partition_index: bool = False


def parse_definition(name: str, given: Mapping[str, Any]) -> Definition:
    """From the members of CreateCrawler. Raises InvalidInput, OperationNotSupported."""
    targets = parse_targets(given.get("Targets") or {})
    configuration = _configuration(given.get("Configuration"))
    recrawl = Recrawl((given.get("RecrawlPolicy") or {}).get("RecrawlBehavior") or Recrawl.EVERYTHING)
    update, delete = _policies(given, recrawl, configuration)
    catalog = any(isinstance(t, CatalogTarget) for t in targets)
    if not given.get("DatabaseName") and not catalog:
        raise InvalidInput(
            f"crawler {name!r}: DatabaseName is missing; expected the database of the tables that it makes"
        )
    if recrawl is not Recrawl.EVERYTHING and not all(
        isinstance(t, S3Target | CatalogTarget) for t in targets
    ):
        raise InvalidInput(f"RecrawlBehavior {recrawl}: expected S3 targets only")
    if recrawl is Recrawl.EVENTS and not all(
        isinstance(t, S3Target | CatalogTarget) and t.events for t in targets
    ):
        raise InvalidInput(f"RecrawlBehavior {recrawl}: every target needs an EventQueueArn")
    if catalog and delete is not Delete.LOG and "SchemaChangePolicy" in given:
        raise InvalidInput(
            f"DeleteBehavior is {delete}; expected LOG: a crawler of catalog tables deletes none"
        )
    return Definition(
        name=name, database=(given.get("DatabaseName") or "").lower(), targets=targets,
        classifiers=tuple(given.get("Classifiers") or ()), table_prefix=given.get("TablePrefix") or "", update=update,
        delete=Delete.LOG if catalog else delete, recrawl=recrawl, combine=catalog or configuration.combine,
        table_level=configuration.table_level, table_limit=configuration.table_limit,
        partition_index=configuration.partition_index,
    )  # fmt: skip


def _policies(
    given: Mapping[str, Any], recrawl: Recrawl, configuration: _Configuration
) -> tuple[Update, Delete]:
    said = given.get("SchemaChangePolicy") or {}
    if recrawl is Recrawl.NEW_FOLDERS:
        if set(said.values()) - {"LOG"}:
            raise InvalidInput(
                'The SchemaChangePolicy for "Crawl new folders only" Amazon S3 target can have only LOG DeleteBehavior '
                f"value and LOG UpdateBehavior value; found {', '.join(sorted(said.values()))}"
            )
        return Update.LOG, Delete.LOG
    update = Update(said.get("UpdateBehavior") or Update.UPDATE)
    delete = Delete(said.get("DeleteBehavior") or Delete.DEPRECATE)
    return Update.MERGE if configuration.merge else update, delete


@dataclass(frozen=True, kw_only=True)
class _Configuration:
    combine: bool = False
    merge: bool = False
    table_level: int | None = None
    table_limit: int | None = None
    partition_index: bool = False


def _configuration(text: str | None) -> _Configuration:
    if not text:
        return _Configuration()
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"Configuration is not JSON: {error}") from None
    if not isinstance(found, dict) or found.get("Version") not in (1, 1.0):
        raise InvalidInput('Configuration: expected a JSON object with "Version": 1.0')
    output, grouping = _object(found, "CrawlerOutput"), _object(found, "Grouping")
    partitions = _choice(_object(output, "Partitions"), "AddOrUpdateBehavior", ("InheritFromTable",))
    tables = _choice(_object(output, "Tables"), "AddOrUpdateBehavior", ("MergeNewColumns",))
    del partitions  # the only one there is, and what happens without it, too
    policy = _choice(grouping, "TableGroupingPolicy", ("CombineCompatibleSchemas",))
    return _Configuration(
        combine=policy is not None, merge=tables is not None, partition_index=found.get("CreatePartitionIndex") is True,
        table_level=_whole(grouping, "TableLevelConfiguration", 2),
        table_limit=_whole(_object(output, "Tables"), "TableThreshold", 1),
    )  # fmt: skip


def _object(found: Mapping[str, Any], member: str) -> Mapping[str, Any]:
    inner = found.get(member)
    if inner is None:
        return {}
    if not isinstance(inner, dict):
        raise InvalidInput(f"Configuration: {member} is {inner!r}; expected an object")
    return inner


def _choice(found: Mapping[str, Any], member: str, known: tuple[str, ...]) -> str | None:
    said = found.get(member)
    if said is not None and said not in known:
        raise InvalidInput(f"Configuration: {member} is {said!r}; expected {' or '.join(known)}")
    return None if said is None else str(said)


def _whole(found: Mapping[str, Any], member: str, least: int) -> int | None:
    said = found.get(member)
    if said is not None and (not isinstance(said, int) or isinstance(said, bool) or said < least):
        raise InvalidInput(f"Configuration: {member} is {said!r}; expected a whole number from {least}")
    return said
