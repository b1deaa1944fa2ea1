"""Operations on partitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from glulam.api.paging import Paging
from glulam.api.scopes import scope_of
from glulam.api.tables import error_detail, partition_keys
from glulam.catalog import partition_pages, partitions
from glulam.catalog.partition_pages import Partition
from glulam.catalog.partitions import PartitionInput, PartitionProblem
from glulam.catalog.tables import Table, get_table
from glulam.model.caller import Caller
from glulam.model.errors import OperationNotSupported
from glulam.store.database import Database

_PAGE = 1_000


@dataclass(frozen=True, kw_only=True)
class Partitions:
    database: Database
    paging: Paging

    def create_partition(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        with self.database.transaction() as conn:
            table = _table(conn, caller, asked)
            given = [_input(asked["PartitionInput"])]
            for problem in partitions.create_partitions(conn, table.id, _key_count(table), given):
                raise problem.error

    def batch_create_partition(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.transaction() as conn:
            table = _table(conn, caller, asked)
            given = [_input(one) for one in asked["PartitionInputList"]]
            problems = partitions.create_partitions(conn, table.id, _key_count(table), given)
        return {"Errors": [_error(p, "PartitionValues") for p in problems]}

    def update_partition(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        with self.database.transaction() as conn:
            table = _table(conn, caller, asked)
            old, given = tuple(asked["PartitionValueList"]), _input(asked["PartitionInput"])
            partitions.update_partition(conn, table.id, _key_count(table), old, given)

    def batch_update_partition(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.transaction() as conn:
            table = _table(conn, caller, asked)
            changes = [
                (tuple(e["PartitionValueList"]), _input(e["PartitionInput"])) for e in asked["Entries"]
            ]
            problems = partitions.update_partitions(conn, table.id, _key_count(table), changes)
        return {"Errors": [_error(p, "PartitionValueList") for p in problems]}

    def delete_partition(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        with self.database.transaction() as conn:
            table = _table(conn, caller, asked)
            for problem in partitions.delete_partitions(conn, table.id, [tuple(asked["PartitionValues"])]):
                raise problem.error

    def batch_delete_partition(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.transaction() as conn:
            table = _table(conn, caller, asked)
            problems = partitions.delete_partitions(conn, table.id, _values(asked["PartitionsToDelete"]))
        return {"Errors": [_error(p, "PartitionValues") for p in problems]}

    def get_partition(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.connection() as conn:
            table = _table(conn, caller, asked)
            found = partition_pages.get_partition(conn, table.id, tuple(asked["PartitionValues"]))
        return {"Partition": _shown(table, found)}

    def batch_get_partition(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.connection() as conn:
            table = _table(conn, caller, asked)
            found, missing = partition_pages.get_partitions(conn, table.id, _values(asked["PartitionsToGet"]))
        return {
            "Partitions": [_shown(table, p) for p in found],
            "UnprocessedKeys": [{"Values": v} for v in missing],
        }

    def get_partitions(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        for member in ("TransactionId", "QueryAsOfTime"):
            if member in asked:
                raise OperationNotSupported(f"{member} is not implemented: there are no governed tables here")
        segment = asked.get("Segment")
        share = (segment["SegmentNumber"], segment["TotalSegments"]) if segment else None
        exclude = asked.get("ExcludeColumnSchema", False)
        with self.database.connection() as conn:
            table = _table(conn, caller, asked)
            keys = partition_keys(table)

            def read(position: list[Any], limit: int) -> list[Partition]:
                return partition_pages.page_partitions(
                    conn, table.id, keys, expression=asked.get("Expression") or None,
                    after=tuple(position[0]) if position else None, limit=limit, segment=share,
                    exclude_columns=exclude,
                )  # fmt: skip

            found, token = self.paging.page("GetPartitions", caller, asked, _PAGE, read, lambda p: [p.values])
        return {"Partitions": [_shown(table, p, exclude=exclude) for p in found], "NextToken": token}


def _table(conn: Any, caller: Caller, asked: Mapping[str, Any]) -> Table:
    return get_table(conn, asked["DatabaseName"], asked["TableName"], scope=scope_of(caller, asked))


def _key_count(table: Table) -> int:
    return len(table.document.get("PartitionKeys", ()))


def _values(asked: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    return [tuple(one["Values"]) for one in asked]


def _input(asked: Mapping[str, Any]) -> PartitionInput:
    return PartitionInput(
        values=tuple(asked.get("Values", ())), storage_descriptor=asked.get("StorageDescriptor"),
        parameters=asked.get("Parameters"), last_access_time=asked.get("LastAccessTime"),
        last_analyzed_time=asked.get("LastAnalyzedTime"),
    )  # fmt: skip


def _shown(table: Table, found: Partition, *, exclude: bool = False) -> dict[str, Any]:
    storage = found.storage_descriptor
    if found.inherits_descriptor:
        storage = {**table.document.get("StorageDescriptor", {}), **(storage or {})}
        if exclude:
            storage.pop("Columns", None)
    return {
        "Values": found.values, "DatabaseName": table.database, "TableName": table.name,
        "CreationTime": found.created_at, "LastAccessTime": found.last_access_time, "StorageDescriptor": storage,
        "Parameters": found.parameters, "LastAnalyzedTime": found.last_analyzed_time,
        "CatalogId": table.scope.catalog_id,
    }  # fmt: skip


def _error(problem: PartitionProblem, name: str) -> dict[str, Any]:
    return {name: problem.values, "ErrorDetail": error_detail(problem.error)}
