"""Formats whose files hold records: Avro, Ion, XML, JSON (at a path, or compressed as DuckDB does not read it).

Each gives (place, record) for each record of a file; `Records` makes Arrow batches of them, of the types that the table
declares."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import Any
from xml.parsers import expat

import fastavro
import pyarrow as pa
from amazon.ion.exceptions import IonException

from glulam.crawl.formats.ion_files import ion_values, is_struct
from glulam.crawl.formats.json_paths import parse_path, values_at
from glulam.crawl.formats.opened import Opened, open_file
from glulam.crawl.formats.xml_files import RefusedXml, find_row_tag, xml_records
from glulam.crawl.rows.fitting import Misfit, fit, fit_text, member
from glulam.infer.arrow import to_arrow
from glulam.infer.types import Array, DataType, Map, Scalar, Struct
from glulam.model.errors import GlulamError, InvalidInput, StorageFailed
from glulam.records.values import ReadLimits, Reject

_BATCH = 4096
Record = tuple[str, Any]
"""Where it stands, for a person; and what it is."""


@dataclass(frozen=True)
class Records:
    """A `FileReader` of records."""

    fields: Struct
    """The table's columns, with their keys in the files."""
    read: Callable[[Path], Iterator[Record]]
    text: bool = False
    """Whether the records' leaves are text."""

    @cached_property
    def schema(self) -> pa.Schema:
        kind_of = _text_type if self.text else to_arrow
        return pa.schema([pa.field(f.name, kind_of(f.type)) for f in self.fields.fields])

    def batches(self, path: Path) -> Iterator[pa.RecordBatch]:
        with told(path):
            records = self.read(path)
            while some := list(islice(records, _BATCH)):
                columns: list[list[Any]] = [[] for _ in self.fields.fields]
                for place, record in some:
                    self._add(columns, record, f"{path}: {place}")
                arrays = [pa.array(c, f.type) for c, f in zip(columns, self.schema, strict=True)]
                yield pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _add(self, columns: list[list[Any]], record: Any, place: str) -> None:
        if not isinstance(record, Mapping):
            raise InvalidInput(f"{place}: found {str(record)[:80]!r}; expected a record")
        fitted = fit_text if self.text else fit
        for f, column in zip(self.fields.fields, columns, strict=True):
            try:
                column.append(fitted(member(record, f.key), f.type))
            except Misfit as misfit:
                value, kind = misfit.args
                raise InvalidInput(
                    f"{place}, column {f.name}: found {str(value)[:80]!r}; expected {kind}"
                ) from None


@contextmanager
def told(path: Path) -> Iterator[None]:
    """What goes wrong in a file, said with its name. Libraries raise what they like for a damaged one."""
    try:
        yield
    except GlulamError:
        raise
    except Exception as error:
        raise StorageFailed(f"{path}: cannot be read: {type(error).__name__}: {error}"[:500]) from error


def _text_type(kind: DataType) -> pa.DataType:
    if isinstance(kind, Struct):
        return pa.struct([pa.field(f.name, _text_type(f.type)) for f in kind.fields])
    if isinstance(kind, Array):
        return pa.list_(_text_type(kind.element))
    return (
        pa.map_(pa.string(), _text_type(kind.value)) if isinstance(kind, Map) else to_arrow(Scalar("string"))
    )


@contextmanager
def content(path: Path) -> Iterator[tuple[Opened, bytes]]:
    """A file's content behind its compression, and its beginning; at the end, StorageFailed for a stream that was cut off."""
    with path.open("rb", buffering=0) as stream:
        opened, head = open_file(stream, str(path), path.stat().st_size, ReadLimits())
        yield opened, head
        if opened.damage:
            raise StorageFailed(f"{path}: {opened.damage}")


def avro(path: Path) -> Iterator[Record]:
    with path.open("rb") as stream:
        for number, record in enumerate(fastavro.reader(stream), 1):
            yield f"record {number}", record


def ion(path: Path) -> Iterator[Record]:
    with content(path) as (opened, _):
        try:
            for number, value in enumerate(ion_values(opened), 1):
                yield f"value {number}", value if is_struct(value) else str(value)
        except (IonException, ValueError, EOFError) as error:
            raise StorageFailed(f"{path}: {error}") from error


def xml(row_tag: str) -> Callable[[Path], Iterator[Record]]:
    return partial(_xml, row_tag)


def _xml(row_tag: str, path: Path) -> Iterator[Record]:
    with content(path) as (opened, head):
        try:
            for line, record in xml_records(opened, row_tag or find_row_tag(head)[0]):
                yield f"line {line}", record
        except RefusedXml as error:
            raise StorageFailed(f"{path}: {error}") from error
        except expat.ExpatError as error:
            why = f"not well-formed from line {error.lineno}: {expat.ErrorString(error.code)}"
            raise StorageFailed(f"{path}: {why}") from error


def json(json_path: str) -> Callable[[Path], Iterator[Record]]:
    """Raises InvalidInput for a path that is none."""
    return partial(_json, parse_path(json_path or "$"))


def _json(steps: tuple[Any, ...], path: Path) -> Iterator[Record]:
    with content(path) as (opened, head):
        for line, value in values_at(opened, head, ReadLimits(), steps):
            if isinstance(value, Reject):
                raise InvalidInput(f"{path}: line {line}: {value.code}: {value.detail}")
            yield f"line {line}", value
