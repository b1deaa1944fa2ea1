"""A catalog's encryption settings, and what they mean for those who read connections.

There is no KMS here: secrets are always encrypted with the installation's own key, whatever key the settings name, and
the catalog itself is as encrypted as the disk that PostgreSQL lies on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg

from glulam.catalog import resources
from glulam.catalog.connections import Reveal
from glulam.catalog.resources import Kind, Shelf
from glulam.catalog.scope import Scope
from glulam.model.errors import OperationNotSupported

DEFAULTS: Mapping[str, Any] = {
    "EncryptionAtRest": {"CatalogEncryptionMode": "DISABLED"},
    "ConnectionPasswordEncryption": {"ReturnConnectionPasswordEncrypted": True},
}
"""Unlike in AWS, where passwords are returned in clear until somebody says otherwise."""


def get_settings(conn: psycopg.Connection, scope: Scope) -> Mapping[str, Any]:
    found = resources.find(conn, _shelf(scope), "")
    return DEFAULTS if found is None else {**DEFAULTS, **found.document}


def put_settings(conn: psycopg.Connection, scope: Scope, given: Mapping[str, Any]) -> None:
    """Replace them; what is not given is as at first. Raises OperationNotSupported for the encryption of the catalog."""
    mode = given.get("EncryptionAtRest", {}).get("CatalogEncryptionMode", "DISABLED")
    if mode != "DISABLED":
        raise OperationNotSupported(
            f"EncryptionAtRest.CatalogEncryptionMode {mode} is not implemented: there is no KMS here; encrypt the disk of "
            "the database. Connection passwords are always encrypted"
        )
    resources.put(conn, _shelf(scope), "", given)


def reveal_to(conn: psycopg.Connection, scope: Scope, *, may_see_secrets: bool) -> Reveal:
    """What a reader of connections sees of their secrets; clear text only when the settings and their role both say so."""
    if get_settings(conn, scope)["ConnectionPasswordEncryption"]["ReturnConnectionPasswordEncrypted"]:
        return Reveal.ENCRYPTED
    return Reveal.CLEAR if may_see_secrets else Reveal.NOTHING


def _shelf(scope: Scope) -> Shelf:
    return Shelf(scope=scope, kind=Kind.ENCRYPTION_SETTINGS)
