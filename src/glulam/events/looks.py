"""Looks at the prefixes that rules name, again and again: finds what nobody told.

One pass is a merge of the store's listing with what was seen, both in the order of keys, a page at a time: memory is bounded by
a page, and each page is one transaction. What differs is told as an event. On the first pass of a prefix, what was there before
its rule is remembered and not told. A look that dies is begun anew; several processes share the prefixes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg

from glulam.events import announcing, rules
from glulam.events.arrivals import is_hidden, is_settled
from glulam.events.prefixes import covering
from glulam.ledger.arrays import texts
from glulam.model.errors import DatabaseUnavailable, GlulamError, ObjectNotFound
from glulam.model.failpoints import failpoint
from glulam.model.uri import S3Uri
from glulam.objects.base import ObjectStat, ObjectStore
from glulam.objects.notices import Change, Notice
from glulam.store.database import Database

log = logging.getLogger(__name__)

_PAGE = 1000
_IDLE_S = 1.0

SYNC = """
WITH wanted AS (SELECT b, p FROM unnest(%s::text[], %s::text[]) g (b, p)),
     gone AS (DELETE FROM object_watch w WHERE NOT EXISTS (SELECT FROM wanted WHERE b = w.bucket AND p = w.prefix))
INSERT INTO object_watch (bucket, prefix) SELECT b, p FROM wanted ON CONFLICT DO NOTHING
"""
CLAIM = """
UPDATE object_watch SET look_at = now() + make_interval(secs => %s)
WHERE (bucket, prefix) = (SELECT bucket, prefix FROM object_watch WHERE look_at <= now() ORDER BY look_at LIMIT 1
                          FOR UPDATE SKIP LOCKED)
