"""The audit log, as lines for a person or as JSON; and what commands write into it themselves."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime

import psycopg

from glulam.access import audit
from glulam.access.audit import AuditFilter, AuditRow
from glulam.app import App
from glulam.cli.drawing import table
from glulam.cli.output import print_json
from glulam.model.clock import new_batch_id, utc_now
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


def write_down(
    conn: psycopg.Connection, operation: str, resource: str, account: str, region: str = ""
) -> None:
    """What a command changed without a server, in the transaction of the change."""
    row = AuditRow(
        at=utc_now(), request_id=new_batch_id(), account_id=account, region=region,
        principal=f"os-user:{getpass.getuser()}", source_ip="", service="glulam", operation=operation,
        resources=(resource,), outcome="OK", duration_ms=0.0,
    )  # fmt: skip
    audit.append(conn, [row])


def _time(text: str | None, option: str) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{option} {text!r}: expected a time like 2025-03-01T12:00:00Z") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
