"""The wildcards of policies: `*` for any run of characters, `?` for one. Matching takes linear time, whatever the pattern."""

from __future__ import annotations

import re
from functools import lru_cache


@lru_cache(maxsize=4096)
def compile_glob(pattern: str) -> re.Pattern[str]:
    """Match with `fullmatch`. The part after each `*` is taken where it first fits and never tried elsewhere."""
    first, *rest = (re.escape(part).replace(r"\?", ".") for part in re.sub(r"\*+", "*", pattern).split("*"))
    if not rest:
        return re.compile(first, re.DOTALL)
    middle = "".join(f"(?>.*?{part})" for part in rest[:-1])
    return re.compile(f"{first}{middle}.*{rest[-1]}", re.DOTALL)


def overlaps(pattern: str, prefix: str) -> bool:
    """Whether the pattern matches anything at all that starts with `prefix`."""
    places = {0}
    for letter in prefix:
        places = {q for p in _over_stars(pattern, places) for q in _step(pattern, p, letter)}
        if not places:
            return False
    return True


def _over_stars(pattern: str, places: set[int]) -> set[int]:
    """The places, and those behind the stars that stand there: a star may stand for nothing."""
    found = set(places)
    for place in places:
        while place < len(pattern) and pattern[place] == "*":
            place += 1
            found.add(place)
    return found


def _step(pattern: str, place: int, letter: str) -> tuple[int, ...]:
    if place >= len(pattern):
        return ()
    if pattern[place] == "*":
        return (place,)
    return (place + 1,) if pattern[place] in ("?", letter) else ()
