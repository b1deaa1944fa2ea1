"""The names in a folder, as pieces of keys in S3's order: `a.json`, or `a/` for a folder.

A folder that holds the rest of long names is not a folder of keys: what is in it belongs to the folder above.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from glulam.buckets.foldercache import PackedNames
from glulam.buckets.tree import Tree
from glulam.objects import keys
from glulam.objects.versions import MARK, TEMPORARY

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderNames:
    """A folder of keys. A name ends with a slash when it is a folder."""

    names: PackedNames
    """Sorted by code points, which is the order of UTF-8."""
    identity: tuple[int, int]
    """Device and inode."""


class Names:
    """Reads folders of the lake."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree

    def of(self, bucket: str, place: tuple[str, ...], *, fresh: bool = True) -> FolderNames | None:
        """None: no such folder. `fresh`: with all that others changed up to now. Raises NoSuchBucket."""
        try:
            with self.tree.folder(bucket, place) as folder:
                found = os.fstat(folder)
                names = self.tree.cache.names(
                    folder, lambda: self._read(folder, (bucket, *place)), fresh=fresh
                )
        except (FileNotFoundError, NotADirectoryError):
            return None
        return FolderNames(names=names, identity=(found.st_dev, found.st_ino))

    def _read(self, folder: int, path: tuple[str, ...]) -> tuple[list[str], bool]:
        """A change in a folder with the rest of long names leaves the time of the folder above as it was."""
        parts: list[str] = []
        return list(self._scan(folder, path, (), parts)), not parts

    def holds_objects(self, bucket: str, place: Sequence[str]) -> bool:
        """Whether there is any object in or below a folder; looks no further than the first."""
        waiting, seen = [tuple(place)], set()
        while waiting:
            here = waiting.pop()
            try:
                with self.tree.folder(bucket, here) as folder:
                    found = os.fstat(folder)
                    if (found.st_dev, found.st_ino) in seen:
                        continue
                    seen.add((found.st_dev, found.st_ino))
                    for name in self._scan(folder, (bucket, *here), ()):
                        if not name.endswith("/"):
                            return True
                        waiting.append((*here, *keys.names_of(name[:-1])))
            except (FileNotFoundError, NotADirectoryError):
                continue
        return False

    def _scan(
        self, folder: int, path: tuple[str, ...], held: tuple[str, ...], parts: list[str] | None = None
    ) -> Iterator[str]:
        """`held`: names above this folder that belong to the same piece of a key. `parts` gets the folders with the
        rest of long names."""
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                if name.endswith(TEMPORARY):
                    continue
                if not held and name.isascii() and name[:2] != MARK and entry.is_file(follow_symlinks=False):
                    yield name
                    continue
                kind = self._kind(entry, (*path, name))
                if not kind:
                    continue
                if not held and not name.startswith(MARK):
                    yield name if kind == "file" else f"{name}/"
                elif kind == "folder" and keys.is_part(name):
                    if parts is not None:
                        parts.append(name)
                    yield from self._scan_part(path, held, name)
                else:
                    yield from _piece((*held, name), kind, path)

    def _scan_part(self, path: tuple[str, ...], held: tuple[str, ...], name: str) -> Iterator[str]:
        try:
            with self.tree.folder(path[0], (*path[1:], name)) as inner:
                yield from self._scan(inner, (*path, name), (*held, name))
        except (FileNotFoundError, NotADirectoryError):
            return

    def _kind(self, entry: os.DirEntry[str], path: Sequence[str]) -> str:
        """`file`, `folder`, or empty for what is not ours to list."""
        name = entry.name
        if not name.isascii() and any("\ud800" <= c <= "\udfff" for c in name):
            log.warning("skipped %r: the file name is not UTF-8, so it cannot be a key", name)
            return ""
        if entry.is_symlink():
            return self.tree.kind_of_link(path)
        if entry.is_file(follow_symlinks=False):
            return "file"
        return "folder" if entry.is_dir(follow_symlinks=False) else ""


def _piece(names: tuple[str, ...], kind: str, path: Sequence[str]) -> Iterator[str]:
    found = keys.piece_of(names)
    if found is None or (found[1] and kind == "folder"):
        log.warning("skipped %s/%s: no key is written like that", "/".join(path), names[-1])
    else:
        yield found[0] if kind == "file" else f"{found[0]}/"
