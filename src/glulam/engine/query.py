"""Queries over published Parquet files: what `glulam sql`, `glulam dlq` and `glulam trace` look through.

Each table is a DuckDB view over exactly the files that it is given (the live ones, as the ledger has them), with the
catalog's names and types. When the views stand, DuckDB may open these files and nothing else, and its configuration is
locked: a query can read, and only that. Which tables there are and where their files lie is the caller's to say.

Timestamps are instants in UTC in the files and naive UTC `TIMESTAMP`s here, as everywhere in DuckDB.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import sqlglot
import sqlglot.expressions as exp
from sqlglot.errors import SqlglotError

from glulam.engine.arrow_files import ArrowFiles, FileReader
from glulam.engine.base import EngineResources
from glulam.engine.dialect import explain_binder_error, install, translate_query
from glulam.engine.file_readers import PARQUET, FileFormat, source_of, text_value
from glulam.infer.arrow import from_arrow
from glulam.infer.types import Array, DataType, Decimal, Map, Scalar, Struct
from glulam.model.errors import GlulamError, InvalidInput, StorageFailed

Columns = tuple[tuple[str, DataType], ...]
FILE_COLUMN, ROW_COLUMN = "_file", "_row"
NULL_VALUE = "__HIVE_DEFAULT_PARTITION__"

_NAMES = {"void": "VARCHAR", "string": "VARCHAR", "binary": "BLOB", "int": "INTEGER"}


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryTable:
    """A table and the local files it is made of."""

    database: str
    name: str
    columns: Columns
    partition_keys: Columns = ()
    files: tuple[Path, ...] = ()
    hive: bool = True
    """Whether the paths' folders hold the partition values; if not, the files do."""
    form: FileFormat = PARQUET
    """How files that others wrote are read; the pipeline's are Parquet."""
    values: tuple[tuple[str, ...], ...] | None = None
    """Partition values of each file, where the catalog and not the path says them."""
    reader: FileReader | None = None
    """Of files that others wrote, and that DuckDB has no reader for."""
    places: bool = False
    """Whether rows say where they are: `_file` (the path) and `_row` (their number in it, from 1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryResult:
    """Rows of a query; `more` says that the limit cut them off."""

    columns: tuple[tuple[str, str], ...]
    """Name and type, in Glue's notation."""
    rows: tuple[tuple[Any, ...], ...]
    more: bool


def tables_of(sql: str) -> tuple[tuple[str | None, str], ...]:
    """(database or None, table) for each table that a Spark SQL query reads, lower case, without its WITH names.

    Raises InvalidInput for what is not a query, UnsupportedSql for one that cannot be run."""
    translate_query(sql)
    try:
        tree = sqlglot.parse_one(sql, dialect="spark")
    except SqlglotError as error:
        raise InvalidInput(f"not a Spark SQL query: {str(error).splitlines()[0]}") from None
    own = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    found = {(t.db.lower() or None, t.name.lower()) for t in tree.find_all(exp.Table)}
    return tuple(sorted((t for t in found if t[0] or t[1] not in own), key=lambda t: (t[0] or "", t[1])))


