"""Storage descriptors of partitions, kept once a table: a million partitions mostly say the same columns and formats.

What differs from partition to partition stays in its row: Location, and Parameters (crawlers count records there).
A descriptor's id is its content, so that writing one needs no look-up and two writers cannot disagree.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
import psycopg

from glulam.ledger.arrays import texts

Document = Mapping[str, Any]
"""Glue's StorageDescriptor as its JSON form says it, members in any order."""

SAVE = """
INSERT INTO catalog_storage_descriptor (table_id, id, document)
SELECT %s, d.id, d.document FROM unnest(%s::uuid[], %s::json[]) d (id, document) ON CONFLICT DO NOTHING
"""
LOAD = (
    "SELECT id::text, document FROM catalog_storage_descriptor WHERE table_id = %s AND id = ANY(%s::uuid[])"
)


@dataclass(frozen=True, kw_only=True)
class Split:
    """A descriptor in three parts; all None: there is none."""

    id: str | None = None
    location: str | None = None
    parameters: str | None = None
    """JSON."""


@dataclass
class DescriptorWriter:
    """Splits the descriptors of one request and saves what they share."""

    _documents: dict[str, str] = field(default_factory=dict)
    _last: tuple[Document, str] | None = None
    """Requests mostly repeat one descriptor: comparing two is far cheaper than a hash."""

    def split(self, descriptor: Document | None) -> Split:
        if descriptor is None:
            return Split()
        shared = dict(descriptor)
        location, parameters = shared.pop("Location", None), shared.pop("Parameters", None)
        return Split(id=self._id(shared), location=location, parameters=to_json(parameters))

    def saving(self, table_id: int) -> tuple[int, str, str]:
        """The parameters of SAVE."""
        ids = sorted(self._documents)  # in one order: two requests must not wait for each other
        return table_id, texts(ids), texts([self._documents[id_] for id_ in ids])

    def _id(self, shared: Document) -> str:
        if self._last is not None and self._last[0] == shared:
            return self._last[1]
        document = orjson.dumps(shared, option=orjson.OPT_SORT_KEYS)
        found = str(UUID(bytes=hashlib.sha256(document).digest()[:16]))
        self._documents[found] = document.decode()
        self._last = (shared, found)
        return found


def to_json(document: Document | None) -> str | None:
    return None if document is None else orjson.dumps(document).decode()


def load_descriptors(
    conn: psycopg.Connection, table_id: int, ids: Iterable[str]
) -> dict[str, dict[str, Any]]:
    """The shared parts by id."""
    wanted = list(ids)
    return dict(conn.execute(LOAD, (table_id, texts(wanted))).fetchall()) if wanted else {}


def joined(
    shared: Document | None, location: str | None, parameters: Document | None
) -> dict[str, Any] | None:
    """The descriptor again, from its three parts."""
    if shared is None and location is None:
        return None
    whole = dict(shared or {})
    if location is not None:
        whole["Location"] = location
    if parameters is not None:
        whole["Parameters"] = parameters
    return whole
