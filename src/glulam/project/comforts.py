"""The few things that a project can say and Glue's API cannot, put into members that the API has.

A job's `script`, a trigger's `schedule`, triggers that are on unless said otherwise, an event pattern that is no text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from glulam.model.uri import S3Uri
from glulam.project.kinds import ModelKind, same_json
from glulam.project.nodes import Node, Problems, as_json, kind_of
from glulam.project.shapes import field

COMFORTS: Mapping[str, tuple[str, ...]] = {"jobs": ("script",), "triggers": ("schedule",)}


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A file of the project that the server needs. Its place is made of its content: a place never changes."""

    path: Path
    """From the project's folder."""
    digest: str
    uri: str


@dataclass(frozen=True, kw_only=True)
class Comforts:
    folder: Path
    below: S3Uri
    """Where the project's files are on the server."""
    problems: Problems

    def resolve(self, kind: ModelKind, path: tuple[str, ...], members: dict[str, Node]) -> tuple[Upload, ...]:
        """Put members that the API has in the place of those that it has not; the files that it takes."""
        if kind.section == "triggers":
            _trigger(members)
        if kind.section == "events":
            self._pattern(path, members)
        if kind.section == "jobs" and "script" in members:
            return self._script(path, members)
        return ()

    def _script(self, path: tuple[str, ...], members: dict[str, Node]) -> tuple[Upload, ...]:
        node = members.pop("script")
        made = self._upload(node, path)
        if made is None:
            return ()
        command = members.get("Command", Node(place=node.place, value={}))
        if isinstance(command.value, dict):
            name = "glulam" if made.path.suffix in (".yaml", ".yml") else "glueetl"
            members["Command"] = replace(command, value={
                "Name": Node(place=node.place, value=name), **command.value,
                "ScriptLocation": Node(place=node.place, value=made.uri),
            })  # fmt: skip
        return (made,)

    def _pattern(self, path: tuple[str, ...], members: dict[str, Node]) -> None:
        """An event pattern is JSON in a text; here it may be a mapping. The order of workflows does not matter."""
        node = members.get("EventPattern")
        if node is not None:
            try:
                value = json.loads(node.value) if isinstance(node.value, str) else as_json(node)
            except ValueError as error:
                said = f"{field((*path, 'EventPattern'))}: not JSON: {error}"
                self.problems.add(node.place, said)
                value = None
            members["EventPattern"] = replace(node, value=same_json(value))
        workflows = members.get("workflows")
        if workflows is not None and isinstance(workflows.value, list):
            members["workflows"] = replace(
                workflows, value=sorted(workflows.value, key=lambda n: str(n.value))
            )

    def _upload(self, node: Node, path: tuple[str, ...]) -> Upload | None:
        where = field((*path, "script"))
        if not isinstance(node.value, str):
            self.problems.add(
                node.place, f"{where}: found {kind_of(node)}, expected a path in the project's folder"
            )
            return None
        folder = self.folder.resolve()
        file = (folder / node.value).resolve()
        if not file.is_relative_to(folder):
            self.problems.add(node.place, f"{where}: {node.value!r} lies outside of the project's folder")
            return None
        if not file.is_file():
            self.problems.add(node.place, f"{where}: no file {node.value!r} in the project's folder")
            return None
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        path_in_folder = file.relative_to(folder)
        return Upload(
            path=path_in_folder, digest=digest, uri=str(self.below.join("files", digest[:16], file.name))
        )


def _trigger(members: dict[str, Node]) -> None:
    if "schedule" in members:
        node = members.pop("schedule")
        members.setdefault("Type", replace(node, value="SCHEDULED"))
        members.setdefault("Schedule", node)
    said = members.get("Type")
    if said is not None and said.value in ("SCHEDULED", "CONDITIONAL", "EVENT"):
        members.setdefault("StartOnCreation", replace(said, value="true"))