class QuerySession:
    """One DuckDB with one view for each table. Close it; it is a context manager."""

    def __init__(self, tables: Sequence[QueryTable], resources: EngineResources,
                 registered: Mapping[str, pa.Table] | None = None) -> None:  # fmt: skip
        self._con: Any = duckdb.connect(":memory:")
        self._scans: list[ArrowFiles] = []
        try:
            self._prepare(tables, resources, registered or {})
        except BaseException:
            self._con.close()
            raise

    def __enter__(self) -> QuerySession:
        return self

    def __exit__(self, *_: object) -> None:
        self._con.close()

    def spark(self, sql: str, limit: int) -> QueryResult:
        """Run a Spark SQL query; limit 0: all rows. Raises InvalidInput, UnsupportedSql, StorageFailed."""
        translated = translate_query(sql)
        install(self._con, translated)
        try:
            reader = self._con.sql(translated).to_arrow_reader(1024)
            schema, rows = reader.schema, list[tuple[Any, ...]]()
            for batch in reader:
                table = pa.Table.from_batches([batch])
                rows += zip(*(c.to_pylist() for c in table.columns), strict=True)
                if limit and len(rows) > limit:
                    break
        except _FAILURES as error:
            raise self._explained(error) from error
        columns = tuple((f.name, _type_text(f.type)) for f in schema)
        more = bool(limit) and len(rows) > limit
        return QueryResult(columns=columns, rows=tuple(rows[:limit] if more else rows), more=more)

    def batches(self, database: str, name: str) -> Iterator[pa.RecordBatch]:
        """All rows of a table. Raises InvalidInput, StorageFailed."""
        try:
            query = f"SELECT * FROM {quoted(database)}.{quoted(name)}"  # noqa: S608
            yield from self._con.sql(query).to_arrow_reader(65_536)
        except _FAILURES as error:
            raise self._explained(error) from error

    def rows(self, sql: str, parameters: Mapping[str, object]) -> list[dict[str, Any]]:
        """Run a query of our own, in DuckDB's words with `$name` parameters."""
        try:
            found = self._con.execute(sql, parameters)
            names = [c[0] for c in found.description]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        except duckdb.Error as error:
            raise self._explained(error) from error

    def _prepare(self, tables: Sequence[QueryTable], resources: EngineResources,
                 registered: Mapping[str, pa.Table]) -> None:  # fmt: skip
        con = self._con
        con.execute("SET TimeZone = 'UTC'")
        con.execute("SET threads = $1", [resources.threads])
        con.execute("SET memory_limit = $1", [f"{resources.memory_bytes // 1024} KiB"])
        con.execute("SET temp_directory = $1", [str(resources.spool / "query")])
        for name, rows in registered.items():
            con.register(name, rows)
        try:
            for index, table in enumerate(tables):
                self._create_view(f"files_{index}", table)
            paths = [str(f) for t in tables for f in t.files]
            con.execute("SET allowed_paths = $1", [paths])
            con.execute("SET allowed_directories = $1", [[str(resources.spool / "query")]])
            con.execute("SET enable_external_access = false")
            con.execute("SET lock_configuration = true")
        except duckdb.Error as error:
            raise self._explained(error) from error

    def _create_view(self, variable: str, table: QueryTable) -> None:
        schema, name = quoted(table.database), quoted(table.name)
        self._con.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        if table.files and table.values is not None:
            self._create_located(variable, table, f"{schema}.{name}")
            return
        columns = (*table.columns, *table.partition_keys)
        present: set[str] = set()
        source = ""
        if table.files:
            self._con.execute(f"SET VARIABLE {variable} = $1", [[str(f) for f in table.files]])
            source = (
                f" FROM read_parquet(getvariable('{variable}'), union_by_name = true, "
                f"hive_partitioning = {str(table.hive).lower()}, "
                "hive_types_autocast = false, file_row_number = true, filename = '_file')"
            )
            present = {row[0].lower() for row in self._con.execute(f"DESCRIBE SELECT *{source}").fetchall()}
        items = [_column(n, kind, present) for n, kind in columns]
        if table.places:
            items += [f"{FILE_COLUMN} AS {FILE_COLUMN}", f"file_row_number + 1 AS {ROW_COLUMN}"] if source else [
                f"NULL AS {FILE_COLUMN}", f"NULL AS {ROW_COLUMN}"
            ]  # fmt: skip
        end = source or " WHERE false"
        self._con.execute(f"CREATE VIEW {schema}.{name} AS SELECT {', '.join(items)}{end}")

    def _create_located(self, variable: str, table: QueryTable, view: str) -> None:
        """A view over files that others wrote: partition values come from the catalog, by path."""
        if table.reader is not None:
            self._create_read(variable, table, table.reader, view)
            return
        con, places = self._con, quoted(f"{variable}_places")
        con.execute(f"SET VARIABLE {variable} = $1", [[str(f) for f in table.files]])
        rows = _places(table)
        con.execute(f"CREATE TEMP TABLE {places} ({', '.join(f'{c} VARCHAR' for c in rows.column_names)})")
        con.register("located", rows)
        con.execute(f"INSERT INTO {places} SELECT * FROM located")  # noqa: S608
        con.unregister("located")
        text, items = (
            self._parquet(variable, table) if table.form.format == "parquet" else _declared(variable, table)
        )
        items += [
            f"CAST(p.v{at} AS {duckdb_type(kind)}) AS {quoted(n)}"
            for at, (n, kind) in enumerate(table.partition_keys)
        ]
        joined = f"{text} f JOIN {places} p ON p.path = f._file"
        con.execute(f"CREATE VIEW {view} AS SELECT {', '.join(items)} FROM {joined}")  # noqa: S608

    def _create_read(self, name: str, table: QueryTable, reader: FileReader, view: str) -> None:
        """A view over files that a reader reads: their partition values have their types before, to choose files by."""
        con = self._con
        con.register("located", _places(table))
        typed = ", ".join(
            f"CAST(v{at} AS {duckdb_type(kind)}) AS {quoted(n)}"
            for at, (n, kind) in enumerate(table.partition_keys)
        )
        values = con.sql(f"SELECT {typed or 'path'} FROM located").to_arrow_table()  # noqa: S608
        con.unregister("located")
        scan = ArrowFiles(reader, table.files, values if typed else values.select([]))
        self._scans.append(scan)
        con.register(name, scan)
        items = [_read(n, kind, reader.schema.field(n).type) for n, kind in table.columns]
        items += [quoted(n) for n, _ in table.partition_keys]
        con.execute(f"CREATE VIEW {view} AS SELECT {', '.join(items)} FROM {name}")  # noqa: S608

    def _explained(self, error: Any) -> GlulamError:
        for scan in self._scans:
            failure, scan.failure = scan.failure, None
            if failure is not None:
                return failure
        return _explained(error)

    def _parquet(self, variable: str, table: QueryTable) -> tuple[str, list[str]]:
        text = (
            f"read_parquet(getvariable('{variable}'), union_by_name = true, hive_partitioning = false, "
            "filename = '_file')"
        )
        found = self._con.execute(f"DESCRIBE SELECT * FROM {text}").fetchall()  # noqa: S608
        keys = {f.name: f.key for f in table.form.schema.fields} if table.form.schema else {}
        present = {row[0].lower() for row in found}
        return text, [_column(n, kind, present, keys.get(n, n)) for n, kind in table.columns]


