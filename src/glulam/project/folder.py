"""A project folder as a value: glulam.yaml and the files in the folders of its sections, one environment laid over, checked.

    glulam.yaml                          project, assets, variables, environments; sections, too
    alerts.yaml, jobs/*.yaml, ...        sections (`jobs:`, `triggers:`, ...), each a mapping of names to definitions

Every problem is found before any is told; each with its file and line. Whether what it names is there is `decide.py`'s."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from glulam.model.errors import EntityNotFound, InvalidConfig, InvalidInput
from glulam.model.uri import S3Uri
from glulam.project.comforts import Comforts
from glulam.project.kinds import KINDS, ORDER, ResourceId
from glulam.project.nodes import Node, Place, Problems, did_you_mean, kind_of, merged, read, without_nulls
from glulam.project.resources import Reader, Resource
from glulam.project.texts import escaped, filled

FILE = "glulam.yaml"
ALERTS = "alerts.yaml"
ASSETS = "s3://glulam/projects"
HEADER = ("project", "assets", "endpoint", "variables", "environments")
_OVERLAY = ("project", "assets", "endpoint", "variables")


@dataclass(frozen=True, kw_only=True)
class Project:
    """What a folder declares for one environment."""

    name: str
    environment: str | None
    endpoint: str | None
    assets: S3Uri
    resources: Mapping[ResourceId, Resource]
    header: Place
    """Where the project says its name."""
    files: int


def load(
    folder: Path,
    environment: str | None,
    variables: Mapping[str, str],
    environ: Mapping[str, str] = os.environ,
) -> Project:
    """Raises EntityNotFound without a glulam.yaml, InvalidConfig with `file:line: field: what is wrong`, a line each."""
    if not (folder / FILE).is_file():
        raise EntityNotFound(
            f"no {FILE} in {folder}; `glulam init` makes one, `glulam export` writes one from a server"
        )
    problems = Problems()
    whole, files = _whole(folder, problems)
    overlay = _overlay(whole, environment, problems)
    header = {key: node for key, node in whole.items() if key in HEADER}
    sections = {key: node for key, node in whole.items() if key in KINDS}
    for key, node in overlay.items():
        target = header if key in HEADER else sections
        target[key] = merged(target[key], node) if key in target else without_nulls(node)
    known = _variables(whole, header, variables, environ, problems)
    reader = Reader(variables=known, environ=environ, problems=problems)
    name, endpoint = reader.text(header, "project"), reader.text(header, "endpoint")
    assets = _assets(reader, header)
    comforts = Comforts(folder=folder, below=assets.join(name or "project"), problems=problems)
    resources: dict[ResourceId, Resource] = {}
    for section, node in sorted(sections.items(), key=lambda item: ORDER[item[0]]):
        reader.section(KINDS[section], node, comforts, resources)
    problems.refuse()
    return Project(
        name=name or "", environment=environment, endpoint=endpoint, assets=assets, resources=resources, files=files,
        header=header["project"].place,
    )  # fmt: skip


def _whole(folder: Path, problems: Problems) -> tuple[dict[str, Node], int]:
    """All files as one: header and sections."""
    paths = [folder / FILE, *(path for path in [folder / ALERTS] if path.is_file())]
    for place in dict.fromkeys(kind.folder or kind.section for kind in KINDS.values()):
        found = (p for end in ("yaml", "yml") for p in (folder / place).rglob(f"*.{end}"))
        paths += sorted(
            p for p in found if not any(part.startswith(".") for part in p.relative_to(folder).parts)
        )
    whole: dict[str, Node] = {}
    for path in paths:
        name = path.relative_to(folder).as_posix()
        allowed = (*HEADER, *KINDS) if name == FILE else tuple(KINDS)
        members = read(path, name, problems).value
        if not isinstance(members, dict):
            continue
        if name == FILE and "project" not in members:
            problems.add(Place(file=FILE, line=1), "project: missing; expected the project's name")
        for key, node in members.items():
            if key not in allowed:
                hint = f"; it belongs into {FILE}" if key in HEADER else did_you_mean(key, allowed)
                problems.add(node.place, f"{key}: unknown section{hint}")
            elif key in HEADER:
                whole[key] = node
            elif node.value is not None:
                _join(whole, key, node, problems)
    return whole, len(paths)


def _join(whole: dict[str, Node], section: str, node: Node, problems: Problems) -> None:
    """Add a file's section to what other files say of it."""
    if not isinstance(node.value, dict):
        problems.add(node.place, f"{section}: found {kind_of(node)}, expected names with their definitions")
        return
    so_far = whole.setdefault(section, Node(place=node.place, value={})).value
    assert isinstance(so_far, dict)
    for name, definition in node.value.items():
        if name in so_far:
            problems.add(definition.place, f"{section}.{name}: it stands in {so_far[name].place} already")
        so_far[name] = definition


