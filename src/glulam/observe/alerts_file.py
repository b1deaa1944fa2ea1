"""A YAML document of channels and rules, and what applying it changes. A mistake is said with file and line.

channels:
  team: {type: slack, url: "${secret:SLACK}"}
rules:
  failed-jobs:
    event: Glue Job State Change
    where: {state: [FAILED, TIMEOUT]}
    severity: P1
    channels: [team]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from glulam.model import yaml_file
from glulam.model.errors import GlulamError, InvalidConfig
from glulam.model.place import Place
from glulam.model.yaml_file import YamlFile
from glulam.observe import definitions
from glulam.observe.mistakes import mistakes
from glulam.observe.secrets import Box

SECTIONS = ("channels", "rules")


@dataclass(frozen=True, kw_only=True)
class AlertsFile:
    """A file whose every definition is well-formed by itself."""

    file: YamlFile
    channels: Mapping[str, Mapping[str, Any]]
    rules: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Applied:
    """What was put, and whether it was new or different."""

    what: str
    """`channel` or `rule`."""
    name: str
    changed: bool


def load(path: Path) -> AlertsFile:
    """Raises InvalidConfig."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidConfig(f"{path}: cannot be read: {error}") from None
    return parse(text, str(path))


def parse(text: str, name: str) -> AlertsFile:
    """Raises InvalidConfig with a line for each mistake."""
    file = yaml_file.parse(text, name, "channels")
    found = [str(file.wrong([key], "unknown key")) for key in file.data if key not in SECTIONS]
    sections = {section: _section(file, section) for section in SECTIONS}
    for section, definitions_ in sections.items():
        for one, given in definitions_.items():
            found += [str(file.wrong([section, one, *at], text)) for at, text in mistakes(section, given)]
    if found:
        raise InvalidConfig("\n".join(found))
    return AlertsFile(file=file, **sections)


def apply(conn: psycopg.Connection, place: Place, wanted: AlertsFile, box: Box) -> list[Applied]:
    """Put what the file has; what it does not name stays as it is. Raises InvalidConfig."""
    done = []
    for name, given in wanted.channels.items():
        with _with_line(wanted.file, "channels", name):
            done.append(Applied(what="channel", name=name,
                                changed=definitions.put_channel(conn, place, name, given, box)))  # fmt: skip
    for name, given in wanted.rules.items():
        with _with_line(wanted.file, "rules", name):
            done.append(
                Applied(what="rule", name=name, changed=definitions.put_rule(conn, place, name, given))
            )
    return done


@contextmanager
def _with_line(file: YamlFile, section: str, name: str) -> Iterator[None]:
    try:
        yield
    except GlulamError as error:
        raise file.wrong([section, name], str(error)) from error


def _section(file: YamlFile, section: str) -> Mapping[str, Mapping[str, Any]]:
    found = file.data.get(section) or {}
    if not isinstance(found, Mapping):
        raise file.wrong([section], f"found {type(found).__name__}, expected names with their definitions")
    for name, given in found.items():
        if not isinstance(name, str) or not isinstance(given, Mapping):
            raise file.wrong([section, str(name)], "expected a name with a mapping below it")
    return found
