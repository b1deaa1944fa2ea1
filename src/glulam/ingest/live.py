"""A catalog table as something that can be queried: its live files, as the ledger has them, on this machine's disk.

On a lake the files are read where they lie; from a remote store they are fetched into the spool first, below the same
`key=value` folders. Of an Iceberg table it is the current snapshot's files. Who queries and how is `engine/query.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import compress
from pathlib import Path

import pyarrow as pa

from glulam.catalog.iceberg import is_iceberg
from glulam.catalog.partition_pages import list_partitions
from glulam.catalog.scope import Scope
from glulam.catalog.tables import Table, list_tables
from glulam.engine.arrow_files import FileReader
from glulam.engine.base import EngineResources
from glulam.engine.file_readers import FileFormat
from glulam.engine.partition_writer import partition_folder
from glulam.engine.pruning import wanted
from glulam.engine.query import QuerySession, QueryTable, tables_of
from glulam.engine.staging import DEAD_LETTERS
from glulam.ingest.iceberg import IcebergTables
from glulam.ledger import outputs
from glulam.ledger.outputs import OutputFile
from glulam.model.errors import EntityNotFound, ObjectNotFound, StorageFailed
from glulam.model.uri import S3Uri
from glulam.objects.base import ObjectStore
from glulam.store.database import Database

_PIPELINE = "glulam.pipeline"
_COUNTS = ("objectCount", "recordCount", "sizeKey")


@dataclass(frozen=True, kw_only=True)
class PartitionCounts:
    """What a partition holds."""

    values: tuple[str, ...]
    file_count: int
    record_count: int
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class TableCounts:
    """What a table holds."""

    partition_keys: tuple[str, ...]
    files: int
    records: int
    bytes: int
    partitions: tuple[PartitionCounts, ...]


@dataclass(frozen=True, kw_only=True)
class Located:
    """Files that lie where the catalog says a table lies, and how they are read."""

    files: tuple[tuple[S3Uri, str, int, tuple[str, ...]], ...]
    """URI, etag, size in bytes, partition values."""
    form: FileFormat
    reader: FileReader | None = None
    """Of files that DuckDB has no reader for."""
    keys: tuple[str, ...] | None = None
    """Columns whose values the files' places say, where these are not the catalog's partition keys."""


@dataclass(frozen=True, kw_only=True)
class LiveTables:
    """Opens query sessions over tables of the catalog."""

    database: Database
    store: ObjectStore
    resources: EngineResources
    scope: Scope
    iceberg: Callable[[], IcebergTables]
    """Called when a table is an Iceberg table: the library is heavy."""
    located: Callable[[Table], Located]
    """The files of a table that no pipeline writes."""

    @contextmanager
    def session(
        self,
        tables: Sequence[Table],
        *,
        query: str | None = None,
        places: bool = False,
        registered: Mapping[str, pa.Table] | None = None,
    ) -> Iterator[tuple[QuerySession, dict[str, S3Uri]]]:
        """A session with a view for each table, and the URI of each of their files by its local path. `query`: all that will
        be asked of it, so that partitions which it leaves out are not there.

        Raises StorageFailed when a file is promised and not there yet: its batch is still being published."""
        uris: dict[str, S3Uri] = {}
        views = [self._view(table, uris, places, query) for table in tables]
        with QuerySession(views, self.resources, registered) as session:
            yield session, uris

    def named_in(self, sql: str) -> list[Table]:
        """The tables that a Spark SQL query reads. Raises InvalidInput, UnsupportedSql, EntityNotFound."""
        wanted = tables_of(sql)
        with self.database.connection() as conn:
            known = list_tables(conn, scope=self.scope)
        return [_named(database, name, known) for database, name in wanted]

    def counts(self, table: Table) -> TableCounts:
        """What the table holds now."""
        with self.database.connection() as conn:
            live = outputs.live(conn, table.id)
        if not is_pipelines(table) and not is_iceberg(table.descriptor):
            return self._located_counts(table)
        files = [(f.values, f.record_count, f.size_bytes) for f in live]
        keys = tuple(k.name for k in table.descriptor.partition_keys)
        if is_iceberg(table.descriptor):
            snapshot = self.iceberg().snapshot(table)
            files = [(f.values, f.records, f.size_bytes) for f in snapshot.files]
            keys = snapshot.partition_fields
        return TableCounts(
            partition_keys=keys, files=len(files), records=sum(f[1] for f in files), bytes=sum(f[2] for f in files),
            partitions=_by_partition(files) if keys else (),
        )  # fmt: skip

    def _iceberg_view(self, table: Table, uris: dict[str, S3Uri], places: bool) -> QueryTable:
        """Files that the pipeline wrote are read as they lie; what others wrote, or deleted from, as Iceberg says."""
        iceberg = self.iceberg()
        with self.database.connection() as conn:
            own = {f.uri: f for f in outputs.live(conn, table.id)}
        snapshot = iceberg.snapshot(table)
        direct = [own[f.uri] for f in snapshot.files if f.plain and f.uri in own]
        others = [f.uri for f in snapshot.files if not f.plain or f.uri not in own]
        folder = self.resources.spool / "tables" / str(table.id)
        found = {f.uri: self.store.local_path(f.uri) or self._fetched(table, f, ()) for f in direct}
        found |= iceberg.fetch(table, others, folder)
        uris |= {str(path): uri for uri, path in found.items()}
        return QueryTable(
            database=table.database, name=table.name, files=tuple(found.values()), places=places, hive=False,
            columns=tuple((c.name, c.data_type) for c in snapshot.columns),
        )  # fmt: skip

    def _view(self, table: Table, uris: dict[str, S3Uri], places: bool, query: str | None) -> QueryTable:
        if is_iceberg(table.descriptor):
            return self._iceberg_view(table, uris, places)
        if not is_pipelines(table):
            return self._located_view(table, uris, places, query)
        with self.database.connection() as conn:
            files = outputs.live(conn, table.id)
        keys = [(c.name, c.data_type) for c in table.descriptor.partition_keys]
        paths = []
        for file in files:
            path = self.store.local_path(file.uri)
            if path is None:
                path = self._fetched(table, file, [k for k, _ in keys])
            elif not path.is_file():
                raise _missing(file)
            uris[str(path)] = file.uri
            paths.append(path)
        return QueryTable(
            database=table.database, name=table.name, partition_keys=tuple(keys), files=tuple(paths), places=places,
            columns=tuple((c.name, c.data_type) for c in table.descriptor.columns),
        )  # fmt: skip

    def _located_view(
        self, table: Table, uris: dict[str, S3Uri], places: bool, query: str | None
    ) -> QueryTable:
        found = self.located(table)
        columns = [(c.name, c.data_type) for c in table.descriptor.columns]
        keys = [(c.name, c.data_type) for c in table.descriptor.partition_keys]
        if found.keys is not None:
            keys = [c for key in found.keys for c in columns if c[0] == key]
            columns = [c for c in columns if c not in keys]
        files = found.files
        if query is not None:
            kept = wanted(query, table.database, table.name, tuple(keys), [values for *_, values in files])
            files = files if kept is None else tuple(compress(files, kept))
        paths: list[Path] = []
        for uri, etag, _, _ in files:
            path = self.store.local_path(uri)
            if path is None:
                folder = self.resources.spool / "tables" / str(table.id)
                folder.mkdir(parents=True, exist_ok=True)
                name = uri.key.replace("/", "~")[-200:]
                path = self.store.fetch(uri, etag, self.resources.spool).replace(
                    folder / f"{len(paths)}~{name}"
                )
            uris[str(path)] = uri
            paths.append(path)
        return QueryTable(
            database=table.database, name=table.name, files=tuple(paths), form=found.form, places=places,
            reader=found.reader, columns=tuple(columns), partition_keys=tuple(keys),
            values=tuple(values for *_, values in files),
        )  # fmt: skip

    def _located_counts(self, table: Table) -> TableCounts:
        """As the crawler counted, which is cheaper than to look: records of plain tables, files of all."""
        with self.database.connection() as conn:
            partitions = list_partitions(conn, table.id)
        parameters = table.descriptor.parameters
        whole = [int(n) if (n := parameters.get(name, "")).isdigit() else 0 for name in _COUNTS]
        if table.descriptor.partition_keys:
            whole = [
                sum(getattr(p, m) for p in partitions) for m in ("file_count", "record_count", "size_bytes")
            ]
        return TableCounts(
            partition_keys=tuple(k.name for k in table.descriptor.partition_keys), files=whole[0], records=whole[1],
            bytes=whole[2], partitions=tuple(
                PartitionCounts(values=p.values, file_count=p.file_count, record_count=p.record_count, size_bytes=p.size_bytes)
                for p in partitions
            ),
        )  # fmt: skip

    def _fetched(self, table: Table, file: OutputFile, keys: Sequence[str]) -> Path:
        """A download of the file, below folders that say its partition."""
        try:
            fetched = self.store.fetch(file.uri, self.store.head(file.uri).etag, self.resources.spool)
        except ObjectNotFound as error:
            raise _missing(file) from error
        folders = [partition_folder(k, v) for k, v in zip(keys, file.values, strict=False)]
        name = file.uri.key.rsplit("/", 1)[-1] if folders else file.uri.key.replace("/", "~")
        path = self.resources.spool.joinpath("tables", str(table.id), *folders, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        return fetched.replace(path)


def _missing(file: OutputFile) -> StorageFailed:
    return StorageFailed(
        f"{file.uri} of batch {file.batch_id} is not there: the batch is committed and still being published "
        "(`glulam run` finishes it), or the file was deleted by hand"
    )


def _by_partition(files: Iterable[tuple[tuple[str, ...], int, int]]) -> tuple[PartitionCounts, ...]:
    totals: dict[tuple[str, ...], list[int]] = {}
    for values, records, size in files:
        total = totals.setdefault(values, [0, 0, 0])
        for i, n in enumerate((1, records, size)):
            total[i] += n
    return tuple(
        PartitionCounts(values=values, file_count=t[0], record_count=t[1], size_bytes=t[2])
        for values, t in sorted(totals.items())
    )


def is_pipelines(table: Table) -> bool:
    """Whether a pipeline writes the table: then the ledger knows its files, and its rows say where they come from."""
    return _PIPELINE in table.descriptor.parameters


def is_dead_letters(table: Table) -> bool:
    return is_pipelines(table) and [c.name for c in table.descriptor.columns] == list[str](DEAD_LETTERS.names)


def _named(database: str | None, name: str, known: Sequence[Table]) -> Table:
    found = [t for t in known if t.name == name and database in (None, t.database)]
    if len(found) == 1 and database is not None:
        return found[0]
    names = ", ".join(f"{t.database}.{t.name}" for t in known) or "none yet"
    said = f"{database}.{name}" if database else name
    if found:
        raise EntityNotFound(f"table {said!r}: say of which database, such as {found[0].database}.{name}")
    raise EntityNotFound(f"table {said!r} not found in the catalog; known tables: {names}")
