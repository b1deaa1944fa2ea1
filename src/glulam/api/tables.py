"""Operations on tables and their versions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from glulam.api.paging import Paging
from glulam.api.scopes import scope_of
from glulam.api.sight import Sight
from glulam.catalog import tables, tags, versions
from glulam.catalog.partition_indexes import check_indexed_keys, create_partition_index
from glulam.catalog.partition_keys import PartitionKey
from glulam.catalog.tables import Table, TableVersion
from glulam.model.caller import Caller
from glulam.model.errors import (
    ConcurrentModification,
    EntityNotFound,
    GlulamError,
    InvalidInput,
    OperationNotSupported,
)
from glulam.store.database import Database

_PAGE = 100


@dataclass(frozen=True, kw_only=True)
class Tables:
    database: Database
    paging: Paging
    sight: Sight
    keep_versions: int = 0
    """So many versions of a table are kept at most; 0: all."""

    def create_table(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        name, given = _input(asked)
        with self.database.transaction() as conn:
            made = tables.create_table(
                conn, asked["DatabaseName"], name, given, _cause(caller), scope=scope_of(caller, asked),
                created_by=caller.arn,
            )  # fmt: skip
            for index in asked.get("PartitionIndexes", ()):
                create_partition_index(conn, made.id, partition_keys(made), index["IndexName"], index["Keys"])

    def update_table(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        name, given = _input(asked)
        with self.database.transaction() as conn:
            table = self._table(conn, caller, asked, name, for_update=True)
            said = asked.get("VersionId")
            if said is not None and versions.parse_version(said) != table.version:
                raise ConcurrentModification(
                    f"Update table failed due to concurrent modifications: table {table.database}.{table.name}: "
                    f"VersionId is {said}, found {table.version}; read it again."
                )
            changed = tables.update_table(
                conn, table, given, expected_version=table.version, cause=_cause(caller),
                skip_archive=asked.get("SkipArchive", False), keep_versions=self.keep_versions,
            )  # fmt: skip
            check_indexed_keys(conn, table.id, partition_keys(changed))

    def delete_table(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        with self.database.transaction() as conn:
            tables.delete_table(conn, self._table(conn, caller, asked, asked["Name"]))

    def batch_delete_table(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        errors = []
        with self.database.transaction() as conn:
            for name in asked["TablesToDelete"]:
                try:
                    tables.delete_table(conn, self._table(conn, caller, asked, name))
                except EntityNotFound as error:
                    errors.append({"TableName": name, "ErrorDetail": error_detail(error)})
        return {"Errors": errors}

    def get_table(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        _refuse_time_travel(asked)
        with self.database.connection() as conn:
            return {"Table": shown(self._table(conn, caller, asked, asked["Name"]))}

    def get_tables(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        _refuse_time_travel(asked)
        scope = scope_of(caller, asked)
        pattern = name_pattern(asked["Expression"]) if asked.get("Expression") else None

        def read(position: list[Any], limit: int) -> list[Table]:
            with self.database.connection() as conn:
                return tables.page_tables(
                    conn, asked["DatabaseName"], scope=scope, pattern=pattern,
                    after=position[0] if position else "", limit=limit,
                )  # fmt: skip

        found, token = self.paging.page("GetTables", caller, asked, _PAGE, read, lambda t: [t.name])
        found = self.sight.seen(caller, ("GetTables", "GetTable"), found, arns_of)
        wanted = asked.get("AttributesToGet")
        return {
            "TableList": [shown(t) if not wanted else _only(t, wanted) for t in found],
            "NextToken": token,
        }

    def get_table_version(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.connection() as conn:
            table = self._table(conn, caller, asked, asked["TableName"])
            number = versions.parse_version(asked.get("VersionId") or str(table.version))
            return {"TableVersion": _shown_version(table, versions.get_version(conn, table, number))}

    def get_table_versions(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.connection() as conn:
            table = self._table(conn, caller, asked, asked["TableName"])

            def read(position: list[Any], limit: int) -> list[TableVersion]:
                before = position[0] if position else versions.NEWEST
                return versions.page_versions(conn, table.id, before=before, limit=limit)

            found, token = self.paging.page(
                "GetTableVersions", caller, asked, _PAGE, read, lambda v: [v.version]
            )
        return {"TableVersions": [_shown_version(table, v) for v in found], "NextToken": token}

    def delete_table_version(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        with self.database.transaction() as conn:
            table = self._table(conn, caller, asked, asked["TableName"])
            for problem in versions.delete_versions(conn, table, [asked["VersionId"]]):
                kind = EntityNotFound if problem.code == EntityNotFound.code else InvalidInput
                raise kind(problem.message)

    def batch_delete_table_version(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.transaction() as conn:
            table = self._table(conn, caller, asked, asked["TableName"])
            problems = versions.delete_versions(conn, table, asked["VersionIds"])
        return {"Errors": [
            {"TableName": table.name, "VersionId": p.version_id,
             "ErrorDetail": {"ErrorCode": p.code, "ErrorMessage": p.message}} for p in problems
        ]}  # fmt: skip

    @staticmethod
    def _table(
        conn: psycopg.Connection,
        caller: Caller,
        asked: Mapping[str, Any],
        name: str,
        *,
        for_update: bool = False,
    ) -> Table:
        return tables.get_table(
            conn, asked["DatabaseName"], name, scope=scope_of(caller, asked), for_update=for_update
        )


def partition_keys(table: Table) -> list[PartitionKey]:
    return [
        PartitionKey(name=key["Name"], type=key.get("Type", "string"))
        for key in table.document.get("PartitionKeys", ())
    ]


def _input(asked: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Name and document of a CreateTable or UpdateTable."""
    for member in ("OpenTableFormatInput", "UpdateOpenTableFormatInput", "TransactionId", "ViewUpdateAction"):
        if member in asked:
            raise OperationNotSupported(f"{member} is not implemented; give the whole TableInput")
    if "TableInput" not in asked:
        raise InvalidInput("TableInput: found nothing, expected the table")
    given = dict(asked["TableInput"])
    name = given.pop("Name")
    said = asked.get("Name")
    if said is not None and said.lower() != name.lower():
        raise InvalidInput(f"TableInput.Name is {name!r} and Name is {said!r}; expected the same")
    columns = [*given.get("StorageDescriptor", {}).get("Columns", ()), *given.get("PartitionKeys", ())]
    seen: set[str] = set()
    for column in columns:
        folded = column["Name"].lower()
        if folded in seen:
            raise InvalidInput(f"Column {column['Name']!r} is there twice; names differ in more than case")
        seen.add(folded)
    return name, given


