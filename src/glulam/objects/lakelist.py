"""Walks a folder of the local lake in the order in which S3 would list its keys.

Kept apart from lake.py because its concern is speed and bounded memory: one stat and three small values for
each file, and never more than the names of the folders on the way down. Left to lake.py: pages, errors, the
root.
"""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from glulam.model.uri import S3Uri
from glulam.objects import keys
from glulam.objects.base import ObjectStat
from glulam.objects.versions import TEMPORARY, etag_of

log = logging.getLogger(__name__)


def stat_of(uri: S3Uri, found: os.stat_result) -> ObjectStat:
    return ObjectStat(
        uri=uri,
        etag=etag_of(found),
        size_bytes=found.st_size,
        last_modified=datetime.fromtimestamp(found.st_mtime, UTC),
    )


@dataclass(frozen=True, slots=True)
class LakeListing:
    """`root` is the real path that symbolic links must not leave."""

    root: str

    def walk(self, folder: str, bucket: str, key: str, above: tuple[str, ...] = ()) -> Iterator[ObjectStat]:
        """Objects below `folder`, whose key is `key` (empty or with a slash at its end). Files that vanish on
        the way are left out. Raises OSError for a folder that cannot be read."""
        for name, physical in self.names(folder):
            path = f"{folder}/{physical}"
            if name.endswith("/"):
                real = os.path.realpath(path) if os.path.islink(path) else path
                if real in above or folder.startswith(f"{real}/") or real == folder:
                    log.warning("skipped %s: a symbolic link that leads back to a folder above it", path)
                    continue
                yield from self.walk(real, bucket, key + name, (*above, folder))
                continue
            try:
                found = os.stat(path)
            except FileNotFoundError:
                continue
            if stat.S_ISREG(found.st_mode):
                yield stat_of(S3Uri(bucket, key + name), found)

    def names(self, folder: str) -> list[tuple[str, str]]:
        """Objects and folders (those end with a slash) in a folder, in the order of S3's keys: the piece of the key, and
        the name on disk."""
        found = dict(
            sorted(self._entries(folder, ()), reverse=True)
        )  # of two places of one object, the plain one
        return sorted(found.items())

    def _entries(self, folder: str, held: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        """`held`: the names of folders above that belong to the same piece of a key."""
        try:
            entries = os.scandir("/".join((folder, *held)))
        except (FileNotFoundError, NotADirectoryError):
            return
        with entries:
            for entry in entries:
                name = entry.name
                if name.endswith(TEMPORARY) or not self._is_ours(entry):
                    continue
                is_folder = entry.is_dir()
                if is_folder and keys.is_part(name):
                    yield from self._entries(folder, (*held, name))
                    continue
                found = keys.piece_of((*held, name))
                if found is None or (found[1] and is_folder):
                    log.warning("skipped %s: no key is written like that", entry.path)
                    continue
                yield (f"{found[0]}/" if is_folder else found[0]), "/".join((*held, name))

    def _is_ours(self, entry: os.DirEntry[str]) -> bool:
        if entry.is_symlink() and not os.path.realpath(entry.path).startswith(f"{self.root}/"):
            log.warning("skipped %s: a symbolic link out of the lake %s", entry.path, self.root)
            return False
        if not entry.name.isascii() and any("\ud800" <= c <= "\udfff" for c in entry.name):
            log.warning("skipped %r: the file name is not UTF-8, so it cannot be a key", entry.path)
            return False
        return True