RETURNING bucket, prefix, made_at, looked_at IS NULL
"""
LOOKED = "UPDATE object_watch SET looked_at = now() WHERE bucket = %s AND prefix = %s AND made_at = %s"
SOON = "UPDATE object_watch SET look_at = now() WHERE bucket = %s AND prefix = %s"
SEEN = """
SELECT key, etag FROM object_seen
WHERE bucket = %s AND key > %s AND (%s OR key <= %s) AND starts_with(key, %s) AND NOT gone ORDER BY key LIMIT %s
"""


@dataclass(frozen=True, kw_only=True)
class Watch:
    bucket: str
    prefix: str
    made_at: datetime
    first: bool
    """Nothing looked at it yet."""
    asked: Mapping[S3Uri, datetime]
    """All that rules name, and since when: what is older is no event."""

    def is_old(self, found: ObjectStat) -> bool:
        """Whether it was there before a rule asked for it."""
        since = [at for place, at in self.asked.items() if _below(found.uri, place)]
        return not since or _before(found, min(since))


@dataclass(frozen=True, kw_only=True)
class Looks:
    database: Database
    store: ObjectStore
    account_id: str
    clock: Callable[[], datetime]
    every_s: float
    settle: timedelta

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                busy = self.step(stop)
            except (psycopg.Error, DatabaseUnavailable, GlulamError) as error:
                log.warning("looking for objects: %s", str(error).strip())
                busy = False
            if not busy:
                stop.wait(min(_IDLE_S, self.every_s))

    def step(self, stop: threading.Event | None = None) -> bool:
        """Look at one prefix, if one is due, until `stop` is set. One that cannot be looked at waits until it is due again."""
        with self.database.transaction() as conn:
            asked = sync(conn, self.account_id)
            row = conn.execute(CLAIM, (self.every_s,)).fetchone()
        if row is None:
            return False
        watch = Watch(bucket=row[0], prefix=row[1], made_at=row[2], first=row[3], asked=asked)
        try:
            self.look(watch, stop)
        except GlulamError as error:
            log.warning("looking for objects at s3://%s/%s: %s", watch.bucket, watch.prefix, error)
        return True

    def look(self, watch: Watch, stop: threading.Event | None = None) -> int:
        """How many events were told. One that is stopped is begun anew by whoever is next."""
        after, told = "", 0
        for page in self._pages(watch):
            told += self._merge(watch, page, after, page[-1].uri.key)
            after = page[-1].uri.key
            failpoint("events.between_pages")
            if stop is not None and stop.is_set():
                return told
        told += self._merge(watch, [], after, None)
        with self.database.transaction() as conn:
            conn.execute(LOOKED, (watch.bucket, watch.prefix, watch.made_at))
        return told

    def _pages(self, watch: Watch) -> Iterator[list[ObjectStat]]:
        """Objects whose keys begin with the prefix: stores list folders."""
        folder = S3Uri(watch.bucket, watch.prefix[: watch.prefix.rfind("/") + 1])
        try:
            for page in self.store.list(folder, page_size=_PAGE):
                if mine := [one for one in page if one.uri.key.startswith(watch.prefix)]:
                    yield mine
        except ObjectNotFound:  # no such bucket yet
            return

    def _merge(self, watch: Watch, page: Sequence[ObjectStat], after: str, last: str | None) -> int:
        """Compare the keys in (after, last] with what was seen of them; last None: to the end."""
        listed = {one.uri.key: one for one in page}
        unseen, told = dict(listed), 0
        for seen in self._seen(watch, after, last):
            doubtful = [
                S3Uri(watch.bucket, key) for key, etag in seen if key not in listed or listed[key].etag != etag
            ]  # fmt: skip
            told += self._tell(list(self._now_of(doubtful)), [])
            for key, _ in seen:
                unseen.pop(key, None)
        new: list[Notice] = []
        old: list[Notice] = []
        for one in filter(self._counts, unseen.values()):
            (old if watch.first and watch.is_old(one) else new).append(created(one))
        return told + self._tell(new, old)

    def _tell(self, news: Sequence[Notice], old: Sequence[Notice]) -> int:
        if not news and not old:
            return 0
        with self.database.transaction() as conn:
            announcing.see(conn, old)
            return announcing.objects(conn, news, looked=True)

    def _seen(self, watch: Watch, after: str, last: str | None) -> Iterator[list[tuple[str, str]]]:
        """Key and etag, page by page: between two keys that are listed, many can be gone."""
        while True:
            given = (watch.bucket, after, last is None, last or "", watch.prefix, _PAGE)
            with self.database.connection() as conn:
                rows: list[tuple[str, str]] = conn.execute(SEEN, given).fetchall()
            yield rows
            if len(rows) < _PAGE:
                return
            after = rows[-1][0]

    def _now_of(self, uris: Sequence[S3Uri]) -> Iterator[Notice]:
        """What is there to tell of these; of one that cannot be looked at, nothing."""

        def look(uri: S3Uri) -> Notice | None:
            try:
                return self.now(uri)
            except GlulamError as error:
                log.warning("%s", error)
                return None

        with ThreadPoolExecutor(self.store.at_once, thread_name_prefix="look") as pool:
            yield from (found for found in pool.map(look, uris) if found is not None)

    def now(self, uri: S3Uri) -> Notice | None:
        """What to tell of an object that came, changed or went, as it is now; None: nothing yet."""
        try:
            found = self.store.head(uri)
        except ObjectNotFound:
            return Notice(change=Change.DELETED, uri=uri, reason="DeleteObject")
        return created(found) if self._counts(found) else None

    def _counts(self, found: ObjectStat) -> bool:
        if is_hidden(found.uri.key):
            return False
        return not self.store.in_place or is_settled(found, self.clock(), self.settle)


def created(found: ObjectStat) -> Notice:
    return Notice(
        change=Change.CREATED, uri=found.uri, etag=found.etag, size_bytes=found.size_bytes, reason="PutObject"
    )


def _below(uri: S3Uri, place: S3Uri) -> bool:
    return uri.bucket == place.bucket and uri.key.startswith(place.key)


def _before(found: ObjectStat, since: datetime) -> bool:
    """Some stores know whole seconds only."""
    return found.last_modified < (since if found.last_modified.microsecond else since.replace(microsecond=0))


def sync(conn: psycopg.Connection, account_id: str) -> Mapping[S3Uri, datetime]:
    """Have a row for each prefix that has to be looked at, and no other; answers with what rules ask for."""
    asked = rules.asked(conn, account_id)
    wanted = covering(asked)
    conn.execute(SYNC, (texts(w.bucket for w in wanted), texts(w.key for w in wanted)))
    return asked


def soon(conn: psycopg.Connection, place: S3Uri) -> None:
    """Have a prefix looked at at once."""
    conn.execute(SOON, (place.bucket, place.key))
