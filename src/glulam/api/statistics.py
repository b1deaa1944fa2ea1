"""Operations on column statistics, of tables and of partitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from glulam.api.scopes import scope_of
from glulam.api.tables import error_detail
from glulam.catalog import statistics
from glulam.catalog.partition_pages import get_partition
from glulam.catalog.statistics import ColumnStatistics, StatisticsProblem
from glulam.catalog.tables import Table, get_table
from glulam.model.caller import Caller
from glulam.store.database import Database


@dataclass(frozen=True, kw_only=True)
class Statistics:
    database: Database

    def update_column_statistics_for_table(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.transaction() as conn:
            table = _table(conn, caller, asked)
            return _update(conn, table, None, _columns(table.document.get("StorageDescriptor")), asked)

    def update_column_statistics_for_partition(
        self, caller: Caller, asked: Mapping[str, Any]
    ) -> dict[str, Any]:
        with self.database.transaction() as conn:
            table, values = _table(conn, caller, asked), tuple(asked["PartitionValues"])
            storage = get_partition(conn, table.id, values).storage_descriptor
            columns = _columns(storage) or _columns(table.document.get("StorageDescriptor"))
            return _update(conn, table, values, columns, asked)

    def get_column_statistics_for_table(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.connection() as conn:
            return _get(conn, _table(conn, caller, asked), None, asked)

    def get_column_statistics_for_partition(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.connection() as conn:
            return _get(conn, _table(conn, caller, asked), tuple(asked["PartitionValues"]), asked)

    def delete_column_statistics_for_table(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        with self.database.transaction() as conn:
            statistics.delete_statistics(conn, _table(conn, caller, asked).id, None, asked["ColumnName"])

    def delete_column_statistics_for_partition(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        with self.database.transaction() as conn:
            values = tuple(asked["PartitionValues"])
            statistics.delete_statistics(conn, _table(conn, caller, asked).id, values, asked["ColumnName"])


def _table(conn: psycopg.Connection, caller: Caller, asked: Mapping[str, Any]) -> Table:
    return get_table(conn, asked["DatabaseName"], asked["TableName"], scope=scope_of(caller, asked))


def _columns(storage: Mapping[str, Any] | None) -> set[str]:
    return {column["Name"] for column in (storage or {}).get("Columns", ())}


def _update(
    conn: psycopg.Connection,
    table: Table,
    values: tuple[str, ...] | None,
    columns: set[str],
    asked: Mapping[str, Any],
) -> dict[str, Any]:
    given = {one["ColumnName"]: one for one in asked["ColumnStatisticsList"]}
    wanted = [
        ColumnStatistics(column_name=one["ColumnName"], column_type=one["ColumnType"],
                         analyzed_time=one["AnalyzedTime"], data=one["StatisticsData"])
        for one in asked["ColumnStatisticsList"]
    ]  # fmt: skip
    problems = statistics.update_statistics(conn, table.id, values, columns, wanted)
    return {"Errors": [
        {"ColumnStatistics": given[p.column_name], "Error": error_detail(p.error)} for p in problems
    ]}  # fmt: skip


def _get(
    conn: psycopg.Connection, table: Table, values: tuple[str, ...] | None, asked: Mapping[str, Any]
) -> dict[str, Any]:
    found, problems = statistics.get_statistics(conn, table.id, values, asked["ColumnNames"])
    return {"ColumnStatisticsList": [_shown(one) for one in found], "Errors": [_error(p) for p in problems]}


def _shown(found: ColumnStatistics) -> dict[str, Any]:
    return {"ColumnName": found.column_name, "ColumnType": found.column_type, "AnalyzedTime": found.analyzed_time,
            "StatisticsData": found.data}  # fmt: skip


def _error(problem: StatisticsProblem) -> dict[str, Any]:
    return {"ColumnName": problem.column_name, "Error": error_detail(problem.error)}
