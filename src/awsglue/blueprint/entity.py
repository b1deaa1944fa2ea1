"""What jobs and crawlers of a layout have in common: members of Glue's API, and what they wait for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

LOGICAL = ("AND", "ANY")


class Entity:
    """A job or crawler. `DependsOn`: {entity: state that it has to end in}. `WaitForDependencies`: `AND` (all) or `ANY`."""

    kind = ""
    required: tuple[str, ...] = ()
    states: tuple[str, ...] = ()

    def __init__(
        self, DependsOn: Mapping[Entity, str] | None = None, WaitForDependencies: str = "AND", **members: Any
    ) -> None:
        self.members = members
        self.depends_on = dict(DependsOn or {})
        self.logical = WaitForDependencies

    @property
    def name(self) -> str:
        return str(self.members.get("Name"))

    def validate(self) -> None:
        """Raises ValueError that names the entity, what was found and what was expected."""
        what = f"{self.kind} {self.name!r}"
        for member in self.required:
            if not self.members.get(member):
                raise ValueError(f"{what}: {member} is missing")
        if self.logical not in LOGICAL:
            raise ValueError(f"{what}: WaitForDependencies is {self.logical!r}; expected AND or ANY")
        for other, state in self.depends_on.items():
            if not isinstance(other, Entity):
                raise ValueError(
                    f"{what}: DependsOn names {other!r}; expected a Job or Crawler of the layout"
                )
            if state not in other.states:
                raise ValueError(
                    f"{what}: DependsOn wants {other.name} {state!r}; expected one of {', '.join(other.states)}"
                )

    def document(self) -> dict[str, Any]:
        return {
            **self.members,
            "DependsOn": [{"Kind": o.kind, "Name": o.name, "State": s} for o, s in self.depends_on.items()],
            "WaitForDependencies": self.logical,
        }

    def to_json(self) -> str:
        """The entity as JSON. Raises ValueError as `validate` does."""
        self.validate()
        return json.dumps(self.document())
