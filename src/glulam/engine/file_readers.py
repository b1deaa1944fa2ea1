"""DuckDB's readers for files that others wrote: JSON and CSV with the columns that the table declares.

Each gives a FROM clause with the columns under the table's names and the file's path as `_file`. A value that is not of its
column's declared type is an error that names it, not a NULL. Left to others: which files (the caller says), partition values
(`query.py` joins them by path)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from glulam.infer.types import Array, DataType, Map, Scalar, Struct
from glulam.model.errors import UnsupportedSql

Columns = tuple[tuple[str, DataType], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFormat:
    """How the files of a table are read."""

    format: str = "parquet"
    """`parquet`, `json`, `csv`."""
    compression: str = "none"
    delimiter: str = ","
    quote: str = ""
    skip_lines: int = 0
    keys: tuple[str, ...] = ()
    """What each column is called in the files; empty: as the table calls it."""
    schema: Struct | None = None
    """Columns with the keys of their members, where these differ from their names."""


PARQUET = FileFormat()

Quoted = Callable[[str], str]
TypeName = Callable[[DataType], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What to select from, and how a column's value is said there."""

    text: str
    values: Mapping[str, str]


def source_of(
    variable: str, form: FileFormat, columns: Columns, quoted: Quoted, type_name: TypeName, table: str
) -> Source:
    """`variable`: DuckDB's variable with the list of paths. Raises UnsupportedSql for a format that is not read here."""
    reader = {"json": _json, "csv": _csv}.get(form.format)
    if reader is None:
        found = form.format or "of no known format"
        raise UnsupportedSql(f"table {table} is {found}; expected parquet, json or csv: read it in a job")
    if form.compression not in ("none", "gzip", "zstd"):
        raise UnsupportedSql(
            f"table {table} is compressed with {form.compression}; expected none, gzip or zstd: read it in a job"
        )
    return reader(variable, form, columns, quoted, type_name)


def _json(variable: str, form: FileFormat, columns: Columns, quoted: Quoted, type_name: TypeName) -> Source:
    keys = form.keys or tuple(name for name, _ in columns)
    members = {f.name: f.type for f in form.schema.fields} if form.schema else {}
    declared, values = [], {}
    for (name, kind), key in zip(columns, keys, strict=True):
        raw = members.get(name, kind)
        declared.append(f"{_text(key)}: {_text(type_name(_by_key(raw)))}")
        values[name] = _renamed(quoted(key), raw, quoted)
    options = f"columns = {{{', '.join(declared)}}}, format = 'auto', maximum_object_size = 33554432"
    return Source(
        text=f"read_json(getvariable('{variable}'), {options}, {_COMMON}{_compressed(form)})", values=values
    )


def _csv(variable: str, form: FileFormat, columns: Columns, quoted: Quoted, type_name: TypeName) -> Source:
    declared = ", ".join(f"{_text(name)}: 'VARCHAR'" for name, _ in columns)
    quote = f", quote = {_text(form.quote)}" if form.quote else ", quote = '\"'"
    options = (
        f"columns = {{{declared}}}, header = false, skip = {form.skip_lines}, auto_detect = false, "
        f"delim = {_text(form.delimiter)}{quote}, null_padding = true"
    )
    values = {name: text_value(name, kind, quoted) for name, kind in columns}
    return Source(
        text=f"read_csv(getvariable('{variable}'), {options}, {_COMMON}{_compressed(form)})", values=values
    )


def text_value(name: str, kind: DataType, quoted: Quoted) -> str:
    """A text to be cast: without blanks around it, and nothing is NULL."""
    return quoted(name) if kind == Scalar("string") else f"nullif(trim({quoted(name)}), '')"


_COMMON = "filename = '_file', hive_partitioning = false"


def _compressed(form: FileFormat) -> str:
    """Files whose names say nothing: the table knows."""
    return "" if form.compression == "none" else f", compression = {_text(form.compression)}"


def _by_key(kind: DataType) -> DataType:
    """The type with members called as in the files."""
    if isinstance(kind, Struct):
        return Struct(tuple(type(f)(f.key, _by_key(f.type)) for f in kind.fields))
    if isinstance(kind, Array):
        return Array(_by_key(kind.element))
    return Map(_by_key(kind.key), _by_key(kind.value)) if isinstance(kind, Map) else kind


def _renamed(value: str, kind: DataType, quoted: Quoted, depth: int = 0) -> str:
    """The value with its members under their names."""
    if not _differs(kind):
        return value
    if isinstance(kind, Struct):
        parts = ", ".join(
            f"{quoted(f.name)} := {_renamed(f'struct_extract({value}, {_text(f.key)})', f.type, quoted, depth)}"
            for f in kind.fields
        )
        return f"CASE WHEN {value} IS NULL THEN NULL ELSE struct_pack({parts}) END"
    item = f"x{depth}"
    if isinstance(kind, Array):
        return f"list_transform({value}, lambda {item}: {_renamed(item, kind.element, quoted, depth + 1)})"
    return value


def _differs(kind: DataType) -> bool:
    if isinstance(kind, Struct):
        return any(f.key != f.name or _differs(f.type) for f in kind.fields)
    return isinstance(kind, Array) and _differs(kind.element)


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
