"""`glulam keys`: who may sign requests to the server."""

from __future__ import annotations

from typing import Annotated

import typer

from glulam.cli import late
from glulam.cli.options import Json, Project, example
from glulam.cli.project import settings_for

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Access keys: who may sign requests to the server, in which role.",
    epilog=example("glulam keys create --user ann --role author", "glulam keys list",
                   "glulam keys disable AKIAQ3ZK7WVJ5XN2BTRC"),
)  # fmt: skip
User = Annotated[str, typer.Option(metavar="NAME", help="Whose key: the last part of the principal's ARN.")]
RoleName = Annotated[str, typer.Option(metavar="ROLE", help="viewer, operator, author or admin.")]
Account = Annotated[
    str | None, typer.Option(metavar="ID", help="The account, 12 digits. Default: GLULAM_ACCOUNT_ID.")
]
KeyId = Annotated[str, typer.Argument(metavar="KEY_ID", help="The access key's id.")]


@app.command(
    "create",
    short_help="Make an access key.",
    epilog=example(
        "glulam keys create --user ann --role author",
        "glulam keys create --user ci --role operator --hours 8",
    ),
)
def create(
    user: User,
    role: RoleName = "viewer",
    account: Account = None,
    hours: Annotated[
        float | None,
        typer.Option(min=0.01, help="Make a temporary key, with a session token, for this long."),
    ] = None,
    project: Project = None,
    as_json: Json = False,
) -> None:
    """Make an access key and print it with its secret, which is never shown again."""
    raise typer.Exit(late.keys.create(settings_for(project), user=user, role=role, account=account, hours=hours,
                                      as_json=as_json))  # fmt: skip


@app.command(
    "import",
    short_help="Accept a key that another S3 made.",
    epilog=example(
        "AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=... glulam keys import --user jobs --role author"
    ),
)
def import_(
    user: User,
    role: RoleName = "viewer",
    account: Account = None,
    project: Project = None,
    as_json: Json = False,
) -> None:
    """Accept the key in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: one pair is then good for that S3 and for Glulam."""
    raise typer.Exit(
        late.keys.import_(settings_for(project), user=user, role=role, account=account, as_json=as_json)
    )


@app.command("list", short_help="List the access keys.", epilog=example("glulam keys list --json"))
def list_(project: Project = None, as_json: Json = False) -> None:
    """List the access keys: whose, in which role, and when each was last used. Never their secrets."""
    raise typer.Exit(late.keys.list_keys(settings_for(project), as_json=as_json))


@app.command(
    "disable",
    short_help="Refuse a key from now on.",
    epilog=example("glulam keys disable AKIAQ3ZK7WVJ5XN2BTRC"),
)
def disable(key_id: KeyId, project: Project = None, as_json: Json = False) -> None:
    """Refuse a key from now on. A running server follows within five seconds."""
    raise typer.Exit(late.keys.end(settings_for(project), key_id, forget=False, as_json=as_json))


@app.command("delete", short_help="Forget a key.", epilog=example("glulam keys delete AKIAQ3ZK7WVJ5XN2BTRC"))
def delete(key_id: KeyId, project: Project = None, as_json: Json = False) -> None:
    """Forget a key. What it did stays in the audit log. A running server follows within five seconds."""
    raise typer.Exit(late.keys.end(settings_for(project), key_id, forget=True, as_json=as_json))
