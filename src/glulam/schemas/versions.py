"""Versions of a schema: registered once for each definition, numbered without reuse, refused by being FAILURE.

A definition that breaks the compatibility mode still becomes a version, of status FAILURE and with its reason, as in
Glue: its number is spent, it never is the latest, and nothing is ever compared with it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

import psycopg
from psycopg.rows import class_row

from glulam.model.errors import EntityNotFound, InvalidInput, LimitExceeded
from glulam.schemas.formats import conflict
from glulam.schemas.names import Owner
from glulam.schemas.sets import Schema

MAX_VERSION = 100_000
"""Glue's limit of a version number."""

COLUMNS = """
SELECT v.id, v.number, v.status, v.definition, v.reason, v.created_at, r.name AS registry, s.name AS schema,
       s.data_format, v.number = (SELECT max(l.number) FROM schema_version l
                                  WHERE l.schema_id = s.id AND l.status = 'AVAILABLE') IS TRUE AS is_latest
FROM schema_version v JOIN schema_set s ON s.id = v.schema_id JOIN schema_registry r ON r.id = s.registry_id
"""
BY_ID = COLUMNS + " WHERE r.account_id = %s AND r.region = %s AND v.id = %s"
BY_NUMBER = COLUMNS + " WHERE v.schema_id = %s AND v.number = %s"
BY_DEFINITION = COLUMNS + " WHERE v.schema_id = %s AND v.sha256 = %s ORDER BY v.status, v.number DESC LIMIT 1"
LIST = COLUMNS + " WHERE v.schema_id = %s AND v.number > %s ORDER BY v.number LIMIT %s"
EARLIER = """
SELECT number, canonical FROM schema_version
WHERE schema_id = %s AND status = 'AVAILABLE' AND number >= %s ORDER BY number DESC
"""
CREATE = """
INSERT INTO schema_version (id, schema_id, number, status, definition, canonical, sha256, reason)
VALUES (%(id)s, %(schema)s, %(number)s, %(status)s, %(definition)s, %(canonical)s, %(sha256)s, %(reason)s)
"""
COUNT_UP = "UPDATE schema_set SET next_version = next_version + 1, updated_at = now() WHERE id = %s"
NUMBERS = "SELECT number, status FROM schema_version WHERE schema_id = %s AND number BETWEEN %s AND %s"
DELETE = "DELETE FROM schema_version WHERE schema_id = %s AND number = ANY(%s)"


@dataclass(frozen=True, kw_only=True)
class Version:
    """A version as it is stored, and the schema that it is of."""

    id: UUID
    number: int
    status: str
    definition: str
    reason: str | None
    created_at: datetime
    registry: str
    schema: str
    data_format: str
    is_latest: bool


@dataclass(frozen=True, kw_only=True)
class Undeleted:
    """A version that was asked to be deleted and was not."""

    number: int
    code: str
    message: str


def register(conn: psycopg.Connection, schema: Schema, definition: str, canonical: bytes) -> Version:
    """The version of that definition: the one that is there, or the next. The schema is locked by the caller.

    Raises InvalidInput (versioning is DISABLED) or LimitExceeded.
    """
    known = find_definition(conn, schema.id, canonical)
    if known is not None and known.status == "AVAILABLE":
        return known
    if schema.compatibility == "DISABLED" and schema.latest_version is not None:
        raise InvalidInput(
            f"Compatibility DISABLED does not allow versioning. SchemaId: SchemaId(schemaArn=null, "
            f"schemaName={schema.name}, registryName={schema.registry})"
        )
    reason = _conflict(conn, schema, canonical)
    if known is not None and reason is not None:
        return known  # it failed before, and would again
    if schema.next_version > MAX_VERSION:
        raise LimitExceeded(f"schema {schema.name}: version numbers end at {MAX_VERSION}")
    values = {
        "id": uuid4(),
        "schema": schema.id,
        "number": schema.next_version,
        "status": "AVAILABLE" if reason is None else "FAILURE",
        "definition": definition,
        "canonical": canonical,
        "sha256": _digest(canonical),
        "reason": reason,
    }
    conn.execute(CREATE, values)
    conn.execute(COUNT_UP, (schema.id,))
    return by_number(conn, schema, schema.next_version)


