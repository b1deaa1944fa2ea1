"""What a crawl is going to change in the catalog, as a value: shown, kept in its history, applied as it stands or not at all.

    Plan ── TableChange ── ColumnChange, Evidence     what, compatible or breaking, and why
                  └────── PartitionChange             add, recount, deprecate, delete

Left to others: finding out what to change (`planning.py`), changing it (`apply.py`), JSON (`plan_json.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from glulam.crawl.findings import Example
from glulam.crawl.found import Odd


class Action(StrEnum):
    CREATE = "CREATE"
    UPDATE = "UPDATE"
    DEPRECATE = "DEPRECATE"
    DELETE = "DELETE"
    KEEP = "KEEP"
    """The table stays as it is; partitions may come and go."""


class PartitionAction(StrEnum):
    ADD = "ADD"
    RECOUNT = "RECOUNT"
    """Other files than before: the counts change, nothing else."""
    DEPRECATE = "DEPRECATE"
    DELETE = "DELETE"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Why a column has its type."""

    name: str
    type: str
    counts: Mapping[str, int]
    examples: tuple[Example, ...]


@dataclass(frozen=True, kw_only=True)
class ColumnChange:
    """One difference between the table as it is and as the data has it."""

    name: str
    what: str
    """`bigint -> string`, `new: string`, `gone`, ..."""
    compatible: bool
    """Whether who reads the table as it was reads it as it will be."""
    applied: bool
    """False: the crawler's policy only logs it."""


@dataclass(frozen=True, kw_only=True)
class PartitionChange:
    action: PartitionAction
    values: tuple[str, ...]
    location: str
    files: int = 0
    """For ADD the count; for RECOUNT the difference. So with the next two."""
    records: int = 0
    size_bytes: int = 0
    drift: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TableChange:
    """One table."""

    action: Action
    database: str
    name: str
    location: str
    classification: str
    table_id: int | None = None
    """None: there is none of that name, and there must still be none when the plan is applied."""
    version: int | None = None
    document: Mapping[str, Any] | None = None
    """For CREATE, UPDATE and DEPRECATE: Glue's TableInput without the name, as it will be."""
    columns: tuple[Evidence, ...] = ()
    partition_keys: tuple[tuple[str, str], ...] = ()
    changes: tuple[ColumnChange, ...] = ()
    reasons: tuple[str, ...] = ()
    odd: tuple[Odd, ...] = ()
    used_by: tuple[str, ...] = ()
    """What names the table: pipelines, views; of a table that changes, jobs and triggers."""
    partitions: tuple[PartitionChange, ...] = ()
    drift: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = ()
    """Partition values, and how that partition differs from the others: of all partitions, new or not."""
    index_keys: tuple[str, ...] = ()
    """Make a partition index over these keys."""
    files: int = 0
    records: int = 0
    size_bytes: int = 0
    complete: bool = True

    @property
    def breaking(self) -> bool:
        return self.action is Action.DELETE or any(not c.compatible and c.applied for c in self.changes)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All changes of one crawl."""

    crawler: str
    database: str
    tables: tuple[TableChange, ...]
    odd: tuple[Odd, ...] = ()
    """Files and folders that are in no table."""
    notes: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Nothing changes."""
        return all(t.action is Action.KEEP and not t.partitions for t in self.tables)

    def count(self, action: Action) -> int:
        return sum(t.action is action for t in self.tables)

    def count_partitions(self, action: PartitionAction) -> int:
        return sum(p.action is action for t in self.tables for p in t.partitions)
