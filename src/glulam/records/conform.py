"""Fit one decoded record to a schema: what fits goes to its column, what does not is rescued, nothing is lost."""

from __future__ import annotations

import decimal
import json
from typing import Any

from glulam.infer.resolve import SchemaMode, SchemaPolicy
from glulam.infer.types import Array, DataType, Decimal, Field, Scalar, Struct
from glulam.records.strict import BigInteger, Real
from glulam.records.values import BadRecord, RejectCode

_MISFIT = object()
_EXACT = 2**53
_WIDE = decimal.Context(prec=60)


class Conformer:
    """Fits records to `schema`; `rescued` values come back as JSON text (or None)."""

    def __init__(self, schema: Struct, policy: SchemaPolicy) -> None:
        self.schema, self.policy = schema, policy
        self._hinted = dict(policy.hints)
        self._by_key: dict[int, dict[str, list[Field]]] = {}

    def conform(self, record: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
        """Column name -> Python value that Arrow takes for the column's type, and the rescued values as JSON.
        Raises BadRecord SCHEMA_FROZEN when the mode is frozen and something does not fit."""
        rescued: dict[str, Any] = {}
        row = self._struct(record, self.schema, "", rescued)
        if not rescued:
            return row, None
        if self.policy.mode is SchemaMode.FROZEN:
            path, value = next(iter(rescued.items()))
            text = to_json(value)[:80]
            raise BadRecord(RejectCode.SCHEMA_FROZEN, f"{path}: {text} does not fit the frozen schema")
        return row, to_json(rescued)

    def _members(self, kind: Struct) -> dict[str, list[Field]]:
        members = self._by_key.get(id(kind))
        if members is None:
            members = {}
            for f in kind.fields:
                members.setdefault(f.key, []).append(f)
            self._by_key[id(kind)] = members
        return members

    def _struct(
        self, value: dict[str, Any], kind: Struct, path: str, rescued: dict[str, Any]
    ) -> dict[str, Any]:
        members = self._members(kind)
        row: dict[str, Any] = {}
        for key, member in value.items():
            if member is None:
                continue
            here = f"{path}.{key}" if path else key
            fields = members.get(key)
            if fields is None:
                rescued[here] = member
                continue
            for f in fields:
                fitted = self._fit(member, f.type, here, rescued)
                if fitted is not _MISFIT:
                    row[f.name] = fitted
                    break
            else:
                rescued[here] = member
        return row

    def _fit(self, value: Any, kind: DataType, path: str, rescued: dict[str, Any]) -> Any:
        if isinstance(kind, Struct):
            return self._struct(value, kind, path, rescued) if isinstance(value, dict) else _MISFIT
        if isinstance(kind, Array):
            return self._array(value, kind, path, rescued) if isinstance(value, list) else _MISFIT
        if isinstance(kind, Decimal):
            return _decimal(value, kind)
        if isinstance(kind, Scalar):
            return self._scalar(value, kind.name, path)
        return _MISFIT

    def _array(self, values: list[Any], kind: Array, path: str, rescued: dict[str, Any]) -> list[Any]:
        out: list[Any] = []
        for index, value in enumerate(values):
            fitted = None
            if value is not None:
                here = f"{path}[{index}]"
                fitted = self._fit(value, kind.element, here, rescued)
                if fitted is _MISFIT:
                    rescued[here], fitted = value, None
            out.append(fitted)
        return out

    def _scalar(self, value: Any, name: str, path: str) -> Any:
        if name == "string":
            if isinstance(value, str):
                return value
            return to_json(value) if self._is_text(path) else _MISFIT
        if name == "boolean":
            return value if isinstance(value, bool) else _MISFIT
        if isinstance(value, bool):
            return _MISFIT
        if name == "bigint":
            return value if isinstance(value, int) else _MISFIT
        if name == "double":
            if isinstance(value, float):
                return float(value)
            exact = isinstance(value, int) and (-_EXACT <= value <= _EXACT or int(float(value)) == value)
            return float(value) if exact else _MISFIT
        return _MISFIT

    def _is_text(self, path: str) -> bool:
        """Whether this place takes any value as text: by hint, or because conflicts become strings."""
        plain = (
            path
            if "[" not in path
            else "".join(p.partition("]")[2] if i else p for i, p in enumerate(path.split("[")))
        )
        hint = self._hinted.get(plain)
        return self.policy.on_conflict == "string" if hint is None else str(hint) == "string"


def _decimal(value: Any, kind: Decimal) -> Any:
    if isinstance(value, bool):
        return _MISFIT
    text = (
        value.text
        if isinstance(value, BigInteger | Real)
        else value
        if isinstance(value, int | str)
        else None
    )
    if not isinstance(text, int | str) or "_" in str(text):
        return _MISFIT
    try:
        number = _WIDE.create_decimal(text)
        quantum = decimal.Decimal(1).scaleb(-kind.scale)
        fitted = number.quantize(quantum, context=_WIDE) if number.is_finite() else None
    except (decimal.InvalidOperation, ValueError):
        return _MISFIT
    if fitted is None or fitted != number or len(fitted.as_tuple().digits) > kind.precision:
        return _MISFIT
    return fitted


def to_json(value: Any) -> str:
    """Compact JSON with every number as it was written."""
    if isinstance(value, BigInteger | Real):
        return value.text
    if isinstance(value, dict):
        return (
            "{"
            + ",".join(f"{json.dumps(k, ensure_ascii=False)}:{to_json(v)}" for k, v in value.items())
            + "}"
        )
    if isinstance(value, list):
        return "[" + ",".join(map(to_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
