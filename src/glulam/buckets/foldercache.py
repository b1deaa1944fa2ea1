"""Names of large folders, kept sorted so that a page of a million keys costs no more than a page.

A folder is known as long as its modification time is the one that it had when it was read: a file that somebody drops in
changes it. Our own changes are applied to what is kept, and move that time along. A change of somebody else that falls
between ours and the look at the clock right behind it would be missed (on kernels whose file times are as coarse as the
tick, within that tick), so a folder that we changed is read again after a while. A list that goes on from an earlier page
takes what is kept even if somebody else changed the folder meanwhile: the next list from the start sees it.

Bounded: the least recently used folders go first, and what nobody asked for in some minutes goes too.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

LEAST_NAMES = 1000
"""Smaller folders are read each time."""
MOST_NAMES = 3_000_000
IDLE_S = 300.0
CONTINUE_S = 60.0
REREAD_S = 5.0
REREAD_SHARE = 20
"""A folder that we changed is read again at the earliest after so many times what reading it takes."""
_TICK_NS = 50_000_000
_CHUNK = 2000
_SEPARATOR = "/\0"
"""No name has this in it: a slash is the last character of a folder's name, and another slash comes next here."""

Read = Callable[[], tuple[list[str], bool]]
"""Reads the names of a folder, in any order, and says whether its modification time stands for all of them."""


@dataclass(frozen=True, slots=True)
class PackedNames:
    """Sorted names without doubles, about a byte for each character. A change makes a new value."""

    chunks: tuple[str, ...]
    firsts: tuple[str, ...]
    count: int

    @classmethod
    def of(cls, names: Iterable[str]) -> PackedNames:
        """Of sorted names; doubles are dropped."""
        given = [name for name, before in _with_previous(names) if name != before]
        chunks = [given[start : start + _CHUNK] for start in range(0, len(given), _CHUNK)]
        return cls(tuple(map(_SEPARATOR.join, chunks)), tuple(chunk[0] for chunk in chunks), len(given))

    def __len__(self) -> int:
        return self.count

    def since(self, lower: str) -> Iterator[str]:
        """The names not before `lower`."""
        index = max(0, bisect_right(self.firsts, lower) - 1)
        for number in range(index, len(self.chunks)):
            names = self.chunks[number].split(_SEPARATOR)
            yield from names[bisect_left(names, lower) :] if number == index else names

    def changed(self, name: str, *, there: bool) -> PackedNames:
        """With or without that name."""
        if not self.chunks:
            return PackedNames.of([name] if there else [])
        number = max(0, bisect_right(self.firsts, name) - 1)
        names = self.chunks[number].split(_SEPARATOR)
        at = bisect_left(names, name)
        if (at < len(names) and names[at] == name) == there:
            return self
        if there:
            names.insert(at, name)
        else:
            del names[at]
        half = len(names) // 2
        parts = [names[:half], names[half:]] if len(names) > 2 * _CHUNK else [names] if names else []
        end = number + 1
        return PackedNames(
            (*self.chunks[:number], *map(_SEPARATOR.join, parts), *self.chunks[end:]),
            (*self.firsts[:number], *(part[0] for part in parts), *self.firsts[end:]),
            self.count + (1 if there else -1),
        )


@dataclass(slots=True)
class _Folder:
    names: PackedNames | None = None
    mtime_ns: int = -1
    """Of the folder, when what is kept was all there is. -1: it is not."""
    read_ns: int = 0
    read_at: float = 0.0
    took_s: float = 0.0
    used_at: float = 0.0
    ours: bool = False
    """We changed it since it was read."""
    changes: list[tuple[str, bool]] = field(default_factory=list)
    """Our changes while it is being read."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    reading: threading.Lock = field(default_factory=threading.Lock)


class FolderCache:
    """Keeps names by the folder's device and inode. Safe to share between threads."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._folders: OrderedDict[tuple[int, int], _Folder] = OrderedDict()

    def names(self, descriptor: int, read: Read, *, fresh: bool) -> PackedNames:
        """The names of an open folder. `fresh`: as they are now."""
        found = os.fstat(descriptor)
        identity = (found.st_dev, found.st_ino)
        folder = self._entry(identity)
        with folder.reading:
            names = self._kept(folder, os.fstat(descriptor), fresh=fresh)
            if names is None:
                names = self._read(folder, descriptor, read)
        self._shrink(identity, len(names))
        return names

    @contextlib.contextmanager
    def changing(self, descriptor: int, name: str, *, there: bool) -> Iterator[None]:
        """Around the system call that makes a file of this name be in the folder, or be gone."""
        found = os.fstat(descriptor)
        with self._lock:
            folder = self._folders.get((found.st_dev, found.st_ino))
        if folder is None:
            yield
            return
        with folder.lock:
            before = os.fstat(descriptor).st_mtime_ns
            yield
            after = os.fstat(descriptor).st_mtime_ns
            folder.mtime_ns = after if folder.mtime_ns == before else -1
            folder.ours = True
            if folder.names is None:
                folder.changes.append((name, there))
            else:
                folder.names = folder.names.changed(name, there=there)

    def _entry(self, identity: tuple[int, int]) -> _Folder:
        with self._lock:
            folder = self._folders.setdefault(identity, _Folder())
            self._folders.move_to_end(identity)
            folder.used_at = self._monotonic()
            return folder

    def _kept(self, folder: _Folder, found: os.stat_result, *, fresh: bool) -> PackedNames | None:
        with folder.lock:
            if folder.names is None:
                return None
            age = self._monotonic() - folder.read_at
            if not fresh and age < CONTINUE_S:
                return folder.names
            settled = folder.ours or folder.read_ns - folder.mtime_ns > _TICK_NS
            due = folder.ours and age > max(REREAD_S, REREAD_SHARE * folder.took_s)
            return folder.names if folder.mtime_ns == found.st_mtime_ns and settled and not due else None

    def _read(self, folder: _Folder, descriptor: int, read: Read) -> PackedNames:
        with folder.lock:
            folder.names, folder.changes, folder.ours = None, [], False
            folder.mtime_ns, folder.read_ns = os.fstat(descriptor).st_mtime_ns, time.time_ns()
        start = self._monotonic()
        names, keep = read()
        names.sort()
        packed = PackedNames.of(names)
        with folder.lock:
            for name, there in folder.changes:
                packed = packed.changed(name, there=there)
            folder.names, folder.changes = packed if keep else None, []
            folder.read_at = self._monotonic()
            folder.took_s = folder.read_at - start
        return packed

    def _shrink(self, identity: tuple[int, int], count: int) -> None:
        now = self._monotonic()
        with self._lock:
            if count < LEAST_NAMES:
                self._folders.pop(identity, None)
            total = sum(len(f.names) for f in self._folders.values() if f.names is not None)
            for key, folder in list(self._folders.items()):
                if folder.names is not None and (total > MOST_NAMES or now - folder.used_at > IDLE_S):
                    total -= len(folder.names)
                    del self._folders[key]


def _with_previous(names: Iterable[str]) -> Iterator[tuple[str, str | None]]:
    before: str | None = None
    for name in names:
        yield name, before
        before = name
