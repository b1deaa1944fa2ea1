"""Values of the reading contract (docs/json-contract.md): what is read, within which limits, what was rejected."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

RAW_PREFIX_BYTES = 64 * 1024
"""How much raw text a dead letter keeps of a record that is too large."""


class RejectCode(StrEnum):
    MALFORMED = "MALFORMED"
    NOT_UTF8 = "NOT_UTF8"
    NOT_AN_OBJECT = "NOT_AN_OBJECT"
    DUPLICATE_KEY = "DUPLICATE_KEY"
    TOO_DEEP = "TOO_DEEP"
    TOO_LARGE = "TOO_LARGE"
    NUMBER_RANGE = "NUMBER_RANGE"
    TRUNCATED_STREAM = "TRUNCATED_STREAM"
    # decided by the transform, not by the reader
    MISSING_EVENT_TIME = "MISSING_EVENT_TIME"
    CAST_FAILED = "CAST_FAILED"
    SCHEMA_FROZEN = "SCHEMA_FROZEN"
    BAD_PARTITION_VALUE = "BAD_PARTITION_VALUE"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLimits:
    max_record_bytes: int = 16 * 1024 * 1024
    """Longest record, in bytes; a longer one is rejected as TOO_LARGE."""
    max_depth: int = 100
    """Deepest nesting; the record itself is depth 1."""
    max_document_bytes: int = 256 * 1024 * 1024
    """Largest array or documents file, decompressed; these are read whole."""
    max_expanded_bytes: int = 1 << 40
    """Most bytes that one compressed file may expand to."""
    max_expand_ratio: int = 1000
    """Highest expansion beyond the first 64 MiB of output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """A piece of a file that is not a record. Offsets and lengths in bytes of the decompressed content."""

    file: int
    """Index of the file in the list that was read."""
    record_no: int
    line: int
    offset: int
    length: int
    raw: bytes
    """The bytes themselves, or their first 64 KiB when the record is too large."""
    code: RejectCode
    detail: str


class BadRecord(Exception):
    """Raised while decoding one record; caught by the reader, which makes a Reject of it."""

    def __init__(self, code: RejectCode, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail
