"""A job of a layout."""

from __future__ import annotations

from awsglue.blueprint.entity import Entity

__all__ = ["Job"]


class Job(Entity):
    """Members as in CreateJob: Name, Role and Command have to be given."""

    kind = "JOB"
    required = ("Name", "Role", "Command")
    states = ("SUCCEEDED", "STOPPED", "FAILED", "TIMEOUT", "ERROR", "EXPIRED")
