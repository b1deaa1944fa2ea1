"""Time and ids, passed in so that tests can turn them."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the current time, timezone-aware, UTC."""

NewId = Callable[[], str]
"""Returns a new id, unique; sorts by the millisecond of its creation, at random within one."""


def utc_now() -> datetime:
    return datetime.now(UTC)


def new_batch_id() -> str:
    """48 bits of milliseconds and 48 random bits in hex (24 characters): sorts by time, safe in a file name."""
    return f"{int(utc_now().timestamp() * 1000):012x}{secrets.token_hex(6)}"
