"""Partitions whose own descriptor is not their table's: which, how they differ, and making them the same.

A partition that inherits cannot differ. One that a client wrote with columns of its own can, and readers then see other types
in it than in the rest of the table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import psycopg

from glulam.catalog.partition_pages import Partition, get_partitions, list_partitions
from glulam.catalog.partitions import PartitionInput, Values, update_partitions
from glulam.catalog.tables import Table

_FORMAT = ("InputFormat", "OutputFormat", "SerdeInfo")


def differences(conn: psycopg.Connection, table: Table) -> list[tuple[Values, list[str]]]:
    """Values and a sentence for each difference, of the partitions that have one."""
    described = table.document.get("StorageDescriptor", {})
    found = []
    for partition in list_partitions(conn, table.id):
        if not partition.inherits_descriptor and (said := list(_differences(partition, described))):
            found.append((partition.values, said))
    return found


def repair(conn: psycopg.Connection, table: Table, names: Sequence[Values]) -> None:
    """Give these partitions the table's columns and format; Location and Parameters stay theirs."""
    described = table.document.get("StorageDescriptor", {})
    keys = len(table.document.get("PartitionKeys", ()))
    there, _ = get_partitions(conn, table.id, names)
    inputs = [(p.values, _repaired(p, described)) for p in there]
    for problem in update_partitions(conn, table.id, keys, inputs):
        raise problem.error


def _repaired(partition: Partition, described: Mapping[str, Any]) -> PartitionInput:
    own = partition.storage_descriptor or {}
    kept = {member: own[member] for member in ("Location", "Parameters") if member in own}
    storage = {**{k: v for k, v in described.items() if k != "Parameters"}, **kept}
    return PartitionInput(
        values=partition.values, storage_descriptor=storage, parameters=partition.parameters,
        last_access_time=partition.last_access_time, last_analyzed_time=partition.last_analyzed_time,
    )  # fmt: skip


def _differences(partition: Partition, described: Mapping[str, Any]) -> Iterator[str]:
    own = partition.storage_descriptor or {}
    types = {c["Name"]: c.get("Type", "") for c in own.get("Columns", ())}
    wanted = {c["Name"]: c.get("Type", "") for c in described.get("Columns", ())}
    for name in sorted(types.keys() | wanted.keys()):
        if name not in types:
            yield f"{name} is missing"
        elif name not in wanted:
            yield f"{name} ({types[name]}) is not in the table"
        elif types[name] != wanted[name]:
            yield f"{name} is {types[name]} here and {wanted[name]} in the table"
    if list(types) != list(wanted) and types.keys() == wanted.keys():
        yield "its columns are in another order"
    for member in _FORMAT:
        if own.get(member) != described.get(member):
            yield f"{member} is not the table's"
