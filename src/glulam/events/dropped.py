"""Files that come into the folder of the local lake, however they get there: copied, moved, or put through the S3 endpoint.

Only the folders of prefixes that rules name are watched (watchfiles: inotify, FSEvents, ...). What the system tells of a file
is a hint and no more: it is looked at when it has settled, and told as it is then. A folder that is new is listed, because
files may be in it before it is watched. What is lost on the way (a full queue of the kernel, too many folders, a start) is
found by `looks.py`."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from watchfiles import Change as FileChange
from watchfiles import watch

from glulam.events import announcing, rules
from glulam.events.arrivals import is_hidden
from glulam.events.looks import Looks, soon
from glulam.events.prefixes import covering
from glulam.model.errors import DatabaseUnavailable, GlulamError
from glulam.model.failpoints import failpoint
from glulam.model.uri import S3Uri
from glulam.objects import keys
from glulam.objects.notices import Notice

log = logging.getLogger(__name__)

_TICK_MS = 50
_LOOK_MS = 100
"""How long the watch waits for more, and how often it lets go when nothing comes."""
_RULES_EVERY_S = 1.0
_BATCH = 500
_MOST_WAITING = 100_000
_AGAIN_S = 1.0
_UNWATCHED_S = 60.0


@dataclass
class DroppedFiles:
    """Watches one lake."""

    looks: Looks
    root: Path
    """The lake's folder."""
    _due: dict[S3Uri, float] = field(default_factory=dict)
    """Objects that wait to settle, and when to look (monotonic)."""

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self._watch(self._places(), stop)
            except (psycopg.Error, DatabaseUnavailable, GlulamError) as error:
                log.warning("watching the lake: %s", str(error).strip())
                stop.wait(_AGAIN_S)
            except (OSError, RuntimeError) as error:
                # more folders than the system can watch, say: looks find what comes
                log.warning("the lake cannot be watched, tried again in %d s: %s", _UNWATCHED_S, error)
                stop.wait(_UNWATCHED_S)

    def _places(self) -> list[S3Uri]:
        with self.looks.database.connection() as conn:
            return covering(rules.asked(conn, self.looks.account_id))

    def _watch(self, places: Sequence[S3Uri], stop: threading.Event) -> None:
        """Until the rules name other prefixes, or one of their folders comes or goes."""
        folders = self._folders(places)
        began, checked = False, time.monotonic()
        for changes in self._changes(folders, stop):
            if not began:  # what came before the watch was there, a look finds
                began = True
                with self.looks.database.transaction() as conn:
                    for place in places:
                        soon(conn, place)
            for change, path in changes:
                self._take(change, path, places)
            while self.step():
                pass
            if time.monotonic() - checked > _RULES_EVERY_S:
                checked = time.monotonic()
                if (now := self._places()) != places or self._folders(now) != folders:
                    return

    def _changes(
        self, folders: Sequence[Path], stop: threading.Event
    ) -> Iterable[set[tuple[FileChange, str]]]:
        if folders:
            yield from watch(*folders, stop_event=stop, watch_filter=None, debounce=_LOOK_MS, step=_TICK_MS,
                             rust_timeout=_LOOK_MS, yield_on_timeout=True, raise_interrupt=False)  # fmt: skip
        while not folders and not stop.wait(_RULES_EVERY_S):
            yield set()

    def _folders(self, places: Sequence[S3Uri]) -> list[Path]:
        """Those of the prefixes that are there; of one that is not, nothing is watched yet."""
        found = set()
        for place in places:
            folder = place.key.rpartition("/")[0]
            path = self.root / place.bucket
            path = path.joinpath(*keys.folder_place(folder)) if folder else path
            if path.is_dir():
                found.add(path)
        return sorted(found)

    def _take(self, change: FileChange, path: str, places: Sequence[S3Uri]) -> None:
        names = Path(os.path.relpath(path, self.root)).parts
        if change is not FileChange.deleted and os.path.isdir(path):
            for folder, _, files in os.walk(path):
                for name in files:
                    self._wait((*Path(os.path.relpath(folder, self.root)).parts, name), places)
        else:
            self._wait(names, places)

    def _wait(self, names: Sequence[str], places: Sequence[S3Uri]) -> None:
        key = keys.key_of(names[1:]) if len(names) > 1 else None
        if key is None or is_hidden(key):
            return
        uri = S3Uri(names[0], key)
        if not any(uri.bucket == p.bucket and uri.key.startswith(p.key) for p in places):
            return
        if len(self._due) < _MOST_WAITING:
            self._due[uri] = time.monotonic() + self.looks.settle.total_seconds()

    def step(self) -> bool:
        """Tell of files that have settled; whether there may be more."""
        now = time.monotonic()
        ripe = [uri for uri, at in self._due.items() if at <= now][:_BATCH]
        notices: list[Notice] = []
        for uri in ripe:
            try:
                found = self.looks.now(uri)
            except GlulamError as error:  # no object, or the disk; a look comes by
                log.warning("%s", error)
                del self._due[uri]
                continue
            if found is None:  # it was written to meanwhile
                self._due[uri] = now + self.looks.settle.total_seconds()
            else:
                notices.append(found)
        if not notices:
            return False
        with self.looks.database.transaction() as conn:
            announcing.objects(conn, notices, looked=True)
            failpoint("events.before_told")
        for notice in notices:
            del self._due[notice.uri]
        return len(notices) == _BATCH
