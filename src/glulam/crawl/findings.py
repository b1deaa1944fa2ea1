"""What a look into one file found: the value between reading files (`formats/`) and making tables of them (`grouping`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from glulam.infer.types import DataType
from glulam.model.uri import S3Uri


@dataclass(frozen=True, kw_only=True)
class Example:
    """A place that shows something."""

    uri: S3Uri
    line: int | None
    """From 1; None where a format has no lines."""
    text: str
    """What stands there, at most 80 characters."""


@dataclass(frozen=True, kw_only=True)
class ColumnFinding:
    """One column of one file: the type that holds all that was seen, and what that was."""

    name: str
    """As the catalog will have it."""
    source_name: str
    """As the file has it."""
    type: DataType
    """`void`, here or inside, where nothing but null was seen: `lattice.join` lets any type win over it, and
    `lattice.finished` makes of it what a catalog can have."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """How many values of each kind were seen (`bigint`, `string`, `null`, ...)."""
    comment: str = ""
    """Of a database's column."""
    examples: tuple[Example, ...] = ()
    """Up to five values that decided the type. Small JSON files that look alike share theirs, so that an example may stand
    in another file with the same columns."""


@dataclass(frozen=True, kw_only=True)
class FileFinding:
    """One file that a classifier knew."""

    uri: S3Uri
    etag: str
    size_bytes: int
    classification: str
    """Glue's name: `json`, `csv`, `parquet`, `avro`, `orc`, `xml`, a grok classification, ..."""
    classifier: str
    """Name of the custom classifier, or of the built-in one."""
    certainty: float
    """0 to 1."""
    compression: str
    """`none`, `gzip`, `bzip2`, `zstd`, `snappy`, `lz4`, `zip`: what is around the file, not inside it."""
    parameters: Mapping[str, str]
    """For the table: `delimiter`, `skip.header.line.count`, `rowTag`, ... as Glue's crawler writes them."""
    columns: tuple[ColumnFinding, ...]
    records: int
    """Read to find this out."""
    complete: bool
    """All records were read, not a sample."""
    evidence: tuple[str, ...]
    """Why this classifier, a sentence each; also what was odd."""


@dataclass(frozen=True, kw_only=True)
class Unclassified:
    """A file that makes no table, and why: empty, unreadable, hidden, in no known format."""

    uri: S3Uri
    etag: str
    size_bytes: int
    reason: str
