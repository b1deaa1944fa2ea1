"""Files that DuckDB has no reader for, as a table that it can scan: a `FileReader` gives each file's rows as Arrow batches.

DuckDB scans it as often as a query asks and takes batch after batch, so that no file is held whole. A condition on partition
keys leaves whole files out before they are opened. What a file's format is, and how it is read, is the reader's to know."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.dataset as ds
from pyarrow import compute as pc
from pyarrow import fs

from glulam.model.errors import GlulamError


class FileReader(Protocol):
    """Reads files of one table."""

    @property
    def schema(self) -> pa.Schema:
        """Of every batch: the table's columns. Text where the table declares another type is cast by the query."""

    def batches(self, path: Path) -> Iterator[pa.RecordBatch]:
        """The rows of one file. Raises InvalidInput (a value that is not of its type), StorageFailed (a damaged file)."""


class ArrowFiles(ds.Dataset):  # type: ignore[misc]
    """The files, with their partition values as columns behind the reader's. DuckDB takes any Dataset, and asks it for a
    scanner with the columns and the condition of each scan."""

    def __init__(self, reader: FileReader, files: Sequence[Path], values: pa.Table) -> None:
        """`values`: a row for each file, a column for each partition key."""
        self._reader, self._values = reader, values
        self._schema = pa.schema([*reader.schema, *values.schema])
        self._rows = {str(path): at for at, path in enumerate(files)}
        self.failure: GlulamError | None = None
        """What a scan ended with: DuckDB hands on no more than its words."""
        partitions = [_expression(row) for row in values.to_pylist()] if values.num_columns else None
        self._files = ds.FileSystemDataset.from_paths(
            list(self._rows), schema=self._schema, format=ds.ParquetFileFormat(), filesystem=fs.LocalFileSystem(),
            partitions=partitions,
        )  # fmt: skip

    @property
    def schema(self) -> pa.Schema:
        return self._schema

    def scanner(self, columns: list[str] | None = None, filter: Any = None, **_: Any) -> ds.Scanner:
        names = self._schema.names if columns is None else columns
        schema = pa.schema([self._schema.field(name) for name in names])
        return ds.Scanner.from_batches(self._scan(names, filter), schema=schema)

    def _scan(self, names: list[str], condition: Any) -> Iterator[pa.RecordBatch]:
        try:
            # chosen by their partitions alone: none is opened for that
            for fragment in self._files.get_fragments(filter=condition):
                at = self._rows[fragment.path]
                for batch in self._reader.batches(Path(fragment.path)):
                    whole = self._with_values(batch, at)
                    yield (whole if condition is None else whole.filter(condition)).select(names)
        except GlulamError as error:
            self.failure = error
            raise

    def _with_values(self, batch: pa.RecordBatch, at: int) -> pa.RecordBatch:
        constants = [pa.repeat(column[at], len(batch)) for column in self._values.columns]
        return pa.RecordBatch.from_arrays([*batch.columns, *constants], schema=self._schema)


def _expression(values: dict[str, Any]) -> Any:
    found = None
    for name, value in values.items():
        one = pc.field(name).is_null() if value is None else pc.field(name) == value
        found = one if found is None else found & one
    return found
