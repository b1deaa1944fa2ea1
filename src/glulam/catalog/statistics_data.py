"""Glue's ColumnStatisticsData as JSON and back: one of seven members, by its Type.

JSON has neither bytes nor times, and both stand in fixed places: UnscaledValue of decimals becomes base64, the bounds of
dates become ISO times.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

MEMBER_OF_TYPE = {
    name.upper(): f"{name}ColumnStatisticsData"
    for name in ("Boolean", "Date", "Decimal", "Double", "Long", "String", "Binary")
}
BOUNDS = ("MinimumValue", "MaximumValue")


def refusal(data: Mapping[str, Any]) -> str | None:
    """What is wrong with the data: exactly the member that its Type names must be there."""
    expected = MEMBER_OF_TYPE[data["Type"]]
    found = [member for member in MEMBER_OF_TYPE.values() if data.get(member) is not None]
    if found == [expected]:
        return None
    return f"Type {data['Type']} needs {expected}, found {', '.join(found) or 'nothing'}"


def to_json(data: Mapping[str, Any]) -> dict[str, Any]:
    return _mapped(data, _unscaled_to_text, datetime.isoformat)


def from_json(data: Mapping[str, Any]) -> dict[str, Any]:
    return _mapped(data, _unscaled_to_bytes, datetime.fromisoformat)


def _mapped(
    data: Mapping[str, Any], decimal: Callable[[Any], Any], time: Callable[[Any], Any]
) -> dict[str, Any]:
    """The data with the bounds of decimals and dates changed, and all else as it is."""
    changed = dict(data)
    for type_, change in (("DECIMAL", decimal), ("DATE", time)):
        member = data.get(MEMBER_OF_TYPE[type_])
        if member is not None:
            changed[MEMBER_OF_TYPE[type_]] = {
                name: change(value) if name in BOUNDS else value for name, value in member.items()
            }
    return changed


def _unscaled_to_text(number: Mapping[str, Any]) -> dict[str, Any]:
    return {**number, "UnscaledValue": b64encode(number["UnscaledValue"]).decode()}


def _unscaled_to_bytes(number: Mapping[str, Any]) -> dict[str, Any]:
    return {**number, "UnscaledValue": b64decode(number["UnscaledValue"])}
