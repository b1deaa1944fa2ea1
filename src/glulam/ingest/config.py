"""pipeline.yaml as a value, checked to the last key: an error names the file, the line and the field."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from glulam.infer.resolve import OnConflict, SchemaMode
from glulam.infer.types import parse_type
from glulam.model.errors import InvalidConfig, InvalidInput
from glulam.model.uri import S3Uri

MIB = 1024 * 1024
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,254}")


def _uri(value: Any) -> Any:
    try:
        return S3Uri.parse(value) if isinstance(value, str) else value
    except InvalidInput as error:
        raise ValueError(str(error)) from None


Uri = Annotated[S3Uri, BeforeValidator(_uri)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Zones(_Part):
    """Four prefixes in object storage. None may lie inside another."""

    raw: Uri
    processed: Uri
    curated: Uri
    dead_letters: Uri


class Incremental(_Part):
    """Folders that new files arrive in. `pattern` holds `{year}` and optionally `{week}`; both zero-padded and plain
    numbers are found."""

    pattern: str = "{year}/week{week}"
    start_year: int = Field(default=2020, ge=1970, le=9999)

    @field_validator("pattern")
    @classmethod
    def _has_year(cls, value: str) -> str:
        if "{year}" not in value:
            raise ValueError("expected a pattern with {year}, such as '{year}/week{week}'")
        return value


class Limits(_Part):
    max_record_bytes: int = Field(default=16 * MIB, ge=2)
    max_depth: int = Field(default=100, ge=1, le=500)
    max_document_bytes: int = Field(default=256 * MIB, ge=2)
    max_expanded_bytes: int = Field(default=1 << 40, ge=1)
    max_expand_ratio: int = Field(default=1000, ge=1)


class Source(_Part):
    """Where raw files lie below the raw zone, and how they are read."""

    historical: str | None = "historical"
    incremental: Incremental | None = Incremental()
    only_new_folders: bool = False
    max_bad_share: float = Field(default=1.0, ge=0, le=1)
    limits: Limits = Limits()


class TableName(_Part):
    database: str
    name: str

    @field_validator("database", "name")
    @classmethod
    def _plain(cls, value: str) -> str:
        if not _NAME.fullmatch(value.lower()):
            raise ValueError(f"found {value!r}, expected letters, digits and _ (it becomes lower case)")
        return value.lower()


class Item(_Part):
    """One output column: Spark SQL with an alias, and what a failed cast does."""

    sql: str
    on_cast_error: Literal["null", "reject", "default"] = "null"
    default: str | int | float | bool | None = None

    @field_validator("on_cast_error", mode="before")
    @classmethod
    def _null_is_a_word(cls, value: Any) -> Any:
        """YAML reads a bare `null` as no value."""
        return "null" if value is None else value


def _item(value: Any) -> Any:
    return {"sql": value} if isinstance(value, str) else value


class Transform(_Part):
    select: tuple[Annotated[Item, BeforeValidator(_item)], ...] = (Item(sql="*"),)
    event_time: str | None = None
    missing_event_time: Literal["dead_letter", "hive_default"] = "dead_letter"
    partition_by: tuple[str, ...] = ()


class Schema(_Part):
    mode: SchemaMode = SchemaMode.ADD_COLUMNS
    on_conflict: OnConflict = OnConflict.RESCUE
    hints: dict[str, str] = Field(default_factory=dict)

    @field_validator("hints")
    @classmethod
    def _types(cls, value: dict[str, str]) -> dict[str, str]:
        for path, kind in value.items():
            try:
                found = parse_type(kind)
            except InvalidInput as error:
                raise ValueError(f"{path}: {error}") from None
            if str(found) not in ("string", "bigint", "double", "boolean") and not str(found).startswith(
                "decimal"
            ):
                raise ValueError(
                    f"{path}: found {kind!r}, expected string, bigint, double, boolean or decimal(p,s)"
                )
        return value


class Curated(_Part):
    """What kind of table the curated zone holds."""

    format: Literal["parquet", "iceberg"] = "parquet"


class Write(_Part):
    compression: Literal["zstd", "snappy", "gzip", "none"] = "zstd"
    target_file_mb: int = Field(default=256, ge=1, le=4096)


class Batch(_Part):
    """How much one batch claims, and how long a worker may be silent."""

    max_files: int = Field(default=10_000, ge=1)
    max_mb: int = Field(default=2048, ge=1)
    lease_s: float = Field(default=60, gt=0)
    max_attempts: int = Field(default=3, ge=1, le=100)
    backoff_s: float = Field(default=1.0, ge=0)


class Pipeline(_Part):
    """One pipeline: raw JSON in a zone becomes one partitioned table."""

    pipeline: str = Field(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")
    zones: Zones
    source: Source = Source()
    table: TableName
    transform: Transform = Transform()
    schema_: Schema = Field(Schema(), alias="schema")
    curated: Curated = Curated()
    write: Write = Write()
    batch: Batch = Batch()
    archive: Literal["move", "keep"] = "move"

    @property
    def iceberg(self) -> bool:
        return self.curated.format == "iceberg"


def load(path: Path) -> Pipeline:
    """Read and check a pipeline file. Raises InvalidConfig with `file:line: field: found ..., expected ...`."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidConfig(f"{path}: cannot be read: {error}") from None
    return parse(text, str(path))