def arns_of(table: Table) -> tuple[str, str]:
    """Its own and its database's."""
    return (
        tags.scoped_arn(table.scope, "table", table.database, table.name),
        tags.scoped_arn(table.scope, "database", table.database),
    )


def shown(table: Table) -> dict[str, Any]:
    """The table in Glue's shape."""
    return {
        "Retention": 0, "PartitionKeys": [], **table.document, "Name": table.name, "DatabaseName": table.database,
        "CreateTime": table.created_at, "UpdateTime": table.updated_at, "CreatedBy": table.created_by,
        "IsRegisteredWithLakeFormation": False, "CatalogId": table.scope.catalog_id, "VersionId": str(table.version),
    }  # fmt: skip


def _shown_version(table: Table, version: TableVersion) -> dict[str, Any]:
    found = {
        **shown(table), **version.document, "VersionId": str(version.version), "UpdateTime": version.created_at
    }  # fmt: skip
    kept = {"Retention", "PartitionKeys", "Name", "DatabaseName", "CreateTime", "UpdateTime", "CreatedBy",
            "IsRegisteredWithLakeFormation", "CatalogId", "VersionId", *version.document}  # fmt: skip
    return {"Table": {k: v for k, v in found.items() if k in kept}, "VersionId": str(version.version)}


_ATTRIBUTES = {"NAME": ("Name",), "TABLE_TYPE": ("Name", "TableType")}


def _only(table: Table, wanted: list[str]) -> dict[str, Any]:
    kept = {member for attribute in wanted for member in _ATTRIBUTES.get(attribute, ())}
    return {name: value for name, value in shown(table).items() if name in kept}


_BARE_STAR = re.compile(r"(?<![.\])}\\])\*")


def name_pattern(expression: str) -> str:
    """Glue takes regular expressions and, as clients use it, `*` alone for any characters: `*log*`, `2024_.*|tmp`."""
    return _BARE_STAR.sub(".*", expression)


def error_detail(error: GlulamError) -> dict[str, str]:
    return {"ErrorCode": error.code, "ErrorMessage": str(error)}


def _cause(caller: Caller) -> dict[str, str]:
    return {"by": caller.arn, "request": caller.request_id}


def _refuse_time_travel(asked: Mapping[str, Any]) -> None:
    for member in ("TransactionId", "QueryAsOfTime"):
        if member in asked:
            raise OperationNotSupported(f"{member} is not implemented: there are no governed tables here")
