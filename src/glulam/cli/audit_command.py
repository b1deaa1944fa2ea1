"""`glulam audit`: who did what."""

from __future__ import annotations

from typing import Annotated

import typer

from glulam.cli import late
from glulam.cli.options import Json, Project, example
from glulam.cli.project import settings_for


def register(app: typer.Typer) -> None:
    """Enter the command."""
    lines = (
        "glulam audit --user ann --limit 20",
        "glulam audit --outcome AccessDeniedException --since 2025-03-01",
    )
    app.command("audit", short_help="Who did what to which resource?", epilog=example(*lines))(audit)


def audit(
    user: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only of this user, or principal's ARN.")
    ] = None,
    operation: Annotated[str | None, typer.Option(metavar="NAME", help="Only this operation.")] = None,
    resource: Annotated[str | None, typer.Option(metavar="ARN", help="Only what touched this.")] = None,
    outcome: Annotated[
        str | None, typer.Option(metavar="CODE", help="Only with this outcome: OK, or an error's code.")
    ] = None,
    request: Annotated[str | None, typer.Option(metavar="ID", help="Only the request of this id.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Not before this time (ISO 8601, UTC).")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Before this time.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Show at most this many, the newest.")] = 100,
    project: Project = None,
    as_json: Json = False,
) -> None:
    """Show the audit log, newest first: each request to the server, and each change of the access keys."""
    code = late.auditing.show(settings_for(project), limit, since=since, until=until, principal=user, operation=operation,
                              resource=resource, outcome=outcome, request_id=request, as_json=as_json)  # fmt: skip
    raise typer.Exit(code)
