"""`glulam bookmark`: show, reset, rewind."""

from __future__ import annotations

from datetime import UTC, datetime

from glulam.app import App
from glulam.cli.drawing import table
from glulam.cli.jobs import the_run
from glulam.cli.output import print_json
from glulam.jobs import bookmarks
from glulam.jobs.bookmarks import Bookmark
from glulam.settings import Settings

_HISTORY = 20


def show(settings: Settings, name: str, *, as_json: bool) -> int:
    with App(settings) as app, app.database.connection() as conn:
        found = bookmarks.current(conn, settings.place, name)
        history = bookmarks.history(conn, settings.place, name, _HISTORY)
    if as_json:
        print_json({"bookmark": found, "history": history})
        return 0
    print_json(found.state)
    print()
    rows = [(b.version, b.run_id or "reset", b.run, b.attempt, b.committed_at) for b in history]
    table(("version", "run", "number", "attempt", "committed"), rows, right=("version", "number", "attempt"))
    return 0


def reset(settings: Settings, name: str, *, as_json: bool) -> int:
    with App(settings) as app, app.database.transaction() as conn:
        found = bookmarks.reset(conn, settings.place, name)
    return _tell(found, "the next run reads everything", as_json=as_json)


def rewind(settings: Settings, name: str, *, run_id: str | None, at: datetime | None, as_json: bool) -> int:
    with App(settings) as app, app.database.transaction() as conn:
        run = None if run_id is None else the_run(conn, settings, run_id).id
        moment = None if at is None else at.replace(tzinfo=at.tzinfo or UTC)
        found = bookmarks.rewind(conn, settings.place, name, run_id=run, at=moment)
    return _tell(found, f"the next run reads what came after {found.run_id or 'the reset'}", as_json=as_json)


def _tell(found: Bookmark, text: str, *, as_json: bool) -> int:
    if as_json:
        print_json({"bookmark": found})
    else:
        print(f"{found.job_name}: version {found.version}; {text}")
    return 0
