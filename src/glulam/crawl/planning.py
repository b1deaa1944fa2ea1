"""Compares what was found with what the catalog has, under the crawler's policies. Pure: the same in, the same plan out.

A found table is the catalog's table at the same location; without one it is new, under the first free name. Left to
others: reading the catalog (`catalog_state.py`), what a table's document looks like (`documents.py`)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from glulam.catalog.tables import Table
from glulam.crawl.definition import Definition, Delete, Update
from glulam.crawl.documents import COUNTS, DEPRECATED_BY, UPDATED_BY, table_document
from glulam.crawl.found import FoundTable, Odd
from glulam.crawl.naming import with_suffix
from glulam.crawl.partition_changes import KnownPartition, partition_changes
from glulam.crawl.plan import (
    Action,
    Evidence,
    PartitionAction,
    PartitionChange,
    Plan,
    TableChange,
)
from glulam.crawl.schema_changes import compare, merged_columns
from glulam.crawl.targets import JdbcTarget
from glulam.model.errors import InvalidInput

PIPELINE = "glulam.pipeline"
_MOST_INDEX_KEYS = 3
_INDEXABLE = ("string", "int", "bigint", "date")


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the catalog has: the tables of the database, and the partitions of those that were found again or are gone."""

    tables: Sequence[Table]
    partitions: Mapping[int, Sequence[KnownPartition]]
    """By table id."""
    used_by: Mapping[int, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a crawl looked at and found."""

    tables: Sequence[FoundTable]
    places: Sequence[str]
    """The targets' locations: what is not found below them any more is gone."""
    odd: tuple[Odd, ...] = ()
    notes: tuple[str, ...] = ()
    databases: Sequence[JdbcTarget] = ()
    """What was looked at over connections: the same."""


def match(found: Sequence[FoundTable], tables: Sequence[Table], crawler: str) -> dict[str, Table]:
    """The catalog's table of each location that was found; where there are several, this crawler's."""
    at: dict[str, Table] = {}
    for table in tables:
        place = _place(table)
        if place and (place not in at or _updated_by(table) == crawler):
            at[place] = table
    return {f.location: at[f.location.rstrip("/")] for f in found if f.location.rstrip("/") in at}


def gone(seen: Seen, tables: Sequence[Table], crawler: str) -> list[Table]:
    """Tables of this crawler below its targets that were not found."""
    there = {f.location.rstrip("/") for f in seen.tables}
    return [
        t for t in tables
        if _updated_by(t) == crawler and _place(t) not in there
        and (
            any(f"{_place(t)}/".startswith(place) or _place(t) == place.rstrip("/") for place in seen.places)
            or any(_was_of(t, target) for target in seen.databases)
        )
    ]  # fmt: skip


def _was_of(table: Table, target: JdbcTarget) -> bool:
    """Whether a table was found over this connection, below this path (whose parts stand with dots in a location)."""
    pattern = target.path.replace("/", ".").split("%")
    below = f"{'.*'.join(re.escape(p) for p in pattern)}(?:\\..*)?"
    of_connection = table.document.get("Parameters", {}).get("connectionName") == target.connection
    return of_connection and re.fullmatch(below, _place(table), re.DOTALL) is not None


def make_plan(definition: Definition, seen: Seen, known: Known, now: str) -> Plan:
    """`now`: the time that a deprecation is marked with. Raises InvalidInput: more tables than the crawler may make."""
    crawler = definition.name
    matched = match(seen.tables, known.tables, crawler)
    new = sum(f.location not in matched for f in seen.tables)
    if definition.table_limit is not None and len(seen.tables) > definition.table_limit:
        raise InvalidInput(
            f"The number of tables the crawler found is {len(seen.tables)}, {new} of them new; TableThreshold allows "
            f"{definition.table_limit}. Nothing was changed."
        )
    taken = {t.name for t in known.tables}
    changes = []
    for found in seen.tables:
        table = matched.get(found.location)
        if table is not None:
            changes.append(_existing(definition, found, table, known, now))
        elif definition.database:
            name = found.name if found.name not in taken else with_suffix(found.name, found.location)
            taken.add(name)
            changes.append(_new(definition, replace(found, name=name)))
    notes = list(seen.notes)
    for table in gone(seen, known.tables, crawler):
        change = _gone(definition, table, known, now)
        notes.append(f"{table.name}: its data at {_place(table)}/ is gone; {_said(definition.delete)}")
        changes += [change] if change is not None else []
    notes += [f"{c.name}: {why}" for c in changes for why in _logged(c)]
    return Plan(crawler=crawler, database=definition.database, notes=tuple(notes), odd=seen.odd,
                tables=tuple(sorted(changes, key=lambda c: (c.database, c.name))))  # fmt: skip


def _new(definition: Definition, found: FoundTable) -> TableChange:
    document = table_document(found, definition.name)
    return replace(
        _described(found, definition.database, found.name), action=Action.CREATE, document=document,
        partitions=tuple(partition_changes(found, (), definition.delete)),
        index_keys=_index_keys(found) if definition.partition_index else (),
    )  # fmt: skip


def _existing(definition: Definition, found: FoundTable, table: Table, known: Known, now: str) -> TableChange:
    base = replace(_described(found, table.database, table.name), table_id=table.id, version=table.version,
                   used_by=known.used_by.get(table.id, ()))  # fmt: skip
    if PIPELINE in table.document.get("Parameters", {}):
        reason = f"pipeline {table.document['Parameters'][PIPELINE]} writes this table: the crawler leaves it alone"
        return replace(base, action=Action.KEEP, reasons=(reason,), odd=())
    update = definition.update
    comparison = compare(found, table, update)
    there = known.partitions.get(table.id, ())
    if comparison.keys_changed and update is Update.UPDATE:
        partitions = [_deletion(p, PartitionAction.DELETE) for p in there]
        partitions += partition_changes(found, (), definition.delete)
    elif comparison.keys_changed:
        partitions = []
    else:
        partitions = partition_changes(found, there, definition.delete)
    document = _updated(definition, found, table)
    changed = document is not None and _content(document) != _content(table.document)
    return replace(
        base, action=Action.UPDATE if changed else Action.KEEP, document=document if changed else None,
        changes=tuple(comparison.changes), partitions=tuple(partitions),
    )  # fmt: skip


def _updated(definition: Definition, found: FoundTable, table: Table) -> dict[str, Any] | None:
    """The table's next document; None when the policy keeps it as it is."""
    wanted = table_document(found, definition.name)
    old, storage = table.document, table.document.get("StorageDescriptor", {})
    deprecated = DEPRECATED_BY in old.get("Parameters", {})
    if definition.update is Update.LOG:
        if not deprecated:
            return None
        return {**old, "Parameters": {k: v for k, v in old["Parameters"].items() if k != DEPRECATED_BY}}
    columns = merged_columns(found, table, definition.update)
    parameters = {**old.get("Parameters", {}), **wanted["Parameters"]}
    parameters.pop(DEPRECATED_BY, None)
    if definition.update is Update.MERGE:
        kept = {k: old.get("Parameters", {}).get(k, v) for k, v in found.parameters.items()}
        parameters = {**parameters, **kept}
        return {**old, "Parameters": parameters, "StorageDescriptor": {**storage, "Columns": columns}}
    keys = {k["Name"]: k for k in old.get("PartitionKeys", ())}
    return {
        **wanted, **{k: v for k, v in old.items() if k not in ("Parameters", "StorageDescriptor", "PartitionKeys")},
        "Parameters": parameters, "PartitionKeys": _keys(wanted["PartitionKeys"], keys),
        "StorageDescriptor": {**wanted["StorageDescriptor"], "Columns": columns, "Parameters": parameters},
    }  # fmt: skip


def _keys(
    wanted: Sequence[Mapping[str, Any]], old: Mapping[str, Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Keys of the same names stay as they are: their types are what partitions were written by."""
    return list(old.values()) if [k["Name"] for k in wanted] == list(old) else list(wanted)


def _content(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document without what every new file changes, and without who crawled last."""

    def bare(parameters: Mapping[str, str]) -> dict[str, str]:
        return {k: v for k, v in parameters.items() if k not in COUNTS and k != UPDATED_BY}

    storage = dict(document.get("StorageDescriptor", {}))
    storage.pop("Parameters", None)
    return {**document, "Parameters": bare(document.get("Parameters", {})), "StorageDescriptor": storage}


def _gone(definition: Definition, table: Table, known: Known, now: str) -> TableChange | None:
    base = TableChange(
        action=Action.DELETE, database=table.database, name=table.name, location=_place(table) or "",
        classification=table.document.get("Parameters", {}).get("classification", ""), table_id=table.id,
        version=table.version, used_by=known.used_by.get(table.id, ()),
        reasons=("nothing of it was found below the crawler's targets",),
    )  # fmt: skip
    if definition.delete is Delete.DELETE:
        return base
    parameters = table.document.get("Parameters", {})
    if definition.delete is Delete.LOG or DEPRECATED_BY in parameters:
        return None
    document = {**table.document, "Parameters": {**parameters, DEPRECATED_BY: now}}
    return replace(base, action=Action.DEPRECATE, document=document)


def _described(found: FoundTable, database: str, name: str) -> TableChange:
    return TableChange(
        action=Action.KEEP, database=database, name=name, location=found.location, classification=found.classification,
        columns=tuple(
            Evidence(name=c.name, type=str(c.type), counts=dict(c.counts), examples=c.examples) for c in found.columns
        ),
        partition_keys=tuple((key, str(kind)) for key, kind in found.partition_keys), reasons=found.reasons, odd=found.odd,
        files=found.files, records=found.records, size_bytes=found.size_bytes, complete=found.complete,
        drift=tuple((p.values, p.drift) for p in found.partitions if p.drift),
    )  # fmt: skip


def _deletion(partition: KnownPartition, action: PartitionAction) -> PartitionChange:
    return PartitionChange(action=action, values=partition.values, location=partition.location)


def _index_keys(found: FoundTable) -> tuple[str, ...]:
    keys = [name for name, kind in found.partition_keys if str(kind) in _INDEXABLE]
    return tuple(keys) if 0 < len(keys) == len(found.partition_keys) else ()


def _logged(change: TableChange) -> list[str]:
    ignored = [f"{c.name} ({c.what})" for c in change.changes if not c.applied]
    return (
        [f"the data differs, and the policy keeps the table as it is: {', '.join(ignored)}"]
        if ignored
        else []
    )


def _said(delete: Delete) -> str:
    return {Delete.LOG: "the table stays", Delete.DELETE: "the table is deleted",
            Delete.DEPRECATE: "the table is marked as deprecated"}[delete]  # fmt: skip


def _updated_by(table: Table) -> str | None:
    found: str | None = table.document.get("Parameters", {}).get(UPDATED_BY)
    return found


def _place(table: Table) -> str:
    return str(table.document.get("StorageDescriptor", {}).get("Location") or "").rstrip("/")
