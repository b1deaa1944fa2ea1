"""Which catalog a request means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from glulam.catalog.scope import Scope
from glulam.model.caller import Caller
from glulam.model.errors import AccessDenied


def scope_of(caller: Caller, asked: Mapping[str, Any]) -> Scope:
    """The catalog named by CatalogId, by default the caller's account's. Raises AccessDenied for another account's."""
    catalog_id = asked.get("CatalogId") or caller.account_id
    if catalog_id.partition(":")[0] != caller.account_id:
        raise AccessDenied(f"catalog {catalog_id} belongs to another account than {caller.arn}")
    return Scope(catalog_id=catalog_id, region=caller.region)