def _conflict(conn: psycopg.Connection, schema: Schema, canonical: bytes) -> str | None:
    """Compare with the latest version, or for the *_ALL modes with all from the checkpoint on."""
    if schema.latest_version is None or schema.compatibility in ("NONE", "DISABLED"):
        return None
    start = schema.checkpoint if schema.compatibility.endswith("_ALL") else schema.latest_version
    earlier = conn.execute(EARLIER, (schema.id, start))
    return conflict(schema.data_format, schema.compatibility, canonical, earlier)


def find_definition(conn: psycopg.Connection, schema_id: int, canonical: bytes) -> Version | None:
    """The version of a definition: the AVAILABLE one, else the last that failed."""
    with conn.cursor(row_factory=class_row(Version)) as cursor:
        return cursor.execute(BY_DEFINITION, (schema_id, _digest(canonical))).fetchone()


def by_definition(conn: psycopg.Connection, schema: Schema, canonical: bytes) -> Version:
    """As `find_definition`; raises EntityNotFound."""
    found = find_definition(conn, schema.id, canonical)
    if found is None:
        raise EntityNotFound(
            f"Schema is not found: no version of {schema.name} in registry {schema.registry} has this definition"
        )
    return found


def by_id(conn: psycopg.Connection, owner: Owner, version_id: str) -> Version:
    """Raises EntityNotFound."""
    with conn.cursor(row_factory=class_row(Version)) as cursor:
        found = cursor.execute(BY_ID, (owner.account_id, owner.region, UUID(version_id))).fetchone()
    if found is None:
        raise EntityNotFound(f"Schema version is not found. SchemaVersionId: {version_id}")
    return found


def by_number(conn: psycopg.Connection, schema: Schema, number: int | None) -> Version:
    """The version of a number; None: the latest. Raises EntityNotFound."""
    wanted = schema.latest_version if number is None else number
    with conn.cursor(row_factory=class_row(Version)) as cursor:
        found = cursor.execute(BY_NUMBER, (schema.id, wanted)).fetchone()
    if found is None:
        raise EntityNotFound(
            f"Schema version is not found. RegistryName: {schema.registry}, SchemaName: {schema.name}, "
            f"SchemaArn: null, VersionNumber: {number or 'null'}, isLatestVersion: {str(number is None).lower()}"
        )
    return found


def list_versions(conn: psycopg.Connection, schema_id: int, *, after: int, limit: int) -> list[Version]:
    """By number, those behind `after`."""
    with conn.cursor(row_factory=class_row(Version)) as cursor:
        return cursor.execute(LIST, (schema_id, after, limit)).fetchall()


def delete_versions(conn: psycopg.Connection, schema: Schema, first: int, last: int) -> Sequence[Undeleted]:
    """Delete a range of versions; answers those that stay, with the reason. The schema is locked by the caller.

    Raises InvalidInput if the checkpoint is in the range: then nothing is deleted.
    """
    if first <= schema.checkpoint <= last:
        raise InvalidInput(
            f"schema {schema.name}: version {schema.checkpoint} is the checkpoint and cannot be deleted; "
            "move the checkpoint first (UpdateSchema)"
        )
    statuses: dict[int, str] = dict(conn.execute(NUMBERS, (schema.id, first, last)).fetchall())
    kept: list[Undeleted] = []
    gone: list[int] = []
    for number in range(
        first, min(last, schema.next_version) + 1
    ):  # of those never given, the first speaks for all
        if (refused := _kept(schema, number, statuses.get(number))) is not None:
            kept.append(refused)
        else:
            gone.append(number)
    if first > schema.next_version:
        kept.append(_missing(schema, first))
    conn.execute(DELETE, (schema.id, gone))
    return kept


def _kept(schema: Schema, number: int, status: str | None) -> Undeleted | None:
    if status is None:
        return _missing(schema, number)
    if number == 1:
        message = "The first version is deleted with its schema only (DeleteSchema)."
        return Undeleted(number=number, code=InvalidInput.code, message=message)
    if status == "AVAILABLE" and schema.compatibility.endswith("_ALL") and number > schema.checkpoint:
        message = f"Compatibility {schema.compatibility} compares with every version from the checkpoint on."
        return Undeleted(number=number, code=InvalidInput.code, message=message)
    return None


def _missing(schema: Schema, number: int) -> Undeleted:
    message = f"Schema version is not found. SchemaName: {schema.name}, VersionNumber: {number}"
    return Undeleted(number=number, code=EntityNotFound.code, message=message)


def _digest(canonical: bytes) -> bytes:
    return hashlib.sha256(canonical).digest()
