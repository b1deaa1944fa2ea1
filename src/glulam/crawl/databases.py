"""Tables of relational databases: reads their schemas over a connection.

PostgreSQL, MySQL and MariaDB by host, within the addresses that the installation allows; SQLite as an object of the store.
No row is read. Left to others: keeping connections and their secrets (`catalog/connections.py`), MySQL's own catalog and
types (`mysql_schema.py`); the others' come from SQLAlchemy's inspector."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import sqlalchemy
from sqlalchemy import types as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from glulam.catalog.connection_probe import Refused, mysql_session, require_allowed
from glulam.catalog.connection_targets import Target, target_of
from glulam.crawl.findings import ColumnFinding
from glulam.crawl.found import FoundTable, Grouping, Odd
from glulam.crawl.globs import excluder
from glulam.crawl.mysql_schema import mysql_tables
from glulam.crawl.naming import table_name
from glulam.crawl.source_tables import SourceColumn, SourceTable
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
_MOST_DIGITS = 38
_COMMENT = 255
"""Characters that a column's comment may have."""
_SQLITE = re.compile(r"jdbc:sqlite:(s3://.+)")
_SYSTEM = frozenset({"information_schema", "pg_catalog", "pg_toast"})
INT, SMALLINT, FLOAT = Scalar("int"), Scalar("smallint"), Scalar("float")
_SQLITE_TYPES: Mapping[DataType, DataType] = {SMALLINT: BIGINT, INT: BIGINT, FLOAT: DOUBLE}
"""Whatever a column of SQLite is called, its numbers have 64 bits."""


@dataclass(frozen=True, kw_only=True)
class Reach:
    """What may be connected to, and where files of a remote store are put (the caller removes it)."""

    allowed: tuple[str, ...]
    store: ObjectStore
    spool: Path


def tables(definition: Mapping[str, Any], target: JdbcTarget, reach: Reach) -> Grouping:
    """`definition`: the connection's, in clear. Raises InvalidInput (not allowed, no driver, no such path),
    ConnectionFailed (not reachable, refused the login), EntityNotFound (nothing matches the path)."""
    try:
        kind, found = _read(definition, target, reach)
    except (SQLAlchemyError, psycopg.Error, pymysql.Error, sqlite3.Error, OSError) as error:
        raise ConnectionFailed(f"connection {target.connection}: {_said(error)}") from error
    broken = tuple(Odd(path="/".join(t.path), files=0, reason=t.broken) for t in found if t.broken)
    made = tuple(_table(t, kind, target) for t in found if not t.broken)
    if not made:
        why = f" ({broken[0].path}: {broken[0].reason})" if broken else ""
        raise EntityNotFound(
            f"connection {target.connection}: no table matches {target.path!r} that its user may read{why}"
        )
    return Grouping(tables=made, odd=broken)


def _said(error: BaseException) -> str:
    """The driver's words, in one line. PyMySQL's errors are (number, words)."""
    found = getattr(error, "orig", None) or error
    text = str(found.args[-1] if len(found.args) == 2 else found).strip().splitlines()
    return text[0] if text else type(error).__name__


def _inspected(engine: Any, kind: str, database: str, target: JdbcTarget) -> list[SourceTable]:
    found = []
    try:
        with engine.connect() as connection:
            inspector = sqlalchemy.inspect(connection)
            for schema in _schemas(inspector, kind):
                names = [*inspector.get_table_names(schema=schema), *inspector.get_view_names(schema=schema)]
                for name in sorted(names):
                    path = (database, name) if schema is None else (database, schema, name)
                    if _wanted(target, path):
                        found.append(_source_table(inspector, kind, schema, path))
    finally:
        engine.dispose()
    return found


def _source_table(inspector: Any, kind: str, schema: str | None, path: tuple[str, ...]) -> SourceTable:
    columns = []
    for c in inspector.get_columns(path[-1], schema=schema):
        found = hive_type(c["type"])
        if kind == "sqlite":
            found = _SQLITE_TYPES.get(found, found)
        raw = str(c["type"]).lower()
        columns.append(SourceColumn(name=c["name"], type=found, raw=raw, comment=c.get("comment") or ""))
    comment = "" if kind == "sqlite" else inspector.get_table_comment(path[-1], schema=schema).get("text")
    return SourceTable(path=path, columns=tuple(columns), comment=comment or "")


def _schemas(inspector: Any, kind: str) -> list[str | None]:
    if kind != "postgresql":
        return [None]
    return [
        name for name in inspector.get_schema_names() if name not in _SYSTEM and not name.startswith("pg_")
    ]


def _wanted(target: JdbcTarget, path: Sequence[str]) -> bool:
    excluded = excluder(target.exclusions)
    return _matches(target.path, path) and not excluded("/".join(path[1:])) and not excluded("/".join(path))


def _matches(pattern: str, path: Sequence[str]) -> bool:
    """`db/schema/%`, `db/%`: `%` stands for any characters; a pattern that ends early means all below it."""
    parts = pattern.split("/")
    parts += ["%"] * (len(path) - len(parts))
    return all(_like(p, name) for p, name in zip(parts, path, strict=True))


