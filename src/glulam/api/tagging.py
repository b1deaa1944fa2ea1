"""TagResource, UntagResource, GetTags: for whatever of this account's in this region can be tagged and is there.

What can be tagged is a list of (kind in the ARN, does it exist?); each api that tags its things brings its entry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from glulam.catalog import catalogs, databases, resources, tags
from glulam.catalog.resources import Kind, Shelf
from glulam.catalog.scope import Scope
from glulam.model.caller import Caller
from glulam.model.errors import EntityNotFound, InvalidInput
from glulam.store.database import Database

Require = Callable[[psycopg.Connection, Scope, str], object]
"""(conn, the account's default catalog, what stands behind the kind in the ARN): raises EntityNotFound."""


def require_database(conn: psycopg.Connection, scope: Scope, path: str) -> None:
    inner, name = _in_catalog(scope, path)
    databases.get_database(conn, name, scope=inner)


def require_connection(conn: psycopg.Connection, scope: Scope, path: str) -> None:
    inner, name = _in_catalog(scope, path)
    resources.get(conn, Shelf(scope=inner, kind=Kind.CONNECTION), name)


def require_catalog(conn: psycopg.Connection, scope: Scope, path: str) -> None:
    if path:
        catalogs.require(conn, Scope(catalog_id=f"{scope.catalog_id}:{path}", region=scope.region))


CATALOG_KINDS: Mapping[str, Require] = {
    "catalog": require_catalog, "database": require_database, "connection": require_connection
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Tagging:
    database: Database
    kinds: Mapping[str, Require]
    """By what stands behind the account in the ARN: `CATALOG_KINDS`, and those of other rooms."""

    def tag_resource(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        with self.database.transaction() as conn:
            tags.put(conn, self._existing(conn, caller, asked), asked["TagsToAdd"])

    def untag_resource(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        with self.database.transaction() as conn:
            tags.remove(conn, self._existing(conn, caller, asked), asked["TagsToRemove"])

    def get_tags(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.connection() as conn:
            return {"Tags": tags.get(conn, self._existing(conn, caller, asked))}

    def _existing(self, conn: psycopg.Connection, caller: Caller, asked: Mapping[str, Any]) -> str:
        """The ARN as tags are kept under it. Raises InvalidInput, EntityNotFound."""
        arn = asked["ResourceArn"]
        start = tags.arn(caller, "")
        if not arn.startswith(start):
            raise InvalidInput(
                f"ResourceArn {arn!r}: expected {start}<kind>/<name>, of this account and region"
            )
        kind, _, path = arn.removeprefix(start).partition("/")
        if kind not in self.kinds:
            raise InvalidInput(
                f"ResourceArn {arn!r}: a {kind} cannot be tagged; expected {', '.join(sorted(self.kinds))}"
            )
        if kind == "database":
            path = path.lower()
        try:
            scope = Scope(catalog_id=caller.account_id, region=caller.region)
            self.kinds[kind](conn, scope, path)
        except EntityNotFound as error:
            raise EntityNotFound(f"ResourceArn {arn!r}: {error}") from error
        return f"{start}{kind}/{path}" if path else f"{start}{kind}"


def _in_catalog(scope: Scope, path: str) -> tuple[Scope, str]:
    """`<catalog>/<name>`, or `<name>` in the default catalog. (No name of a catalog has a slash.)"""
    catalog, slash, name = path.partition("/")
    if not slash:
        return scope, path
    return Scope(catalog_id=f"{scope.catalog_id}:{catalog}", region=scope.region), name
