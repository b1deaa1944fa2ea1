"""Where a job, trigger or workflow lives: in an account and a region, under a name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Place:
    """An account in a region. The same name in two of them is two things."""

    account_id: str
    region: str

    def arn(self, kind: str, name: str) -> str:
        return f"arn:aws:glue:{self.region}:{self.account_id}:{kind}/{name}"
