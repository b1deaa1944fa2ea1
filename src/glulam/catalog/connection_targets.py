"""From a connection's definition to what a test of it has to do: log in to which database where, or just connect.

Pure: nothing is resolved or opened here. What cannot be tested is refused by name, so that no test succeeds that did not
take place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote

from glulam.model.errors import InvalidInput

_JDBC = re.compile(r"jdbc:(\w+):(?://)?(.*)", re.DOTALL)
_PLACE = re.compile(
    r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?::(\d{1,5}))?(?:/([^?;]*))?(?:\?(.*))?"
)
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")
_DEFAULT_PORT = {"postgresql": 5432, "mysql": 3306}


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where a test connects to."""

    engine: str
    """`postgresql`, `mysql`, or `tcp` for no more than a connection."""
    host: str
    port: int
    database: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    tls: bool = False
    """Refuse a session that is not encrypted."""


def target_of(definition: Mapping[str, Any]) -> Target:
    """`definition`: ConnectionType, ConnectionProperties, AuthenticationConfiguration, in clear. Raises InvalidInput."""
    kind, properties = definition["ConnectionType"], definition["ConnectionProperties"]
    if kind == "NETWORK":
        host, port = _place(properties, "NETWORK")
        return Target(engine="tcp", host=host, port=port)
    if kind == "JDBC" and "JDBC_CONNECTION_URL" in properties:
        return _from_url(properties["JDBC_CONNECTION_URL"], definition)
    engine = properties.get("JDBC_ENGINE", "").lower() if kind == "JDBC" else kind.lower()
    if kind == "JDBC" and not engine:
        raise InvalidInput(
            "a JDBC connection needs JDBC_CONNECTION_URL, or HOST, PORT and JDBC_ENGINE; found neither"
        )
    _known(engine, kind)
    host, port = _place(properties, kind, _DEFAULT_PORT[engine])
    user, password = _login(definition)
    return Target(
        engine=engine, host=host, port=port, database=properties.get("DATABASE", ""), user=user, password=password,
        tls=_enforced(properties),
    )  # fmt: skip


def _from_url(url: str, definition: Mapping[str, Any]) -> Target:
    found = _JDBC.fullmatch(url.strip())
    if found is None:
        raise InvalidInput("JDBC_CONNECTION_URL: expected jdbc:<engine>://<host>:<port>/<database>")
    engine = found[1].lower()
    _known(engine, "JDBC")
    place = _PLACE.fullmatch(found[2])
    if place is None:
        raise InvalidInput(
            f"JDBC_CONNECTION_URL: after jdbc:{engine}:// expected one <host>:<port>/<database>, without other forms"
        )
    options = {name.lower(): values[-1].lower() for name, values in parse_qs(place[4] or "").items()}
    tls = options.get("sslmode") in ("require", "verify-ca", "verify-full", "required") or (
        options.get("ssl", options.get("usessl")) == "true"
    )
    user, password = _login(definition)
    return Target(
        engine=engine, host=place[1].strip("[]"), port=int(place[2] or _DEFAULT_PORT[engine]),
        database=unquote(place[3] or ""), user=user, password=password,
        tls=tls or _enforced(definition["ConnectionProperties"]),
    )  # fmt: skip


def _known(engine: str, kind: str) -> None:
    if engine not in _DEFAULT_PORT:
        raise InvalidInput(
            f"a {kind if kind != 'JDBC' else f'JDBC {engine}'} connection cannot be tested here; expected "
            "postgresql or mysql (JDBC, POSTGRESQL, MYSQL), or NETWORK with HOST and PORT"
        )


def _place(properties: Mapping[str, str], kind: str, default_port: int | None = None) -> tuple[str, int]:
    host, port = properties.get("HOST", ""), properties.get("PORT", str(default_port or ""))
    if _HOST.fullmatch(host) is None or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise InvalidInput(f"a {kind} connection's test needs HOST and PORT: found {host!r} and {port!r}")
    return host, int(port)


def _login(definition: Mapping[str, Any]) -> tuple[str, str]:
    """User and password."""
    properties, authentication = (
        definition["ConnectionProperties"],
        definition.get("AuthenticationConfiguration", {}),
    )
    if "SECRET_ID" in properties or "SecretArn" in authentication:
        raise InvalidInput(
            "the credentials are in AWS Secrets Manager, which is not here; give USERNAME and PASSWORD"
        )
    basic = authentication.get("BasicAuthenticationCredentials", {})
    user = basic.get("Username", properties.get("USERNAME", ""))
    if not user:
        raise InvalidInput(
            "the test needs USERNAME and PASSWORD (or BasicAuthenticationCredentials); found none"
        )
    return user, basic.get("Password", properties.get("PASSWORD", ""))


def _enforced(properties: Mapping[str, str]) -> bool:
    return properties.get("JDBC_ENFORCE_SSL", "false").lower() == "true"
