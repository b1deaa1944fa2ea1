"""Find raw files and enter each version in the ledger, in pages, so that a million keys need no more memory than one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from glulam.ingest.config import Incremental, Pipeline
from glulam.ledger import files, folders
from glulam.model.clock import Clock
from glulam.model.errors import ObjectNotFound
from glulam.model.failpoints import failpoint
from glulam.model.uri import S3Uri
from glulam.objects.base import ObjectStat, ObjectStore
from glulam.store.database import Database

PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """`found` counts raw files that are there; `new` versions entered; `superseded` older versions set aside."""

    found: int = 0
    new: int = 0
    superseded: int = 0
    size_bytes: int = 0


def list_raw(database: Database, store: ObjectStore, pipeline: Pipeline, pipeline_id: int, clock: Clock,
             progress: Callable[[Listing], None] | None = None) -> Listing:  # fmt: skip
    """List every folder of the pipeline's source and register what is there. Registering again adds nothing."""
    total = Listing()
    wanted = _wanted(database, pipeline_id, pipeline, source_folders(store, pipeline, clock().year))
    for stats, ended in _pages(store, wanted):
        if stats:
            failpoint("list.before_register")
            new, superseded = _register(database, store, pipeline_id, stats)
            failpoint("list.after_register")
            total = Listing(
                found=total.found + len(stats), new=total.new + new, superseded=total.superseded + superseded,
                size_bytes=total.size_bytes + sum(s.size_bytes for s in stats),
            )  # fmt: skip
            if progress is not None:
                progress(total)
        if ended:
            with database.transaction() as conn:
                folders.mark_seen(conn, pipeline_id, ended)
    return total


def _wanted(
    database: Database, pipeline_id: int, pipeline: Pipeline, found: Iterator[tuple[S3Uri, bool]]
) -> Iterator[tuple[S3Uri, bool]]:
    for prefix, incremental in found:
        if incremental and pipeline.source.only_new_folders:
            with database.transaction() as conn:
                if folders.seen(conn, pipeline_id, prefix):
                    continue
        yield prefix, incremental


def _pages(
    store: ObjectStore, wanted: Iterator[tuple[S3Uri, bool]]
) -> Iterator[tuple[list[ObjectStat], list[S3Uri]]]:
    """Up to PAGE raw files, those of small folders together, and the incremental folders that end among them."""
    stats: list[ObjectStat] = []
    ended: list[S3Uri] = []
    for prefix, incremental in wanted:
        for page in store.list(prefix, page_size=PAGE):
            stats += [s for s in page if _is_data(s, prefix)]
            if len(stats) >= PAGE:
                yield stats[:PAGE], ended
                stats, ended = stats[PAGE:], []
        if incremental:
            ended.append(prefix)
    yield stats, ended


def _register(
    database: Database, store: ObjectStore, pipeline_id: int, stats: list[ObjectStat]
) -> tuple[int, int]:
    """Enter one page; (new, superseded). Where a later version is known already, the store says which is there now."""
    with database.transaction() as conn:
        first = files.register(conn, pipeline_id, stats)
    if not first.doubtful:
        return first.new, first.superseded
    there: list[ObjectStat] = []
    for uri in sorted(first.doubtful):
        with suppress(ObjectNotFound):
            there.append(store.head(uri))
    with database.transaction() as conn:
        second = files.register(conn, pipeline_id, there, current=True)
    return first.new + second.new, first.superseded + second.superseded


def source_folders(store: ObjectStore, pipeline: Pipeline, year: int) -> Iterator[tuple[S3Uri, bool]]:
    """(prefix, whether it is incremental) of every folder that is there and matches."""
    raw, source = pipeline.zones.raw, pipeline.source
    if source.historical is not None:
        yield _folder(raw.join(source.historical)), False
    if source.incremental is not None:
        for path in _matching(store, _folder(raw), source.incremental, year):
            yield _folder(raw.join(path)), True


def _folder(uri: S3Uri) -> S3Uri:
    return S3Uri(uri.bucket, f"{uri.key.rstrip('/')}/" if uri.key.strip("/") else "")


def _matching(store: ObjectStore, raw: S3Uri, incremental: Incremental, year: int) -> Iterator[str]:
    paths = [""]
    for segment in incremental.pattern.strip("/").split("/"):
        pattern = _segment(segment)
        found: list[str] = []
        for path in paths:
            for name in store.folders(_folder(raw.join(path)) if path else raw):
                match = pattern.fullmatch(name)
                if match and _in_range(match.groupdict(), incremental.start_year, year):
                    found.append(f"{path}/{name}" if path else name)
        paths = found
    yield from paths


def _segment(segment: str) -> re.Pattern[str]:
    """`week{week}` matches week7 and week07."""
    text = (
        re.escape(segment).replace(r"\{year\}", r"(?P<year>\d{4})").replace(r"\{week\}", r"(?P<week>\d{1,2})")
    )
    return re.compile(text)


def _in_range(found: dict[str, str | None], start: int, end: int) -> bool:
    year, week = found.get("year"), found.get("week")
    return (year is None or start <= int(year) <= end) and (week is None or 1 <= int(week) <= 53)


def _is_data(stat: ObjectStat, prefix: S3Uri) -> bool:
    """As Hive and Spark do: names that start with `.` or `_`, at any level below the folder, are no data."""
    relative = stat.uri.key[len(prefix.key) :]
    return not relative.endswith("/") and not any(p.startswith((".", "_")) for p in relative.split("/"))
