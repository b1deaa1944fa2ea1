"""All that Glulam answers of each AWS service: the one list of api classes."""

from __future__ import annotations

from dataclasses import dataclass

from glulam.api.databases import Databases
from glulam.api.paging import Paging
from glulam.api.tables import Tables
from glulam.store.database import Database

GLUE: tuple[type, ...] = (Databases, Tables)


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the api classes are made of."""

    database: Database
    paging: Paging
    keep_versions: int = 0


def glue(parts: Parts) -> list[object]:
    """The objects whose methods are Glue's operations."""
    plain = {Databases}
    return [
        *(kind(database=parts.database, paging=parts.paging) for kind in GLUE if kind in plain),
        Tables(database=parts.database, paging=parts.paging, keep_versions=parts.keep_versions),
    ]
