"""`glulam dlq list` and `dlq show`: dead letters for a person, with where they come from and why."""

from __future__ import annotations

from glulam.app import App
from glulam.cli.drawing import table
from glulam.cli.output import facts, print_json
from glulam.ingest import inspect
from glulam.ingest.inspect import DeadLetter, Filter
from glulam.ingest.live import LiveTables
from glulam.settings import Settings

_SHOWN = 80
"""Characters of the raw text in a list."""


def live_tables(app: App) -> LiveTables:
    return LiveTables(database=app.database, store=app.store, resources=app.resources, scope=app.scope,
                      iceberg=lambda: app.iceberg, located=app.located)  # fmt: skip


def search(settings: Settings, *, pipeline: str | None, file: str | None, reason: str | None, everything: bool,
           limit: int, as_json: bool) -> int:  # fmt: skip
    wanted = Filter(pipeline=pipeline, file=file, reason=reason, settled=None if everything else False)
    with App(settings) as app:
        found = inspect.dead_letters(live_tables(app), wanted, limit + 1 if limit else None)
    more, found = bool(limit) and len(found) > limit, found[:limit] if limit else found
    if as_json:
        print_json({"dead_letters": found, "more": more})
        return 0
    if not found:
        print("no dead letters")
        return 0
    rows = [
        (d.id, d.source_path, d.line, d.byte_offset, d.reason_code, d.reason, _short(d.raw_text))
        for d in found
    ]
    table(("id", "file", "line", "offset", "code", "reason", "raw text"), rows, ("line", "offset"))
    print(", ".join(f"{count:,} {reason}" for reason, count in inspect.count_by_reason(found).items())
          + ("; there are more (--limit)" if more else ""))  # fmt: skip
    return 0


def show(settings: Settings, name: str, pipeline: str | None, *, as_json: bool) -> int:
    with App(settings) as app:
        found = inspect.get(live_tables(app), name, pipeline)
    if as_json:
        print_json({"dead_letters": found})
        return 0
    for index, letter in enumerate(found):
        if index:
            print()
        show_one(letter)
    return 0


def show_one(letter: DeadLetter) -> None:
    """All of one dead letter; the raw text as it is, last."""
    facts([
        ("id", letter.id), ("pipeline", letter.pipeline), ("file", letter.source_path), ("etag", letter.source_etag),
        ("record", letter.record_no), ("line", letter.line), ("byte offset", letter.byte_offset),
        ("byte length", letter.byte_length), ("code", letter.reason_code), ("reason", letter.reason),
        ("batch", letter.batch_id), ("rejected at", letter.rejected_at),
        ("settled by", letter.settled_by or "nothing: it is still a dead letter"),
    ])  # fmt: skip
    print("raw text")
    print(letter.raw_text)


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
