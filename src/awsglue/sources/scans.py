"""Which files a source reads: all below its paths, or, with a bookmark or exclusions, those that were listed and are left."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from awsglue import gluetypes as gt
from awsglue.bookmarks import JobBookmark, unread, within
from awsglue.listing import FileVersion, files
from awsglue.workspace import Workspace, flag
from glulam.model.errors import InvalidInput

log = logging.getLogger("awsglue")


@dataclass(frozen=True, kw_only=True)
class Scan:
    paths: tuple[str, ...]
    """Folders or files, as Spark takes them."""
    base: str | None = None
    """The folder below which `key=value` folders are partitions, when `paths` are files."""
    recurse: bool = False
    keys: gt.StructType | None = None
    """Types of the partition keys, where a catalog says them."""
    constants: tuple[tuple[str, str], ...] = ()
    """Partition values that the paths do not show."""


def of_options(work: Workspace, options: dict[str, Any], transformation_ctx: str) -> list[Scan]:
    """Scans for `paths`, `recurse`, `exclusions` of a source's options. None when nothing is left to read."""
    given = options.get("paths", options.get("path"))
    paths = [given] if isinstance(given, str) else list(given or ())
    if not paths:
        raise InvalidInput('an s3 source needs connection_options={"paths": [...]}')
    work.reach(*paths)
    recurse = flag(options, "recurse")
    exclusions = exclusions_of(options)
    bookmark = bookmark_of(work, transformation_ctx, options)
    if bookmark is None and not exclusions and not any(map(is_bucket, paths)):
        return [Scan(paths=tuple(paths), recurse=recurse)]
    per_path = {path: files(work.settings, [path], exclusions) for path in paths}
    chosen = left(bookmark, transformation_ctx, [f for found in per_path.values() for f in found])
    return [
        Scan(
            paths=tuple(f.path for f in found if f in chosen), base=None if recurse else path, recurse=recurse
        )
        for path, found in per_path.items()
        if any(f in chosen for f in found)
    ]


def is_bucket(path: str) -> bool:
    """A whole bucket: on a lake, Hadoop's view file system cannot list the root of a mount."""
    return re.fullmatch(r"s3[an]?://[^/]+/*", path) is not None


def bookmark_of(work: Workspace, transformation_ctx: str, options: dict[str, Any]) -> JobBookmark | None:
    """The run's bookmark, where this source is to use it."""
    bookmark = work.bookmark
    if bookmark is None or not bookmark.reads:
        return None
    if not transformation_ctx:
        log.warning("a source without transformation_ctx has no bookmark: every run reads all of it")
        return None
    return bookmark


def left(
    bookmark: JobBookmark | None, transformation_ctx: str, found: Sequence[FileVersion]
) -> set[FileVersion]:
    """The files to read; the bookmark notes what it will know once the job commits."""
    if bookmark is None:
        return set(found)
    work, state = unread(within(found, bookmark.end(transformation_ctx)), bookmark.state(transformation_ctx))
    bookmark.note(transformation_ctx, state)
    return set(work)


def exclusions_of(options: dict[str, Any]) -> list[str]:
    """A list of globs, or that list as JSON text, which is how Glue documents it."""
    given = options.get("exclusions") or []
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError as error:
            raise InvalidInput(
                f'exclusions: {given!r}; expected a JSON list such as ["s3://bucket/**.tmp"]'
            ) from error
    return texts("exclusions", given)


def texts(name: str, given: Iterable[Any]) -> list[str]:
    found = list(given)
    if not all(isinstance(item, str) for item in found):
        raise InvalidInput(f"{name}: {found!r}; expected texts")
    return found
