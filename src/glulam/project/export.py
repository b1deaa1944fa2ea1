"""From what a server has to the files of a project folder, whose plan against that server is empty.

Secrets become references: what they hold stays on the server."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import yaml

from glulam.project import alerts
from glulam.project.kinds import KINDS, AlertKind, Document, ResourceId, empty
from glulam.project.texts import SEALED, names_a_secret

_FOLDED = re.compile(r"[^A-Za-z0-9_.-]+")


def files(project: str, found: Mapping[ResourceId, Document]) -> dict[str, str]:
    """Texts by path: glulam.yaml, and a file for each thing in the folder of its section."""
    made = {"glulam.yaml": _yaml({"project": project})}
    taken: set[str] = {*made}
    for id, document in sorted(found.items()):
        path = _path(id, taken)
        taken.add(path.lower())
        made[path] = _yaml({id.section: {_key(id): {**_names(id), **definition(id, document)}}})
    return made


def definition(id: ResourceId, document: Document) -> Document:
    """As it stands in a file: without what is empty, with references in place of secrets."""
    prefix = re.sub(r"[^A-Za-z0-9]+", "_", id.name).upper()
    prefix = prefix if not prefix[:1].isdigit() else f"_{prefix}"
    if isinstance(KINDS[id.section], AlertKind):
        return alerts.exported(document, prefix)
    kept = {member: _cleaned(value, (member,), prefix) for member, value in document.items()}
    if id.section == "events" and "EventPattern" in document:
        kept["EventPattern"] = json.loads(document["EventPattern"])
    return {member: value for member, value in kept.items() if not empty(value)}


def _cleaned(value: Any, path: tuple[str, ...], prefix: str) -> Any:
    if isinstance(value, Mapping):
        shown = {k.removeprefix(SEALED) if path[0].endswith("Properties") else k: v for k, v in value.items()}
        cleaned = {k: _cleaned(v, (*path, k), prefix) for k, v in shown.items()}
        return {k: v for k, v in cleaned.items() if not empty(v)}
    if isinstance(value, list):
        return [_cleaned(v, path, prefix) for v in value]
    if isinstance(value, str) and names_a_secret(path[-1]) and path[0].endswith("Properties"):
        return f"${{secret:{prefix}_{re.sub('[^A-Za-z0-9]+', '_', path[-1]).upper()}}}"
    return value


def _names(id: ResourceId) -> Document:
    """The names, where the key cannot say them."""
    if KINDS[id.section].parent and "." in id.names[0]:
        return {str(KINDS[id.section].parent): id.names[0], "Name": id.names[1]}
    return {}


def _key(id: ResourceId) -> str:
    return id.name.replace("${", "$${")


def _path(id: ResourceId, taken: set[str]) -> str:
    base = "/".join(_FOLDED.sub("_", name).lstrip(".") or "_" for name in id.names)
    folder = KINDS[id.section].folder or id.section
    path, number = f"{folder}/{base[:150]}.yaml", 1
    while path.lower() in taken:
        number += 1
        path = f"{folder}/{base[:150]}-{number}.yaml"
    return path


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks; no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def _yaml(document: Document) -> str:
    return str(yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120))
