"""Workflows as the database keeps them: a name, default properties, how many may run; their graph is their triggers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from glulam.model.errors import AlreadyExists, EntityNotFound
from glulam.model.place import Place
from glulam.store.documents import document

_COLUMNS = "name, document, created_at, updated_at"
_HERE = "account_id = %(account_id)s AND region = %(region)s"
_ONE = f"{_HERE} AND name = %(name)s"
INSERT = f"""
INSERT INTO workflow (account_id, region, name, document) VALUES (%(account_id)s, %(region)s, %(name)s, %(document)s)
ON CONFLICT DO NOTHING RETURNING {_COLUMNS}
"""  # noqa: S608
GET = f"SELECT {_COLUMNS} FROM workflow WHERE {_ONE}"  # noqa: S608
LOCK = f"{GET} FOR UPDATE"
UPDATE = f"UPDATE workflow SET document = %(document)s, updated_at = now() WHERE {_ONE} RETURNING {_COLUMNS}"  # noqa: S608
DELETE = f"DELETE FROM workflow WHERE {_ONE}"  # noqa: S608
TRIGGERS = f"DELETE FROM trigger WHERE {_HERE} AND workflow = %(name)s RETURNING name"  # noqa: S608
PAGE = f"""
SELECT {_COLUMNS} FROM workflow WHERE {_HERE} AND name > %(after)s AND (%(names)s::text[] IS NULL OR name = ANY (%(names)s))
ORDER BY name LIMIT %(limit)s
"""  # noqa: S608


@dataclass(frozen=True, kw_only=True)
class Workflow:
    name: str
    document: Mapping[str, Any]
    """Glue's members: Description, DefaultRunProperties, MaxConcurrentRuns, BlueprintDetails."""
    created_at: datetime
    updated_at: datetime

    @property
    def most_runs(self) -> int | None:
        """At a time; None: as many as are started."""
        said = self.document.get("MaxConcurrentRuns")
        return None if said is None else int(said)


def create(conn: psycopg.Connection, place: Place, name: str, given: Mapping[str, Any]) -> Workflow:
    """Raises AlreadyExists."""
    row = conn.execute(INSERT, {**_at(place, name), "document": document(given)}).fetchone()
    if row is None:
        raise AlreadyExists(f"Workflow {name} already exists.")
    return _workflow(row)


def update(conn: psycopg.Connection, place: Place, name: str, given: Mapping[str, Any]) -> Workflow:
    """Members that are not given stay as they are. Raises EntityNotFound."""
    found = get(conn, place, name, for_update=True)
    row = conn.execute(
        UPDATE, {**_at(place, name), "document": document({**found.document, **given})}
    ).fetchone()
    assert row is not None  # its row is locked
    return _workflow(row)


def delete(conn: psycopg.Connection, place: Place, name: str) -> list[str] | None:
    """With its triggers, whose names are returned; None when there was no such workflow. Its runs stay in the history."""
    if conn.execute(DELETE, _at(place, name)).rowcount == 0:
        return None
    return [row[0] for row in conn.execute(TRIGGERS, _at(place, name)).fetchall()]


def get(conn: psycopg.Connection, place: Place, name: str, *, for_update: bool = False) -> Workflow:
    """Raises EntityNotFound."""
    row = conn.execute(LOCK if for_update else GET, _at(place, name)).fetchone()
    if row is None:
        raise EntityNotFound(f"Workflow {name} not found.")
    return _workflow(row)


def page(
    conn: psycopg.Connection, place: Place, *, after: str = "", limit: int, names: Sequence[str] | None = None
) -> list[Workflow]:
    """By name."""
    given = {
        **_at(place, ""),
        "after": after,
        "limit": limit,
        "names": None if names is None else list(names),
    }
    return [_workflow(row) for row in conn.execute(PAGE, given).fetchall()]


def _workflow(row: tuple[Any, ...]) -> Workflow:
    return Workflow(name=row[0], document=row[1], created_at=row[2], updated_at=row[3])


def _at(place: Place, name: str) -> dict[str, Any]:
    return {"account_id": place.account_id, "region": place.region, "name": name}
