"""Waits of tests that look at other processes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def within(seconds: float, met: Callable[[], Any]) -> Any:
    """What it answers, once that is something."""
    until = time.monotonic() + seconds
    while not (found := met()):
        assert time.monotonic() < until, "not met in time"
        time.sleep(0.1)
    return found