def parse(text: str, name: str) -> Pipeline:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.reader.ReaderError as error:
        raise InvalidConfig(
            f"{name}: not text that YAML can be: {error.reason} at character {error.position}"
        ) from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InvalidConfig(f"{name}:{line}: not YAML: {error.problem}") from None
    if not isinstance(data, dict):
        raise InvalidConfig(
            f"{name}:1: found {type(data).__name__}, expected a mapping that starts with 'pipeline:'"
        )
    try:
        pipeline = Pipeline.model_validate(data)
    except ValidationError as error:
        problems = [_problem(name, root, dict(e)) for e in error.errors()]
        raise InvalidConfig("\n".join(problems)) from None
    _check_zones(pipeline, name, root)
    if pipeline.iceberg and pipeline.schema_.mode is SchemaMode.ADD_COLUMNS_WITH_WIDENING:
        raise InvalidConfig(
            f"{name}:{_line(root, ['schema', 'mode'])}: schema.mode: found 'add_columns_with_widening', expected "
            "another mode: an Iceberg column cannot go from bigint to double or decimal"
        )
    return pipeline


def _problem(name: str, root: Any, error: dict[str, Any]) -> str:
    place = [p for p in error["loc"] if p != "function-before"]
    field = ".".join(str(p) for p in place)
    line = _line(root, place)
    if error["type"] == "extra_forbidden":
        return f"{name}:{line}: {field}: unknown key"
    if error["type"] == "missing":
        return f"{name}:{line}: {field}: missing"
    message = str(error["msg"]).removeprefix("Value error, ")
    found = error.get("input")
    shown = "" if isinstance(found, dict | list) or "found" in message else f"found {found!r}: "
    return f"{name}:{line}: {field}: {shown}{message}"


def _line(node: Any, place: list[Any]) -> int:
    """The line (from 1) of the deepest part of `place` that the file holds."""
    line = int(node.start_mark.line) + 1
    for step in place:
        if isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == str(step)), None)
            if found is None:
                break
            line, node = int(found[0].start_mark.line) + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = int(node.start_mark.line) + 1
        else:
            break
    return line


def _check_zones(pipeline: Pipeline, name: str, root: Any) -> None:
    zones = [(f, getattr(pipeline.zones, f)) for f in ("raw", "processed", "curated", "dead_letters")]
    for first, a in zones:
        for second, b in zones:
            if first == second or a.bucket != b.bucket:
                continue
            if f"{b.key.rstrip('/')}/".startswith(f"{a.key.rstrip('/')}/" if a.key.strip("/") else ""):
                line = _line(root, ["zones", second])
                raise InvalidConfig(f"{name}:{line}: zones.{second}: {b} lies inside zones.{first} ({a})")
