"""The process that a connection test runs in: one JSON document on its standard input, one on its standard output.

    {"target": {...}, "allowed": ["127.0.0.0/8", "db.example.com", ...], "timeout_s": 10}  ->  {"refused"|"failed": "why"} or {}

Every address that a name has must be allowed, and the connection goes to one of those (`model/addresses.py`). Nothing is
read from the user's own client settings.
"""

from __future__ import annotations

import importlib
import json
import os
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psycopg

from glulam.catalog.connection_targets import Target
from glulam.model.addresses import Address, addresses_of, outside


class Refused(Exception):
    """The address is not allowed."""


def require_allowed(host: str, addresses: Sequence[Address], allowed: Sequence[str]) -> None:
    """Raises Refused unless the host is allowed by name, or every one of its addresses by network."""
    for address in outside(host, addresses, allowed):
        raise Refused(f"{host} is at {address}, which GLULAM_CONNECTION_HOSTS does not allow")


def probe(target: Target, allowed: Sequence[str], timeout_s: int) -> None:
    """Connect, and log in where there is something to log in to. Raises Refused, or what the driver raises."""
    addresses = addresses_of(target.host, target.port)
    require_allowed(target.host, addresses, allowed)
    _PROBES[target.engine](target, str(addresses[0]), timeout_s)


def _tcp(target: Target, address: str, timeout_s: int) -> None:
    socket.create_connection((address, target.port), timeout=timeout_s).close()


def _postgresql(target: Target, address: str, timeout_s: int) -> None:
    psycopg.connect(
        host=target.host, hostaddr=address, port=target.port, dbname=target.database or target.user,
        user=target.user, password=target.password, connect_timeout=timeout_s, passfile=os.devnull,
        sslmode="require" if target.tls else "prefer", sslcertmode="disable", gssencmode="disable",
    ).close()  # fmt: skip


def mysql_session(target: Target, address: str, timeout_s: int, read_timeout_s: int | None = None) -> Any:
    """A session of PyMySQL. Raises Refused without the driver, or what the driver raises."""
    try:
        driver = importlib.import_module("pymysql")
    except ModuleNotFoundError as error:
        raise Refused("a MySQL connection needs a driver: pip install pymysql") from error
    # an empty `ssl` would mean "encrypted if the server can"; no certificate is asked for, as with sslmode=require
    return driver.connect(
        host=address, port=target.port, user=target.user, password=target.password, database=target.database or None,
        connect_timeout=timeout_s, read_timeout=read_timeout_s, ssl={"check_hostname": False} if target.tls else None,
        ssl_disabled=not target.tls,
    )  # fmt: skip


def _mysql(target: Target, address: str, timeout_s: int) -> None:
    mysql_session(target, address, timeout_s).close()


_PROBES: Mapping[str, Callable[[Target, str, int], None]] = {
    "tcp": _tcp, "postgresql": _postgresql, "mysql": _mysql
}  # fmt: skip


def answer(asked: Mapping[str, Any]) -> dict[str, str]:
    try:
        probe(Target(**asked["target"]), asked["allowed"], asked["timeout_s"])
    except Refused as error:
        return {"refused": str(error)}
    except Exception as error:  # drivers raise what they like; it is the person's to read
        return {"failed": str(error).strip() or type(error).__name__}
    return {}


if __name__ == "__main__":
    json.dump(answer(json.load(sys.stdin)), sys.stdout)
