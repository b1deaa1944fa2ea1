"""What a partition value means: Hive keeps every value as text, the key's type says how texts compare.

One reading for all who compare: the evaluator, the SQL (partition_sql.py gives PostgreSQL the same rules) and the
partition indexes, whose keys are bytes that sort as the values do. A text that is no value of its type is not an
error: it reads as None and never matches.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum

from glulam.model.errors import InvalidInput

NULL_VALUE = "__HIVE_DEFAULT_PARTITION__"
"""How Hive writes NULL as a partition value."""

Value = str | int | Decimal
"""A partition value that can be compared: dates and timestamps as texts of one width, which sort as time does."""


class Kind(Enum):
    """How the values of a key compare. The value is the noun of error messages."""

    TEXT = "a string"
    INTEGER = "an integer"
    DECIMAL = "a decimal"
    DATE = "a date"
    TIMESTAMP = "a timestamp"


_KINDS = {
    **dict.fromkeys(("string", "char", "varchar"), Kind.TEXT),
    **dict.fromkeys(("tinyint", "smallint", "int", "bigint", "long"), Kind.INTEGER),
    "decimal": Kind.DECIMAL,
    "date": Kind.DATE,
    "timestamp": Kind.TIMESTAMP,
}
INDEXED = frozenset({Kind.TEXT, Kind.INTEGER, Kind.DATE})
"""What Glue lets a partition index be made of."""

INTEGER = r"[+-]?[0-9]+"
DECIMAL = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,2})?"
DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
TIMESTAMP = DATE + r" ([01][0-9]|2[0-3])(:[0-5][0-9]){2}(\.[0-9]{1,9})?"
"""Patterns that PostgreSQL and Python read alike. Whether a date exists is another question."""

_TIMESTAMP_WIDTH = len("2024-01-01 00:00:00.000000000")


@dataclass(frozen=True, kw_only=True)
class PartitionKey:
    """A partition key of a table: name and Hive type."""

    name: str
    type: str

    @property
    def kind(self) -> Kind:
        """Raises InvalidInput for a type whose values Glue does not compare."""
        found = _KINDS.get(self.type.partition("(")[0].strip().lower())
        if found is None:
            raise InvalidInput(
                f"Unknown type : '{self.type}' (partition key {self.name!r}); expected one of {', '.join(_KINDS)}"
            )
        return found


def read(kind: Kind, text: str) -> Value | None:
    """The value that a partition's text stands for; None for NULL and for what is no value of that kind."""
    if kind is Kind.TEXT:
        return None if text == NULL_VALUE else text
    if kind is Kind.INTEGER:
        return int(text) if re.fullmatch(INTEGER, text) else None
    if kind is Kind.DECIMAL:
        return Decimal(text) if re.fullmatch(DECIMAL, text) else None
    if kind is Kind.DATE:
        return text if re.fullmatch(DATE, text) and _exists(text) else None
    if not (re.fullmatch(TIMESTAMP, text) and _exists(text[:10])):
        return None
    return (text if "." in text else text + ".").ljust(_TIMESTAMP_WIDTH, "0")


def _exists(day: str) -> bool:
    """The calendar has that day; year 0, which Python does not know, was a leap year as 2000 was."""
    year, month, of_month = map(int, day.split("-"))
    try:
        date(year or 2000, month, of_month)
    except ValueError:
        return False
    return True


_NULL, _UNREADABLE, _READABLE = b"\x00", b"\x01", b"\x02"


def encode(kinds: Sequence[Kind], texts: Sequence[str]) -> bytes:
    """Index key of some partition values: compares as bytes as the values compare, first by the first.

    Each part ends where it says it ends, so a shorter list of values is a prefix of all keys that begin with it."""
    return b"".join(map(_encode_one, kinds, texts))


def _encode_one(kind: Kind, text: str) -> bytes:
    if text == NULL_VALUE:
        return _NULL
    value = read(kind, text)
    return _UNREADABLE if value is None else encode_value(value)


def encode_value(value: Value) -> bytes:
    """As `encode`, for one value that is neither NULL nor unreadable."""
    if isinstance(value, int):
        return _READABLE + _integer(value)
    return _READABLE + str(value).encode() + b"\x00"


READABLE_FROM, READABLE_TO = _READABLE, b"\x03"
"""Every value that is neither NULL nor unreadable has its part of the key in between."""
ENCODED_NULL = _NULL


def _integer(value: int) -> bytes:
    """Sign, length of the magnitude, magnitude; for negative numbers all bits are turned over."""
    magnitude = abs(value).to_bytes((abs(value).bit_length() + 7) // 8, "big")
    sized = len(magnitude).to_bytes(2, "big") + magnitude
    return b"\x02" + sized if value >= 0 else b"\x01" + bytes(255 - byte for byte in sized)


def after_prefix(prefix: bytes) -> bytes:
    """The first bytes beyond all that begin with `prefix`, whose last byte is never 0xff at an end of a part."""
    trimmed = prefix.rstrip(b"\xff")
    return trimmed[:-1] + bytes([trimmed[-1] + 1])
