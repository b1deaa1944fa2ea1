"""Commands that look: files (and their retry and skip), sql, trace. Each returns its exit code."""

from __future__ import annotations

from pathlib import Path

from glulam.app import App
from glulam.cli.drawing import table
from glulam.cli.letters import live_tables
from glulam.cli.output import print_json, size
from glulam.cli.traced import show as show_trace
from glulam.ingest.config import load
from glulam.ingest.trace import trace as find_trace
from glulam.ledger import files, lookup
from glulam.ledger.files import LedgerEntry
from glulam.model.errors import EntityNotFound, GlulamError, InvalidInput
from glulam.model.states import FileStatus
from glulam.model.uri import S3Uri
from glulam.settings import Settings

_NUMBERS = ("tinyint", "smallint", "int", "bigint", "float", "double", "decimal")


def list_files(settings: Settings, *, pipeline: str | None, status: str | None, key_contains: str | None,
               limit: int, as_json: bool) -> int:  # fmt: skip
    wanted = None if status is None else _status(status)
    with App(settings) as app, app.database.connection() as conn:
        found = files.list_files(conn, pipeline=pipeline, status=wanted, key_contains=key_contains,
                                 limit=limit + 1 if limit else 2**31)  # fmt: skip
        counts = files.count_by_status(conn, pipeline)
    more, found = bool(limit) and len(found) > limit, found[:limit] if limit else found
    if as_json:
        print_json({"files": found, "counts": counts, "more": more})
        return 0
    if found:
        rows = [(f.id, f.uri, f.status, f"{f.records_read:,}", f"{f.records_written:,}", f"{f.records_rejected:,}",
                 size(f.size_bytes), f.retry_count, f.error_message or "") for f in found]  # fmt: skip
        table(("id", "file", "status", "read", "written", "rejected", "bytes", "retries", "error"), rows,
              ("id", "read", "written", "rejected", "bytes", "retries"))  # fmt: skip
    total = ", ".join(f"{count:,} {status}" for status, count in sorted(counts.items())) or "no files"
    print(f"in the ledger: {total}" + ("; not all are shown (--limit)" if more else ""))
    return 0


def _status(text: str) -> FileStatus:
    try:
        return FileStatus(text.upper())
    except ValueError:
        raise InvalidInput(f"--status {text!r}: expected one of {', '.join(FileStatus)}") from None


def move_file(settings: Settings, key: str, pipeline: str | None, *, skip: bool, as_json: bool) -> int:
    """Retry or skip the newest version of a key."""
    with App(settings) as app, app.database.transaction() as conn:
        found = lookup.versions_anywhere(conn, key, pipeline)
        names = sorted({f.pipeline for f in found})
        if not found:
            raise EntityNotFound(
                f"the ledger has no file {key!r}" + (f" of pipeline {pipeline!r}" if pipeline else "")
            )
        if len(names) > 1:
            raise InvalidInput(f"{key!r} is a file of the pipelines {', '.join(names)}: say --pipeline")
        entry = (files.skip if skip else files.retry)(conn, names[0], key)
    _show_entry(entry, as_json)
    return 0


def _show_entry(entry: LedgerEntry, as_json: bool) -> None:
    if as_json:
        print_json({"file": entry})
    else:
        after = (
            "; `glulam run` will read it" if entry.status in (FileStatus.PENDING, FileStatus.FAILED) else ""
        )
        print(f"{entry.uri} is {entry.status}{after}")


def sql(settings: Settings, query: str, limit: int, *, as_json: bool) -> int:
    """Run a Spark SQL query over the live files of the tables that it names."""
    with App(settings) as app:
        live = live_tables(app)
        with live.session(live.named_in(query), query=query) as (session, _):
            result = session.spark(query, limit)
    if as_json:
        columns = [{"name": name, "type": kind} for name, kind in result.columns]
        print_json({"columns": columns, "rows": result.rows, "more": result.more})
        return 0
    numbers = [name for name, kind in result.columns if kind.startswith(_NUMBERS)]
    table([name for name, _ in result.columns], result.rows, numbers)
    count = f"{len(result.rows):,} {'row' if len(result.rows) == 1 else 'rows'}"
    print(count + ("; there are more (--limit)" if result.more else ""))
    return 0


def trace(settings: Settings, asked: str, *, as_json: bool) -> int:
    with App(settings) as app:
        found = find_trace(live_tables(app), asked, _archives(settings))
    if as_json:
        print_json(found)
    else:
        show_trace(found)
    return 0


def _archives(settings: Settings) -> dict[str, S3Uri]:
    """The processed zone of each pipeline whose file lies in the project's folder."""
    found: dict[str, S3Uri] = {}
    for path in sorted(Path(settings.home.absolute().parent).glob("*.yaml")):
        try:
            pipeline = load(path)
        except GlulamError:
            continue  # another YAML file, or a broken one: `run` says what is wrong with it
        found[pipeline.pipeline] = pipeline.zones.processed
    return found