def _declared(variable: str, table: QueryTable) -> tuple[str, list[str]]:
    """Of files that do not say their types: the table does."""
    label = f"{table.database}.{table.name}"
    source = source_of(variable, table.form, table.columns, quoted, duckdb_type, label)
    return source.text, [
        f"CAST({source.values[n]} AS {duckdb_type(kind)}) AS {quoted(n)}" for n, kind in table.columns
    ]


def _places(table: QueryTable) -> pa.Table:
    """A row for each file: its path, and its partition's values as texts."""
    rows: dict[str, list[str | None]] = {"path": [str(f) for f in table.files]}
    for at in range(len(table.partition_keys)):
        rows[f"v{at}"] = [None if v[at] == NULL_VALUE else v[at] for v in table.values or ()]
    return pa.table(rows, schema=pa.schema([(name, pa.string()) for name in rows]))


def _read(name: str, kind: DataType, found: pa.DataType) -> str:
    """A column of a reader: text, where the table declares another type, as in CSV."""
    value = text_value(name, kind, quoted) if found == pa.string() else quoted(name)
    return f"CAST({value} AS {duckdb_type(kind)}) AS {quoted(name)}"


def quoted(name: str) -> str:
    """A name as DuckDB's quoted identifier."""
    return str(exp.to_identifier(name, quoted=True).sql("duckdb"))


def _column(name: str, kind: DataType, present: set[str], key: str | None = None) -> str:
    """`key`: what the column is called in the files."""
    value = quoted(key or name) if (key or name).lower() in present else "NULL"
    return f"CAST({value} AS {duckdb_type(kind)}) AS {quoted(name)}"


def duckdb_type(kind: DataType) -> str:
    """DuckDB's name of a type."""
    if isinstance(kind, Scalar):
        return _NAMES.get(kind.name, kind.name.upper())
    if isinstance(kind, Decimal):
        return f"DECIMAL({kind.precision}, {kind.scale})"
    if isinstance(kind, Array):
        return f"{duckdb_type(kind.element)}[]"
    if isinstance(kind, Map):
        return f"MAP({duckdb_type(kind.key)}, {duckdb_type(kind.value)})"
    assert isinstance(kind, Struct)
    return f"STRUCT({', '.join(f'{quoted(f.name)} {duckdb_type(f.type)}' for f in kind.fields)})"


def _type_text(kind: pa.DataType) -> str:
    try:
        return str(from_arrow(kind))
    except InvalidInput:
        return str(kind)


_FAILURES = (duckdb.Error, OSError, pa.ArrowException)
"""Of a query whose rows come as a stream: what DuckDB finds after the first of them reaches us through Arrow."""


def _explained(error: Any) -> GlulamError:
    text = str(error)
    first = text.split("\n\n", 1)[0].replace("\n", " ")
    # a file that is gone is asked for as a folder, which is not allowed
    if text.startswith(("IO Error", "Out of Memory Error", "Permission Error")):
        return StorageFailed(f"the query could not read or hold its data: {first}")
    return explain_binder_error(text) or InvalidInput(f"the query cannot be run: {first}")
