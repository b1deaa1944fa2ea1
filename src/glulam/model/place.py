"""Where a named thing lives: in an account and a region. The same name in two regions is two things."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Place:
    """An account in a region."""

    account_id: str
    region: str
