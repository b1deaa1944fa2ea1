"""What a database says of its tables, before they are tables of the catalog."""

from __future__ import annotations

from dataclasses import dataclass

from glulam.infer.types import DataType


@dataclass(frozen=True, kw_only=True)
class SourceColumn:
    name: str
    type: DataType
    raw: str
    """As the database has it."""
    comment: str = ""


@dataclass(frozen=True, kw_only=True)
class SourceTable:
    """A table or view of a database."""

    path: tuple[str, ...]
    """database, schema (where there are some), name."""
    columns: tuple[SourceColumn, ...]
    comment: str = ""
    broken: str = ""
    """Of a view that cannot be read: why."""