def _like(pattern: str, name: str) -> bool:
    return re.fullmatch(".*".join(re.escape(p) for p in pattern.split("%")), name, re.DOTALL) is not None


def _table(found: SourceTable, kind: str, target: JdbcTarget) -> FoundTable:
    return FoundTable(
        name=table_name("_".join(found.path)), location=".".join(found.path), classification=kind, compression="none",
        parameters={"connectionName": target.connection, "compressionType": "none"},
        columns=_columns(found.columns, comments=target.comments), files=0, size_bytes=0, records=0, complete=True,
        comment=found.comment if target.comments else "",
        reasons=(f"{'/'.join(found.path)} matches {target.path!r}",), storage={"typeOfData": "table"},
    )  # fmt: skip


def _columns(found: Sequence[SourceColumn], *, comments: bool) -> tuple[ColumnFinding, ...]:
    """Under names that the catalog can have, no two alike."""
    made, taken = [], set[str]()
    for c in found:
        wish = name = column_name(c.name)
        number = 1
        while name in taken:
            number += 1
            name = f"{wish}__{number}"
        taken.add(name)
        comment = c.comment[:_COMMENT] if comments else ""
        made.append(
            ColumnFinding(name=name, source_name=c.name, type=c.type, counts={c.raw: 1}, comment=comment)
        )
    return tuple(made)


def hive_type(kind: Any) -> DataType:
    """Glue's type for a database's column; what it has no type for is a string."""
    if isinstance(kind, postgresql.ARRAY | sa.ARRAY):
        return Array(hive_type(kind.item_type))
    for types, found in _TYPES:
        if isinstance(kind, types):
            return found
    if isinstance(kind, sa.Float):  # a Numeric, too: before it
        return DOUBLE
    if isinstance(kind, sa.Numeric):
        if kind.precision is not None and kind.precision > _MOST_DIGITS:
            return STRING
        return Decimal(
            kind.precision or _MOST_DIGITS, min(kind.scale if kind.scale is not None else 18, _MOST_DIGITS)
        )
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


def _read(definition: Mapping[str, Any], target: JdbcTarget, reach: Reach) -> tuple[str, list[SourceTable]]:
    """The kind of database, and its tables that are asked for."""
    properties = definition["ConnectionProperties"]
    url = str(properties.get("JDBC_CONNECTION_URL", "")).strip()
    if url.startswith("jdbc:sqlite:"):
        _require_parts(target, "database/table")
        name, engine = _sqlite(url, reach)
        return "sqlite", _inspected(engine, "sqlite", name, target)
    if url.startswith("jdbc:mariadb:"):
        properties = {**properties, "JDBC_CONNECTION_URL": f"jdbc:mysql:{url.removeprefix('jdbc:mariadb:')}"}
    place = target_of({**definition, "ConnectionProperties": properties})
    _require_parts(target, "database/schema/table" if place.engine == "postgresql" else "database/table")
    address = _address(place, reach)
    if place.engine == "mysql":
        return "mysql", _of_mysql(place, address, target)
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=_postgresql(place, address), poolclass=NullPool
    )
    return "postgresql", _inspected(engine, "postgresql", place.database or place.user, target)


def _require_parts(target: JdbcTarget, form: str) -> None:
    if target.path.count("/") > form.count("/"):
        raise InvalidInput(
            f"path {target.path!r}: expected at most {form.count('/') + 1} parts, as in {form}"
        )


def _address(place: Target, reach: Reach) -> str:
    where = f"{place.engine} at {place.host}:{place.port}"
    if place.engine not in ("postgresql", "mysql"):
        raise InvalidInput(f"{where}: expected a postgresql or mysql connection")
    try:
        addresses = addresses_of(place.host, place.port)
        require_allowed(place.host, addresses, reach.allowed)
    except Refused as error:
        raise InvalidInput(f"{where}: not crawled: {error}") from error
    except OSError as error:
        raise ConnectionFailed(f"{where}: {error.strerror or error}") from error
    return str(addresses[0])


def _of_mysql(place: Target, address: str, target: JdbcTarget) -> list[SourceTable]:
    database, name, *_ = *target.path.split("/"), "%"
    with closing(mysql_session(place, address, _TIMEOUT_S, _STATEMENT_MS // 1000)) as session:
        return [t for t in mysql_tables(session, database, name) if _wanted(target, t.path)]


def _postgresql(target: Target, address: str) -> Callable[[], Any]:
    return lambda: psycopg.connect(
        host=target.host, hostaddr=address, port=target.port, dbname=target.database or target.user, user=target.user,
        password=target.password, connect_timeout=_TIMEOUT_S, passfile=os.devnull, gssencmode="disable",
        sslmode="require" if target.tls else "prefer", sslcertmode="disable",
        options=f"-c statement_timeout={_STATEMENT_MS} -c default_transaction_read_only=on",
    )  # fmt: skip


def _sqlite(url: str, reach: Reach) -> tuple[str, Any]:
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
    return name.rpartition(".")[0] or name, made
