"""Databases as sources and sinks, through Spark's JDBC. Drivers are not part of Glulam: a missing one is named.

hashfield, hashexpression   parallel reads: `hashpartitions` (7) conditions on a hash, one for each partition
jobBookmarkKeys             only rows beyond the last value that a committed run read
sampleQuery                 an SQL query instead of a table
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from pyspark.sql import DataFrame

from awsglue.bookmarks import JobBookmark, Keys, window
from awsglue.records import Records
from awsglue.workspace import SPARK_ERRORS, Workspace
from glulam.model.errors import ConnectionFailed, InvalidInput

DRIVERS = {
    "postgresql": ("org.postgresql.Driver", "org.postgresql:postgresql"),
    "mysql": ("com.mysql.cj.jdbc.Driver", "com.mysql:mysql-connector-j"),
    "sqlserver": ("com.microsoft.sqlserver.jdbc.SQLServerDriver", "com.microsoft.sqlserver:mssql-jdbc"),
    "oracle": ("oracle.jdbc.OracleDriver", "com.oracle.database.jdbc:ojdbc11"),
}
_MARIADB = ("org.mariadb.jdbc.Driver", "org.mariadb.jdbc:mariadb-java-client")
"""Of URLs that begin with jdbc:mariadb: all else is as for MySQL."""
_HASH: dict[str, Callable[[str, int], str]] = {
    "postgresql": lambda c, n: f"abs(hashtext(cast({c} as text))::bigint) % {n}",
    "mysql": lambda c, n: f"crc32({c}) % {n}",
    "sqlserver": lambda c, n: f"abs(cast(checksum({c}) as bigint)) % {n}",
    "oracle": lambda c, n: f"ora_hash({c}, {n - 1})",
}


def vendor(kind: str, url: str) -> str:
    """The database by connection_type, or by the URL of a `jdbc` one. Raises InvalidInput."""
    found = kind if kind in DRIVERS else _named_by(url)
    if found not in DRIVERS:
        raise InvalidInput(f"connection_type {kind!r} with URL {url!r}: expected one of {', '.join(DRIVERS)}")
    return found


def _named_by(url: str) -> str:
    found = re.match(r"jdbc:(\w+):", url)
    return "" if found is None else "mysql" if found[1] == "mariadb" else found[1]


def driver(kind: str, url: str) -> tuple[str, str]:
    """Class and package of the driver. Raises InvalidInput."""
    return _MARIADB if url.startswith("jdbc:mariadb:") else DRIVERS[vendor(kind, url)]


def spark_options(kind: str, options: dict[str, Any]) -> dict[str, str]:
    """What Spark's JDBC source is given. Raises InvalidInput for what is missing."""
    url = str(options.get("url") or "")
    if not url:
        raise InvalidInput(f"connection_type {kind!r}: connection_options need a url, or a connectionName")
    if options.get("passwordEncrypted") and options.get("password") is None:
        raise InvalidInput(
            "the connection's password is returned encrypted: give user and password in connection_options, or have "
            "connections return passwords (ReturnConnectionPasswordEncrypted, docs/connections.md)"
        )
    found = {"url": _for_spark(url), "driver": options.get("className") or driver(kind, url)[0]}
    for name in ("user", "password", "fetchsize", "batchsize"):
        if options.get(name) is not None:
            found[name] = str(options[name])
    if options.get("bulkSize"):
        found["batchsize"] = str(options["bulkSize"])
    return found


def _for_spark(url: str) -> str:
    """Of a MariaDB's URL, the one by which Spark knows whose quotes to use: else it would read the names of columns."""
    if not url.startswith("jdbc:mariadb:"):
        return url
    return f"jdbc:mysql:{url.removeprefix('jdbc:mariadb:')}{'&' if '?' in url else '?'}permitMysqlScheme=true"


def source_of(options: dict[str, Any]) -> str:
    """The table, or the query in brackets, as it stands after FROM."""
    if query := options.get("sampleQuery") or options.get("query"):
        return f"({str(query).rstrip().rstrip(';')}) glue_source"
    if table := options.get("dbtable"):
        return str(table)
    raise InvalidInput("connection_options need dbtable (or sampleQuery)")


def table_at(form: str, location: str) -> str:
    """A catalog table's place (`database.table`, `database.schema.table`) as it stands after FROM."""
    database, _, table = location.partition(".")
    if form == "mysql" and table:
        return ".".join(f"`{name.replace('`', '``')}`" for name in (database, table))
    schema, dot, name = table.partition(".")
    if form == "postgresql" and dot:
        return ".".join('"' + part.replace('"', '""') + '"' for part in (schema, name))
    return table or location


