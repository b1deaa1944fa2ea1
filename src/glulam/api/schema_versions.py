"""Operations on the versions of a schema and on their metadata."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from glulam.api.paging import Paging
from glulam.api.schemas import PAGE, find_schema, moment, owner_of, schema_ids, version_number
from glulam.api.sight import Sight
from glulam.model.caller import Caller
from glulam.model.errors import InvalidInput
from glulam.schemas import metadata, versions
from glulam.schemas.diff import difference
from glulam.schemas.formats import canonical
from glulam.schemas.names import DEFAULT_REGISTRY, Owner
from glulam.schemas.versions import Version
from glulam.store.database import Database

RANGE = re.compile(r"([1-9][0-9]*)(?:-([1-9][0-9]*))?")
MAX_ERROR = 5000
"""Longest text that CheckSchemaVersionValidity may answer."""


@dataclass(frozen=True, kw_only=True)
class SchemaVersions:
    database: Database
    paging: Paging
    sight: Sight

    def register_schema_version(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        owner, definition = owner_of(caller), asked["SchemaDefinition"]
        with self.database.connection() as conn:
            data_format = find_schema(conn, owner, asked["SchemaId"]).data_format
        parsed = canonical(data_format, definition)  # takes its time (protoc): no lock is held meanwhile
        with self.database.transaction() as conn:
            schema = find_schema(conn, owner, asked["SchemaId"], for_update=True)
            if schema.data_format != data_format:
                parsed = canonical(schema.data_format, definition)  # deleted and made anew in between
            found = versions.register(conn, schema, definition, parsed)
        return {"SchemaVersionId": str(found.id), "VersionNumber": found.number, "Status": found.status}

    def get_schema_version(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        owner = owner_of(caller)
        with self.database.connection() as conn:
            found = self._version(conn, caller, "GetSchemaVersion", asked)
        return {
            **_listed(owner, found),
            "SchemaDefinition": found.definition,
            "DataFormat": found.data_format,
        }

    def get_schema_by_definition(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        owner = owner_of(caller)
        with self.database.connection() as conn:
            schema = find_schema(conn, owner, asked["SchemaId"], registry=DEFAULT_REGISTRY)
        parsed = canonical(schema.data_format, asked["SchemaDefinition"])
        with self.database.connection() as conn:
            found = versions.by_definition(conn, schema, parsed)
        return {
            "SchemaVersionId": str(found.id),
            "SchemaArn": owner.schema_arn(found.registry, found.schema),
            "DataFormat": found.data_format,
            "Status": found.status,
            "CreatedTime": moment(found.created_at),
        }

    def list_schema_versions(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        owner = owner_of(caller)

        def read(position: list[Any], limit: int) -> list[Version]:
            with self.database.connection() as conn:
                schema = find_schema(conn, owner, asked["SchemaId"])
                after = position[0] if position else 0
                return versions.list_versions(conn, schema.id, after=after, limit=limit)

        found, token = self.paging.page("ListSchemaVersions", caller, asked, PAGE, read, lambda v: [v.number])
        return {"Schemas": [_listed(owner, one) for one in found], "NextToken": token}

    def delete_schema_versions(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        wanted = RANGE.fullmatch(asked["Versions"])
        if wanted is None or int(wanted[1]) > int(wanted[2] or wanted[1]):
            raise InvalidInput(
                f"Versions is {asked['Versions']!r}; expected a number, or a range such as 5-8"
            )
        with self.database.transaction() as conn:
            schema = find_schema(conn, owner_of(caller), asked["SchemaId"], for_update=True)
            kept = versions.delete_versions(conn, schema, int(wanted[1]), int(wanted[2] or wanted[1]))
        errors = [
            {"VersionNumber": k.number, "ErrorDetails": {"ErrorCode": k.code, "ErrorMessage": k.message}}
            for k in kept
        ]
        return {"SchemaVersionErrors": errors}

    def check_schema_version_validity(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        try:
            canonical(asked["DataFormat"], asked["SchemaDefinition"])
        except InvalidInput as error:
            return {"Valid": False, "Error": str(error)[:MAX_ERROR]}
        return {"Valid": True}

    def get_schema_versions_diff(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.connection() as conn:
            schema = find_schema(conn, owner_of(caller), asked["SchemaId"])
            first = versions.by_number(conn, schema, version_number(asked["FirstSchemaVersionNumber"]))
            second = versions.by_number(conn, schema, version_number(asked["SecondSchemaVersionNumber"]))
        return {"Diff": difference(first, second)}

    def put_schema_version_metadata(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        owner, key, value = owner_of(caller), *_pair(asked["MetadataKeyValue"])
        with self.database.transaction() as conn:
            found = self._version(conn, caller, "PutSchemaVersionMetadata", asked)
            metadata.put(conn, found.id, key, value)
        return _described(owner, found, key, value)

    def remove_schema_version_metadata(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        owner, key, value = owner_of(caller), *_pair(asked["MetadataKeyValue"])
        with self.database.transaction() as conn:
            found = self._version(conn, caller, "RemoveSchemaVersionMetadata", asked)
            metadata.remove(conn, found.id, key, value)
        return _described(owner, found, key, value)

    def query_schema_version_metadata(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        wanted = [
            (pair.get("MetadataKey"), pair.get("MetadataValue")) for pair in asked.get("MetadataList", ())
        ]
        with self.database.connection() as conn:
            found = self._version(conn, caller, "QuerySchemaVersionMetadata", asked)

        def read(position: list[Any], limit: int) -> list[metadata.Key]:
            with self.database.connection() as conn:
                return metadata.query(conn, found.id, wanted, after=position[0] if position else "")[:limit]

        keys, token = self.paging.page(
            "QuerySchemaVersionMetadata", caller, asked, PAGE, read, lambda k: [k.name]
        )
        shown = {key.name: _entries(key) for key in keys}
        return {"MetadataInfoMap": shown, "SchemaVersionId": str(found.id), "NextToken": token}

    def _version(
        self, conn: psycopg.Connection, caller: Caller, action: str, asked: Mapping[str, Any]
    ) -> Version:
        owner = owner_of(caller)
        found = _version(conn, owner, asked)
        arns = (owner.schema_arn(found.registry, found.schema), owner.registry_arn(found.registry))
        self.sight.require(caller, action, arns)
        return found


def _version(conn: psycopg.Connection, owner: Owner, asked: Mapping[str, Any]) -> Version:
    """The version that SchemaVersionId names, or SchemaId with SchemaVersionNumber."""
    version_id, schema_id, number = (
        asked.get(k) for k in ("SchemaVersionId", "SchemaId", "SchemaVersionNumber")
    )
    if version_id is not None:
        if schema_id is not None or number is not None:
            raise InvalidInput("No other input parameters can be specified when fetching by SchemaVersionId.")
        return versions.by_id(conn, owner, version_id)
    return versions.by_number(conn, find_schema(conn, owner, schema_id or {}), version_number(number))


def _pair(asked: Mapping[str, Any]) -> tuple[str, str]:
    if "MetadataKey" not in asked or "MetadataValue" not in asked:
        raise InvalidInput("MetadataKeyValue: expected both MetadataKey and MetadataValue")
    return asked["MetadataKey"], asked["MetadataValue"]


def _listed(owner: Owner, found: Version) -> dict[str, Any]:
    return {
        "SchemaArn": owner.schema_arn(found.registry, found.schema),
        "SchemaVersionId": str(found.id),
        "VersionNumber": found.number,
        "Status": found.status,
        "CreatedTime": moment(found.created_at),
    }


def _described(owner: Owner, found: Version, key: str, value: str) -> dict[str, Any]:
    return {
        **schema_ids(owner, found.registry, found.schema),
        "LatestVersion": found.is_latest,
        "VersionNumber": found.number,
        "SchemaVersionId": str(found.id),
        "MetadataKey": key,
        "MetadataValue": value,
    }


def _entries(key: metadata.Key) -> dict[str, Any]:
    newest, *others = ({"MetadataValue": e.value, "CreatedTime": moment(e.created_at)} for e in key.entries)
    return {**newest, "OtherMetadataValueList": others} if others else newest
