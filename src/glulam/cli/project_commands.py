"""`glulam plan`, `apply` and `export`: what they take. What they do is in `projects.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from glulam.cli import late
from glulam.cli.options import Json, Project, example
from glulam.cli.project import new_settings, root, settings_for
from glulam.settings import Settings

Environment = Annotated[
    str | None, typer.Option("--env", metavar="NAME", help="The environment that is laid over the project.")
]
Variables = Annotated[
    list[str] | None,
    typer.Option("--var", metavar="NAME=VALUE", help="A variable's value; as often as needed."),
]
Endpoint = Annotated[
    str | None,
    typer.Option(
        metavar="URL", help="The server. Default: the environment's, GLULAM_ENDPOINT, this project's own."
    ),
]


def register(app: typer.Typer) -> None:
    for name, function, short, lines in (
        ("plan", plan, "What `glulam apply` would do to the server.",
         ["glulam plan", "glulam plan --env prod --out prod.plan"]),
        ("apply", apply, "Make the server as the project says.", ["glulam apply", "glulam apply --plan prod.plan"]),
        ("export", export, "Write a project folder from a server.",
         ["glulam export my_project --endpoint https://glue.example.com", "glulam export copy --only jobs --only triggers"]),
    ):  # fmt: skip
        app.command(name, short_help=short, epilog=example(*lines))(function)


def plan(
    env: Environment = None,
    var: Variables = None,
    endpoint: Endpoint = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the plan, for `glulam apply --plan FILE`.")
    ] = None,
    project: Project = None,
    as_json: Json = False,
) -> None:
    """Show what `glulam apply` would add, change and remove. Changes nothing."""
    settings = settings_for(project)
    asked = late.projects.Asked(
        folder=root(project, None, Settings()), environment=env, variables=var or [], endpoint=endpoint
    )
    raise typer.Exit(late.projects.plan(settings, asked, out=out, as_json=as_json))


def apply(
    env: Environment = None,
    var: Variables = None,
    endpoint: Endpoint = None,
    plan: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Do what this plan says, if the server is as it was.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask before something is removed or replaced.")
    ] = False,
    project: Project = None,
    as_json: Json = False,
) -> None:
    """Make the server as the project says: what `glulam plan` shows, and nothing else.

    Only what this project made is ever removed. Running it again does nothing; after a crash it does the rest.
    """
    if plan is not None and (env is not None or var):
        raise typer.BadParameter("--plan is a whole plan; expected no --env and no --var with it")
    settings = settings_for(project)
    asked = late.projects.Asked(
        folder=root(project, None, Settings()), environment=env, variables=var or [], endpoint=endpoint
    )
    raise typer.Exit(late.projects.apply(settings, asked, file=plan, yes=yes, as_json=as_json))


def export(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder to write; without a glulam.yaml.")
    ],
    name: Annotated[str | None, typer.Option(help="The project's name. Default: the folder's.")] = None,
    endpoint: Endpoint = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="SECTION", help="Only this section; may be given again.")
    ] = None,
    project: Project = None,
    as_json: Json = False,
) -> None:
    """Write what a server has as a project folder, whose plan against that server is empty.

    Secrets become references. The server is the one at --endpoint, or that of the project around this folder.
    """
    settings = new_settings(folder) if project is None and endpoint else settings_for(project)
    raise typer.Exit(
        late.projects.export(
            settings, folder, name=name, endpoint=endpoint, sections=only or [], as_json=as_json
        )
    )
