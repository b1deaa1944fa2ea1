"""What a command answers, as one JSON document or as lines for a person. Tables are `drawing.py`'s."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import PurePath
from typing import Any

from glulam.model.uri import S3Uri


def plain(value: Any) -> Any:
    """A value as JSON holds it: objects, times as ISO 8601 in UTC, decimals as text, bytes as base64."""
    if isinstance(value, bool | int | str) or value is None:
        return str(value) if isinstance(value, str) else value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, datetime):
        return value.isoformat() if value.tzinfo else f"{value.isoformat()}Z"
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, date | Decimal | S3Uri | PurePath):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, Iterable):
        return [plain(v) for v in value]
    return str(value)


def print_json(document: Any) -> None:
    print(json.dumps(plain(document), ensure_ascii=False, indent=2))


def cell(value: object) -> str:
    """A value for a person: NULL, numbers with separators left to the caller, structures as JSON, one line."""
    if value is None:
        return "NULL"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.%f").rstrip("0").rstrip(".")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list | tuple):
        return json.dumps(plain(value), ensure_ascii=False)
    if isinstance(value, bytes):
        return value.hex()
    return str(value).replace("\r", "\\r").replace("\n", "\\n")


def facts(pairs: Sequence[tuple[str, object]]) -> None:
    """Draw `name  value` lines; lines whose value is None are left out."""
    shown = [(name, cell(value)) for name, value in pairs if value is not None]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        print(f"{name:<{width}}  {value}")


def size(number: int) -> str:
    """Bytes for a person: `1.9 MB`."""
    if number < 1000:
        return f"{number} B"
    scaled, units = number / 1000, ["kB", "MB", "GB", "TB"]
    while scaled >= 999.95 and len(units) > 1:
        scaled /= 1000
        units.pop(0)
    return f"{scaled:.1f} {units[0]}"
