"""Secrets of channels: apart from the documents that people read, encrypted with a key that is not in the database.

    password: hunter2                  kept sealed; shown as ********, which given back means: as it was
    url: https://hooks.example/T0/x    the same; shown as https://hooks.example/********
    password: ${secret:SMTP}           a reference to a value that `glulam alerts secret SMTP` keeps; stays as it is
    password: ${env:ALERT_SMTP}        the sender's environment has it; names begin with ALERT_, so that no channel reads others

References can stand inside of a text (`Bearer ${secret:TOKEN}`) and in every text of a document."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from glulam.model.errors import EncryptionFailed, EntityNotFound, InvalidInput

MASK = "********"
ENV_PREFIX = "ALERT_"
SECRET_FIELDS = ("url", "secret", "password", "routing_key", "secret_access_key")
SECRET_MAPS = ("headers",)
"""All values in there."""
HIDDEN_KEYS = (*SECRET_FIELDS, *SECRET_MAPS)
MOST_SHOWN = 500
_SHORTEST = 4
"""Of less, every text is full."""
_REFERENCE = re.compile(r"\$\{(\w*):([^{}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,127}")


class Box(Protocol):
    """Encrypts with a key that is not in the database; `context` binds a value to its place."""

    def encrypt(self, plain: bytes, context: str) -> bytes: ...

    def decrypt(self, sealed: bytes, context: str) -> bytes:
        """Raises EncryptionFailed."""


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """A channel's document as it is stored."""

    document: dict[str, Any]
    secrets: dict[str, str]
    """By the place in the document: base64."""


def is_hidden(value: str) -> bool:
    """Whether the text holds a reference or a mask, so that what it stands for is not known here."""
    return MASK in value or _REFERENCE.search(value) is not None


def references(value: object) -> Iterator[tuple[str, str]]:
    """Kind and name of each. Raises InvalidInput for one that is none."""
    if isinstance(value, Mapping):
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from references(one)
    elif isinstance(value, str):
        for kind, name in _REFERENCE.findall(value):
            if kind not in ("secret", "env") or not _NAME.fullmatch(name):
                raise InvalidInput(
                    f"${{{kind}:{name}}} is no reference: expected ${{secret:NAME}} or ${{env:NAME}}"
                )
            if kind == "env" and not name.startswith(ENV_PREFIX):
                raise InvalidInput(
                    f"${{env:{name}}}: names of variables that channels may read begin with {ENV_PREFIX}"
                )
            yield kind, name


def check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidInput(f"secret {name!r}: expected letters, digits and _ . - in a name")


def seal(given: Mapping[str, Any], before: Sealed, box: Box, context: str) -> Sealed:
    """Take the secrets out of a document. A mask stands for the secret that was at its place `before`."""
    kept: dict[str, str] = {}
    document = dict(given)

    def hide(place: str, value: object, masked_before: object) -> object:
        if not isinstance(value, str) or _REFERENCE.search(value):
            return value
        if MASK in value:
            if place not in before.secrets or value != masked_before:
                raise InvalidInput(
                    f"{place}: {value} stands for a secret that is not kept here; give its value"
                )
            kept[place] = before.secrets[place]
            return value
        kept[place] = base64.b64encode(box.encrypt(value.encode(), f"{context}/{place}")).decode()
        return _masked(value)

    for name in SECRET_FIELDS:
        if name in given:
            document[name] = hide(name, given[name], before.document.get(name))
    for name in SECRET_MAPS:
        if isinstance(given.get(name), Mapping):
            known = before.document.get(name, {})
            document[name] = {k: hide(f"{name}/{k}", v, known.get(k)) for k, v in given[name].items()}
    return Sealed(document=document, secrets=kept)


def unseal(stored: Sealed, box: Box, context: str) -> dict[str, Any]:
    """The document as it was given. Raises EncryptionFailed."""
    found = dict(stored.document)
    for place, text in stored.secrets.items():
        value = box.decrypt(base64.b64decode(text), f"{context}/{place}").decode()
        name, _, key = place.partition("/")
        if key:
            found[name] = {**found[name], key: value}
        else:
            found[name] = value
    return found


def resolve(document: Mapping[str, Any], look_up: Callable[[str, str], str]) -> dict[str, Any]:
    """The document with its references replaced. look_up: from kind and name; raises EntityNotFound."""

    def replaced(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: replaced(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [replaced(one) for one in value]
        if isinstance(value, str):
            return _REFERENCE.sub(lambda found: look_up(found[1], found[2]), value)
        return value

    return {key: replaced(value) for key, value in document.items()}


def look_up(
    env: Mapping[str, str], stored: Mapping[str, bytes], box: Box, context: str
) -> Callable[[str, str], str]:
    """What references stand for. stored: sealed secrets by name."""

    def find(kind: str, name: str) -> str:
        if kind == "env":
            if not name.startswith(ENV_PREFIX) or not env.get(name):
                raise EntityNotFound(f"${{env:{name}}}: the environment of the sender has no {name}")
            return env[name]
        if name not in stored:
            raise EntityNotFound(
                f"${{secret:{name}}}: there is no such secret; `glulam alerts secret {name}` makes it"
            )
        try:
            return box.decrypt(stored[name], f"{context}/{name}").decode()
        except EncryptionFailed as error:
            raise EncryptionFailed(f"secret {name}: {error}") from error

    return find


def texts(document: Mapping[str, Any]) -> list[str]:
    """What of an opened document no message may hold: its secrets, and of URLs all behind the host."""
    found = [document[name] for name in SECRET_FIELDS if isinstance(document.get(name), str)]
    for name in SECRET_MAPS:
        found += (document.get(name) or {}).values()
    return found + [url.partition("://")[2].partition("/")[2] for url in found if "://" in url]


def scrubbed(text: str, secrets: Iterable[str]) -> str:
    """The beginning of the text with every secret masked: what others answer may repeat ours. Cut last, so that no half of a
    secret is left."""
    for secret in sorted((s for s in secrets if len(s) >= _SHORTEST), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 1] + "…"


def _masked(value: str) -> str:
    parts = urlsplit(value) if value.startswith(("http://", "https://")) else None
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/{MASK}" if parts else MASK
