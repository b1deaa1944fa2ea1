"""A project folder on disk, and a server that is a mapping."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from glulam.project.decide import decide, to_look_at
from glulam.project.folder import Project, load
from glulam.project.kinds import Document, ResourceId
from glulam.project.plan import Plan, Seen
from glulam.project.record import Record

MakeProject = Callable[..., Project]


@pytest.fixture
def project(tmp_path: Path) -> MakeProject:
    """`project(text, env=..., variables=..., environ=..., **files)`: the project of that glulam.yaml."""

    def make(
        text: str, *, env: str | None = None, variables: Mapping[str, str] | None = None,
        environ: Mapping[str, str] | None = None, files: Mapping[str, str] | None = None,
    ) -> Project:  # fmt: skip
        for name, content in {"glulam.yaml": text, **(files or {})}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(content).lstrip("\n"), "utf-8")
        return load(tmp_path, env, variables or {}, environ or {})

    return make


def thing(section: str, *names: str) -> ResourceId:
    return ResourceId(section=section, names=names)


@dataclass
class Servers:
    """What a server has, for decisions about it."""

    things: dict[ResourceId, Seen] = field(default_factory=dict)
    record: Record = field(default_factory=lambda: Record(entries={}))
    secrets: dict[str, str] = field(default_factory=dict)

    def add(
        self,
        id: ResourceId,
        document: Document,
        *,
        owner: str | None = None,
        holds: tuple[ResourceId, ...] = (),
    ) -> None:
        self.things[id] = Seen(document=document, owner=owner, holds=holds)

    def plan(self, project: Project) -> Plan:
        looked = to_look_at(project, self.record)
        seen = {id: self.things.get(id, Seen(document=None)) for id in looked}
        return decide(project, seen, self.record, None, self.secrets.get)

    def done(self, plan: Plan) -> None:
        """As if the plan had been carried out by a server that keeps what it is given."""
        for change in plan.changes:
            if change.action == "remove":
                del self.things[change.id]
            else:
                owner = plan.project if change.action != "change" else self.things[change.id].owner
                self.add(change.id, change.document, owner=owner)
        self.record = plan.record


@pytest.fixture
def servers() -> Servers:
    return Servers()
