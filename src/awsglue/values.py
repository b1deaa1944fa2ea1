"""Values between Arrow and Python in Spark's Python workers: a choice is a plain value for Python, a struct for Arrow."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from awsglue import gluetypes as gt

Convert = Callable[[Any], Any]

_ARROW = {
    "null": pa.null(), "unknown": pa.null(), "boolean": pa.bool_(), "byte": pa.int8(), "short": pa.int16(),
    "int": pa.int32(), "long": pa.int64(), "float": pa.float32(), "double": pa.float64(), "string": pa.string(),
    "binary": pa.binary(), "date": pa.date32(), "timestamp": pa.timestamp("us", tz="UTC"),
}  # fmt: skip


def arrow_type(kind: gt.DataType) -> pa.DataType:
    """The Arrow type of what physical.py says lies in the DataFrame."""
    if isinstance(kind, gt.StructType):
        return pa.struct([pa.field(f.name, arrow_type(f.dataType)) for f in kind.fields])
    if isinstance(kind, gt.ChoiceType):
        return pa.struct([pa.field(name, arrow_type(choice)) for name, choice in kind.choices.items()])
    if isinstance(kind, gt.ArrayType):
        return pa.list_(arrow_type(kind.elementType))
    if isinstance(kind, gt.MapType):
        return pa.map_(arrow_type(kind.keyType), arrow_type(kind.valueType))
    if isinstance(kind, gt.DecimalType):
        return pa.decimal128(kind.precision, kind.scale)
    return _ARROW[kind.typeName()]


def decoder(kind: gt.DataType, zone: str) -> Convert | None:
    """From what Arrow's to_pylist() gives to what scripts see; None when that is the same. Times are those of `zone`."""
    if isinstance(kind, gt.TimestampType):
        tz = ZoneInfo(zone)
        return lambda v: v.astimezone(tz).replace(tzinfo=None) if v is not None and v.tzinfo else v
    if isinstance(kind, gt.StructType):
        return _member_decoder(kind, zone)
    if isinstance(kind, gt.ChoiceType):
        return _choice_decoder(kind, zone)
    if isinstance(kind, gt.MapType):
        inner = decoder(kind.valueType, zone) or _same
        return lambda v: None if v is None else {key: inner(value) for key, value in v}
    if isinstance(kind, gt.ArrayType) and (element := decoder(kind.elementType, zone)):
        return lambda v: None if v is None else [element(e) for e in v]
    return None


def _same(value: Any) -> Any:
    return value


def _member_decoder(kind: gt.StructType, zone: str) -> Convert | None:
    members = {f.name: convert for f in kind.fields if (convert := decoder(f.dataType, zone))}
    if not members:
        return None

    def decode(value: Any) -> Any:
        if value is not None:
            for name, convert in members.items():
                value[name] = convert(value[name])
        return value

    return decode


def _choice_decoder(kind: gt.ChoiceType, zone: str) -> Convert:
    choices = [(name, decoder(choice, zone) or _same) for name, choice in kind.choices.items()]

    def decode(value: Any) -> Any:
        if value is not None:
            for name, convert in choices:
                if value[name] is not None:
                    return convert(value[name])
        return None

    return decode


def encoder(kind: gt.DataType, zone: str) -> Convert:
    """From a script's value to one that Arrow takes for `arrow_type(kind)`."""
    if isinstance(kind, gt.StructType):
        members = [(f.name, encoder(f.dataType, zone)) for f in kind.fields]
        return lambda v: None if v is None else {name: inner(v.get(name)) for name, inner in members}
    if isinstance(kind, gt.ChoiceType):
        return _choice_encoder(kind, zone)
    if isinstance(kind, gt.ArrayType):
        element = encoder(kind.elementType, zone)
        return lambda v: None if v is None else [element(e) for e in v]
    if isinstance(kind, gt.MapType):
        value_of = encoder(kind.valueType, zone)
        return lambda v: None if v is None else [(key, value_of(value)) for key, value in v.items()]
    if isinstance(kind, gt.TimestampType):
        tz = ZoneInfo(zone)
        return lambda v: v.replace(tzinfo=tz) if v is not None and v.tzinfo is None else v
    if isinstance(kind, gt.DecimalType):
        step = decimal.Decimal(1).scaleb(-kind.scale)
        return lambda v: None if v is None else decimal.Decimal(v).quantize(step, context=_EXACT)
    if isinstance(kind, gt.StringType):
        return lambda v: str(v) if isinstance(v, int) else v  # an integer of more than 38 digits
    return _same


_EXACT = decimal.Context(prec=60)
_INTEGERS = ("byte", "short", "int", "long")


def _choice_encoder(kind: gt.ChoiceType, zone: str) -> Convert:
    inner = {name: encoder(choice, zone) for name, choice in kind.choices.items()}
    empty: dict[str, Any] = dict.fromkeys(kind.choices)

    def encode(value: Any) -> Any:
        if value is None:
            return None
        name = _alternative(value, kind)
        return {**empty, name: inner[name](value)}

    return encode


def _alternative(value: Any, kind: gt.ChoiceType) -> str:
    """Which of the types a value has. Raises TypeError for none of them."""
    names = _candidates(value)
    for name in names:
        if name in kind.choices:
            return name
    raise TypeError(f"a {type(value).__name__} is none of {', '.join(kind.choices)}")


def _candidates(value: Any) -> tuple[str, ...]:
    if isinstance(value, bool):
        return ("boolean",)
    if isinstance(value, int):
        return (*_INTEGERS[2:], "decimal", "short", "byte", "string")
    if isinstance(value, str):
        return ("string",)
    if isinstance(value, float):
        return ("double", "float")
    if isinstance(value, dict):
        return ("struct", "map")
    if isinstance(value, list | tuple | set):
        return ("array", "set")
    if isinstance(value, datetime.datetime):
        return ("timestamp",)
    if isinstance(value, datetime.date):
        return ("date",)
    return ("decimal",) if isinstance(value, decimal.Decimal) else ("binary",)
