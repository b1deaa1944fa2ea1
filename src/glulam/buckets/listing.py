"""Lists keys in S3's order: by their UTF-8 bytes, whatever the folders look like.

In a folder the name `a/` stands for all keys that begin with it, and sorts among its neighbours where they do, so a walk
that takes names in order and goes down where a folder stands gives keys in order. Where to begin is found by bisection
on each level; what has been listed is never walked again.

Left to others: reading folders (names.py), the shape of the answer and tokens (api/object_lists.py).
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from glulam.buckets.names import FolderNames, Names
from glulam.buckets.records import Record, Records, Version, unknown
from glulam.buckets.tree import Tree
from glulam.objects import keys

_LAST = chr(0x10FFFF)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One line of a list: an object, or a common prefix (no version)."""

    name: str
    version: Version | None = None
    record: Record | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    lines: Sequence[Listed]
    truncated: bool


@dataclass(frozen=True, slots=True)
class _Step:
    """A key (the folder's own place and the last piece), or a common prefix (no place)."""

    name: str
    place: tuple[str, ...] | None
    piece: str = ""


@dataclass(slots=True)
class _Level:
    """A folder on the way down, and which of its names is next."""

    place: tuple[str, ...]
    base: str
    found: FolderNames
    index: int


class Listing:
    """Lists the buckets of a lake."""

    def __init__(self, tree: Tree, names: Names, records: Records) -> None:
        self._tree = tree
        self._names = names
        self._records = records

    def page(
        self, bucket: str, *, prefix: str = "", delimiter: str = "", after: str = "", limit: int = 1000
    ) -> Page:
        """The first `limit` lines behind `after` (a key, or a common prefix that was listed). Raises NoSuchBucket."""
        with self._tree.folder(bucket, ()):
            pass
        if limit == 0:
            return Page(lines=(), truncated=False)
        steps = self._grouped(bucket, prefix, delimiter, after)
        lines: list[Listed] = []
        while len(lines) <= limit and (some := list(islice(steps, limit + 1 - len(lines)))):
            lines += self._look(bucket, some)
        return Page(lines=self._with_records(bucket, lines[:limit]), truncated=len(lines) > limit)

    def is_empty(self, bucket: str) -> bool:
        return not self._names.holds_objects(bucket, ())

    def _grouped(self, bucket: str, prefix: str, delimiter: str, after: str) -> Iterator[_Step]:
        """Keys below the prefix and behind `after`, those with the delimiter in them as one step."""
        lower = max(prefix, f"{after}\0") if after else prefix
        if (
            delimiter
            and after.startswith(prefix)
            and after.endswith(delimiter)
            and after.find(delimiter, len(prefix)) >= 0
        ):
            lower = max(lower, _behind(_group(after, prefix, delimiter)))
        while True:
            for step in self._below(bucket, prefix, lower, fold=delimiter == "/"):
                if step.place is None:
                    yield step
                    continue
                if delimiter and step.name.find(delimiter, len(prefix)) >= 0:
                    group = _group(step.name, prefix, delimiter)
                    yield _Step(group, None)
                    lower = _behind(group)
                    break
                yield step
            else:
                return

    def _below(self, bucket: str, prefix: str, lower: str, *, fold: bool) -> Iterator[_Step]:
        base = prefix[: prefix.rfind("/") + 1]
        place = keys.folder_place(base[:-1]) if base else ()
        for step in self._walk(bucket, place, base, lower, prefix if fold else None):
            if not step.name.startswith(prefix):
                if step.name > prefix:
                    return
                continue
            yield step

    def _walk(
        self, bucket: str, place: tuple[str, ...], base: str, lower: str, folded: str | None
    ) -> Iterator[_Step]:
        """Keys not before `lower` in and below a folder whose keys begin with `base`. `folded`: folders behind this
        prefix are common prefixes."""
        levels: list[_Level] = []
        self._enter(levels, bucket, place, base, lower)
        while levels:
            level = levels[-1]
            if level.index == len(level.found.names):
                levels.pop()
                continue
            name = level.found.names[level.index]
            level.index += 1
            key = level.base + name
            if not name.endswith("/"):
                yield _Step(key, level.place, name)
                continue
            inner = (*level.place, *keys.names_of(name[:-1]))
            if folded is None or len(key) <= len(folded):
                self._enter(levels, bucket, inner, key, lower)
            elif self._any_left(bucket, inner, key, lower):
                yield _Step(key, None)

    def _enter(
        self, levels: list[_Level], bucket: str, place: tuple[str, ...], base: str, lower: str
    ) -> None:
        """Go down into a folder, unless a link has led back to one that we are in."""
        found = self._names.of(bucket, place)
        if found is not None and all(level.found.identity != found.identity for level in levels):
            levels.append(_Level(place, base, found, _first(found.names, base, lower)))

    def _any_left(self, bucket: str, place: tuple[str, ...], base: str, lower: str) -> bool:
        """Whether a folder has a key not before `lower`."""
        if base >= lower:
            return self._names.holds_objects(bucket, place)
        return next(self._walk(bucket, place, base, lower, None), None) is not None

    def _look(self, bucket: str, steps: Sequence[_Step]) -> Iterator[Listed]:
        """With their versions; keys whose file has gone meanwhile are left out."""
        index = 0
        while index < len(steps):
            place = steps[index].place
            if place is None:
                yield Listed(name=steps[index].name)
                index += 1
                continue
            until = index
            while until < len(steps) and steps[until].place is place:
                until += 1
            yield from self._look_in(bucket, place, steps[index:until])
            index = until

    def _look_in(self, bucket: str, place: tuple[str, ...], steps: Sequence[_Step]) -> Iterator[Listed]:
        try:
            with self._tree.folder(bucket, place) as folder:
                for step in steps:
                    names = keys.names_of(step.piece)
                    found: os.stat_result | None = None
                    if len(names) == 1:
                        found = self._tree.stat_in(folder, names[0], (bucket, *place, names[0]))
                    if found is None:
                        found = self._tree.stat_object(bucket, step.name)
                    if found is not None:
                        yield Listed(name=step.name, version=Version.of(found))
        except (FileNotFoundError, NotADirectoryError):
            return

    def _with_records(self, bucket: str, lines: Sequence[Listed]) -> list[Listed]:
        known = self._records.many(bucket, [line.name for line in lines if line.version])
        return [
            line if line.version is None else Listed(
                name=line.name, version=line.version,
                record=known.get((line.name, line.version)) or unknown(line.name, line.version),
            ) for line in lines
        ]  # fmt: skip


def _first(names: Sequence[str], base: str, lower: str) -> int:
    """Index of the first name that can stand for a key not before `lower`."""
    if lower <= base:
        return 0
    if not lower.startswith(base):
        return 0 if base > lower else len(names)
    rest = lower[len(base) :]
    slash = rest.find("/")
    return bisect_left(names, rest if slash < 0 else rest[: slash + 1])


def _group(key: str, prefix: str, delimiter: str) -> str:
    return key[: key.index(delimiter, len(prefix)) + len(delimiter)]


def _behind(text: str) -> str:
    """The smallest text behind all that begin with `text`."""
    for end in range(len(text) - 1, -1, -1):
        if text[end] != _LAST:
            follower = ord(text[end]) + 1
            return text[:end] + chr(0xE000 if follower == 0xD800 else follower)
    return _LAST * (len(text) + 1)
