"""A crawler of a layout."""

from __future__ import annotations

from awsglue.blueprint.entity import Entity

__all__ = ["Crawler"]


class Crawler(Entity):
    """Members as in CreateCrawler: Name, Role and Targets have to be given."""

    kind = "CRAWLER"
    required = ("Name", "Role", "Targets")
    states = ("SUCCEEDED", "FAILED", "CANCELLED", "ERROR")
