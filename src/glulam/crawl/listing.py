"""From an include path to its files by folder: what is excluded, hidden, temporary or empty is left out and counted.

One pass over the store's listing, without opening a file: three small values for each. A digest of names and etags says
whether a folder is as it was. Left to others: looking into files (`classify.py`), remembering (`memory.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from glulam.crawl.globs import excluder
from glulam.crawl.targets import S3Target
from glulam.model.errors import ObjectNotFound
from glulam.model.uri import S3Uri
from glulam.objects.base import ObjectStat, ObjectStore

DELTA_LOG = "_delta_log"
_PAGE = 1000
_ENDS = (".tmp", ".temp", ".crc", ".inprogress", ".part", "~", "$folder$", "._copying_")
"""Of the names of temporary files and of the markers that tools leave, in lower case."""
_SHOWN = 3

FileEntry = tuple[str, str, int]
"""Name within the folder, etag, size in bytes."""


@dataclass(frozen=True, kw_only=True)
class Folder:
    """A folder with files of its own, below the include path."""

    path: str
    """Behind the include path, without slashes around; empty for the include path itself."""
    files: Sequence[FileEntry]
    """In the order of their names."""

    def digest(self) -> bytes:
        """Changes when a file is added, changed or removed."""
        text = "\n".join([f"{name}\0{etag}" for name, etag, _ in self.files])
        return hashlib.blake2b(text.encode(), digest_size=16).digest()


@dataclass(kw_only=True)
class LeftOut:
    """Objects that are no data, by reason: how many, and the first few."""

    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, reason: str, key: str) -> None:
        self.counts[reason] = self.counts.get(reason, 0) + 1
        shown = self.examples.setdefault(reason, [])
        if len(shown) < _SHOWN:
            shown.append(key)


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What lies below an include path."""

    root: S3Uri
    folders: tuple[Folder, ...]
    """By path."""
    left_out: LeftOut
    delta: tuple[str, ...]
    """Paths of the folders that are Delta tables; their files are in no folder above."""
    gone: frozenset[tuple[str, str]] = frozenset()
    """Of keys that were asked for: folder and name of those that are not there any more."""
    only: str | None = None
    """The include path is this one object, in the folder `root`."""
    partial: bool = False
    """It names some files only: what it does not name stays as it is remembered."""

    def file(self, folder: Folder, name: str) -> S3Uri:
        return place(self.root, folder.path, name)


def place(root: S3Uri, path: str, name: str = "") -> S3Uri:
    """The folder (with its slash), or a file in it."""
    return S3Uri(root.bucket, f"{root.key}{path}{'/' if path else ''}{name}")


def list_target(store: ObjectStore, target: S3Target) -> Listing:
    """Everything below the target. A target that is one object is a folder with one file.

    Raises ObjectNotFound when there is nothing at all, StorageFailed when the store does not answer."""
    sorter = _Sorter(target)
    for page in store.list(target.path, page_size=_PAGE):
        sorter.take(page)
    root = target.path
    if not sorter.seen and root.key:
        single = S3Uri(root.bucket, root.key.rstrip("/"))
        try:
            found = store.head(single)
        except ObjectNotFound:
            raise ObjectNotFound(
                f"{root}: nothing lies there; expected objects below the include path"
            ) from None
        folder, _, name = single.key.rpartition("/")
        sorter.keep("", name, found)
        return replace(sorter.listing(S3Uri(root.bucket, f"{folder}/" if folder else "")), only=name)
    elif not sorter.seen:
        raise ObjectNotFound(f"{root}: nothing lies there; expected objects below the include path")
    return sorter.listing(root)


def list_keys(store: ObjectStore, target: S3Target, keys: Iterable[str]) -> Listing:
    """Only these keys, as far as they belong to the target: what an event named."""
    sorter = _Sorter(target)
    mine = sorted({key for key in keys if key.startswith(target.path.key)})

    def look(key: str) -> ObjectStat | None:
        try:
            return store.head(S3Uri(target.path.bucket, key))
        except ObjectNotFound:
            return None

    with ThreadPoolExecutor(store.at_once, thread_name_prefix="head") as pool:
        for key, found in zip(mine, pool.map(look, mine), strict=True):
            if found is None:
                sorter.lost(key)
            else:
                sorter.take([found])
    return replace(sorter.listing(target.path), partial=True)


class _Sorter:
    """Puts the objects of a listing into their folders."""

    def __init__(self, target: S3Target) -> None:
        self.start = len(target.path.key)
        self.excluded = excluder(target.exclusions)
        self.any_excluded = bool(target.exclusions)
        self.left_out = LeftOut()
        self.folders: dict[str, list[FileEntry]] = {}
        self.hidden: dict[str, str] = {}
        self.delta: set[str] = set()
        self.gone: set[tuple[str, str]] = set()
        self.seen = 0

    def lost(self, key: str) -> None:
        folder, _, name = key[self.start :].rpartition("/")
        self.left_out.add("gone", key)
        self.gone.add((folder, name))

    def take(self, page: Sequence[ObjectStat]) -> None:
        start = self.start
        for found in page:
            self.seen += 1
            path = found.uri.key[start:]
            folder, _, name = path.rpartition("/")
            why = self.hidden.get(folder)
            if why is None:
                why = self.hidden[folder] = self._folder_reason(folder)
            why = why or _file_reason(name, found.size_bytes)
            if not why and self.any_excluded and self.excluded(path):
                why = "excluded by a pattern"
            if why:
                self.left_out.add(why, found.uri.key)
            else:
                self.keep(folder, name, found)

    def keep(self, folder: str, name: str, found: ObjectStat) -> None:
        self.folders.setdefault(folder, []).append((name, found.etag, found.size_bytes))

    def _folder_reason(self, folder: str) -> str:
        parts = folder.split("/") if folder else []
        for at, part in enumerate(parts):
            if part == DELTA_LOG:
                self.delta.add("/".join(parts[:at]))
            if part.startswith(".") or (part.startswith("_") and "=" not in part):
                return "in a hidden or temporary folder"
        return ""

    def listing(self, root: S3Uri) -> Listing:
        folders = []
        for path in sorted(self.folders):
            if self.delta and any(_within(path, table) for table in self.delta):
                for name, _, _ in self.folders[path]:
                    self.left_out.add("of a Delta table", f"{root.key}{path}/{name}".replace("//", "/"))
                continue
            folders.append(Folder(path=path, files=sorted(self.folders[path])))
        return Listing(root=root, folders=tuple(folders), left_out=self.left_out, delta=tuple(sorted(self.delta)),
                       gone=frozenset(self.gone))  # fmt: skip


def _within(path: str, table: str) -> bool:
    return not table or path == table or path.startswith(f"{table}/")


def _file_reason(name: str, size: int) -> str:
    if not name:
        return "a folder's marker"
    if name[0] in "._":
        return "hidden, or a marker such as _SUCCESS"
    if name[-1] in "~$_tpcs" and name.lower().endswith(_ENDS):
        return "temporary"
    return "" if size else "empty"


def sample(folder: Folder, size: int | None) -> Sequence[FileEntry]:
    """The files to look into: spread over the folder, and the same ones as long as the folder is."""
    if size is None or len(folder.files) <= size:
        return folder.files
    step = len(folder.files) / size
    return [folder.files[int(at * step)] for at in range(size)]
