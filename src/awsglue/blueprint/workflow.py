"""The workflow that a layout describes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from awsglue.blueprint.crawler import Crawler
from awsglue.blueprint.entity import Entity
from awsglue.blueprint.job import Job

__all__ = ["Entities", "Workflow"]


class Entities:
    """The jobs and crawlers of a workflow."""

    def __init__(self, Jobs: Sequence[Job] = (), Crawlers: Sequence[Crawler] = ()) -> None:
        self.jobs, self.crawlers = list(Jobs), list(Crawlers)


class Workflow:
    """Members as in CreateWorkflow; `OnSchedule`: a cron expression. Without one, somebody starts it."""

    def __init__(self, Name: str, Entities: Entities, OnSchedule: str | None = None, **members: Any) -> None:
        self.name, self.entities, self.schedule, self.members = Name, Entities, OnSchedule, members

    def validate(self) -> None:
        """Raises ValueError for what no workflow could be."""
        every: list[Entity] = [*self.entities.jobs, *self.entities.crawlers]
        if not self.name or not isinstance(self.name, str):
            raise ValueError(f"Workflow: Name is {self.name!r}; expected a text")
        if not every:
            raise ValueError(f"workflow {self.name!r}: Entities holds neither jobs nor crawlers")
        seen: set[tuple[str, str]] = set()
        for one in every:
            one.validate()
            if (one.kind, one.name) in seen:
                raise ValueError(f"workflow {self.name!r}: {one.kind} {one.name!r} is there twice")
            seen.add((one.kind, one.name))
        for one in every:
            for other in one.depends_on:
                if other not in every:
                    raise ValueError(
                        f"{one.kind} {one.name!r} depends on {other.name!r}, which is not among the Entities"
                    )
        if all(one.depends_on for one in every):
            raise ValueError(
                f"workflow {self.name!r}: every entity waits for another; expected one that does not"
            )

    def document(self) -> dict[str, Any]:
        return {
            **self.members, "Name": self.name, "OnSchedule": self.schedule,
            "Jobs": [job.document() for job in self.entities.jobs],
            "Crawlers": [crawler.document() for crawler in self.entities.crawlers],
        }  # fmt: skip

    def to_json(self) -> str:
        """The whole layout as JSON. Raises ValueError as `validate` does."""
        self.validate()
        return json.dumps(self.document())
