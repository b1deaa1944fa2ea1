"""Who asks, and for which account and region: what a door tells every operation of the request it serves."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The authenticated sender of one request."""

    account_id: str
    """Twelve digits; the owner of all state that the request sees."""
    region: str
    """Region of the credential scope, as in AWS: the same name in two regions is two things."""
    arn: str
    """`arn:aws:iam::<account>:user/<name>`."""
    role: str
    """`admin`, `operator`, `author` or `viewer`."""
    request_id: str
    temporary: bool = False
    """Signed with a temporary key, which makes no other keys."""
