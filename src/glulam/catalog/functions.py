"""User-defined functions. A function lies on its database's shelf, by the database's id: it goes when the database goes,
and a new database of the same name has none. Names fold to lower case."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from glulam.catalog import resources
from glulam.catalog.databases import fold_name, get_database
from glulam.catalog.resources import Kind, Resource, Shelf
from glulam.catalog.scope import Scope
from glulam.model.errors import InvalidInput

PAGE = """
SELECT d.name, r.name, r.document, r.version, r.created_at, r.updated_at
FROM catalog_resource r JOIN catalog_database d ON d.id::text = r.parent
WHERE r.account_id = %(catalog)s AND r.region = %(region)s AND r.kind = %(kind)s AND d.deleted_at IS NULL
  AND (%(database)s::bigint IS NULL OR d.id = %(database)s)
  AND (%(type)s::text IS NULL OR r.document->>'FunctionType' = %(type)s)
  AND (d.name, r.name) > (%(after_database)s, %(after_name)s) AND r.name ~ %(pattern)s
ORDER BY d.name, r.name LIMIT %(limit)s
"""


@dataclass(frozen=True, kw_only=True)
class Function:
    """A function with the name of its database."""

    database: str
    resource: Resource


def create_function(
    conn: psycopg.Connection, scope: Scope, database: str, name: str, content: Mapping[str, Any]
) -> None:
    """Raises EntityNotFound (no such database) or AlreadyExists."""
    resources.create(conn, _shelf(conn, scope, database), fold_name(name, "function"), content)


def update_function(
    conn: psycopg.Connection,
    scope: Scope,
    database: str,
    name: str,
    new_name: str,
    content: Mapping[str, Any],
) -> None:
    """Raises EntityNotFound, or AlreadyExists for the new name."""
    shelf = _shelf(conn, scope, database)
    resources.update(
        conn, shelf, fold_name(name, "function"), content, new_name=fold_name(new_name, "function")
    )


def delete_function(conn: psycopg.Connection, scope: Scope, database: str, name: str) -> None:
    """Raises EntityNotFound."""
    resources.delete(conn, _shelf(conn, scope, database), fold_name(name, "function"))


def get_function(conn: psycopg.Connection, scope: Scope, database: str, name: str) -> Function:
    """Raises EntityNotFound."""
    found = resources.get(conn, _shelf(conn, scope, database), fold_name(name, "function"))
    return Function(database=fold_name(database, "database"), resource=found)


def page_functions(
    conn: psycopg.Connection,
    scope: Scope,
    *,
    database: str | None,
    pattern: str,
    function_type: str | None,
    after: tuple[str, str] = ("", ""),
    limit: int,
) -> list[Function]:
    """By database and name, those behind `after` whose whole name the regular expression matches; database None: of all.

    Raises EntityNotFound (no such database) or InvalidInput (no regular expression)."""
    given = {
        "catalog": scope.catalog_id, "region": scope.region, "kind": Kind.FUNCTION.value, "type": function_type,
        "database": None if database is None else get_database(conn, database, scope=scope).id,
        "pattern": f"^(?:{_without_quotes(pattern)})$",
        "after_database": after[0], "after_name": after[1], "limit": limit,
    }  # fmt: skip
    try:
        rows = conn.execute(PAGE, given).fetchall()
    except psycopg.errors.InvalidRegularExpression as error:
        raise InvalidInput(
            f"Invalid pattern syntax: error parsing regexp {pattern!r}: {error.diag.message_primary}"
        ) from error
    return [Function(database=row[0], resource=resources.to_resource(row[1:])) for row in rows]


_QUOTED = re.compile(r"\\Q(.*?)(?:\\E|$)", re.DOTALL)


def _without_quotes(pattern: str) -> str:
    r"""Glue takes Java's regular expressions, and Trino sends names as `\Qname\E`, which PostgreSQL does not know."""
    return _QUOTED.sub(lambda found: re.escape(found[1]), pattern)


def _shelf(conn: psycopg.Connection, scope: Scope, database: str) -> Shelf:
    parent = str(get_database(conn, database, scope=scope).id)
    return Shelf(scope=scope, kind=Kind.FUNCTION, parent=parent)