def conditions(kind: str, options: dict[str, Any]) -> list[str]:
    """One condition for each parallel read; none when the read is one."""
    field, expression = options.get("hashfield"), options.get("hashexpression")
    if not field and not expression:
        return []
    count = int(options.get("hashpartitions", 7))
    if count < 1:
        raise InvalidInput(f"hashpartitions: {count}; expected a whole number from 1")
    if expression:
        hashed = f"({expression}) % {count}"
        rest = [f"{hashed} = {i}" for i in range(1, count)]
        return [
            f"({hashed} = 0 OR ({expression}) IS NULL OR ({expression}) < 0)",
            *(f"({c}) AND ({expression}) >= 0" for c in rest),
        ]
    hashed = _HASH[vendor(kind, str(options.get("url") or ""))](str(field), count)
    return [f"({hashed} = 0 OR {field} IS NULL)", *(f"{hashed} = {i}" for i in range(1, count))]


def read(
    work: Workspace, kind: str, options: dict[str, Any], bookmark: JobBookmark | None, transformation_ctx: str
) -> Records:
    given, source = spark_options(kind, options), source_of(options)
    where: str | None = None
    if bookmark is not None and options.get("jobBookmarkKeys"):
        where = _window(work, given, source, options, bookmark, transformation_ctx)
    parts = conditions(kind, options)
    if where:
        parts = [f"({where}) AND ({part})" for part in parts] or [where]
    try:
        return Records.of(_load(work, given, source, parts))
    except SPARK_ERRORS as error:
        raise failed(kind, str(options.get("url")), error) from error


def _load(work: Workspace, given: dict[str, str], source: str, parts: list[str]) -> DataFrame:
    if parts:
        properties = {name: value for name, value in given.items() if name != "url"}
        return work.session.read.jdbc(given["url"], source, predicates=parts, properties=properties)
    return work.session.read.format("jdbc").options(**given).option("dbtable", source).load()


def _window(
    work: Workspace, given: dict[str, str], source: str, options: dict[str, Any], bookmark: JobBookmark,
    transformation_ctx: str,
) -> str | None:  # fmt: skip
    names = options["jobBookmarkKeys"]
    order = str(options.get("jobBookmarkKeysSortOrder", "asc")).lower()
    if order not in ("asc", "desc"):
        raise InvalidInput(f"jobBookmarkKeysSortOrder: {order!r}; expected asc or desc")
    keys = Keys(names=[names] if isinstance(names, str) else list(names), descending=order == "desc",
                lookback=float(options.get("jobBookmarkLookback", 0)))  # fmt: skip
    listed = ", ".join(keys.names)
    sort = ", ".join(f"{name} {'ASC' if keys.descending else 'DESC'}" for name in keys.names)
    known = " AND ".join(f"{name} IS NOT NULL" for name in keys.names)  # which some rank as the greatest
    ranked = f"(SELECT {listed}, row_number() OVER (ORDER BY {sort}) AS glue_rank FROM {source} WHERE {known}) glue_top"  # noqa: S608
    rows = _load(work, given, ranked, ["glue_rank = 1"]).collect()
    top = list(rows[0][:-1]) if rows else None
    if (end := bookmark.end(transformation_ctx)) is not None:
        top = end.get("last")
    condition, state = window(keys, bookmark.state(transformation_ctx), top)
    if state:
        bookmark.note(transformation_ctx, state)
    return condition


def write(frame: DataFrame, kind: str, options: dict[str, Any]) -> None:
    given = spark_options(kind, options)
    try:
        frame.write.format("jdbc").options(**given).option("dbtable", source_of(options)).mode(
            "append"
        ).save()
    except SPARK_ERRORS as error:
        raise failed(kind, str(options.get("url")), error) from error


def failed(kind: str, url: str, error: Exception) -> Exception:
    text = str(error)
    if "ClassNotFoundException" in text or "No suitable driver" in text or "CLASS_NOT_FOUND" in text:
        package = driver(kind, url)[1]
        return InvalidInput(
            f"Spark has no driver for {kind}: add --conf spark.jars.packages={package}:VERSION, or --extra-jars"
        )
    return ConnectionFailed(f"{kind}: {text[:500]}")


def of_connection(found: dict[str, Any]) -> dict[str, Any]:
    """A connection of the catalog as the options of a source."""
    given = found.get("ConnectionProperties") or {}
    engine = given.get("JDBC_ENGINE") or found.get("ConnectionType") or ""
    url = given.get("JDBC_CONNECTION_URL") or ""
    if not url and given.get("HOST") and engine.lower() in ("postgresql", "mysql"):
        port = f":{given['PORT']}" if given.get("PORT") else ""
        url = f"jdbc:{engine.lower()}://{given['HOST']}{port}/{given.get('DATABASE', '')}"
    return {
        "url": url, "fullUrl": url, "vendor": _named_by(url) or None, "user": given.get("USERNAME"),
        "password": given.get("PASSWORD"), "className": given.get("JDBC_DRIVER_CLASS_NAME"),
        "passwordEncrypted": True if "ENCRYPTED_PASSWORD" in given else None,
    }  # fmt: skip
