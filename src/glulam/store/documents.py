"""Documents: what a service's shapes hold, as JSONB. Times are kept as seconds since 1970 and bytes as base64, which is how
AWS's JSON carries them, so that a stored document is an answer as it stands."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from psycopg.types.json import Jsonb


def document(value: Mapping[str, Any] | list[Any]) -> Jsonb:
    """The value as a JSONB parameter. Raises TypeError for what JSON cannot hold."""
    return Jsonb(value, dumps=_dumps)


def _dumps(value: Any) -> bytes:
    return orjson.dumps(value, default=_plain, option=orjson.OPT_PASSTHROUGH_DATETIME)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return round(value.timestamp(), 3)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} does not fit into a JSON document")
