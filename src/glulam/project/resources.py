"""The things that a project declares: from nodes to documents in create's shape, with the place of each piece.

What Glue's API has not is `comforts.py`'s; whether a thing that is named is there, `decide.py`'s."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from glulam.project import alerts
from glulam.project.comforts import COMFORTS, Comforts, Upload
from glulam.project.kinds import AlertKind, Document, Kind, ModelKind, ResourceId, identity
from glulam.project.nodes import Node, Place, Problems, as_json, did_you_mean, kind_of, without_nulls
from glulam.project.shapes import field, places, value_of
from glulam.project.texts import filled, names_a_secret, secrets_in

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One thing that the project declares."""

    id: ResourceId
    document: Document
    """In create's shape, without names; texts may hold references to secrets (`texts.py`)."""
    places: Mapping[tuple[str, ...], Place]
    """Where each piece of the document stands."""
    uploads: tuple[Upload, ...] = ()

    def place(self, path: tuple[str, ...] = ()) -> Place:
        """Of the piece, or of the nearest one around it."""
        while path not in self.places:
            path = path[:-1]
        return self.places[path]


@dataclass(frozen=True, kw_only=True)
class Reader:
    """From the nodes of sections to resources."""

    variables: Mapping[str, str | None]
    environ: Mapping[str, str]
    problems: Problems

    def text(self, header: Mapping[str, Node], key: str) -> str | None:
        node = header.get(key)
        if node is None:
            return None
        if not isinstance(node.value, str) or not node.value:
            self.problems.add(node.place, f"{key}: found {kind_of(node)}, expected a text")
            return None
        found = filled(node.value, node.place, self.variables, self.environ, self.problems)
        if secrets_in(found):
            self.problems.add(node.place, f"{key}: found {found!r}, expected a text without secrets")
        if key == "project" and not _NAME.fullmatch(found):
            self.problems.add(
                node.place, f"{key}: found {found!r}, expected letters, digits, dots, dashes and _"
            )
        return found

    def section(
        self,
        kind: ModelKind | AlertKind,
        node: Node,
        comforts: Comforts,
        resources: dict[ResourceId, Resource],
    ) -> None:
        assert isinstance(node.value, dict)
        for key, definition in node.value.items():
            if definition.value is None:
                definition = replace(definition, value={})
            name = filled(key, definition.place, self.variables, self.environ, self.problems)
            definition = self.fill(kind, _said(kind, definition))
            if not isinstance(definition.value, dict):
                self.problems.add(
                    definition.place,
                    f"{kind.section}.{name}: found {kind_of(definition)}, expected its members",
                )
                continue
            members = dict(definition.value)
            if isinstance(kind, ModelKind):
                made = self.resource(kind, name, definition.place, members, comforts)
            else:
                made = self.alert(kind, name, definition.place, members)
            if made is not None and made.id in resources:
                first = resources[made.id].place()
                self.problems.add(definition.place, f"{kind.section}.{name}: {first} has the same name")
            elif made is not None:
                resources[made.id] = made

    def fill(self, kind: Kind, node: Node) -> Node:
        def one(text: str, place: Place) -> str:
            return filled(text, place, self.variables, self.environ, self.problems, kind.staying)

        if isinstance(node.value, str):
            return replace(node, value=one(node.value, node.place))
        if isinstance(node.value, dict):
            members = {one(k, n.place): self.fill(kind, n) for k, n in node.value.items()}
            return replace(node, value=members)
        if isinstance(node.value, list):
            return replace(node, value=[self.fill(kind, n) for n in node.value])
        return node

    def alert(self, kind: AlertKind, key: str, place: Place, members: dict[str, Node]) -> Resource:
        """A channel or a rule: JSON, whose form is not in botocore's models."""
        node = Node(place=place, value=members)
        made = Resource(
            id=identity(kind, key), document=as_json(node),
            places={inner: piece.place for inner, piece in places(node)},
        )  # fmt: skip
        for path, text in alerts.mistakes(kind, made.document):
            self.problems.add(made.place(path), f"{field((kind.section, key, *path))}: {text}")
        return made

    def resource(
        self, kind: ModelKind, key: str, place: Place, members: dict[str, Node], comforts: Comforts
    ) -> Resource | None:
        path = (kind.section, key)
        names = self.names(kind, key, place, members)
        if names is None:
            return None
        uploads = comforts.resolve(kind, path, members)
        allowed = kind.members()
        document: Document = {}
        for member, node in members.items():
            if member not in allowed:
                words = (*allowed, *COMFORTS.get(kind.section, ()))
                self.problems.add(
                    node.place, f"{field((*path, member))}: unknown key{did_you_mean(member, words)}"
                )
            else:
                self.named_inside(kind, node, names)
                document[member] = value_of(node, allowed[member], (*path, member), self.problems)
        self.required(kind, path, place, members)
        found: dict[tuple[str, ...], Place] = {(): place}
        for member, node in members.items():
            found |= {inner: piece.place for inner, piece in places(node, (member,))}
        self.literal_secrets(kind, path, Node(place=place, value=members))
        for member in document if kind.named_inside else ():
            if isinstance(document[member], dict):
                document[member] = {k: v for k, v in document[member].items() if k != "Name"}
        return Resource(id=identity(kind, *names), document=document, places=found, uploads=uploads)

    def names(
        self, kind: ModelKind, key: str, place: Place, members: dict[str, Node]
    ) -> tuple[str, ...] | None:
        """The key, or the members that say otherwise; of a table `database.table`."""
        said = {m: members.pop(m) for m in ("Name", kind.parent) if m and m in members}
        wrong = {m: n for m, n in said.items() if not isinstance(n.value, str) or not n.value}
        for member, node in wrong.items():
            self.problems.add(
                node.place, f"{kind.section}.{key}.{member}: found {kind_of(node)}, expected a name"
            )
        if wrong:
            return None
        name = str(said["Name"].value) if "Name" in said else key
        if kind.parent is None:
            return (name,)
        if kind.parent in said:
            return (str(said[kind.parent].value), name)
        database, dot, table = key.partition(".")
        if not dot or not database or not table:
            self.problems.add(
                place,
                f"{kind.section}.{key}: expected database.{kind.noun}, or {kind.parent} among its members",
            )
            return None
        return (database, str(said["Name"].value) if "Name" in said else table)

    def named_inside(self, kind: ModelKind, node: Node, names: tuple[str, ...]) -> None:
        if kind.named_inside and isinstance(node.value, dict):
            node.value.setdefault("Name", Node(place=node.place, value=names[0]))

    def required(
        self, kind: ModelKind, path: tuple[str, ...], place: Place, members: Mapping[str, Node]
    ) -> None:
        for member in kind.shape.required_members:
            if member not in ("Name", kind.parent) and member not in members:
                self.problems.add(place, f"{field((*path, member))}: missing")
        if kind.named_inside and len(members) != 1:
            self.problems.add(place, f"{field(path)}: expected exactly one of {', '.join(kind.members())}")

    def literal_secrets(self, kind: ModelKind, path: tuple[str, ...], node: Node) -> None:
        """A password that stands in a file is refused: it would be in the repository."""
        if kind.section != "connections":
            return
        for inner, piece in places(node):
            if (
                inner
                and names_a_secret(inner[-1])
                and isinstance(piece.value, str)
                and not secrets_in(piece.value)
            ):
                said = f"{field((*path, *inner))}: a secret stands here; expected ${{secret:NAME}}"
                self.problems.add(piece.place, said)


def _said(kind: Kind, definition: Node) -> Node:
    """Without members that have no value. In a rule's conditions null is one."""
    if isinstance(kind, AlertKind) and isinstance(definition.value, dict):
        return replace(definition, value={k: n for k, n in definition.value.items() if n.value is not None})
    return without_nulls(definition)
