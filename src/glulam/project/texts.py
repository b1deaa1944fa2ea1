"""`${var.name}`, `${env.NAME}` and `${secret:NAME}` in a project's texts.

Variables and the environment are filled in when the project is read. A reference to a secret stays a reference: in the
plan, in what is printed and in what is recorded. `reveal` makes the text that is sent, and nothing else calls it.

In a filled text `$${` stands for `${`, so that a text that only looks like a reference cannot become one."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from glulam.project.nodes import Place, Problems, did_you_mean

_REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)\}?")
_OPENED = re.compile(r"\$\{(?:([^{}]*)\})?")
SECRETS = re.compile(r"secret:([A-Za-z_][A-Za-z0-9_]*)")
OF_CHANNELS = re.compile(r"(secret|env):[A-Za-z_][A-Za-z0-9_.-]*")
"""References in alert channels: the server has the values."""
SEALED = "ENCRYPTED_"
"""Before the name of a secret that a server shows encrypted: of use to that server only."""
_SECRET_KEY = re.compile(
    r"password|passphrase|private[_-]?key|(access|refresh|auth|bearer)[_-]?token|client[_-]?secret|(secret|api)[_-]?key$",
    re.IGNORECASE,
)


def filled(
    text: str,
    place: Place,
    variables: Mapping[str, str | None],
    environ: Mapping[str, str],
    problems: Problems,
    staying: re.Pattern[str] = SECRETS,
) -> str:
    """The text with variables and environment in it; `staying` references and `$${` stay."""

    def one(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0]
        if not match[0].endswith("}"):
            problems.add(
                place, f"{match[0]!r} has no end; expected }}, or $${{ for the characters themselves"
            )
            return match[0]
        prefix, _, name = match[1].partition(".")
        if staying.fullmatch(match[1]):
            return match[0]
        if prefix == "var" and name in variables:
            value = variables[name]
            if value is None:
                problems.add(
                    place, f"variable {name} has no value; expected --var {name}=VALUE, or one in glulam.yaml"
                )
            return value or ""
        if prefix == "var":
            problems.add(place, f"no variable {name!r} in glulam.yaml{did_you_mean(name, variables)}")
        elif prefix == "env" and name:
            if name not in environ:
                problems.add(place, f"the environment has no {name}")
            return escaped(environ.get(name, ""))
        else:
            problems.add(
                place, f"found {match[0]}, expected ${{var.name}}, ${{env.NAME}} or ${{secret:NAME}}, or $${{ for ${{"
            )  # fmt: skip
        return match[0]

    return _REFERENCE.sub(one, text)


def escaped(text: str, staying: re.Pattern[str] | None = None) -> str:
    """A text of somebody else's, as a filled one; `staying` references are some there, too."""

    def one(match: re.Match[str]) -> str:
        return match[0] if staying and match[1] and staying.fullmatch(match[1]) else f"${match[0]}"

    return _OPENED.sub(one, text)


def secrets_in(text: str) -> list[str]:
    """The names of the secrets that a filled text refers to."""
    return [name[1] for m in _REFERENCE.finditer(text) if m[1] and (name := SECRETS.fullmatch(m[1]))]


def reveal(text: str, secret: Callable[[str], str]) -> str:
    """A filled text as it is sent."""

    def one(match: re.Match[str]) -> str:
        if match[1] is None:
            return "${"
        found = SECRETS.fullmatch(match[1])
        return secret(found[1]) if found else match[0]

    return _REFERENCE.sub(one, text)


def digest_of(secret: str, salt: str | None = None) -> str:
    """A salted digest (scrypt), which tells whether a secret is still the one that was sent, and not what it is."""
    salt = salt or secrets.token_hex(16)
    made = hashlib.scrypt(secret.encode(), salt=bytes.fromhex(salt), n=1 << 14, r=8, p=1, dklen=32)
    return f"{salt}${made.hex()}"


def is_digest_of(digest: str, secret: str) -> bool:
    """An empty text is the digest of nothing."""
    return bool(digest) and hmac.compare_digest(digest_of(secret, digest.partition("$")[0]), digest)


def names_a_secret(member: str) -> bool:
    """Whether a member of this name holds a secret: its value is not shown, whoever wrote it."""
    return _SECRET_KEY.search(member) is not None


def each_text(value: Any, change: Callable[[str], str]) -> Any:
    """A document with `change` done to every text in it."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: each_text(v, change) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [each_text(v, change) for v in value]
    return value


def secrets_of(value: Any) -> set[str]:
    """The names of all secrets that a document refers to."""
    found: set[str] = set()

    def look(text: str) -> str:
        found.update(secrets_in(text))
        return text

    each_text(value, look)
    return found
