"""Operations on security configurations, the catalog's encryption settings, and the import from Athena's old catalog."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from glulam.api.paging import Paging
from glulam.api.scopes import account_scope, existing_scope
from glulam.catalog import encryption_settings, resources
from glulam.catalog.resources import Kind, Resource, Shelf
from glulam.model.caller import Caller
from glulam.model.errors import InvalidInput, OperationNotSupported
from glulam.store.database import Database

_PAGE = 100
_MOST = 200


@dataclass(frozen=True, kw_only=True)
class Security:
    database: Database
    paging: Paging

    def create_security_configuration(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.transaction() as conn:
            made = resources.create(conn, _shelf(caller), asked["Name"], asked["EncryptionConfiguration"])
        return {"Name": made.name, "CreatedTimestamp": made.created_at}

    def delete_security_configuration(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        with self.database.transaction() as conn:
            resources.delete(conn, _shelf(caller), asked["Name"])

    def get_security_configuration(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.connection() as conn:
            return {"SecurityConfiguration": _shown(resources.get(conn, _shelf(caller), asked["Name"]))}

    def get_security_configurations(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        if asked.get("MaxResults", 1) > _MOST:
            raise InvalidInput(f"MaxResults size must be between 1 and {_MOST}")

        def read(position: list[Any], limit: int) -> list[Resource]:
            with self.database.connection() as conn:
                return resources.page(
                    conn, _shelf(caller), after=position[0] if position else "", limit=limit
                )

        found, token = self.paging.page(
            "GetSecurityConfigurations", caller, asked, _PAGE, read, lambda r: [r.name]
        )
        return {"SecurityConfigurations": [_shown(r) for r in found], "NextToken": token}

    def get_data_catalog_encryption_settings(
        self, caller: Caller, asked: Mapping[str, Any]
    ) -> dict[str, Any]:
        with self.database.transaction() as conn:
            scope = existing_scope(conn, caller, asked)
            return {"DataCatalogEncryptionSettings": encryption_settings.get_settings(conn, scope)}

    def put_data_catalog_encryption_settings(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        with self.database.transaction() as conn:
            scope = existing_scope(conn, caller, asked)
            encryption_settings.put_settings(conn, scope, asked["DataCatalogEncryptionSettings"])

    def get_catalog_import_status(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Clients ask this to learn whether tables still lie in Athena's old catalog. None do, nor was one imported: no
        time, no person."""  # fmt: skip
        with self.database.transaction() as conn:
            existing_scope(conn, caller, asked)
        return {"ImportStatus": {"ImportCompleted": True}}

    def import_catalog_to_glue(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        raise OperationNotSupported(
            "ImportCatalogToGlue is not implemented: there is no Athena catalog here to import from"
        )


def _shown(found: Resource) -> dict[str, Any]:
    return {
        "Name": found.name,
        "CreatedTimeStamp": found.created_at,
        "EncryptionConfiguration": found.document,
    }


def _shelf(caller: Caller) -> Shelf:
    return Shelf(scope=account_scope(caller), kind=Kind.SECURITY_CONFIGURATION)
