"""Who asks: what a door knows of a request once its signature has been checked. Every catalog state belongs to one
account and region; the role and the ARN are for policies and the audit log."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The verified sender of one request."""

    account_id: str
    """Twelve digits."""
    region: str
    """Region of the credential scope."""
    arn: str
    role: str
    request_id: str
