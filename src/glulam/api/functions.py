"""Operations on user-defined functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from glulam.api.paging import Paging
from glulam.api.scopes import scope_of
from glulam.api.sight import Sight
from glulam.catalog import functions, tags
from glulam.catalog.functions import Function
from glulam.catalog.scope import Scope
from glulam.model.caller import Caller
from glulam.model.errors import InvalidInput, OperationNotSupported
from glulam.store.database import Database

_PAGE = 100


@dataclass(frozen=True, kw_only=True)
class Functions:
    database: Database
    paging: Paging
    sight: Sight

    def create_user_defined_function(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        name, given = _input(asked)
        if name is None:
            raise InvalidInput("FunctionInput.FunctionName: found nothing, expected the function's name")
        with self.database.transaction() as conn:
            functions.create_function(conn, scope_of(caller, asked), asked["DatabaseName"], name, given)

    def update_user_defined_function(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        name, given = _input(asked)
        with self.database.transaction() as conn:
            functions.update_function(
                conn, scope_of(caller, asked), asked["DatabaseName"], asked["FunctionName"],
                name or asked["FunctionName"], given,
            )  # fmt: skip

    def delete_user_defined_function(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        with self.database.transaction() as conn:
            functions.delete_function(
                conn, scope_of(caller, asked), asked["DatabaseName"], asked["FunctionName"]
            )

    def get_user_defined_function(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        scope = scope_of(caller, asked)
        with self.database.connection() as conn:
            found = functions.get_function(conn, scope, asked["DatabaseName"], asked["FunctionName"])
        return {"UserDefinedFunction": _shown(found, scope)}

    def get_user_defined_functions(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        scope = scope_of(caller, asked)

        def read(position: list[Any], limit: int) -> list[Function]:
            after = (position[0], position[1]) if position else ("", "")
            with self.database.connection() as conn:
                return functions.page_functions(
                    conn, scope, database=asked.get("DatabaseName"), pattern=asked["Pattern"],
                    function_type=asked.get("FunctionType"), after=after, limit=limit,
                )  # fmt: skip

        found, token = self.paging.page(
            "GetUserDefinedFunctions", caller, asked, _PAGE, read, lambda f: [f.database, f.resource.name]
        )
        found = self.sight.seen(
            caller, ("GetUserDefinedFunctions", "GetUserDefinedFunction"), found,
            lambda f: [tags.scoped_arn(scope, "userDefinedFunction", f.database, f.resource.name),
                       tags.scoped_arn(scope, "database", f.database)],
        )  # fmt: skip
        return {"UserDefinedFunctions": [_shown(f, scope) for f in found], "NextToken": token}


def _input(asked: Mapping[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """Name and document of a FunctionInput. ResourceUris' LastModified is Glue's to say: what is given is left out."""
    given = dict(asked["FunctionInput"])
    if given.get("GovernanceMode") == "LAKE_FORMATION":
        raise OperationNotSupported(
            "GovernanceMode LAKE_FORMATION is not implemented: there is no Lake Formation here; give IAM_ONLY or nothing"
        )
    if "ResourceUris" in given:
        given["ResourceUris"] = [
            {name: value for name, value in uri.items() if name != "LastModified"}
            for uri in given["ResourceUris"]
        ]
    return given.pop("FunctionName", None), given


def _shown(found: Function, scope: Scope) -> dict[str, Any]:
    return {
        **found.resource.document, "FunctionName": found.resource.name, "DatabaseName": found.database,
        "CreateTime": found.resource.created_at, "CatalogId": scope.catalog_id,
    }  # fmt: skip
