"""What grouping found, as values: tables with their partitions, what is in none, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from glulam.crawl.findings import ColumnFinding
from glulam.infer.types import DataType


@dataclass(frozen=True, kw_only=True)
class Odd:
    """Files that are in no table."""

    path: str
    """A file or, with a slash at its end, a folder; behind the include path."""
    files: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class FoundPartition:
    """A folder of a table that stands for values of its partition keys."""

    values: tuple[str, ...]
    location: str
    columns: tuple[ColumnFinding, ...]
    files: int
    size_bytes: int
    records: int
    drift: tuple[str, ...] = ()
    """Where this partition differs from the others, a sentence each."""


@dataclass(frozen=True, kw_only=True)
class FoundTable:
    """A table as the data has it; the catalog was not asked."""

    name: str
    location: str
    classification: str
    compression: str
    parameters: Mapping[str, str]
    columns: tuple[ColumnFinding, ...]
    partition_keys: tuple[tuple[str, DataType], ...] = ()
    partitions: tuple[FoundPartition, ...] = ()
    files: int
    size_bytes: int
    records: int
    complete: bool
    """Every record of every file was read."""
    reasons: tuple[str, ...]
    """Why these files are one table."""
    odd: tuple[Odd, ...] = ()
    """What lies in its folder and is not of it."""
    exclusions: tuple[str, ...] = ()
    """Patterns of the include path, from the bucket on."""
    others: tuple[str, ...] = ()
    """URIs of what lies in its folder beside its files: tables of their own, files that are in no known format."""
    comment: str = ""
    storage: Mapping[str, str] | None = None
    """Of what is no plain file: members of the StorageDescriptor's place (a database's table, a lakehouse format)."""


@dataclass(frozen=True, kw_only=True)
class Grouping:
    """All that one target holds."""

    tables: tuple[FoundTable, ...]
    odd: tuple[Odd, ...]
    """What is in no table's folder."""
