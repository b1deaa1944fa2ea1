"""Channels and rules of alerts as things of a project. What a document may say is for `observe/` to know; here stands how it
travels: with references in place of all that is secret.

    the project      url: ${secret:SLACK}         value: the environment variable SLACK of who applies
    on the wire      url: ${secret:SLACK}         and beside it, if there is a value, the secret SLACK
    on the server    url: ${secret:SLACK}         the secret is kept under its name, as `glulam alerts secret` does it"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from glulam.model.errors import InvalidInput
from glulam.observe import mistakes as observed
from glulam.observe.secrets import HIDDEN_KEYS, MASK, references
from glulam.project.kinds import AlertKind, Document
from glulam.project.texts import each_text, escaped, reveal, secrets_in

Path = tuple[str, ...]


def mistakes(kind: AlertKind, document: Document) -> Iterator[tuple[Path, str]]:
    """What is wrong, and where in the document."""
    for at, text in observed.mistakes(kind.section, sent(document)):
        yield tuple(map(str, at)), text
    for path, value in _scalars(document, ()):
        if isinstance(value, float) and not math.isfinite(value):
            yield path, f"found {value}, expected a number that JSON can hold"
        if isinstance(value, str) and kind.section == "rules" and secrets_in(value):
            yield path, "a reference to a secret; only channels can have one"
        if isinstance(value, str) and kind.section == "channels":
            yield from _secret_mistakes(path, value)


def _secret_mistakes(path: Path, value: str) -> Iterator[tuple[Path, str]]:
    try:
        found = list(references(value))
    except InvalidInput as error:
        yield path, str(error)
        return
    if path[0] in HIDDEN_KEYS and not found:
        yield (
            path,
            "a secret stands here; expected ${secret:NAME}, or ${env:ALERT_NAME} of the server's environment",
        )


def _scalars(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _scalars(inner, (*path, key))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from _scalars(inner, (*path, str(at)))
    else:
        yield path, value


def sent(document: Document) -> Document:
    """As the server takes it: references stay."""
    found: Document = each_text(document, lambda text: reveal(text, lambda name: f"${{secret:{name}}}"))
    return found


def received(kind: AlertKind, document: Document) -> Document:
    """What the server answered, with filled texts."""
    staying = kind.staying if kind.section == "channels" else None
    found: Document = each_text(document, lambda text: escaped(text, staying))
    return found


def secrets_named(document: Document) -> set[str]:
    """The secrets that the server has to know."""
    return {name for kind, name in references(sent(document)) if kind == "secret"}


def exported(document: Document, prefix: str) -> Document:
    """As it stands in a file: with a reference where the server hides a value."""

    def shown(value: Any, word: str) -> Any:
        if isinstance(value, Mapping):
            return {key: shown(inner, key) for key, inner in value.items()}
        hidden = isinstance(value, str) and MASK in value
        return f"${{secret:{prefix}_{re.sub('[^A-Za-z0-9]+', '_', word).upper()}}}" if hidden else value

    return {key: shown(value, key) if key in HIDDEN_KEYS else value for key, value in document.items()}
