"""Where objects must lie to set off some rule: buckets and prefixes, from the rules' patterns. Pure.

A bucket has to be named in full; a rule for objects of any bucket matches what is told, and has nothing looked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from glulam.events.patterns import Pattern
from glulam.model.uri import S3Uri
from glulam.objects.notices import SOURCE, Change

_BUCKET, _KEY = "detail.bucket.name", "detail.object.key"


def watched(patterns: Iterable[Pattern]) -> list[S3Uri]:
    """The least prefixes (their keys need not end with a slash) that hold all objects of the patterns; sorted."""
    return covering(place for pattern in patterns for place in _of(pattern))


def covering(places: Iterable[S3Uri]) -> list[S3Uri]:
    """Without those that lie below others; sorted."""
    kept: list[S3Uri] = []
    for place in sorted(set(places)):  # a shorter prefix comes before those that it covers
        if not (kept and kept[-1].bucket == place.bucket and place.key.startswith(kept[-1].key)):
            kept.append(place)
    return kept


def _of(pattern: Pattern) -> Iterator[S3Uri]:
    for asked in pattern.alternatives():
        if _may(asked.get("source"), {SOURCE}) and _may(asked.get("detail-type"), set(Change)):
            for bucket in asked.get(_BUCKET, ()):
                if isinstance(bucket, str):
                    for choice in asked.get(_KEY, [None]):
                        yield S3Uri(bucket, _start(choice))


def _may(choices: list[Any] | None, wanted: set[Any]) -> bool:
    """Whether one of the choices can be one of these. What is no plain text may be anything."""
    return choices is None or any(choice in wanted if isinstance(choice, str) else True for choice in choices)


def _start(choice: Any) -> str:
    """With what the keys of a choice begin."""
    if isinstance(choice, str):
        return choice
    if not isinstance(choice, dict):
        return ""
    if isinstance(choice.get("prefix"), str):
        return str(choice["prefix"])
    return re.split(r"[*\\]", choice.get("wildcard", ""))[0]
