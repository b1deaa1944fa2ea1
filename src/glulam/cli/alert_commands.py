"""`glulam alerts`: what it takes. What it does is in `alerting.py`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from glulam.cli import late
from glulam.cli.options import Json, Project, example
from glulam.cli.project import settings_for

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Alerts: what was told to whom, by which rules.",
    epilog=example("glulam alerts apply alerts.yaml", "glulam alerts test team", "glulam alerts list"),
)  # fmt: skip
AlertId = Annotated[str, typer.Argument(metavar="ID", help="The alert's id.")]


class SeverityName(StrEnum):
    P0 = "P0"
    P1 = "P1"
    P2 = "P2"
    P3 = "P3"


@app.command(
    "list", short_help="List alerts, the newest first.",
    epilog=example("glulam alerts list --open", "glulam alerts list --severity P0 --json"),
)  # fmt: skip
def list_(
    only_open: Annotated[bool, typer.Option("--open", help="Only those that are not resolved.")] = False,
    rule: Annotated[str | None, typer.Option(metavar="NAME", help="Only of this rule.")] = None,
    severity: Annotated[SeverityName | None, typer.Option(help="Only of this severity.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    project: Project = None,
    as_json: Json = False,
) -> None:
    """List alerts, the newest first, with what their channels were told or are still to be told."""
    code = late.alerting.list_alerts(settings_for(project), only_open=only_open, rule=rule, limit=limit, as_json=as_json,
                                     severity=None if severity is None else str(severity))  # fmt: skip
    raise typer.Exit(code)


@app.command(
    "show",
    short_help="One alert and its deliveries.",
    epilog=example("glulam alerts show 0195e2b1a0f39c41d2aa07be"),
)
def show(alert_id: AlertId, project: Project = None, as_json: Json = False) -> None:
    """Show one alert: its message, its event, and each delivery with what the channel answered."""
    raise typer.Exit(late.alerting.show(settings_for(project), alert_id, as_json=as_json))


@app.command(
    "ack",
    short_help="Say that you have it in hand.",
    epilog=example("glulam alerts ack 0195e2b1a0f39c41d2aa07be"),
)
def ack(alert_id: AlertId, project: Project = None, as_json: Json = False) -> None:
    """Acknowledge an alert: it does not escalate any more, and PagerDuty and webhooks hear of it."""
    raise typer.Exit(late.alerting.follow(settings_for(project), alert_id, resolve=False, as_json=as_json))


@app.command(
    "resolve",
    short_help="Say that it is over.",
    epilog=example("glulam alerts resolve 0195e2b1a0f39c41d2aa07be"),
)
def resolve(alert_id: AlertId, project: Project = None, as_json: Json = False) -> None:
    """Resolve an alert. Who was told of it hears that it is over; what waited is not told any more."""
    raise typer.Exit(late.alerting.follow(settings_for(project), alert_id, resolve=True, as_json=as_json))


@app.command(
    "rules",
    short_help="List the rules, or show one.",
    epilog=example("glulam alerts rules", "glulam alerts rules late"),
)
def rules(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Show this one.")] = None,
    project: Project = None,
    as_json: Json = False,
) -> None:
    """List the rules, or print one as `apply` takes it."""
    raise typer.Exit(late.alerting.definitions_of(settings_for(project), "rules", name, as_json=as_json))


@app.command(
    "channels", short_help="List the channels, or show one.",
    epilog=example("glulam alerts channels", "glulam alerts channels team"),
)  # fmt: skip
def channels(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Show this one.")] = None,
    project: Project = None,
    as_json: Json = False,
) -> None:
    """List the channels, or print one as `apply` takes it. Their secrets are masked."""
    raise typer.Exit(late.alerting.definitions_of(settings_for(project), "channels", name, as_json=as_json))


@app.command(
    "apply",
    short_help="Put channels and rules from a file.",
    epilog=example("glulam alerts apply alerts.yaml"),
)
def apply(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A YAML file with channels and rules.")],
    project: Project = None,
    as_json: Json = False,
) -> None:
    """Make or replace the channels and rules that the file has, all or none. Others stay as they are."""
    raise typer.Exit(late.alerting.apply(settings_for(project), file, as_json=as_json))


@app.command(
    "delete", short_help="Delete rules or channels.",
    epilog=example("glulam alerts delete --rule late", "glulam alerts delete --rule late --channel team"),
)  # fmt: skip
def delete(
    rule: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="This rule; may be given again.")
    ] = None,
    channel: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="This channel; may be given again.")
    ] = None,
    project: Project = None,
    as_json: Json = False,
) -> None:
    """Delete rules or channels, all or none. A channel that a rule names cannot be deleted. Alerts stay."""
    if not rule and not channel:
        raise typer.BadParameter("expected --rule NAME or --channel NAME")
    raise typer.Exit(late.alerting.delete(settings_for(project), rule or [], channel or [], as_json=as_json))


@app.command(
    "secret", short_help="Keep a secret that channels refer to.",
    epilog=example("glulam alerts secret SLACK < url.txt", "glulam alerts secret SLACK --delete", "glulam alerts secret"),
)  # fmt: skip
def secret(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="${secret:NAME} stands for it.")] = None,
    forget: Annotated[bool, typer.Option("--delete", help="Forget it.")] = False,
    project: Project = None,
    as_json: Json = False,
) -> None:
    """Read a value from standard input and keep it encrypted; channels refer to it as ${secret:NAME}.

    Without NAME, list the names. A value is never shown again."""
    if forget and name is None:
        raise typer.BadParameter("--delete needs a NAME")
    raise typer.Exit(late.alerting.secret(settings_for(project), name, forget=forget, as_json=as_json))


@app.command(
    "test",
    short_help="Really tell a channel something.",
    epilog=example("glulam alerts test", "glulam alerts test team"),
)
def probe(
    channel: Annotated[str | None, typer.Argument(metavar="CHANNEL", help="Only this one.")] = None,
    project: Project = None,
    as_json: Json = False,
) -> None:
    """Tell every channel, or one, a test, from here and now, and show what it answered. Exit code 1 when one failed.

    An incident that this opens at PagerDuty is closed again."""
    raise typer.Exit(late.alerting.probe(settings_for(project), channel, as_json=as_json))
