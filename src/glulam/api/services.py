"""All that Glulam answers of each AWS service: the one list of api classes."""

from __future__ import annotations

from dataclasses import dataclass

from glulam.api.databases import Databases
from glulam.api.paging import Paging
from glulam.api.partition_indexes import PartitionIndexes
from glulam.api.partitions import Partitions
from glulam.api.statistics import Statistics
from glulam.api.tables import Tables
from glulam.store.database import Database

GLUE: tuple[type, ...] = (Databases, Tables, Partitions, PartitionIndexes, Statistics)


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the api classes are made of."""

    database: Database
    paging: Paging
    keep_versions: int = 0


def glue(parts: Parts) -> list[object]:
    """The objects whose methods are Glue's operations."""
    database, paging = parts.database, parts.paging
    return [
        Databases(database=database, paging=paging),
        Tables(database=database, paging=paging, keep_versions=parts.keep_versions),
        Partitions(database=database, paging=paging),
        PartitionIndexes(database=database),
        Statistics(database=database),
    ]
