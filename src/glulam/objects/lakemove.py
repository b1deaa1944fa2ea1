"""One move on the local lake: the steps, and what each may find when a writer or a crash came in between.

    link source -> target    never over another; the target is now exactly the version that was linked
    look at the target       another version than asked (a writer was faster)? take the link back
    drop the source          only if it still is that version (versions.py says how)

A process may die at any of these steps: no version is lost, and the same move done again ends the work. A
writer that rewrites a file in place through a descriptor it opened before the move writes into the moved
file: its bytes are not lost, but they are not at the source. Writers should write a new file and rename it,
as everywhere.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass

from glulam.model.errors import InvalidInput, ObjectChanged, ObjectNotFound
from glulam.model.failpoints import failpoint
from glulam.model.uri import S3Uri
from glulam.objects import versions
from glulam.objects.copying import copy_version, make_folder
from glulam.objects.versions import drop, etag_of, lstat_or_none


def entry_of(path: str, root: str, etag: str | None) -> str | None:
    """The etag of the directory entry itself, if an object with version `etag` (None: any) is there. For a
    symbolic link that stays inside the root, the version is the file's and the entry is the link's own."""
    there = lstat_or_none(path)
    if there is None:
        return None
    entry = found = etag_of(there)
    if stat.S_ISLNK(there.st_mode):
        real = os.path.realpath(path)
        if not real.startswith(f"{root}/") or not os.path.isfile(real):
            return None
        found = etag_of(os.stat(real))
    elif not stat.S_ISREG(there.st_mode):
        return None
    return entry if etag is None or found == etag else None


@dataclass(frozen=True, slots=True, kw_only=True)
class LakeMove:
    """`old` and `new` are the real paths of the two objects; `tag` is what a redo knows left-overs by."""

    root: str
    source: S3Uri
    target: S3Uri
    old: str
    new: str
    tag: str

    def run(self, etag: str | None) -> None:
        """Raises OSError for what the disk refuses; otherwise as ObjectStore.move."""
        top = f"{self.root}/{self.source.bucket}"
        entry = entry_of(self.old, self.root, etag)
        if entry is None:
            versions.recover(self.old, self.new, etag, self.tag, top)
            entry = entry_of(self.old, self.root, etag)  # it may have been aside, and be back now
        if entry is None:
            self._settle_without_source(etag)
            return
        want = etag or entry
        try:
            if entry == want:
                self._link(want)
            else:
                self._copy(want)
        except FileNotFoundError:  # somebody else moved or removed it under our hands
            self._settle_without_source(want)
            return
        failpoint("archive.during_copy")
        if drop(self.old, entry, self.tag, top) is not None:
            self._undo_if_rewritten(want)

    def _link(self, want: str) -> None:
        """Make the target be version `want`, which the source held a moment ago."""
        try:
            try:
                os.link(self.old, self.new, follow_symlinks=False)
            except FileNotFoundError:
                make_folder(os.path.dirname(self.new))
                os.link(self.old, self.new, follow_symlinks=False)
        except FileExistsError:
            self._accept_target()
            return
        except OSError as error:
            if error.errno not in versions.NO_HARD_LINK:
                raise
            self._copy(want)
            return
        found = etag_of(os.lstat(self.new))
        if found != want:
            self._drop_target(found)
            raise self._changed(found, want)

    def _copy(self, want: str) -> None:
        try:
            copy_version(self.old, self.new, want)
        except FileExistsError:
            self._accept_target()

    def _accept_target(self) -> None:
        """The target is there while the source is too: fine when the content is the same."""
        left, right = os.stat(self.old), os.stat(self.new)
        if versions.same_file(left, right):
            if left.st_nlink == 1:
                raise InvalidInput(f"cannot move {self.source} to {self.target}: one and the same file")
        elif not versions.same_bytes(self.old, self.new):
            raise ObjectChanged(f"{self.target}: is there already with other content than {self.source}")

    def _settle_without_source(self, etag: str | None) -> None:
        """The version to move is not at the source: moved before, or replaced, or never there."""
        there = lstat_or_none(self.old)
        if lstat_or_none(self.new) is not None:
            if etag is not None:
                self._undo_if_rewritten(etag)
        elif there is not None and stat.S_ISREG(there.st_mode):
            raise self._changed(etag_of(there), etag)
        else:
            raise ObjectNotFound(f"neither {self.source} nor {self.target} is there")

    def _undo_if_rewritten(self, want: str) -> None:
        """The source holds another version now. If the target is that same file (linked too late, or
        rewritten in place since), it is not the version asked for: take the link back."""
        there, moved = lstat_or_none(self.old), lstat_or_none(self.new)
        if there and moved and versions.same_file(there, moved) and etag_of(moved) != want:
            self._drop_target(etag_of(moved))
            raise self._changed(etag_of(there), want)

    def _drop_target(self, found: str) -> None:
        drop(self.new, found, self.tag, f"{self.root}/{self.target.bucket}")

    def _changed(self, found: str, want: str | None) -> ObjectChanged:
        return ObjectChanged(f"{self.source}: has version {found}, expected {want}; left in place")
