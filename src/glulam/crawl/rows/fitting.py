"""Values of records, as a library decodes them, brought to the types that a table declares: exactly, or not at all."""

from __future__ import annotations

import decimal
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

from amazon.ion.core import IonType

from glulam.crawl.formats.texts import NULLS
from glulam.infer.types import STRING, Array, DataType, Decimal, Map, Struct
from glulam.records.conform import to_json
from glulam.records.strict import BigInteger, Real

_EXACT = 2**53
_WIDE = decimal.Context(prec=60)
_BITS = {"tinyint": 7, "smallint": 15, "int": 31, "bigint": 63}


class Misfit(Exception):
    """A value that is not of its type: (value, type)."""


def fit(value: Any, kind: DataType) -> Any:
    """What Arrow takes for that type. Raises Misfit."""
    value = _plain(value)
    if value is None:
        return None
    if isinstance(kind, Struct) and isinstance(value, Mapping):
        return {f.name: fit(member(value, f.key), f.type) for f in kind.fields}
    if isinstance(kind, Array) and isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [fit(element, kind.element) for element in value]
    if isinstance(kind, Map) and isinstance(value, Mapping | list):  # Arrow's maps are lists of pairs
        pairs = value.items() if isinstance(value, Mapping) else value
        return [(fit(key, kind.key), fit(one, kind.value)) for key, one in pairs]
    found = None if isinstance(kind, Struct | Array | Map) else _scalar(value, kind)
    if found is None:
        raise Misfit(value, kind)
    return found


def fit_text(value: Any, kind: DataType) -> Any:
    """The same for records whose leaves are text: the leaves stay text, nothing becomes NULL where it is no string."""
    if value is None or (value in NULLS and kind != STRING):
        return None
    if isinstance(kind, Array):
        return [
            fit_text(element, kind.element) for element in (value if isinstance(value, list) else [value])
        ]
    if isinstance(kind, Struct):
        members = value if isinstance(value, dict) else {"_VALUE": value}
        if isinstance(value, str) and all(f.key != "_VALUE" for f in kind.fields):
            raise Misfit(value, kind)
        return {f.name: fit_text(member(members, f.key), f.type) for f in kind.fields}
    if isinstance(kind, Map):
        if not isinstance(value, dict):
            raise Misfit(value, kind)
        return [(key, fit_text(one, kind.value)) for key, one in value.items()]
    if isinstance(value, str):
        return value
    if kind != STRING:
        raise Misfit(value, kind)
    return to_json(value)


def member(record: Mapping[str, Any], key: str) -> Any:
    """By its name in the file; where that is not there, by the same name in other cases."""
    if key in record:
        return record[key]
    folded = key.lower()
    return next((value for name, value in record.items() if name.lower() == folded), None)


def _plain(value: Any) -> Any:
    """What Amazon's Ion library wraps, unwrapped."""
    kind = getattr(value, "ion_type", None)
    if kind is None:
        return value
    if kind is IonType.NULL or getattr(value, "value", value) is None:
        return None
    if kind is IonType.SYMBOL:
        return value.text
    if kind is IonType.CLOB:
        return bytes(value).decode("utf-8", "replace")
    return bool(value) if kind is IonType.BOOL else value


def _scalar(value: Any, kind: DataType) -> Any:
    """None when it does not fit."""
    if isinstance(kind, Decimal):
        return _decimal(value, kind)
    name = str(kind)
    if name == "string":
        return _text(value)
    if name == "binary":
        return (
            value.encode() if isinstance(value, str) else bytes(value) if isinstance(value, bytes) else None
        )
    if name == "boolean":
        return value if isinstance(value, bool) else None
    if isinstance(value, bool):
        return None
    if name in _BITS:
        return _integer(value, name)
    if name in ("double", "float"):
        return _real(value)
    return _moment(value, name)


def _integer(value: Any, name: str) -> int | None:
    if isinstance(value, time):  # Avro's times of day, as the numbers that are stored
        milliseconds = ((value.hour * 60 + value.minute) * 60 + value.second) * 1000
        return (
            milliseconds + value.microsecond // 1000
            if name == "int"
            else milliseconds * 1000 + value.microsecond
        )
    if not isinstance(value, int) or not -(2 ** _BITS[name]) <= value < 2 ** _BITS[name]:
        return None
    return int(value)


def _real(value: Any) -> float | None:
    if isinstance(value, float | decimal.Decimal):
        return float(value)
    exact = isinstance(value, int) and (-_EXACT <= value <= _EXACT or int(float(value)) == value)
    return float(value) if exact else None


def _decimal(value: Any, kind: Decimal) -> decimal.Decimal | None:
    text = value.text if isinstance(value, BigInteger | Real) else value
    if isinstance(text, bool) or not isinstance(text, int | str | float | decimal.Decimal):
        return None
    try:
        number = _WIDE.create_decimal(repr(text) if isinstance(text, float) else text)
        fitted = number.quantize(decimal.Decimal(1).scaleb(-kind.scale), context=_WIDE)
    except (decimal.InvalidOperation, ValueError):
        return None
    return fitted if fitted == number and len(fitted.as_tuple().digits) <= kind.precision else None


def _moment(value: Any, name: str) -> date | datetime | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
        if name == "date" and value.time() == time():
            return value.date()  # type: ignore[no-any-return]
    if isinstance(value, datetime):
        if name != "timestamp":
            return None
        return value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
    if not isinstance(value, date):
        return None
    return value if name == "date" else datetime(value.year, value.month, value.day)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, datetime | date | time):
        return value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()
    if isinstance(value, UUID | decimal.Decimal):
        return str(value)
    return to_json(_jsonable(value))


def _jsonable(value: Any) -> Any:
    """What of a value JSON has no form for, as text."""
    value = _plain(value)
    if isinstance(value, Mapping):
        return {str(key): _jsonable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(one) for one in value]
    if value is None or isinstance(value, bool | int | float | str | BigInteger):
        return value
    return _text(value)
