"""Carries out lifecycle rules, cleans up after uploads and forgets files that somebody took away by hand: a bit of work
each time it is asked, a pass every hour.

A page of a bucket is listed, `lifecycle.decide` says what is due, and that is done on the condition that the object still
is the version that was looked at. An archived object is a second name of the same file until the first one goes, so a
process that dies in between leaves both, and the next pass ends the work.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import orjson

from glulam.buckets import lifecycle
from glulam.buckets.buckets import Buckets
from glulam.buckets.conditions import Conditions, modified_at
from glulam.buckets.lifecycle import Due, Rule
from glulam.buckets.listing import Listed, Listing
from glulam.buckets.objects import LakeObjects, require_key
from glulam.buckets.records import Version
from glulam.buckets.uploads import Uploads
from glulam.model.clock import Clock
from glulam.model.s3_errors import OperationAborted, S3Error

log = logging.getLogger(__name__)

PASS_EVERY_S = 3600.0
RETRY_S = 60.0
PAGE = 500
MOST_UPLOADS = 100


@dataclass(kw_only=True)
class Ageing:
    """An upkeep step over all buckets. `read` gives {bucket: lifecycle document}."""

    buckets: Buckets
    objects: LakeObjects
    listing: Listing
    uploads: Uploads
    read: Callable[[], Mapping[str, Any]]
    clock: Clock
    monotonic: Callable[[], float]
    _work: Iterator[None] | None = field(default=None, init=False)
    _next: float = field(default=0.0, init=False)

    def step(self) -> bool:
        """Do a bit; whether there is more to do now."""
        if self._work is None:
            if self.monotonic() < self._next:
                return False
            self._work = self._pass()
        try:
            next(self._work)
        except StopIteration:
            self._end(PASS_EVERY_S)
            return False
        except Exception:
            self._end(RETRY_S)
            raise
        return True

    def _end(self, pause_s: float) -> None:
        self._work, self._next = None, self.monotonic() + pause_s

    def _pass(self) -> Iterator[None]:
        documents = self.read()
        for bucket in self.buckets.names():
            try:
                yield from self._bucket(
                    bucket, lifecycle.rules_of(documents[bucket]) if bucket in documents else ()
                )
            except (S3Error, OSError) as error:
                log.warning("upkeep of bucket %s: %s", bucket, error)

    def _bucket(self, bucket: str, rules: Sequence[Rule]) -> Iterator[None]:
        self.uploads.sweep(bucket)
        yield
        yield from self._forget_gone(bucket)
        for rule in rules:
            if rule.abort_days is not None:
                yield from self._abort(bucket, rule.prefix, self.clock() - timedelta(days=rule.abort_days))
        if not any(rule.expiry or rule.transitions for rule in rules):
            return
        after = ""
        while True:
            page = self.listing.page(bucket, after=after, limit=PAGE)
            for line in page.lines:
                self._object(bucket, line, rules)
            if not page.truncated:
                return
            after = page.lines[-1].name
            yield

    def _forget_gone(self, bucket: str) -> Iterator[None]:
        """Not where a bucket holds nothing at all: its disk may just not be there."""
        after: str | None = "" if not self.listing.is_empty(bucket) else None
        while after is not None:
            after = self.objects.forget_gone(bucket, after, PAGE)
            yield

    def _abort(self, bucket: str, prefix: str, before: datetime) -> Iterator[None]:
        while found := self.uploads.stale(bucket, prefix, before, MOST_UPLOADS):
            for upload in found:
                self.uploads.end(upload)
            yield

    def _object(self, bucket: str, line: Listed, rules: Sequence[Rule]) -> None:
        if line.version is None:
            return
        modified = modified_at(line.version.mtime_ns)
        tags = orjson.loads(line.tags) if line.tags else {}
        due = lifecycle.decide(rules, line.name, line.version.size, modified, tags, self.clock())
        if due is None:
            return
        unchanged = Conditions(if_match=line.etag, if_last_modified=modified, if_size=line.version.size)
        try:
            if due.target is not None:
                self._archive(bucket, line.name, line.version, due, due.target)
            self.objects.delete(bucket, line.name, unchanged)
        except S3Error as error:  # written meanwhile: the next pass looks at it again
            log.info("lifecycle rule %s leaves s3://%s/%s: %s", due.rule, bucket, line.name, error)

    def _archive(self, bucket: str, key: str, version: Version, due: Due, target: str) -> None:
        """Raises KeyTooLong, or an error that says that the object is another one now."""
        require_key(target)
        stored = self.objects.stat(bucket, key)
        if stored.version != version:
            raise OperationAborted(Key=key)
        record = replace(stored.record, headers={**stored.record.headers, "StorageClass": due.storage_class})
        with self.objects.second_name(bucket, key, version) as spooled:
            self.objects.put(spooled, target, record, Conditions())
