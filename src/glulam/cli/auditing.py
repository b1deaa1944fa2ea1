"""The audit log, as lines for a person or as JSON."""

from __future__ import annotations

from datetime import UTC, datetime

from glulam.access import audit
from glulam.access.audit import AuditFilter
from glulam.app import App
from glulam.cli.drawing import table
from glulam.cli.output import print_json
from glulam.model.errors import InvalidInput
from glulam.settings import Settings


def show(
    settings: Settings,
    limit: int,
    *,
    since: str | None,
    until: str | None,
    as_json: bool,
    **fields: str | None,
) -> int:
    """Print the newest rows that fit; `fields` are AuditFilter's. Raises InvalidInput for a time that is none."""
    wanted = AuditFilter(since=_time(since, "--since"), until=_time(until, "--until"), **fields)
    with App(settings) as app, app.database.connection() as conn:
        found = audit.read(conn, wanted, limit)
    if as_json:
        print_json({"rows": found})
        return 0
    rows = [(r.at, r.principal or "-", r.source_ip, r.operation, ", ".join(r.resources), r.outcome, f"{r.duration_ms:.1f}")
            for r in found]  # fmt: skip
    if rows:
        table(("time", "principal", "from", "operation", "resources", "outcome", "ms"), rows, ("ms",))
    else:
        print("the audit log has no such rows")
    return 0


def _time(text: str | None, option: str) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{option} {text!r}: expected a time like 2025-03-01T12:00:00Z") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
