"""The canonical request of Signature Version 4: one spelling for all requests that mean the same.

    METHOD \\n path \\n query \\n name:value \\n ... \\n \\n names;of;signed;headers \\n sha256 of the body

Texts are the request's bytes read as latin-1, so that encoding them again gives the bytes that were sent.
What is signed, with which key, and whether it may be, is `sigv4.py`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote, unquote_to_bytes

_SPACES = re.compile(r"[ \t]+")
_UNRESERVED = "-_.~"


def canonical_path(raw_path: str, *, double_encode: bool) -> str:
    """The path as AWS services sign it: dot segments and doubled slashes removed, then percent-encoded once more.

    S3 alone signs it as it was sent (`double_encode=False`): its keys may hold any of these."""
    if raw_path in ("", "/"):
        return "/"
    if not double_encode:
        return raw_path
    kept: list[str] = []
    for segment in raw_path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    end = "/" if kept and raw_path.endswith("/") else ""
    return quote("/" + "/".join(kept) + end, safe="/" + _UNRESERVED, encoding="latin-1")


def canonical_query(raw_query: str) -> str:
    """Sorted by encoded name, then value; each part percent-encoded in the one way; a lone name gets `=`.

    A plus is a blank, as botocore sends one and signs `%20`; a plus itself is sent as `%2B`."""
    if not raw_query:
        return ""
    parts = (pair.partition("=") for pair in raw_query.split("&") if pair)
    return "&".join(
        f"{name}={value}" for name, value in sorted((_encoded(n), _encoded(v)) for n, _, v in parts)
    )


def canonical_value(values: Iterable[str]) -> str:
    """The values of one header: each trimmed, runs of blanks folded to one; doubles joined with a comma."""
    return ",".join(_folded(value) for value in values)


def _folded(value: str) -> str:
    if "  " in value or "\t" in value:
        value = _SPACES.sub(" ", value)
    return value.strip(" ")


def _encoded(part: str) -> str:
    return quote(unquote_to_bytes(part.replace("+", " ").encode("latin-1")), safe=_UNRESERVED)
