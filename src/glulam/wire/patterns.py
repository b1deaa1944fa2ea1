"""The service models' regular expressions, which are Java's, as Python's `regex` understands them.

They are anchored at both ends, as Java's `matches` is. The one odd kind, a single character class without a quantifier
(`[^\\r\\n]`), would then allow one character only; it is read as "any number of these"."""

from __future__ import annotations

import regex

_ASTRAL = r"\uD800\uDC00-\uDBFF\uDFFF"  # Java's surrogate pairs for everything beyond U+FFFF
_PYTHON_ASTRAL = r"\U00010000-\U0010FFFF"
_ONE_CLASS = regex.compile(r"\[(?:[^\]\\]|\\.)+\]")
_EVERYTHING = {".*", r"[\s\S]*", r"[\S\s]*"}


def compile_pattern(text: str) -> regex.Pattern[str] | None:
    """None when the pattern allows every text. (`.*` is among these: it is never meant to forbid line ends.)"""
    if text in _EVERYTHING:
        return None
    found = text.replace(_ASTRAL, _PYTHON_ASTRAL)
    if _ONE_CLASS.fullmatch(found):
        found += "*"
    return regex.compile(f"(?:{found})\\Z")