def _overlay(whole: Mapping[str, Node], environment: str | None, problems: Problems) -> dict[str, Node]:
    """What the environment lays over. Raises InvalidConfig for one that nobody defined."""
    node = whole.get("environments")
    found = node.value if node is not None else None
    if node is not None and not isinstance(found, dict | None):
        problems.add(node.place, f"environments: found {kind_of(node)}, expected names")
    environments = found if isinstance(found, dict) else {}
    for name, inner in environments.items():
        for key, member in inner.value.items() if isinstance(inner.value, dict) else ():
            if key not in (*_OVERLAY, *KINDS):
                said = f"environments.{name}.{key}: unknown key{did_you_mean(key, (*_OVERLAY, *KINDS))}"
                problems.add(member.place, said)
            elif key in KINDS and not isinstance(member.value, dict | None):
                problems.add(
                    member.place, f"environments.{name}.{key}: found {kind_of(member)}, expected names"
                )
        if not isinstance(inner.value, dict | None):
            problems.add(inner.place, f"environments.{name}: found {kind_of(inner)}, expected a mapping")
    if environment is None:
        return {}
    if environment not in environments:
        known = ", ".join(environments) or "none"
        raise InvalidConfig(
            f"--env {environment}: {FILE} has no such environment, but {known}{did_you_mean(environment, environments)}"
        )
    value = environments[environment].value
    return {k: n for k, n in value.items() if k in (*_OVERLAY, *KINDS)} if isinstance(value, dict) else {}


def _variables(
    whole: Mapping[str, Node], header: Mapping[str, Node], given: Mapping[str, str], environ: Mapping[str, str],
    problems: Problems,
) -> dict[str, str | None]:  # fmt: skip
    declared, node = whole.get("variables"), header.get("variables")
    base = declared.value if declared is not None else {}
    found: dict[str, str | None] = {}
    if node is not None and not isinstance(node.value, dict | None):
        problems.add(node.place, f"variables: found {kind_of(node)}, expected names with values")
        return found
    members = node.value if node is not None and isinstance(node.value, dict) else {}
    for name in base if isinstance(base, dict) else ():
        found[name] = None
    for name, member in members.items():
        if name not in found:
            problems.add(
                member.place, f"variables.{name}: it is not among `variables`{did_you_mean(name, found)}"
            )
        if isinstance(member.value, str):
            found[name] = filled(member.value, member.place, {}, environ, problems)
        elif member.value is not None:
            problems.add(member.place, f"variables.{name}: found {kind_of(member)}, expected a text")
    for name, text in given.items():
        if name not in found:
            raise InvalidInput(f"--var {name}: {FILE} has no such variable{did_you_mean(name, found)}")
        found[name] = escaped(text)
    return found


def _assets(reader: Reader, header: Mapping[str, Node]) -> S3Uri:
    text = reader.text(header, "assets") or ASSETS
    try:
        return S3Uri.parse(text)
    except InvalidInput as error:
        reader.problems.add(header["assets"].place, f"assets: {error}")
        return S3Uri.parse(ASSETS)


def parse_variables(given: Sequence[str]) -> dict[str, str]:
    """`NAME=VALUE` words. Raises InvalidInput."""
    found: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InvalidInput(f"--var {text!r}: expected NAME=VALUE")
        found[name] = value
    return found
