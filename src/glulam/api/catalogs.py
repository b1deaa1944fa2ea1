"""Operations on catalogs. Here a catalog is a name space; those that stand for another service's data (Redshift, federated
sources) would need that service, and are refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from glulam.api.paging import Paging
from glulam.api.scopes import account_scope, scope_of
from glulam.catalog import catalogs, tags
from glulam.catalog.resources import Resource
from glulam.catalog.scope import Scope
from glulam.model.caller import Caller
from glulam.model.errors import InvalidInput, OperationNotSupported
from glulam.store.database import Database

_PAGE = 100


@dataclass(frozen=True, kw_only=True)
class Catalogs:
    database: Database
    paging: Paging

    def create_catalog(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        name = asked["Name"].lower()
        if not name.strip() or name == caller.account_id or ":" in name or not name.isprintable():
            raise InvalidInput(
                f"catalog name {asked['Name']!r}: expected printable characters without a colon, not the account id"
            )
        scope = Scope(catalog_id=f"{caller.account_id}:{name}", region=caller.region)
        with self.database.transaction() as conn:
            catalogs.create_catalog(conn, scope, _input(asked))
            tags.put(conn, tags.arn(caller, "catalog", name), asked.get("Tags", {}))

    def update_catalog(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        with self.database.transaction() as conn:
            catalogs.update_catalog(conn, scope_of(caller, asked), _input(asked))

    def delete_catalog(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        scope = scope_of(caller, asked)
        with self.database.transaction() as conn:
            catalogs.delete_catalog(conn, scope)
            tags.forget(conn, tags.scoped_arn(scope, "catalog"))
            for kind in ("database", "connection"):
                tags.forget_below(conn, tags.scoped_arn(scope, kind))

    def get_catalog(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        scope = scope_of(caller, asked)
        with self.database.connection() as conn:
            return {"Catalog": _shown(caller, catalogs.get_catalog(conn, scope))}

    def get_catalogs(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        default = account_scope(caller)
        parent = scope_of(caller, {"CatalogId": asked.get("ParentCatalogId")})
        if parent != default:
            if "IncludeRoot" in asked:
                raise InvalidInput(
                    f"IncludeRoot: expected only without ParentCatalogId, found {parent.catalog_id}"
                )
            with self.database.connection() as conn:
                catalogs.require(conn, parent)
            return {"CatalogList": []}

        def read(position: list[Any], limit: int) -> list[Resource]:
            with self.database.connection() as conn:
                return catalogs.page_catalogs(
                    conn, default, after=position[0] if position else "", limit=limit
                )

        found, token = self.paging.page("GetCatalogs", caller, asked, _PAGE, read, lambda r: [r.name])
        shown = [_shown(caller, r) for r in found]
        if asked.get("IncludeRoot") and "NextToken" not in asked:
            with self.database.connection() as conn:
                shown.insert(0, _shown(caller, catalogs.get_catalog(conn, default)))
        return {"CatalogList": shown, "NextToken": token}


_ELSEWHERE = {
    "FederatedCatalog": "a federated source",
    "TargetRedshiftCatalog": "Amazon Redshift",
    "CatalogProperties": "Amazon Redshift or a managed optimizer",
}


def _input(asked: Mapping[str, Any]) -> dict[str, Any]:
    given = dict(asked["CatalogInput"])
    for member, service in _ELSEWHERE.items():
        if member in given:
            raise OperationNotSupported(f"CatalogInput.{member} is not implemented: it needs {service}")
    if given.pop("OverwriteChildResourcePermissionsWithDefault", "Deny") == "Accept":
        raise OperationNotSupported(
            "CatalogInput.OverwriteChildResourcePermissionsWithDefault Accept is not implemented: it needs Lake Formation"
        )
    return given


def _shown(caller: Caller, found: Resource | None) -> dict[str, Any]:
    if found is None or found.name == caller.account_id:
        known = {} if found is None else {**found.document, "UpdateTime": found.updated_at}
        return {
            **known, "CatalogId": caller.account_id, "Name": caller.account_id,
            "ResourceArn": tags.arn(caller, "catalog"),
        }  # fmt: skip
    return {
        **found.document, "CatalogId": f"{caller.account_id}:{found.name}", "Name": found.name,
        "ResourceArn": tags.arn(caller, "catalog", found.name),
        "CreateTime": found.created_at, "UpdateTime": found.updated_at,
    }  # fmt: skip
