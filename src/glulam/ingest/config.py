"""pipeline.yaml as a value, checked to the last key: an error names the file, the line and the field."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from glulam.infer.resolve import OnConflict, SchemaMode
from glulam.infer.types import parse_type
from glulam.model.errors import InvalidConfig, InvalidInput
from glulam.model.uri import S3Uri
from glulam.model.yaml_file import YamlFile
from glulam.model.yaml_file import parse as parse_yaml

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
    file = parse_yaml(text, name, "pipeline")
    try:
        pipeline = Pipeline.model_validate(file.data)
    except ValidationError as error:
        raise file.problems(error) from None
    _check_zones(pipeline, file)
    if pipeline.iceberg and pipeline.schema_.mode is SchemaMode.ADD_COLUMNS_WITH_WIDENING:
        raise file.wrong(
            ["schema", "mode"],
            "found 'add_columns_with_widening', expected another mode: an Iceberg column cannot go from bigint to double "
            "or decimal",
        )
    return pipeline


def _check_zones(pipeline: Pipeline, file: YamlFile) -> None:
    zones = [(f, getattr(pipeline.zones, f)) for f in ("raw", "processed", "curated", "dead_letters")]
    for first, a in zones:
        for second, b in zones:
            if first == second or a.bucket != b.bucket:
                continue
            if f"{b.key.rstrip('/')}/".startswith(f"{a.key.rstrip('/')}/" if a.key.strip("/") else ""):
                raise file.wrong(["zones", second], f"{b} lies inside zones.{first} ({a})")
