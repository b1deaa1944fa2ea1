"""Texts of alerts with fields of their events: `Job {detail.jobName} {detail.state}`. A field is looked up by its name and
nothing else can be said between braces, so that a template is no program; `{{` and `}}` stand for braces."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from glulam.model.errors import InvalidInput

OWN = ("rule", "severity", "source", "detail-type", "time", "account", "region", "id")
ABSENT = "-"
_PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_FIELD = re.compile(r"[\w$-]+(\.[\w$-]+)*")


def check(template: str) -> str:
    """The template. Raises InvalidInput for a brace alone, and for a field that no event has."""
    for part in _PART.finditer(template):
        name = part[1]
        if name is None and part[0] in ("{", "}"):
            raise InvalidInput(f"found a {part[0]} alone in {template!r}: write {part[0] * 2} for a brace")
        if name is not None and not _known(name):
            raise InvalidInput(
                f"{{{name}}} is no field: expected {{detail.NAME}} or one of {', '.join(OWN)} in braces"
            )
    return template


def _known(name: str) -> bool:
    head, _, rest = name.partition(".")
    return bool(_FIELD.fullmatch(name)) and (head == "detail" if rest else head in OWN)


def render(template: str, fields: Mapping[str, Any], most: int) -> str:
    """At most so many characters. A field that the event does not have is `-`."""

    def part(found: re.Match[str]) -> str:
        name = found[1]
        return found[0][0] if name is None else _text(_look_up(fields, name.split(".")))

    text = _PART.sub(part, template)
    return text if len(text) <= most else text[: most - 1] + "…"


def line(text: str) -> str:
    """On one line, as titles and the heads of mails must be."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def listing(detail: Mapping[str, Any], most: int) -> str:
    """`name: value` for each field."""
    text = "\n".join(f"{name}: {_text(value)}" for name, value in detail.items())
    return text if len(text) <= most else text[: most - 1] + "…"


def _look_up(fields: object, path: list[str]) -> object:
    for step in path:
        if not isinstance(fields, Mapping) or step not in fields:
            return None
        fields = fields[step]
    return fields


def _text(value: object) -> str:
    if value is None:
        return ABSENT
    return value if isinstance(value, str) else orjson.dumps(value).decode()
