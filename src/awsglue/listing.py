"""Files below a path, with what tells one version of a file from the next: for bookmarks, exclusions and new partitions.

`s3://` through the object store of the settings (the local lake or S3), anything else as a folder of this machine.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from glulam.model.uri import S3Uri
from glulam.objects.base import ObjectStore
from glulam.objects.lake import Lake
from glulam.objects.s3 import S3Store
from glulam.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class FileVersion:
    path: str
    """As Spark takes it."""
    etag: str
    modified: float
    """Seconds since 1970."""
    size_bytes: int


def store_of(settings: Settings) -> ObjectStore:
    return S3Store() if settings.objects == "s3" else _lake(settings.lake_root)


@cache
def _lake(root: Path) -> Lake:
    root.mkdir(parents=True, exist_ok=True)
    return Lake(root)


def files(settings: Settings, paths: Iterable[str], exclusions: Iterable[str] = ()) -> list[FileVersion]:
    """Data files below the paths, each once, by name. Names that begin with . or _ are not data, as for Spark."""
    patterns = [re.compile(_pattern(text)) for text in exclusions]
    found = {
        file.path: file
        for path in paths
        for file in _below(settings, path)
        if not any(pattern.fullmatch(file.path) for pattern in patterns)
    }
    return sorted(found.values())


def _below(settings: Settings, path: str) -> Iterator[FileVersion]:
    start = path.rstrip("/")
    if not path.startswith(("s3://", "s3a://", "s3n://")):
        yield from _on_disk(Path(start.removeprefix("file://") or "/"), path.startswith("file://"))
        return
    uri = S3Uri.parse(start)
    base = path.partition("://")[0]
    for page in store_of(settings).list(S3Uri(uri.bucket, "")) if "*" in uri.key else _pages(settings, uri):
        for stat in page:
            name = f"{base}://{stat.uri.bucket}/{stat.uri.key}"
            if "*" in uri.key and not re.match(_pattern(start) + "($|/)", name):
                continue
            if _is_data(name[len(base) + 3 :]):
                yield FileVersion(path=name, etag=stat.etag, modified=stat.last_modified.timestamp(),
                                  size_bytes=stat.size_bytes)  # fmt: skip


def _pages(settings: Settings, uri: S3Uri) -> Iterator[list]:  # type: ignore[type-arg]
    store = store_of(settings)
    some = False
    for page in store.list(uri):
        some = True
        yield page
    if not some and uri.key:
        parent = S3Uri(uri.bucket, uri.key.rpartition("/")[0])
        for page in store.list(parent):
            if same := [stat for stat in page if stat.uri.key == uri.key]:
                yield same


def _on_disk(start: Path, as_uri: bool) -> Iterator[FileVersion]:
    found = [start] if start.is_file() else (Path(top) / n for top, _, names in os.walk(start) for n in names)
    for file in found:
        if _is_data(str(file.relative_to(start)) if file != start else file.name):
            stat = file.stat()
            yield FileVersion(
                path=f"file://{file.absolute()}" if as_uri else str(file), size_bytes=stat.st_size,
                etag=f"{stat.st_mtime_ns}-{stat.st_size}-{stat.st_ino}", modified=stat.st_mtime,
            )  # fmt: skip


def _is_data(name: str) -> bool:
    return not any(part.startswith((".", "_")) and "=" not in part for part in name.split("/"))


def _pattern(glob: str) -> str:
    """Glue's exclusions are globs in which `**` crosses folders and `*` does not; a character behind `\\` is itself."""
    parts = []
    for piece in re.split(r"(\\.|\*\*/?|\*|\?|\[[^\]]*\]|\{[^}]*\})", glob):
        if piece.startswith("\\"):
            parts.append(re.escape(piece[1:]))
        elif piece.startswith("**"):
            parts.append(".*")
        elif piece in ("*", "?"):
            parts.append("[^/]*" if piece == "*" else "[^/]")
        elif piece.startswith("["):
            parts.append(fnmatch.translate(piece)[4:-3])
        elif piece.startswith("{"):
            parts.append("(" + "|".join(re.escape(p) for p in piece[1:-1].split(",")) + ")")
        else:
            parts.append(re.escape(piece))
    return "".join(parts)


def partitions(found: Iterable[FileVersion], root: str, keys: list[str]) -> dict[tuple[str, ...], str]:
    """Values of the partition keys -> folder, for the files below `root` that lie in `key=value` folders."""
    places: dict[tuple[str, ...], str] = {}
    start = root.rstrip("/") + "/"
    for file in found:
        steps = file.path.removeprefix(start).split("/")[:-1]
        if len(steps) >= len(keys) and all(s.startswith(f"{k}=") for s, k in zip(steps, keys, strict=False)):
            values = tuple(unescaped(s.partition("=")[2]) for s in steps[: len(keys)])
            places[values] = start + "/".join(steps[: len(keys)]) + "/"
    return places


def unescaped(text: str) -> str:
    return re.sub("%([0-9A-Fa-f]{2})", lambda m: chr(int(m.group(1), 16)), text)
