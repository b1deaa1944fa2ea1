"""Exclusion patterns as crawlers write them, compiled once: a path below the target is left out when one matches.

    *      any characters but /          **     any characters, / too
    ?      one character but /           [a-c]  one of these; [!a-c] none of these
    {a,b}  a or b                        \\      the next character as it is

A pattern is matched against the whole path behind the include path; one that ends with / means all below it. What belongs
to no character class, group or escape stands for itself. Left to others: what is a target, what is hidden.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from glulam.model.errors import InvalidInput

Excludes = Callable[[str], bool]
"""Whether the path (behind the include path, without a leading slash) is left out."""

_MOST = 1024
_MOST_STARS = 16
"""Each may stand for anything: many of them in one pattern take for ever on a long path."""


def excluder(patterns: Sequence[str]) -> Excludes:
    """Raises InvalidInput, with the position, for a pattern that is not closed."""
    if not patterns:
        return lambda path: False
    whole = re.compile("|".join(f"(?:{_translated(pattern)})" for pattern in patterns), re.DOTALL)
    return lambda path: whole.fullmatch(path) is not None


def escaped(path: str) -> str:
    """The pattern that matches this path and nothing else."""
    return re.sub(r"([*?\[\]{}\\])", r"\\\1", path)


def check(pattern: str) -> None:
    """Raises InvalidInput."""
    _translated(pattern)


def _translated(pattern: str) -> str:
    if not pattern or len(pattern) > _MOST:
        raise InvalidInput(f"exclusion {pattern[:60]!r}: expected 1 to {_MOST} characters")
    if len(re.findall(r"\*+", pattern)) > _MOST_STARS:
        raise InvalidInput(f"exclusion {pattern[:60]!r}: expected at most {_MOST_STARS} times * or **")
    text = pattern.removeprefix("/")
    return _Glob(text + "**" if text.endswith("/") else text).regex()


class _Glob:
    def __init__(self, text: str) -> None:
        self.text, self.at, self.depth = text, 0, 0

    def regex(self) -> str:
        parts: list[str] = []
        while self.at < len(self.text):
            parts.append(self._next())
        if self.depth:
            raise self._fail("a } that closes the {")
        return "".join(parts)

    def _next(self) -> str:
        found = self.text[self.at]
        self.at += 1
        if found == "*":
            if self.text[self.at : self.at + 1] != "*":
                return "[^/]*"
            while self.text[self.at : self.at + 1] == "*":
                self.at += 1
            return ".*"
        if found == "?":
            return "[^/]"
        if found == "\\":
            if self.at == len(self.text):
                raise self._fail("a character behind \\")
            self.at += 1
            return re.escape(self.text[self.at - 1])
        if found == "[":
            return self._characters()
        return self._group(found)

    def _group(self, found: str) -> str:
        if found == "{":
            if self.depth:
                raise self._fail("no { within { }")
            self.depth += 1
            return "(?:"
        if self.depth and found == ",":
            return "|"
        if self.depth and found == "}":
            self.depth -= 1
            return ")"
        return re.escape(found)

    def _characters(self) -> str:
        end = self.text.find("]", self.at + (self.text[self.at : self.at + 1] in ("!", "^", "]")))
        inner = self.text[self.at : end]
        if end < 0 or inner in ("", "!", "^"):
            raise self._fail("a character class such as [a-z]")
        self.at = end + 1
        negated = inner[0] in "!^"
        body = re.sub(r"([\\\[\]^&~|])", r"\\\1", inner[1:] if negated else inner)
        made = f"(?!/)[{'^' if negated else ''}{body}]"
        try:
            re.compile(made)
        except re.error:
            raise self._fail("a character class such as [a-z]") from None
        return made

    def _fail(self, expected: str) -> InvalidInput:
        return InvalidInput(f"exclusion {self.text!r}, position {self.at}: expected {expected}")
