"""Operations on registries and schemas. Those on the versions of a schema are in schema_versions.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg

from glulam.api.paging import Paging
from glulam.api.sight import Sight
from glulam.catalog import tags
from glulam.catalog.scope import Scope
from glulam.model.caller import Caller
from glulam.model.errors import InvalidInput
from glulam.schemas import registries, sets, versions
from glulam.schemas.formats import canonical
from glulam.schemas.names import DEFAULT_REGISTRY, Owner
from glulam.schemas.registries import Registry
from glulam.schemas.sets import Schema
from glulam.store.database import Database

PAGE = 25
"""What Glue answers when a request does not say MaxResults."""


@dataclass(frozen=True, kw_only=True)
class Schemas:
    database: Database
    paging: Paging
    sight: Sight

    def create_registry(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        owner, given = owner_of(caller), asked.get("Tags", {})
        arn = owner.registry_arn(asked["RegistryName"])
        with self.database.transaction() as conn:
            made = registries.create_registry(conn, owner, asked["RegistryName"], asked.get("Description"))
            tags.put(conn, arn, given)
        return {"RegistryArn": arn, "RegistryName": made.name, "Description": made.description, "Tags": given}

    def update_registry(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        owner = owner_of(caller)
        with self.database.transaction() as conn:
            found = registries.get_registry(conn, owner, _registry_name(owner, asked["RegistryId"]))
            registries.describe_registry(conn, found.id, asked["Description"])
        return {"RegistryName": found.name, "RegistryArn": owner.registry_arn(found.name)}

    def delete_registry(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Done at once; the answer says DELETING all the same, since that is what clients of Glue wait upon."""
        owner = owner_of(caller)
        with self.database.transaction() as conn:
            found = registries.get_registry(conn, owner, _registry_name(owner, asked["RegistryId"]))
            for schema in registries.delete_registry(conn, found.id):
                tags.forget(conn, owner.schema_arn(found.name, schema))
            tags.forget(conn, owner.registry_arn(found.name))
        return {
            "RegistryName": found.name,
            "RegistryArn": owner.registry_arn(found.name),
            "Status": "DELETING",
        }

    def get_registry(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        owner = owner_of(caller)
        with self.database.connection() as conn:
            found = registries.get_registry(conn, owner, _registry_name(owner, asked["RegistryId"]))
        return _registry(owner, found)

    def list_registries(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        owner = owner_of(caller)

        def read(position: list[Any], limit: int) -> list[Registry]:
            with self.database.connection() as conn:
                return registries.list_registries(
                    conn, owner, after=position[0] if position else "", limit=limit
                )

        found, token = self.paging.page("ListRegistries", caller, asked, PAGE, read, lambda r: [r.name])
        found = self.sight.seen(
            caller, ("ListRegistries", "GetRegistry"), found, lambda r: [owner.registry_arn(r.name)]
        )
        return {"Registries": [_registry(owner, one) for one in found], "NextToken": token}

    def create_schema(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        owner, name, definition = owner_of(caller), asked["SchemaName"], asked.get("SchemaDefinition")
        registry = _registry_name(owner, asked.get("RegistryId") or {"RegistryName": DEFAULT_REGISTRY})
        parsed = canonical(asked["DataFormat"], definition) if definition is not None else b""
        with self.database.transaction() as conn:
            if registry == DEFAULT_REGISTRY:
                registries.ensure_default(conn, owner)
            inside = registries.get_registry(conn, owner, registry, keep=True)
            sets.create_schema(
                conn, inside.id, name, data_format=asked["DataFormat"], description=asked.get("Description"),
                compatibility=asked.get("Compatibility", "BACKWARD"),
            )  # fmt: skip
            tags.put(conn, owner.schema_arn(registry, name), asked.get("Tags", {}))
            made = sets.get_schema(conn, owner, registry, name)
            first = versions.register(conn, made, definition, parsed) if definition is not None else None
            answer = _described(owner, sets.get_schema(conn, owner, registry, name))
        answer["Tags"] = asked.get("Tags", {})
        if first is not None:
            answer |= {"SchemaVersionId": str(first.id), "SchemaVersionStatus": first.status}
        return answer

    def update_schema(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        """As in Glue, the checkpoint has to be said, with a new compatibility mode and without one."""
        owner = owner_of(caller)
        with self.database.transaction() as conn:
            found = find_schema(conn, owner, asked["SchemaId"], for_update=True)
            number = version_number(asked.get("SchemaVersionNumber"))
            checkpoint = versions.by_number(conn, found, number)
            if checkpoint.status != "AVAILABLE":
                raise InvalidInput(
                    f"version {checkpoint.number} of schema {found.name} cannot be the checkpoint: its status is "
                    f"{checkpoint.status}, expected AVAILABLE"
                )
            sets.update_schema(
                conn, found.id, checkpoint=checkpoint.number, compatibility=asked.get("Compatibility"),
                description=asked.get("Description"),
            )  # fmt: skip
        return schema_ids(owner, found.registry, found.name)

    def delete_schema(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Done at once, as `delete_registry`."""
        owner = owner_of(caller)
        with self.database.transaction() as conn:
            found = find_schema(conn, owner, asked["SchemaId"], for_update=True)
            sets.delete_schema(conn, found.id)
            tags.forget(conn, owner.schema_arn(found.registry, found.name))
        arn = owner.schema_arn(found.registry, found.name)
        return {"SchemaArn": arn, "SchemaName": found.name, "Status": "DELETING"}

    def get_schema(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        owner = owner_of(caller)
        with self.database.connection() as conn:
            found = find_schema(conn, owner, asked["SchemaId"])
        return {**_listed(owner, found), **_described(owner, found)}

    def list_schemas(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        owner, named = owner_of(caller), asked.get("RegistryId")
        registry = None if named is None else _registry_name(owner, named)

        def read(position: list[Any], limit: int) -> list[Schema]:
            with self.database.connection() as conn:
                if registry is not None:
                    registries.get_registry(conn, owner, registry)
                after = (position[0], position[1]) if position else ("", "")
                return sets.list_schemas(conn, owner, registry, after=after, limit=limit)

        found, token = self.paging.page(
            "ListSchemas", caller, asked, PAGE, read, lambda s: [s.registry, s.name]
        )
        found = self.sight.seen(
            caller, ("ListSchemas", "GetSchema"), found,
            lambda s: [owner.schema_arn(s.registry, s.name), owner.registry_arn(s.registry)],
        )  # fmt: skip
        return {"Schemas": [_listed(owner, one) for one in found], "NextToken": token}


def owner_of(caller: Caller) -> Owner:
    return Owner(account_id=caller.account_id, region=caller.region)


def require_registry(conn: psycopg.Connection, scope: Scope, name: str) -> None:
    """Whether there is such a registry to tag. Raises EntityNotFound."""
    registries.get_registry(conn, Owner(account_id=scope.catalog_id, region=scope.region), name)


def require_schema(conn: psycopg.Connection, scope: Scope, path: str) -> None:
    """The same for `registry/schema`."""
    registry, _, name = path.partition("/")
    sets.get_schema(conn, Owner(account_id=scope.catalog_id, region=scope.region), registry, name)


def moment(time: datetime) -> str:
    """The registry's times are texts in Glue's model, not timestamps."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def find_schema(
    conn: psycopg.Connection,
    owner: Owner,
    named: Mapping[str, Any],
    *,
    registry: str | None = None,
    for_update: bool = False,
) -> Schema:
    """The schema of a SchemaId; registry: where to look if it has only a name. Raises InvalidInput, EntityNotFound."""
    arn, name, within = named.get("SchemaArn"), named.get("SchemaName"), named.get("RegistryName", registry)
    if arn is not None:
        if name is not None or "RegistryName" in named:
            raise InvalidInput(
                "One of (registryName and schemaName) or schemaArn has to be provided, both cannot be provided."
            )
        within, name = owner.schema_of(arn)
    if within is None or name is None:
        raise InvalidInput("At least one of (registryName and schemaName) or schemaArn has to be provided.")
    return sets.get_schema(conn, owner, within, name, for_update=for_update)


def version_number(asked: Mapping[str, Any] | None) -> int | None:
    """The number of a SchemaVersionNumber, None for the latest version. Raises InvalidInput unless it is one of them."""
    number, latest = (asked or {}).get("VersionNumber"), (asked or {}).get("LatestVersion", False)
    if number is not None and latest:
        raise InvalidInput("Only one of VersionNumber or LatestVersion is required.")
    if number is None and not latest:
        raise InvalidInput("One of version number (or) latest version is required.")
    return number


def schema_ids(owner: Owner, registry: str, schema: str) -> dict[str, Any]:
    return {"SchemaArn": owner.schema_arn(registry, schema), "SchemaName": schema, "RegistryName": registry}


def _registry_name(owner: Owner, named: Mapping[str, Any]) -> str:
    name, arn = named.get("RegistryName"), named.get("RegistryArn")
    if (name is None) == (arn is None):
        raise InvalidInput("One of registryName or registryArn has to be provided, both cannot be provided.")
    return str(name) if arn is None else owner.registry_of(arn)


def _registry(owner: Owner, found: Registry) -> dict[str, Any]:
    return {
        "RegistryName": found.name,
        "RegistryArn": owner.registry_arn(found.name),
        "Description": found.description,
        "Status": "AVAILABLE",
        "CreatedTime": moment(found.created_at),
        "UpdatedTime": moment(found.updated_at),
    }


def _listed(owner: Owner, found: Schema) -> dict[str, Any]:
    return {
        **schema_ids(owner, found.registry, found.name),
        "Description": found.description,
        "SchemaStatus": "AVAILABLE",
        "CreatedTime": moment(found.created_at),
        "UpdatedTime": moment(found.updated_at),
    }


def _described(owner: Owner, found: Schema) -> dict[str, Any]:
    return {
        **schema_ids(owner, found.registry, found.name),
        "RegistryArn": owner.registry_arn(found.registry),
        "Description": found.description,
        "DataFormat": found.data_format,
        "Compatibility": found.compatibility,
        "SchemaCheckpoint": found.checkpoint,
        "LatestSchemaVersion": found.latest_version,
        "NextSchemaVersion": found.next_version,
        "SchemaStatus": "AVAILABLE",
    }
