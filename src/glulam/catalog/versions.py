"""The history of tables: read it page by page, take versions out, compare two of them."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from glulam.catalog.tables import Table, TableVersion
from glulam.model.errors import EntityNotFound, InvalidInput

_SELECT = "SELECT version, document, cause, created_at FROM catalog_table_version WHERE table_id = %(table)s"
ALL = _SELECT + " ORDER BY version"
PAGE = _SELECT + " AND version < %(before)s ORDER BY version DESC LIMIT %(limit)s"
GET = _SELECT + " AND version = %(version)s"
DELETE = (
    "DELETE FROM catalog_table_version WHERE table_id = %s AND version = ANY(%s::bigint[]) RETURNING version"
)

NEWEST = 2**62


@dataclass(frozen=True, kw_only=True)
class VersionProblem:
    """Why a version was not deleted."""

    version_id: str
    code: str
    message: str


def versions(conn: psycopg.Connection, table_id: int) -> list[TableVersion]:
    """The whole history, oldest first."""
    return [_version(row) for row in conn.execute(ALL, {"table": table_id}).fetchall()]


def page_versions(
    conn: psycopg.Connection, table_id: int, *, before: int = NEWEST, limit: int
) -> list[TableVersion]:
    """Versions older than `before`, newest first, as Glue lists them."""
    given = {"table": table_id, "before": before, "limit": limit}
    return [_version(row) for row in conn.execute(PAGE, given).fetchall()]


def parse_version(version_id: str) -> int:
    """Raises InvalidInput for anything but a whole number."""
    if not version_id.isascii() or not version_id.isdigit() or len(version_id) > 18:
        raise InvalidInput(f"version id {version_id!r}: expected a whole number")
    return int(version_id)


def get_version(conn: psycopg.Connection, table: Table, version: int) -> TableVersion:
    """Raises EntityNotFound."""
    row = conn.execute(GET, {"table": table.id, "version": version}).fetchone()
    if row is None:
        raise EntityNotFound(f"Version {version} of table {table.database}.{table.name} not found.")
    return _version(row)


def delete_versions(
    conn: psycopg.Connection, table: Table, version_ids: Sequence[str]
) -> list[VersionProblem]:
    """Take versions out of the history; the current one cannot go. Each that stays is in the answer."""
    problems, wanted = [], {}
    for version_id in version_ids:
        try:
            number = parse_version(version_id)
        except InvalidInput as error:
            problems.append(VersionProblem(version_id=version_id, code=error.code, message=str(error)))
            continue
        if number == table.version:
            text = f"Version {number} is the current version of table {table.database}.{table.name}; it cannot be deleted."
            problems.append(VersionProblem(version_id=version_id, code=InvalidInput.code, message=text))
        else:
            wanted[number] = version_id
    gone = {row[0] for row in conn.execute(DELETE, (table.id, list(wanted))).fetchall()}
    for number in wanted.keys() - gone:
        text = f"Version {number} of table {table.database}.{table.name} not found."
        problems.append(VersionProblem(version_id=wanted[number], code=EntityNotFound.code, message=text))
    return problems


def diff(old: TableVersion, new: TableVersion) -> list[str]:
    """What changed, as a unified diff of the two documents, for a person."""
    before, after = (json.dumps(v.document, indent=2, sort_keys=True).splitlines() for v in (old, new))
    names = (f"version {old.version}", f"version {new.version}")
    return list(difflib.unified_diff(before, after, *names, lineterm=""))


def _version(row: tuple) -> TableVersion:  # type: ignore[type-arg]
    return TableVersion(version=row[0], document=row[1], cause=row[2], created_at=row[3])
