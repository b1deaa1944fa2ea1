"""Catalogs: each account has a default one in each region, which is simply there, and may have named ones beside it.

A named catalog is a scope of its own (`<account>:<name>`): its databases, connections and functions are apart from all
others'. What is known of a catalog lies on the default catalog's shelf; the default's own description under the account id.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg

from glulam.catalog import resources
from glulam.catalog.resources import Kind, Resource, Shelf
from glulam.catalog.scope import Scope
from glulam.model.errors import EntityNotFound, InvalidInput

REQUIRE = """
SELECT 1 FROM catalog_resource
WHERE account_id = %s AND region = %s AND kind = %s AND parent = '' AND name = %s FOR KEY SHARE
"""
DELETE_DATABASES = """
UPDATE catalog_database SET deleted_at = now() WHERE catalog_id = %s AND region = %s AND deleted_at IS NULL
"""


def named(scope: Scope) -> str:
    """The name of the scope's catalog; empty for the default one."""
    return scope.catalog_id.partition(":")[2]


def require(conn: psycopg.Connection, scope: Scope) -> None:
    """Raises EntityNotFound when there is no such catalog. One that is there stays until the transaction ends."""
    name = named(scope)
    if name:
        account = scope.catalog_id.partition(":")[0]
        if conn.execute(REQUIRE, (account, scope.region, Kind.CATALOG.value, name)).fetchone() is None:
            raise EntityNotFound(f"Catalog {name} not found.")


def create_catalog(conn: psycopg.Connection, scope: Scope, content: Mapping[str, Any]) -> None:
    """Raises AlreadyExists."""
    resources.create(conn, _shelf(scope), named(scope), content)


def update_catalog(conn: psycopg.Connection, scope: Scope, content: Mapping[str, Any]) -> None:
    """Replace what is known of it. Raises EntityNotFound."""
    if named(scope):
        resources.update(conn, _shelf(scope), named(scope), content)
    else:
        resources.put(conn, _shelf(scope), scope.catalog_id, content)


def delete_catalog(conn: psycopg.Connection, scope: Scope) -> None:
    """Remove a named catalog: what is in it is gone at once, its rows bit by bit. Raises EntityNotFound, InvalidInput."""
    if not named(scope):
        raise InvalidInput(
            f"Catalog {scope.catalog_id} is the account's default catalog; it cannot be deleted"
        )
    resources.delete(conn, _shelf(scope), named(scope))
    resources.empty_scope(conn, scope)
    conn.execute(DELETE_DATABASES, (scope.catalog_id, scope.region))


def get_catalog(conn: psycopg.Connection, scope: Scope) -> Resource | None:
    """What is known of it; None for a default catalog of which nothing was said. Raises EntityNotFound."""
    if named(scope):
        return resources.get(conn, _shelf(scope), named(scope))
    return resources.find(conn, _shelf(scope), scope.catalog_id)


def page_catalogs(conn: psycopg.Connection, scope: Scope, *, after: str = "", limit: int) -> list[Resource]:
    """The account's named catalogs, by name, those behind `after`; `scope` is its default catalog."""
    found = resources.page(conn, _shelf(scope), after=after, limit=limit + 1)
    return [r for r in found if r.name != scope.catalog_id][:limit]


def _shelf(scope: Scope) -> Shelf:
    default = Scope(catalog_id=scope.catalog_id.partition(":")[0], region=scope.region)
    return Shelf(scope=default, kind=Kind.CATALOG)
