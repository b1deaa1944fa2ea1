"""Which catalog: an account's (or one of its named ones), in one region. The same name in two scopes is two things."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Scope:
    """A catalog in a region."""

    catalog_id: str
    """The account id, or `<account id>:<catalog name>`."""
    region: str


LOCAL = Scope(catalog_id="123456789012", region="us-east-1")
"""The catalog of an installation that says nothing else (`Settings.account_id`, `Settings.region`)."""
