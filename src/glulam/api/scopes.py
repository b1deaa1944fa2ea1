"""Which catalog a request means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg

from glulam.catalog import catalogs
from glulam.catalog.scope import Scope
from glulam.model.caller import Caller
from glulam.model.errors import AccessDenied, InvalidInput


def scope_of(caller: Caller, asked: Mapping[str, Any]) -> Scope:
    """The catalog named by CatalogId, by default the caller's account's. Raises AccessDenied for another account's.

    Whether a named catalog exists is not asked: what is looked for in one that does not is not found either."""
    catalog_id = (asked.get("CatalogId") or caller.account_id).lower()
    account, colon, name = catalog_id.partition(":")
    if account != caller.account_id:
        raise AccessDenied(f"catalog {catalog_id} belongs to another account than {caller.arn}")
    if colon and not name:
        raise InvalidInput(f"catalog id {catalog_id!r}: expected <account id> or <account id>:<catalog name>")
    return Scope(catalog_id=catalog_id, region=caller.region)


def existing_scope(conn: psycopg.Connection, caller: Caller, asked: Mapping[str, Any]) -> Scope:
    """As `scope_of`, for what puts something into the catalog or lists it: a named catalog must be there, and stays
    there until the transaction ends. Raises EntityNotFound."""  # fmt: skip
    scope = scope_of(caller, asked)
    catalogs.require(conn, scope)
    return scope


def account_scope(caller: Caller) -> Scope:
    """The account's default catalog, where what belongs to no catalog is kept."""
    return Scope(catalog_id=caller.account_id, region=caller.region)
