"""Definitions that are JSON: parsed within a bounded depth, and written in one canonical form.

Everything that walks a definition recurses, so depth is bounded here, once, for all of it.
"""

from __future__ import annotations

import json
import math
from typing import Any

from glulam.model.errors import InvalidInput

MAX_DEPTH = 100
"""Levels of arrays and objects. Real definitions stay below 30."""


class InvalidDefinition(InvalidInput):
    """A text that is not a definition of its format; the message says where and why."""


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text. Raises InvalidDefinition for what is no JSON, or is nested too deeply."""
    try:
        value = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise InvalidDefinition(f"nested more than {MAX_DEPTH} levels deep") from None
    except ValueError as error:
        raise InvalidDefinition(f"not JSON: {error}") from None
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in _children(outer)]
        if not level:
            return value
    raise InvalidDefinition(f"nested more than {MAX_DEPTH} levels deep")


def canonical_json(value: Any) -> bytes:
    """One form for all spellings of a value: no spaces, keys in order, ASCII. `1` and `1.0` stay apart."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is not a number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)
