"""Does what a plan says: all of it in the caller's one transaction, on exactly the tables that it was made for.

Each table must be as the plan found it (its id and version, or not there at all); otherwise ConcurrentModification, and the
transaction leaves nothing behind. Partitions that are added inherit the table's descriptor. A table's version names the
crawl that made it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from glulam.catalog.databases import ensure_database
from glulam.catalog.partition_indexes import create_partition_index
from glulam.catalog.partition_keys import PartitionKey
from glulam.catalog.partition_pages import get_partitions
from glulam.catalog.partitions import (
    PartitionDelta,
    PartitionInput,
    add_to_partitions,
    delete_partitions,
    update_partitions,
)
from glulam.catalog.scope import Scope
from glulam.catalog.tables import Table, create_table, delete_table, find_table, update_table
from glulam.crawl.documents import DEPRECATED_BY
from glulam.crawl.plan import Action, PartitionAction, PartitionChange, Plan, TableChange
from glulam.model.errors import AlreadyExists, ConcurrentModification, EntityNotFound
from glulam.model.failpoints import failpoint

_INDEX = "crawler_partition_index"
_ROWS = 5000


@dataclass(frozen=True, kw_only=True)
class Applying:
    """Who applies a plan, and when."""

    scope: Scope
    crawl: str
    """The crawl's id."""
    crawler: str
    created_by: str
    now: str
    """For marks of deprecation."""
    keep_versions: int = 0


def apply(conn: psycopg.Connection, plan: Plan, by: Applying) -> list[list[int]]:
    """Carry the plan out; answers with [id, version] of each of its tables that is there afterwards.

    Raises ConcurrentModification when the catalog is not as the plan found it."""
    if plan.database:
        ensure_database(conn, plan.database, scope=by.scope)
    left = []
    for (
        change
    ) in plan.tables:  # in the order of their names: two crawls do not wait for each other in a circle
        table = _table(conn, change, by)
        failpoint("crawl.during_apply")
        if table is not None:
            _partitions(conn, change, table, by)
            left.append([table.id, table.version])
    return left


def summary(plan: Plan) -> dict[str, Any]:
    """Counts of what the plan changes, by name."""
    return {
        "tables": {a.value: [t.name for t in plan.tables if t.action is a][:20] for a in Action if a is not Action.KEEP},
        "counts": {a.value: plan.count(a) for a in Action},
        "partitions": {a.value: plan.count_partitions(a) for a in PartitionAction},
        "files": sum(t.files for t in plan.tables), "records": sum(t.records for t in plan.tables),
        "bytes": sum(t.size_bytes for t in plan.tables), "odd": sum(o.files for o in plan.odd),
    }  # fmt: skip


def _table(conn: psycopg.Connection, change: TableChange, by: Applying) -> Table | None:
    cause = {"crawl": by.crawl, "crawler": by.crawler}
    now = find_table(conn, change.database, change.name, scope=by.scope, for_update=True)
    where = f"table {change.database}.{change.name}"
    if (now.id, now.version) != (change.table_id, change.version) if now else change.table_id is not None:
        expected = "no such table" if change.table_id is None else f"version {change.version}"
        found = "none" if now is None else f"version {now.version}"
        if now is not None and now.version == change.version:
            found = "another table of that name"
        raise ConcurrentModification(
            f"{where} changed since the plan was made: expected {expected}, found {found}"
        )
    if now is None:
        assert change.document is not None
        try:
            made = create_table(conn, change.database, change.name, change.document, cause, scope=by.scope,
                                created_by=by.created_by)  # fmt: skip
        except AlreadyExists:
            raise ConcurrentModification(
                f"{where} was made by somebody else since the plan was made"
            ) from None
        if change.index_keys:
            _index(conn, made, change)
        return made
    if change.action is Action.DELETE:
        delete_table(conn, now)
        return None
    if change.document is None:
        return now
    return update_table(
        conn, now, change.document, expected_version=now.version, cause=cause, keep_versions=by.keep_versions
    )


def _index(conn: psycopg.Connection, table: Table, change: TableChange) -> None:
    keys = [PartitionKey(name=name, type=kind) for name, kind in change.partition_keys]
    create_partition_index(conn, table.id, keys, _INDEX, change.index_keys)


def _partitions(conn: psycopg.Connection, change: TableChange, table: Table, by: Applying) -> None:
    of = {a: [p for p in change.partitions if p.action is a] for a in PartitionAction}
    _gone(conn, table, of[PartitionAction.DELETE])
    _require_absent(conn, table, of[PartitionAction.ADD])
    for some in _parts([*of[PartitionAction.ADD], *of[PartitionAction.RECOUNT]]):
        add_to_partitions(conn, table.id, [
            PartitionDelta(values=p.values, location=p.location, record_count=p.records, size_bytes=p.size_bytes,
                           file_count=p.files) for p in some
        ])  # fmt: skip
    if of[PartitionAction.DEPRECATE]:
        _deprecate(conn, table, of[PartitionAction.DEPRECATE], by.now)


def _gone(conn: psycopg.Connection, table: Table, changes: Sequence[PartitionChange]) -> None:
    for some in _parts(changes):
        if problems := delete_partitions(conn, table.id, [p.values for p in some]):
            raise _moved(table, problems[0].values, "is not there any more")


def _require_absent(conn: psycopg.Connection, table: Table, changes: Sequence[PartitionChange]) -> None:
    for some in _parts(changes):
        there, _ = get_partitions(conn, table.id, [p.values for p in some])
        if there:
            raise _moved(table, there[0].values, "was added by somebody else")


def _deprecate(conn: psycopg.Connection, table: Table, changes: Sequence[PartitionChange], now: str) -> None:
    there, missing = get_partitions(conn, table.id, [p.values for p in changes])
    if missing:
        raise _moved(table, missing[0], "is not there any more")
    keys, described = (
        len(table.document.get("PartitionKeys", ())),
        table.document.get("StorageDescriptor", {}),
    )
    inputs: list[tuple[tuple[str, ...], PartitionInput]] = []
    for p in there:
        storage: Mapping[str, Any] = {
            **(described if p.inherits_descriptor else {}),
            **(p.storage_descriptor or {}),
        }
        inputs.append((p.values, PartitionInput(
            values=p.values, storage_descriptor=storage, parameters={**(p.parameters or {}), DEPRECATED_BY: now},
            last_access_time=p.last_access_time, last_analyzed_time=p.last_analyzed_time,
        )))  # fmt: skip
    for problem in update_partitions(conn, table.id, keys, inputs):
        if isinstance(problem.error, EntityNotFound):
            raise _moved(table, problem.values, "is not there any more")
        raise problem.error


def _moved(table: Table, values: tuple[str, ...], what: str) -> ConcurrentModification:
    return ConcurrentModification(
        f"table {table.database}.{table.name} changed since the plan was made: partition {'/'.join(values)} {what}"
    )


def _parts(changes: Sequence[PartitionChange]) -> list[Sequence[PartitionChange]]:
    return [changes[at : at + _ROWS] for at in range(0, len(changes), _ROWS)]
