"""Operations on connections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from glulam.access.roles import Role
from glulam.api.paging import Paging
from glulam.api.scopes import existing_scope, scope_of
from glulam.api.sight import Sight
from glulam.catalog import resources, tags
from glulam.catalog.connection_targets import target_of
from glulam.catalog.connection_tester import ConnectionTester
from glulam.catalog.connections import Box, Reveal, Vault
from glulam.catalog.encryption_settings import reveal_to
from glulam.catalog.resources import Kind, Resource, Shelf
from glulam.catalog.scope import Scope
from glulam.model.caller import Caller
from glulam.model.clock import utc_now
from glulam.model.errors import EntityNotFound, InvalidInput
from glulam.store.database import Database

_PAGE = 100
_VERSION_2 = ("AuthenticationConfiguration", "SparkProperties", "AthenaProperties", "PythonProperties",
              "CompatibleComputeEnvironments")  # fmt: skip
"""Members that a connection of schema version 1 does not have."""


@dataclass(frozen=True, kw_only=True)
class Connections:
    database: Database
    paging: Paging
    sight: Sight
    box: Box
    tester: ConnectionTester

    def create_connection(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        name, given = self._input(asked)
        with self.database.transaction() as conn:
            scope = existing_scope(conn, caller, asked)
            sealed = Vault(box=self.box, scope=scope, name=name).seal(given)
            resources.create(conn, _shelf(scope), name, {**sealed, "LastUpdatedBy": caller.arn})
            tags.put(conn, tags.scoped_arn(scope, "connection", name), asked.get("Tags", {}))
        return {"CreateConnectionStatus": "READY"}

    def update_connection(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        name, given = self._input(asked)
        if name != asked["Name"]:
            raise InvalidInput(
                f"ConnectionInput.Name is {name!r}, the connection is {asked['Name']!r}: a connection cannot be renamed"
            )
        scope = scope_of(caller, asked)
        sealed = Vault(box=self.box, scope=scope, name=name).seal(given)
        with self.database.transaction() as conn:
            resources.update(conn, _shelf(scope), name, {**sealed, "LastUpdatedBy": caller.arn})

    def delete_connection(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        with self.database.transaction() as conn:
            _delete(conn, scope_of(caller, asked), asked["ConnectionName"])

    def batch_delete_connection(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        scope, gone, errors = scope_of(caller, asked), [], {}
        with self.database.transaction() as conn:
            for name in dict.fromkeys(asked["ConnectionNameList"]):
                try:
                    _delete(conn, scope, name)
                    gone.append(name)
                except EntityNotFound as error:
                    errors[name] = {"ErrorCode": error.code, "ErrorMessage": str(error)}
        return {"Succeeded": gone, "Errors": errors}

    def get_connection(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        scope = scope_of(caller, asked)
        with self.database.connection() as conn:
            found = resources.get(conn, _shelf(scope), asked["Name"])
            shown = self._shown(found, scope, _reveal(conn, caller, scope, asked))
        environment = asked.get("ApplyOverrideForComputeEnvironment")
        if environment is not None:
            overrides = shown.get(f"{environment.capitalize()}Properties", {})
            shown["ConnectionProperties"] = {**shown["ConnectionProperties"], **overrides}
        return {"Connection": shown}

    def get_connections(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        def read(position: list[Any], limit: int) -> list[Resource]:
            with self.database.connection() as conn:
                scope = existing_scope(conn, caller, asked)
                return resources.page(
                    conn, _shelf(scope), after=position[0] if position else "",
                    containing=asked.get("Filter", {}), limit=limit,
                )  # fmt: skip

        found, token = self.paging.page("GetConnections", caller, asked, _PAGE, read, lambda r: [r.name])
        scope = scope_of(caller, asked)
        found = self.sight.seen(
            caller, ("GetConnections", "GetConnection"), found,
            lambda r: [tags.scoped_arn(scope, "connection", r.name)],
        )  # fmt: skip
        with self.database.connection() as conn:
            reveal = _reveal(conn, caller, scope, asked)
        return {"ConnectionList": [self._shown(r, scope, reveal) for r in found], "NextToken": token}

    def test_connection(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        name, given = asked.get("ConnectionName"), asked.get("TestConnectionInput")
        if (name is None) == (given is None):
            raise InvalidInput("expected exactly one of ConnectionName and TestConnectionInput")
        if name is not None:
            scope = scope_of(caller, asked)
            with self.database.connection() as conn:
                found = resources.get(conn, _shelf(scope), name)
            given = Vault(box=self.box, scope=scope, name=name).open(found.document)
        self.tester.test(target_of(given or {}))

    def _input(self, asked: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """Name and definition of a ConnectionInput. With ValidateCredentials it is tested first, and has to succeed."""
        given = dict(asked["ConnectionInput"])
        name, validate = given.pop("Name"), given.pop("ValidateCredentials", False)
        environments = given.pop("ValidateForComputeEnvironments", None)
        if environments is not None:
            given["CompatibleComputeEnvironments"] = environments
        given["ConnectionSchemaVersion"] = 2 if any(member in given for member in _VERSION_2) else 1
        if validate:
            self.tester.test(target_of(given))
            given["LastConnectionValidationTime"] = utc_now()
        return name, given

    def _shown(self, found: Resource, scope: Scope, reveal: Reveal) -> dict[str, Any]:
        return {
            **Vault(box=self.box, scope=scope, name=found.name).shown(found.document, reveal), "Name": found.name,
            "CreationTime": found.created_at, "LastUpdatedTime": found.updated_at, "Status": "READY",
        }  # fmt: skip


def _delete(conn: psycopg.Connection, scope: Scope, name: str) -> None:
    resources.delete(conn, _shelf(scope), name)
    tags.forget(conn, tags.scoped_arn(scope, "connection", name))


def _reveal(conn: psycopg.Connection, caller: Caller, scope: Scope, asked: Mapping[str, Any]) -> Reveal:
    if asked.get("HidePassword"):
        return Reveal.NOTHING
    may_set = Role(caller.role).includes(Role.AUTHOR)
    return reveal_to(conn, scope, may_see_secrets=may_set)


def _shelf(scope: Scope) -> Shelf:
    return Shelf(scope=scope, kind=Kind.CONNECTION)
