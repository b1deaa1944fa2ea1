"""The commands around workflows and triggers: what they take. What they do is in `workflows.py`."""

from __future__ import annotations

from typing import Annotated

import typer

from glulam.cli import late
from glulam.cli.options import Json, Project, example
from glulam.cli.project import settings_for

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Workflows: their graph, their runs, start, stop and resume.",
    epilog=example("glulam workflow show elt", "glulam workflow start elt --property day=2024-01-01"),
)  # fmt: skip
Name = Annotated[str, typer.Argument(metavar="WORKFLOW", help="The workflow's name.")]
RunId = Annotated[str, typer.Argument(metavar="RUN_ID", help="The run's id, or enough of it.")]


def register(main: typer.Typer) -> None:
    """Enter the commands and groups."""
    main.add_typer(app, name="workflow", short_help="Show workflows; start, stop or resume a run.")
    main.command(
        "triggers", short_help="List triggers, and when they are due.", epilog=example("glulam triggers")
    )(triggers)


@app.command(
    "show", short_help="The graph, and how a run stands.", epilog=example("glulam workflow show elt --follow")
)
def show(
    name: Name,
    run: Annotated[str | None, typer.Option("--run", metavar="RUN_ID", help="Default: the last one.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on until the run is over.")] = False,
    project: Project = None,
    as_json: Json = False,
) -> None:
    """Show a workflow's triggers with what they set off, and how its last run stands."""
    raise typer.Exit(late.workflows.show(settings_for(project), name, run, follow=follow, as_json=as_json))


@app.command("list", short_help="List workflows.", epilog=example("glulam workflow list"))
def list_all(project: Project = None, as_json: Json = False) -> None:
    """List workflows, with their last runs."""
    raise typer.Exit(late.workflows.list_all(settings_for(project), as_json=as_json))


@app.command("runs", short_help="List runs, newest first.", epilog=example("glulam workflow runs elt"))
def runs(
    name: Name,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most this many.")] = 20,
    project: Project = None,
    as_json: Json = False,
) -> None:
    """List a workflow's runs, newest first."""
    raise typer.Exit(late.workflows.list_runs(settings_for(project), name, limit, as_json=as_json))


@app.command(
    "start", short_help="Start a run.", epilog=example("glulam workflow start elt --property day=2024-01-01")
)
def start(
    name: Name,
    given: Annotated[
        list[str] | None,
        typer.Option("--property", metavar="NAME=VALUE", help="A run property; as often as needed."),
    ] = None,
    project: Project = None,
    as_json: Json = False,
) -> None:
    """Start a run. Its jobs are carried out by a worker: that of `glulam up`, or `glulam worker`."""
    raise typer.Exit(late.workflows.start(settings_for(project), name, given or [], as_json=as_json))


@app.command("stop", short_help="Stop a run.", epilog=example("glulam workflow stop elt wr_4f7c"))
def stop(name: Name, run: RunId, project: Project = None, as_json: Json = False) -> None:
    """Stop a run: nothing new is set off, and what runs is stopped."""
    raise typer.Exit(late.workflows.stop(settings_for(project), name, run, as_json=as_json))


@app.command(
    "resume",
    short_help="Run chosen nodes again.",
    epilog=example("glulam workflow resume elt wr_4f7c --node processor"),
)
def resume(
    name: Name,
    run: RunId,
    node: Annotated[
        list[str], typer.Option("--node", metavar="NAME", help="A job or crawler; as often as needed.")
    ],
    project: Project = None,
    as_json: Json = False,
) -> None:
    """Start a new run that takes the results of this one, but for the nodes named and all that is behind them."""
    raise typer.Exit(late.workflows.resume(settings_for(project), name, run, node, as_json=as_json))


def triggers(project: Project = None, as_json: Json = False) -> None:
    """List triggers: their type and state, what they start, and when those with a schedule are due next."""
    raise typer.Exit(late.workflows.list_triggers(settings_for(project), as_json=as_json))
