"""Connections: where other services are, and how to log in to them. Secrets are apart from the rest.

    ConnectionInput ──▶ what is shown        PASSWORD=... ──▶ sealed, each bound to its connection and place
    the database holds both; the key that opens the sealed ones is not in it

What a reader gets to see of the secrets of a connection (`Reveal`) is the catalog's encryption settings' choice. A sealed
value that was shown can be given back in an update, and is then the same secret again.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

import orjson

from glulam.catalog.scope import Scope
from glulam.model.errors import EncryptionFailed, InvalidInput

SEALED = "Sealed"
"""Member of the stored document that holds the secrets."""
_ENCRYPTED = "ENCRYPTED_"
_MAPS = ("ConnectionProperties", "SparkProperties", "AthenaProperties", "PythonProperties")
_SECRET_KEY = re.compile(
    r"password|passphrase|private_?key|(access|refresh|auth|bearer)_?token|client_?secret|(secret|api)_?key$",
    re.IGNORECASE,
)
_URL_KEYS = ("JDBC_CONNECTION_URL", "CONNECTION_URL", "CONNECTOR_URL", "KAFKA_BOOTSTRAP_SERVERS")
_SECRET_IN_URL = re.compile(
    r"[?&;](password|passwd|pwd|secret|token)=|//[^/@\s]*:[^/@\s]+@|:thin:[^/@\s]+/[^@\s]+@", re.IGNORECASE
)
_CREDENTIALS = ("BasicAuthenticationCredentials", "CustomAuthenticationCredentials")
_OAUTH2_CREDENTIALS = ("OAuth2Credentials", "AuthorizationCodeProperties")


class Reveal(Enum):
    """What a reader sees of secrets."""

    NOTHING = "nothing"
    ENCRYPTED = "encrypted"
    """`ENCRYPTED_PASSWORD` and the like."""
    CLEAR = "clear"


class Box(Protocol):
    """Encrypts with a key that is not in the database; `context` binds a value to its place."""

    def encrypt(self, plain: bytes, context: str) -> bytes: ...

    def decrypt(self, sealed: bytes, context: str) -> bytes:
        """Raises EncryptionFailed."""


@dataclass(frozen=True, kw_only=True)
class Vault:
    """Takes the secrets out of one connection's definition and puts them back."""

    box: Box
    scope: Scope
    name: str

    def seal(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The definition as it is stored. Raises InvalidInput for a password inside a URL, and for an ENCRYPTED_ value
        that was not made for this connection."""
        found, sealed = dict(given), dict[str, Any]()
        for member in _MAPS:
            if member in given:
                found[member], sealed[member] = self._seal_map(member, given[member])
        if "AuthenticationConfiguration" in given:
            shown, secrets = _split_authentication(given["AuthenticationConfiguration"])
            found["AuthenticationConfiguration"] = shown
            if secrets:
                sealed["AuthenticationConfiguration"] = self._encrypt(
                    orjson.dumps(secrets), "AuthenticationConfiguration"
                )
        return {**found, SEALED: {member: secrets for member, secrets in sealed.items() if secrets}}

    def open(self, stored: Mapping[str, Any]) -> dict[str, Any]:
        """The definition as it was given, with all its secrets. Raises EncryptionFailed."""
        found = self.shown(stored, Reveal.CLEAR)
        sealed = stored[SEALED].get("AuthenticationConfiguration")
        if sealed is not None:
            secrets = orjson.loads(self._decrypt(sealed, "AuthenticationConfiguration"))
            shown = dict(found["AuthenticationConfiguration"])
            if "OAuth2Properties" in secrets:
                shown["OAuth2Properties"] = {**shown["OAuth2Properties"], **secrets.pop("OAuth2Properties")}
            found["AuthenticationConfiguration"] = {**shown, **secrets}
        return found

    def shown(self, stored: Mapping[str, Any], reveal: Reveal) -> dict[str, Any]:
        """The definition for a reader. Credentials of AuthenticationConfiguration are in no answer of Glue's."""
        found = {member: value for member, value in stored.items() if member != SEALED}
        for member in _MAPS:
            secrets = stored[SEALED].get(member, {})
            if secrets and reveal is Reveal.ENCRYPTED:
                found[member] = {**found[member], **{_ENCRYPTED + key: text for key, text in secrets.items()}}
            elif secrets and reveal is Reveal.CLEAR:
                opened = {
                    key: self._decrypt(text, f"{member}/{key}").decode() for key, text in secrets.items()
                }
                found[member] = {**found[member], **opened}
        return found

    def _seal_map(self, member: str, given: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
        shown, sealed = {}, {}
        for key, value in given.items():
            if key in _URL_KEYS and _SECRET_IN_URL.search(value):
                raise InvalidInput(
                    f"{member}.{key} holds a password: give USERNAME and PASSWORD instead, which are kept encrypted"
                )
            if not _SECRET_KEY.search(key):
                shown[key] = value
            elif key.startswith(_ENCRYPTED):
                sealed[key.removeprefix(_ENCRYPTED)] = self._given_back(member, key, value)
            else:
                sealed[key] = self._encrypt(value.encode(), f"{member}/{key}")
        return shown, sealed

    def _given_back(self, member: str, key: str, value: str) -> str:
        try:
            self._decrypt(value, f"{member}/{key.removeprefix(_ENCRYPTED)}")
        except EncryptionFailed as error:
            raise InvalidInput(
                f"{member}.{key}: expected the value that GetConnection gives for connection {self.name}, or "
                f"{key.removeprefix(_ENCRYPTED)} in its place"
            ) from error
        return value

    def _encrypt(self, plain: bytes, place: str) -> str:
        return base64.b64encode(self.box.encrypt(plain, self._context(place))).decode()

    def _decrypt(self, text: str, place: str) -> bytes:
        try:
            sealed = base64.b64decode(text, validate=True)
        except (ValueError, binascii.Error) as error:
            raise EncryptionFailed(f"{self._context(place)}: not base64") from error
        return self.box.decrypt(sealed, self._context(place))

    def _context(self, place: str) -> str:
        return f"connection/{self.scope.catalog_id}/{self.scope.region}/{self.name}/{place}"


def _split_authentication(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is shown, and the credentials."""
    shown = {member: value for member, value in given.items() if member not in _CREDENTIALS}
    secrets = {member: given[member] for member in _CREDENTIALS if member in given}
    oauth2 = given.get("OAuth2Properties", {})
    if oauth2:
        shown["OAuth2Properties"] = {m: v for m, v in oauth2.items() if m not in _OAUTH2_CREDENTIALS}
        hidden = {m: oauth2[m] for m in _OAUTH2_CREDENTIALS if m in oauth2}
        if hidden:
            secrets["OAuth2Properties"] = hidden
    return shown, secrets
