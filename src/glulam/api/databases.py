"""Operations on databases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from glulam.api.paging import Paging
from glulam.api.scopes import existing_scope, scope_of
from glulam.api.sight import Sight
from glulam.catalog import databases, tags
from glulam.catalog.databases import CatalogDatabase
from glulam.model.caller import Caller
from glulam.model.errors import InvalidInput
from glulam.store.database import Database

_PAGE = 100


@dataclass(frozen=True, kw_only=True)
class Databases:
    database: Database
    paging: Paging
    sight: Sight

    def create_database(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        given = dict(asked["DatabaseInput"])
        name = databases.fold_name(given.pop("Name"), "database")
        with self.database.transaction() as conn:
            scope = existing_scope(conn, caller, asked)
            databases.create_database(conn, name, given, scope=scope)
            tags.put(conn, tags.scoped_arn(scope, "database", name), asked.get("Tags", {}))

    def update_database(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        given = dict(asked["DatabaseInput"])
        name, said = asked["Name"], given.pop("Name")
        if said.lower() != name.lower():
            raise InvalidInput(
                f"DatabaseInput.Name is {said!r}, the database is {name!r}: a database cannot be renamed"
            )
        with self.database.transaction() as conn:
            databases.update_database(conn, name, given, scope=scope_of(caller, asked))

    def delete_database(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        scope, name = scope_of(caller, asked), databases.fold_name(asked["Name"], "database")
        with self.database.transaction() as conn:
            databases.delete_database(conn, name, scope=scope)
            tags.forget(conn, tags.scoped_arn(scope, "database", name))

    def get_database(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.connection() as conn:
            return {
                "Database": _shown(databases.get_database(conn, asked["Name"], scope=scope_of(caller, asked)))
            }

    def get_databases(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        def read(position: list[Any], limit: int) -> list[CatalogDatabase]:
            with self.database.connection() as conn:
                scope = existing_scope(conn, caller, asked)
                after = position[0] if position else ""
                return databases.page_databases(conn, scope=scope, after=after, limit=limit)

        found, token = self.paging.page("GetDatabases", caller, asked, _PAGE, read, lambda d: [d.name])
        found = self.sight.seen(
            caller,
            ("GetDatabases", "GetDatabase"),
            found,
            lambda d: [tags.scoped_arn(d.scope, "database", d.name)],
        )
        wanted = asked.get("AttributesToGet")
        shown = [_shown(d) if not wanted else _only(_shown(d), wanted) for d in found]
        return {"DatabaseList": shown, "NextToken": token}


def _shown(found: CatalogDatabase) -> dict[str, Any]:
    return {
        **found.document, "Name": found.name, "CreateTime": found.created_at, "CatalogId": found.scope.catalog_id
    }  # fmt: skip


_ATTRIBUTES = {"NAME": ("Name",), "TARGET_DATABASE": ("Name", "TargetDatabase")}


def _only(shown: Mapping[str, Any], wanted: list[str]) -> dict[str, Any]:
    kept = {member for attribute in wanted for member in _ATTRIBUTES[attribute]}
    return {name: value for name, value in shown.items() if name in kept}
