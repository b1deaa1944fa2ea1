"""Commands that do work: run, list, compact, and the replay of dead letters. Each returns its exit code."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pyarrow as pa

from glulam.app import App
from glulam.catalog.tables import get_table
from glulam.cli.letters import live_tables
from glulam.cli.output import facts, print_json, size
from glulam.cli.process import hidden
from glulam.cli.summary import Failure, Listed, RunSummary, show, show_listed
from glulam.ingest import compact as compaction
from glulam.ingest import replay as replaying
from glulam.ingest.config import Pipeline, load
from glulam.ingest.inspect import Filter, dead_letters
from glulam.ingest.lister import Listing, list_raw
from glulam.ingest.report import BatchReport, RunReport
from glulam.ledger import files, lookup, outputs
from glulam.model.clock import new_batch_id, utc_now
from glulam.model.states import BatchState, FileStatus
from glulam.settings import Settings

if TYPE_CHECKING:
    from glulam.cli.progress import Bar

_GONE = (
    "the version that its dead letters are of is gone (overwritten or deleted); they stay open, and a newer version "
    "is ingested on its own"
)
_STUCK = "committed, and cannot be published: {}; nothing is lost, the next `glulam run` goes on there"
OPEN = (FileStatus.PENDING, FileStatus.FAILED, FileStatus.PROCESSING)


@dataclass
class _Watch:
    """The batches of a run as they end."""

    tell: Callable[[BatchReport], None] = lambda report: None
    reports: list[BatchReport] = field(default_factory=list)

    def __call__(self, report: BatchReport) -> None:
        self.reports.append(report)
        self.tell(report)


def run(settings: Settings, path: Path, *, list_first: bool, as_json: bool, bar: Bar | None) -> int:
    """List, then process until nothing is open. 1 when a file or batch was given up. bar: for a terminal."""
    pipeline = load(path)
    if settings.engine == "duckdb":
        _first_array()
    with App(settings) as app:
        summary = _run(app, pipeline, list_first=list_first, bar=bar)
    if as_json:
        print_json(summary)
    else:
        show(summary)
    return 1 if summary.failures else 0


def _first_array() -> None:
    """pyarrow looks for pandas when it makes its first array, and would import it (0.3 s) only to tell pandas' values
    from others. There are none on DuckDB."""
    with hidden("pandas"):
        pa.array([])


def _run(app: App, pipeline: Pipeline, *, list_first: bool, bar: Bar | None = None) -> RunSummary:
    started = time.monotonic()
    listing: Listing | None = None
    with bar or nullcontext():
        watch = _Watch(bar.batch) if bar else _Watch()
        processor = app.processor(pipeline, on_batch=watch)
        if list_first:
            listing = list_raw(app.database, app.store, pipeline, processor.pipeline_id, utc_now,
                               bar.listed if bar else None)  # fmt: skip
        if bar:
            with app.database.connection() as conn:
                counts = files.count_by_status(conn, pipeline.pipeline)
            bar.begin(sum(counts.get(status, 0) for status in OPEN))
        report = processor.run()
    return _summary(app, pipeline, listing, report, watch, time.monotonic() - started)


def _summary(app: App, pipeline: Pipeline, listing: Listing | None, report: RunReport, watch: _Watch,
             seconds: float) -> RunSummary:  # fmt: skip
    given_up = [r for r in watch.reports if r.outcome == BatchState.FAILED]
    with app.database.connection() as conn:
        stuck = _stuck(conn, watch.reports)
        partitions = lookup.partitions_written(conn, {r.batch_id for r in watch.reports})
        bad_files = lookup.quarantined_by(conn, {r.batch_id for r in given_up if r.kind == "INGEST"})
    failures = [Failure(file=str(uri), batch=None, error=error) for uri, error in bad_files]
    failures += [
        Failure(file=None, batch=r.batch_id, error=r.error or "") for r in given_up if r.kind != "INGEST"
    ]
    failures += [Failure(file=None, batch=r.batch_id, error=_STUCK.format(r.error)) for r in stuck]
    failures += [Failure(file=uri, batch=r.batch_id, error=_GONE) for r in watch.reports for uri in r.gone]
    return RunSummary(
        pipeline=pipeline.pipeline, engine=app.settings.engine, listed=Listed.of(listing) if listing else None,
        batches=report.batches, files=report.files, records_read=report.read, records_written=report.written,
        records_rejected=report.rejected, records_rescued=report.rescued,
        rejected_by_reason=dict(report.reasons.most_common()), failed_casts=dict(report.cast_failures.most_common()),
        partitions=partitions, files_written=report.files_out, bytes_in=report.bytes_in, bytes_out=report.bytes_out,
        seconds=round(seconds, 3), failures=failures,
        troubles=[f"batch {b} ({outcome}): {error}" for b, outcome, error in report.failures if outcome != "FAILED"],
    )  # fmt: skip


def _stuck(conn: psycopg.Connection, reports: list[BatchReport]) -> list[BatchReport]:
    """The last reports of batches that are committed and could not be published, by nobody."""
    last = {r.batch_id: r for r in reports}
    waiting = [r for r in last.values() if r.outcome == BatchState.COMMITTED]
    now = [lookup.find_batch(conn, r.batch_id) for r in waiting]
    return [r for r, row in zip(waiting, now, strict=True) if row and row.state is BatchState.COMMITTED]


def list_files(settings: Settings, path: Path, *, as_json: bool) -> int:
    pipeline = load(path)
    with App(settings) as app:
        listed = Listed.of(list_raw(app.database, app.store, pipeline, app.pipeline_id(pipeline), utc_now))
    if as_json:
        print_json(listed)
    else:
        show_listed(listed)
    return 0


@dataclass(frozen=True, kw_only=True)
class CompactSummary:
    table: str
    groups: int
    files_before: int
    files_after: int
    bytes_before: int
    bytes_after: int
    run: RunSummary


def compact(settings: Settings, path: Path, *, as_json: bool) -> int:
    """Join small files of the pipeline's table, and finish whatever else is open."""
    pipeline = load(path)
    with App(settings) as app:
        before = _live(app, pipeline)
        processor = app.processor(pipeline)
        groups = compaction.request(processor.work, processor.pipeline_id, new_batch_id)
        done = _run(app, pipeline, list_first=False)
        after = _live(app, pipeline)
    summary = CompactSummary(
        table=f"{pipeline.table.database}.{pipeline.table.name}", groups=groups, files_before=before[0],
        files_after=after[0], bytes_before=before[1], bytes_after=after[1], run=done,
    )  # fmt: skip
    if as_json:
        print_json(summary)
    else:
        facts([("table", summary.table), ("files", f"{before[0]:,} before, {after[0]:,} after"),
               ("bytes", f"{size(before[1])} before, {size(after[1])} after"),
               ("groups joined", f"{groups:,}")])  # fmt: skip
        for failure in done.failures:
            print(f"FAILED  {failure.file or failure.batch}: {failure.error}")
    return 1 if done.failures else 0


