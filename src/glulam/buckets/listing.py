"""Lists keys in S3's order: by their UTF-8 bytes, whatever the folders look like.

In a folder the name `a/` stands for all keys that begin with it, and sorts among its neighbours where they do, so a walk
that takes names in order and goes down where a folder stands gives keys in order. Where to begin is found by bisection
on each level; what has been listed is never walked again.

Left to others: reading folders (names.py), the shape of the answer and tokens (api/object_lists.py).
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from glulam.buckets.names import Names
from glulam.buckets.records import Records, Version, unknown_etag
from glulam.buckets.tree import Tree
from glulam.objects import keys

_LAST = chr(0x10FFFF)


class Listed(NamedTuple):
    """One line of a list: an object, or a common prefix (no version). (A tuple: a page has a thousand.)"""

    name: str
    version: Version | None = None
    etag: str = ""
    about: str = "{}"
    """The row's document, as JSON."""
    tags: str | None = None


_Seen = tuple[str, Version | None]
"""Key and version, or a common prefix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    lines: Sequence[Listed]
    truncated: bool


class _Step(NamedTuple):
    """A key (the folder's own place and the last piece), or a common prefix (no place)."""

    name: str
    place: tuple[str, ...] | None
    piece: str = ""


@dataclass(frozen=True, slots=True)
class _Asked:
    bucket: str
    prefix: str
    delimiter: str
    after: str


@dataclass(slots=True)
class _Level:
    """A folder on the way down, and those of its names that are still to come."""

    place: tuple[str, ...]
    base: str
    identity: tuple[int, int]
    names: Iterator[str]


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
        steps = self._grouped(_Asked(bucket, prefix, delimiter, after))
        seen: list[_Seen] = []
        while len(seen) <= limit and (some := list(islice(steps, limit + 1 - len(seen)))):
            seen += self._look(bucket, some)
        return Page(lines=self._described(bucket, seen[:limit]), truncated=len(seen) > limit)

    def is_empty(self, bucket: str) -> bool:
        return not self._names.holds_objects(bucket, ())

    def _grouped(self, asked: _Asked) -> Iterator[_Step]:
        """Keys below the prefix and behind `after`, those with the delimiter in them as one step."""
        prefix, delimiter, after = asked.prefix, asked.delimiter, asked.after
        lower = max(prefix, f"{after}\0") if after else prefix
        if delimiter and after.startswith(prefix) and delimiter in after[len(prefix) :]:
            group = _group(after, prefix, delimiter)
            lower = _behind(group) if group == after else lower  # a page ended with this common prefix
        if not delimiter:
            yield from self._below(asked, lower)
            return
        while True:
            for step in self._below(asked, lower):
                if step.place is not None and delimiter in step.name[len(prefix) :]:
                    group = _group(step.name, prefix, delimiter)
                    yield _Step(group, None)
                    lower = _behind(group)
                    break
                yield step
            else:
                return

    def _below(self, asked: _Asked, lower: str) -> Iterator[_Step]:
        prefix = asked.prefix
        base = prefix[: prefix.rfind("/") + 1]
        place = keys.folder_place(base[:-1]) if base else ()
        steps = self._walk(asked, place, base, lower, fold=asked.delimiter == "/")
        if prefix == base:
            yield from steps
            return
        for step in steps:
            if step.name.startswith(prefix):
                yield step
            elif step.name > prefix:
                return

    def _walk(
        self, asked: _Asked, place: tuple[str, ...], base: str, lower: str, *, fold: bool
    ) -> Iterator[_Step]:
        """Keys not before `lower` in and below a folder whose keys begin with `base`. `fold`: a folder behind the prefix
        is a common prefix."""
        levels: list[_Level] = []
        self._enter(levels, asked, place, base, lower)
        while levels:
            level = levels[-1]
            name = next(level.names, None)
            if name is None:
                levels.pop()
                continue
            key = level.base + name
            if not name.endswith("/"):
                yield _Step(key, level.place, name)
                continue
            inner = (*level.place, *keys.names_of(name[:-1]))
            if not fold or len(key) <= len(asked.prefix):
                self._enter(levels, asked, inner, key, lower)
            elif self._any_left(asked, inner, key, lower):
                yield _Step(key, None)

    def _enter(
        self, levels: list[_Level], asked: _Asked, place: tuple[str, ...], base: str, lower: str
    ) -> None:
        """Go down into a folder, unless a link has led back to one that we are in."""
        going_on = bool(asked.after) and asked.after.startswith(base)
        found = self._names.of(asked.bucket, place, fresh=not going_on)
        if found is None or any(level.identity == found.identity for level in levels):
            return
        names = (
            iter(()) if lower > base and not lower.startswith(base) else found.names.since(_rest(base, lower))
        )
        levels.append(_Level(place, base, found.identity, names))

    def _any_left(self, asked: _Asked, place: tuple[str, ...], base: str, lower: str) -> bool:
        """Whether a folder has a key not before `lower`."""
        if base >= lower:
            return self._names.holds_objects(asked.bucket, place)
        return next(self._walk(asked, place, base, lower, fold=False), None) is not None

    def _look(self, bucket: str, steps: Sequence[_Step]) -> Iterator[_Seen]:
        """With their versions; keys whose file has gone meanwhile are left out."""
        index = 0
        while index < len(steps):
            place = steps[index].place
            if place is None:
                yield steps[index].name, None
                index += 1
                continue
            until = index
            while until < len(steps) and steps[until].place is place:
                until += 1
            yield from self._look_in(bucket, place, steps[index:until])
            index = until

    def _look_in(self, bucket: str, place: tuple[str, ...], steps: Sequence[_Step]) -> Sequence[_Seen]:
        seen: list[_Seen] = []
        with (
            contextlib.suppress(FileNotFoundError, NotADirectoryError),
            self._tree.folder(bucket, place) as folder,
        ):
            for key, _, piece in steps:
                found = _plain_file(folder, piece) or self._tree.stat_object(bucket, key)
                if found is not None:
                    seen.append((key, Version.of(found)))
        return seen

    def _described(self, bucket: str, seen: Sequence[_Seen]) -> list[Listed]:
        """With what their rows say; a file without one was made by somebody else."""
        keys = [name.encode() for name, version in seen if version]
        rows = self._records.briefs(bucket, keys)
        found: list[Listed] = []
        for name, version in seen:
            if version is None:
                found.append(Listed(name))
            elif row := rows.get((name.encode(), version)):
                found.append(Listed(name, version, *row))
            else:
                found.append(Listed(name, version, unknown_etag(version)))
        return found


def _rest(base: str, lower: str) -> str:
    """Names in the folder of `base` that come before this stand for keys before `lower`."""
    if not lower.startswith(base):
        return ""
    piece, slash, _ = lower[len(base) :].partition("/")
    return piece + slash


def _group(key: str, prefix: str, delimiter: str) -> str:
    return key[: key.index(delimiter, len(prefix)) + len(delimiter)]


def _behind(text: str) -> str:
    """The smallest text behind all that begin with `text`."""
    for end in range(len(text) - 1, -1, -1):
        if text[end] != _LAST:
            follower = ord(text[end]) + 1
            return text[:end] + chr(0xE000 if follower == 0xD800 else follower)
    return _LAST * (len(text) + 1)


def _plain_file(folder: int, piece: str) -> os.stat_result | None:
    """What most objects are; None for all that takes a closer look."""
    if not keys.is_plain(piece):
        return None
    try:
        found = os.stat(piece, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None
