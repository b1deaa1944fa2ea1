"""Tables of relational databases: reads their schemas over a connection, as SQLAlchemy's inspector gives them.

PostgreSQL, MySQL and MariaDB by host, within the addresses that the installation allows; SQLite as an object of the store.
No row is read. Left to others: keeping connections and their secrets (`catalog/connections.py`)."""

from __future__ import annotations

import importlib
import os
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy
from sqlalchemy import types as sa
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from glulam.catalog.connection_probe import Refused, require_allowed
from glulam.catalog.connection_targets import Target, target_of
from glulam.crawl.findings import ColumnFinding
from glulam.crawl.found import FoundTable
from glulam.crawl.globs import excluder
from glulam.crawl.naming import table_name
from glulam.crawl.targets import JdbcTarget
from glulam.infer.resolve import column_name
from glulam.infer.types import (
    BIGINT,
    BINARY,
    BOOLEAN,
    DATE,
    DOUBLE,
    STRING,
    TIMESTAMP,
    Array,
    DataType,
    Decimal,
    Scalar,
)
from glulam.model.addresses import addresses_of
from glulam.model.errors import ConnectionFailed, EntityNotFound, InvalidInput
from glulam.model.uri import S3Uri
from glulam.objects.base import ObjectStore

_TIMEOUT_S = 15
_STATEMENT_MS = 120_000
_SQLITE = re.compile(r"jdbc:sqlite:(s3://.+)")
_SYSTEM = frozenset({"information_schema", "pg_catalog", "pg_toast", "mysql", "performance_schema", "sys"})
INT, SMALLINT, FLOAT = Scalar("int"), Scalar("smallint"), Scalar("float")


@dataclass(frozen=True, kw_only=True)
class Reach:
    """What may be connected to, and where files of a remote store are put (the caller removes it)."""

    allowed: tuple[str, ...]
    store: ObjectStore
    spool: Path


def tables(definition: Mapping[str, Any], target: JdbcTarget, reach: Reach) -> list[FoundTable]:
    """`definition`: the connection's, in clear. Raises InvalidInput (not allowed, no driver, no such path),
    ConnectionFailed (not reachable, refused the login), EntityNotFound (nothing matches the path)."""
    kind, database, engine = _engine(definition, reach)
    try:
        with engine.connect() as connection:
            inspector = sqlalchemy.inspect(connection)
            found = list(_tables(inspector, kind, database, target))
    except (SQLAlchemyError, psycopg.Error, OSError, sqlite3.Error) as error:
        text = str(getattr(error, "orig", None) or error).strip().splitlines()
        raise ConnectionFailed(
            f"connection {target.connection}: {text[0] if text else type(error).__name__}"
        ) from error
    finally:
        engine.dispose()
    if not found:
        raise EntityNotFound(f"connection {target.connection}: no table matches {target.path!r}")
    return found


def _tables(inspector: Any, kind: str, database: str, target: JdbcTarget) -> Iterator[FoundTable]:
    excluded = excluder(target.exclusions)
    for schema in _schemas(inspector, kind):
        names = [*inspector.get_table_names(schema=schema), *inspector.get_view_names(schema=schema)]
        for name in sorted(names):
            path = [database, name] if kind != "postgresql" else [database, str(schema), name]
            if (
                not _matches(target.path, path, kind)
                or excluded("/".join(path[1:]))
                or excluded("/".join(path))
            ):
                continue
            yield _table(inspector, kind, target, schema, path)


def _schemas(inspector: Any, kind: str) -> list[str | None]:
    if kind != "postgresql":
        return [None]
    return [
        name for name in inspector.get_schema_names() if name not in _SYSTEM and not name.startswith("pg_")
    ]


def _matches(pattern: str, path: list[str], kind: str) -> bool:
    """`db/schema/%`, `db/%`: `%` stands for any characters; a pattern that ends early means all below it."""
    parts = pattern.split("/")
    if len(parts) > len(path):
        raise InvalidInput(
            f"path {pattern!r}: expected at most {len(path)} parts for {kind}, such as {'/'.join(path)}"
        )
    parts += ["%"] * (len(path) - len(parts))
    return all(_like(p, name) for p, name in zip(parts, path, strict=True))


def _like(pattern: str, name: str) -> bool:
    return re.fullmatch(".*".join(re.escape(p) for p in pattern.split("%")), name, re.DOTALL) is not None


def _table(inspector: Any, kind: str, target: JdbcTarget, schema: str | None, path: list[str]) -> FoundTable:
    columns = inspector.get_columns(path[-1], schema=schema)
    comment = ""
    if target.comments and kind != "sqlite":
        comment = inspector.get_table_comment(path[-1], schema=schema).get("text") or ""
    return FoundTable(
        name=table_name("_".join(path)), location=".".join(path), classification=kind, compression="none",
        parameters={"connectionName": target.connection, "compressionType": "none"},
        columns=tuple(_column(c) for c in columns), files=0, size_bytes=0, records=0, complete=True, comment=comment,
        reasons=(f"{'/'.join(path)} matches {target.path!r}",), storage={"typeOfData": "table"},
    )  # fmt: skip