def _live(app: App, pipeline: Pipeline) -> tuple[int, int]:
    with app.database.connection() as conn:
        table = get_table(conn, pipeline.table.database, pipeline.table.name, scope=app.scope)
        found = outputs.live(conn, table.id)
    return len(found), sum(f.size_bytes for f in found)


@dataclass(frozen=True, kw_only=True)
class ReplaySummary:
    requested: int
    written: int
    still_rejected: int
    batch: str | None
    failures: tuple[Failure, ...]


def replay(settings: Settings, path: Path, *, file: str | None, reason: str | None, as_json: bool) -> int:
    """Feed the open dead letters that match in again, under the pipeline as it is now."""
    pipeline = load(path)
    with App(settings) as app:
        summary = _replay(app, pipeline, Filter(pipeline=pipeline.pipeline, file=file, reason=reason))
    if as_json:
        print_json(summary)
    else:
        facts([("dead letters replayed", f"{summary.requested:,}"), ("records written", f"{summary.written:,}"),
               ("still dead letters", f"{summary.still_rejected:,}"), ("batch", summary.batch)])  # fmt: skip
        for failure in summary.failures:
            print(f"FAILED  {failure.file or failure.batch}: {failure.error}")
    return 1 if summary.failures else 0


def _replay(app: App, pipeline: Pipeline, wanted: Filter) -> ReplaySummary:
    keys = [(letter.file_id, letter.record_no) for letter in dead_letters(live_tables(app), wanted)]
    if not keys:
        return ReplaySummary(requested=0, written=0, still_rejected=0, batch=None, failures=())
    watch = _Watch()
    processor = app.processor(pipeline, on_batch=watch)
    batch = replaying.request(processor.work, processor.pipeline_id, keys, new_batch_id)
    done = _summary(app, pipeline, None, processor.run(), watch, 0.0)
    with app.database.connection() as conn:
        row = lookup.find_batch(conn, batch)
    written = row.records_written if row is not None else 0
    return ReplaySummary(requested=len(keys), written=written, still_rejected=len(keys) - written, batch=batch,
                         failures=tuple(done.failures))  # fmt: skip
