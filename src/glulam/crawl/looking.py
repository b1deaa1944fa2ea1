"""Looks into the files of a target that are not known yet, and adds up all that is: fresh findings and remembered ones.

An unchanged folder costs its digest, an unchanged file its etag; only the others are opened, through the store and, when it
is remote, a spool that is emptied as files are done. Left to others: what is in a file (`classify.py`), what it means
(`grouping.py`)."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from glulam.crawl.findings import FileFinding, Unclassified
from glulam.crawl.formats.file import LocalFile
from glulam.crawl.listing import FileEntry, Folder, Listing, sample
from glulam.crawl.memory import FileMemory, Memory, Place
from glulam.crawl.variants import FolderFindings, Summing
from glulam.model.errors import ObjectChanged, ObjectNotFound
from glulam.model.uri import S3Uri
from glulam.objects.base import ObjectStore

Check = Callable[[], None]
"""Called now and then, from any thread; raises to stop the crawl."""
Look = Callable[[Iterable[LocalFile], Check], Iterator[FileFinding | Unclassified]]
"""Findings of files, in any order (`classify.look_many` with its options). Asks the check inside a file, too."""
_AHEAD = 64
"""Files of a remote store that are fetched before they are looked into."""


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What a target holds now."""

    folders: list[FolderFindings]
    memory: Mapping[Place, tuple[bytes, Mapping[str, FileMemory]]]
    """Of the folders that changed."""
    emptied: Sequence[Place]
    """Folders whose last files are gone, of a partial listing."""
    opened: int
    """Files that were looked into."""
    bytes: int
    """Their sizes together."""


@dataclass
class Looking:
    """One look at one target."""

    store: ObjectStore
    spool: Path
    look: Look
    check: Check
    sample_size: int | None = None
    only_new_folders: bool = False
    """Folders that are known stay as they are remembered."""
    _opened: int = 0
    _bytes: int = 0
    _where: dict[S3Uri, tuple[Folder, FileEntry]] = field(default_factory=dict)
    _paths: dict[S3Uri, Path] = field(default_factory=dict)
    _emptied: list[Place] = field(default_factory=list)

    def run(self, listing: Listing, memory: Memory) -> Looked:
        """Raises what `check` raises, and StorageFailed."""
        target = str(listing.root)
        summing = Summing()
        files: dict[Place, dict[str, FileMemory]] = {}
        digests: dict[Place, bytes] = {}
        work: list[tuple[Folder, FileEntry]] = []
        listed = {folder.path: folder for folder in listing.folders}
        for folder in self._folders(listing, listed, memory):
            place = (target, folder.path)
            known = memory.folders.get(place, {})
            digest = folder.digest()
            digests[place] = digest
            if memory.digests.get(place) == digest or (self.only_new_folders and place in memory.digests):
                _remember(listing, folder, known, summing)
                _unseen(folder, known.keys(), summing)
                continue
            files[place] = {}
            chosen = sample(folder, self.sample_size)
            _unseen(folder, {entry[0] for entry in chosen}, summing)
            for entry in chosen:
                old = known.get(entry[0])
                if old is not None and old.etag == entry[1]:
                    files[place][entry[0]] = old
                    _remember(listing, folder, {entry[0]: old}, summing)
                else:
                    work.append((folder, entry))
        for found, folder_path, name in self._findings(listing, work):
            files[target, folder_path][name] = _memory_of(found, folder_path, name, summing)
        changed = {place: (digests[place], files[place]) for place in files}
        return Looked(folders=summing.findings(), memory=changed, emptied=self._emptied, opened=self._opened,
                      bytes=self._bytes)  # fmt: skip

    def _folders(self, listing: Listing, listed: Mapping[str, Folder], memory: Memory) -> Iterable[Folder]:
        """Those of the listing; of a partial one, those that are remembered too, with all their files."""
        if not listing.partial:
            return listed.values()
        merged, target = dict(listed), str(listing.root)
        for (place, path), known in memory.folders.items():
            if place != target:
                continue
            named = {entry[0]: entry for entry in listed[path].files} if path in listed else {}
            old = {
                name: (name, file.etag, file.size_bytes) for name, file in known.items() if (path, name) not in listing.gone
            }  # fmt: skip
            if old or named:
                merged[path] = Folder(path=path, files=sorted({**old, **named}.values()))
            else:
                self._emptied.append((place, path))
        return [merged[path] for path in sorted(merged)]

    def _findings(
        self, listing: Listing, work: Sequence[tuple[Folder, FileEntry]]
    ) -> Iterator[tuple[FileFinding | Unclassified, str, str]]:
        """Each file's finding with its folder and name. A file that is gone by now is left out."""
        if not work:
            return
        self._where = {listing.file(folder, entry[0]): (folder, entry) for folder, entry in work}
        self.spool.mkdir(parents=True, exist_ok=True)
        try:
            for number, found in enumerate(self.look(self._local(), self.check)):
                folder, entry = self._where[found.uri]
                if number % 256 == 0:
                    self.check()
                self._opened += 1
                self._bytes += entry[2]
                if not self.store.in_place:
                    self._paths.pop(found.uri).unlink(missing_ok=True)
                yield found, folder.path, entry[0]
        finally:
            shutil.rmtree(self.spool, ignore_errors=True)

    def _local(self) -> Iterator[LocalFile]:
        """The files, as they are asked for; a remote store's are fetched some ahead."""
        if self.store.in_place:
            for uri, (_, entry) in self._where.items():
                if (found := self._fetched(uri, entry)) is not None:
                    yield found
            return
        with ThreadPoolExecutor(min(self.store.at_once, _AHEAD), thread_name_prefix="fetch") as pool:
            waiting = iter(self._where.items())
            while some := list(islice(waiting, _AHEAD)):
                for found in pool.map(lambda pair: self._fetched(pair[0], pair[1][1]), some):
                    if found is not None:
                        yield found

    def _fetched(self, uri: S3Uri, entry: FileEntry) -> LocalFile | None:
        try:
            path = self.store.fetch(uri, entry[1], self.spool)
        except (ObjectNotFound, ObjectChanged):
            return None  # the next crawl sees what it is then
        self._paths[uri] = path
        return LocalFile(uri=uri, etag=entry[1], size_bytes=entry[2], path=path)


def _memory_of(found: FileFinding | Unclassified, path: str, name: str, summing: Summing) -> FileMemory:
    if isinstance(found, Unclassified):
        summing.refuse(path, found)
        return FileMemory(
            etag=found.etag, size_bytes=found.size_bytes, records=0, look=None, reason=found.reason
        )
    look = summing.add(path, name, found)
    return FileMemory(etag=found.etag, size_bytes=found.size_bytes, records=found.records, look=look)


def _remember(listing: Listing, folder: Folder, known: Mapping[str, FileMemory], summing: Summing) -> None:
    for name, file in known.items():
        if file.look is not None:
            summing.remembered(folder.path, name, file.size_bytes, file.records, file.look)
        else:
            uri = listing.file(folder, name)
            summing.refuse(
                folder.path,
                Unclassified(uri=uri, etag=file.etag, size_bytes=file.size_bytes, reason=file.reason),
            )


def _unseen(folder: Folder, seen: Collection[str], summing: Summing) -> None:
    """Count the files that a sample left out."""
    if len(seen) < len(folder.files):
        sizes = [size for name, _, size in folder.files if name not in seen]
        summing.unseen(folder.path, len(sizes), sum(sizes))