def _column(found: Mapping[str, Any]) -> ColumnFinding:
    kind = found["type"]
    return ColumnFinding(
        name=column_name(found["name"]),
        source_name=found["name"],
        type=hive_type(kind),
        counts={str(kind).lower(): 1},
    )


def hive_type(kind: Any) -> DataType:
    """Glue's type for a database's column; what it has no type for is a string."""
    if isinstance(kind, postgresql.ARRAY | sa.ARRAY):
        return Array(hive_type(kind.item_type))
    if isinstance(kind, mysql.TINYINT):
        return BOOLEAN if kind.display_width == 1 else Scalar("smallint" if kind.unsigned else "tinyint")
    for types, found in _TYPES:
        if isinstance(kind, types):
            return _unsigned(kind, found)
    if isinstance(kind, sa.Float):  # a Numeric, too: before it
        return DOUBLE
    if isinstance(kind, sa.Numeric):
        return Decimal(min(kind.precision or 38, 38), min(kind.scale if kind.scale is not None else 18, 38))
    return STRING


_TYPES: tuple[tuple[tuple[type, ...], DataType], ...] = (
    ((sa.Boolean,), BOOLEAN),
    ((sa.BigInteger,), BIGINT),
    ((sa.SmallInteger,), SMALLINT),
    ((sa.Integer,), INT),
    ((sa.REAL,), FLOAT),
    ((sa.DateTime,), TIMESTAMP),
    ((sa.Date,), DATE),
    ((sa.LargeBinary, sa.BINARY, sa.VARBINARY, postgresql.BYTEA), BINARY),
)


def _unsigned(kind: Any, found: DataType) -> DataType:
    if not getattr(kind, "unsigned", False):
        return found
    wider: dict[DataType, DataType] = {SMALLINT: INT, INT: BIGINT, BIGINT: Decimal(20, 0)}
    return wider.get(found, found)


def _engine(definition: Mapping[str, Any], reach: Reach) -> tuple[str, str, Any]:
    """Kind, name of the database, engine."""
    properties = definition["ConnectionProperties"]
    url = str(properties.get("JDBC_CONNECTION_URL", "")).strip()
    if url.startswith("jdbc:sqlite:"):
        return _sqlite(url, reach)
    if url.startswith("jdbc:mariadb:"):
        properties = {**properties, "JDBC_CONNECTION_URL": f"jdbc:mysql:{url.removeprefix('jdbc:mariadb:')}"}
    target = target_of({**definition, "ConnectionProperties": properties})
    where = f"{target.engine} at {target.host}:{target.port}"
    try:
        addresses = addresses_of(target.host, target.port)
        require_allowed(target.host, addresses, reach.allowed)
    except Refused as error:
        raise InvalidInput(f"{where}: not crawled: {error}") from error
    except OSError as error:
        raise ConnectionFailed(f"{where}: {error.strerror or error}") from error
    connect = {"postgresql": _postgresql, "mysql": _mysql}.get(target.engine)
    if connect is None:
        raise InvalidInput(f"{where}: expected a postgresql or mysql connection")
    dialect = {"postgresql": "postgresql+psycopg://", "mysql": "mysql+pymysql://"}[target.engine]
    made = sqlalchemy.create_engine(dialect, creator=connect(target, str(addresses[0])), poolclass=NullPool)
    return target.engine, target.database or target.user, made


def _postgresql(target: Target, address: str) -> Callable[[], Any]:
    return lambda: psycopg.connect(
        host=target.host, hostaddr=address, port=target.port, dbname=target.database or target.user, user=target.user,
        password=target.password, connect_timeout=_TIMEOUT_S, passfile=os.devnull, gssencmode="disable",
        sslmode="require" if target.tls else "prefer", sslcertmode="disable",
        options=f"-c statement_timeout={_STATEMENT_MS} -c default_transaction_read_only=on",
    )  # fmt: skip


def _mysql(target: Target, address: str) -> Callable[[], Any]:
    try:
        driver = importlib.import_module("pymysql")
    except ModuleNotFoundError as error:
        raise InvalidInput("a MySQL crawl needs a driver: pip install pymysql") from error
    return lambda: driver.connect(
        host=address, port=target.port, user=target.user, password=target.password, database=target.database or None,
        connect_timeout=_TIMEOUT_S, read_timeout=_STATEMENT_MS // 1000, ssl={} if target.tls else None,
        ssl_disabled=not target.tls,
    )  # fmt: skip


def _sqlite(url: str, reach: Reach) -> tuple[str, str, Any]:
    found = _SQLITE.fullmatch(url)
    if found is None:
        raise InvalidInput(
            f"{url}: expected jdbc:sqlite:s3://bucket/key, a database file in the object store"
        )
    uri = S3Uri.parse(found[1])
    reach.spool.mkdir(parents=True, exist_ok=True)
    path = reach.store.fetch(uri, reach.store.head(uri).etag, reach.spool)
    name = uri.key.rpartition("/")[2]
    quoted = str(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    made = sqlalchemy.create_engine(
        "sqlite://",
        poolclass=NullPool,
        creator=lambda: sqlite3.connect(f"file:{quoted}?mode=ro&immutable=1", uri=True),
    )
    return "sqlite", name.rpartition(".")[0] or name, made
