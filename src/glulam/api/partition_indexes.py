"""Operations on partition indexes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from glulam.api.scopes import scope_of
from glulam.api.tables import partition_keys
from glulam.catalog import partition_indexes
from glulam.catalog.partition_indexes import PartitionIndex
from glulam.catalog.tables import Table, get_table
from glulam.model.caller import Caller
from glulam.store.database import Database


@dataclass(frozen=True, kw_only=True)
class PartitionIndexes:
    """An index is CREATING until the server's upkeep has filled it, as in Glue."""

    database: Database

    def create_partition_index(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        given = asked["PartitionIndex"]
        with self.database.transaction() as conn:
            table = _table(conn, caller, asked)
            partition_indexes.create_partition_index(
                conn, table.id, partition_keys(table), given["IndexName"], given["Keys"]
            )

    def get_partition_indexes(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.connection() as conn:
            table = _table(conn, caller, asked)
            found = partition_indexes.list_partition_indexes(conn, table.id)
        return {"PartitionIndexDescriptorList": [_shown(one) for one in found]}

    def delete_partition_index(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        with self.database.transaction() as conn:
            table = _table(conn, caller, asked)
            partition_indexes.delete_partition_index(conn, table.id, asked["IndexName"])


def _table(conn: Any, caller: Caller, asked: Mapping[str, Any]) -> Table:
    return get_table(conn, asked["DatabaseName"], asked["TableName"], scope=scope_of(caller, asked))


def _shown(found: PartitionIndex) -> dict[str, Any]:
    failures = [
        {"Code": f.code, "Partitions": [{"Values": values} for values in f.partitions]} for f in found.failures
    ]  # fmt: skip
    return {
        "IndexName": found.name, "Keys": [{"Name": k.name, "Type": k.type} for k in found.keys],
        "IndexStatus": found.status, "BackfillErrors": failures or None,
    }  # fmt: skip
