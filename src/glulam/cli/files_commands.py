"""`glulam files`: the ledger of raw file versions."""

from __future__ import annotations

from typing import Annotated

import typer

from glulam.cli import late
from glulam.cli.options import Json, PipelineName, Project, example
from glulam.cli.project import settings_for

app = typer.Typer(
    invoke_without_command=True, rich_markup_mode=None, help="Show the ledger: every version of every raw file.",
    epilog=example("glulam files --status QUARANTINED", "glulam files --key-contains week07 --limit 20",
                   "glulam files retry ml/2025/week07/events.json.gz"),
)  # fmt: skip
Key = Annotated[str, typer.Argument(metavar="KEY", help="The file's key, or its s3:// URI.")]


@app.callback()
def files(
    ctx: typer.Context,
    pipeline: PipelineName = None,
    status: Annotated[
        str | None,
        typer.Option(
            metavar="S", help="PENDING, PROCESSING, SUCCEEDED, FAILED, QUARANTINED, SUPERSEDED or SKIPPED."
        ),
    ] = None,
    key_contains: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only keys that contain this.")
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="Show at most this many; 0: all.")] = 100,
    project: Project = None,
    as_json: Json = False,
) -> None:
    """Show the ledger: every version of every raw file, with its state and its account."""
    if ctx.invoked_subcommand is None:
        code = late.lookups.list_files(settings_for(project), pipeline=pipeline, status=status,
                                       key_contains=key_contains, limit=limit, as_json=as_json)  # fmt: skip
        raise typer.Exit(code)


@app.command(
    "retry",
    short_help="Have a file tried again.",
    epilog=example("glulam files retry s3://raw/ml/2025/week08/events.json && glulam run"),
)
def retry(key: Key, pipeline: PipelineName = None, project: Project = None, as_json: Json = False) -> None:
    """Have the newest version of a file tried again: one that is QUARANTINED, SKIPPED or FAILED."""
    raise typer.Exit(
        late.lookups.move_file(settings_for(project), key, pipeline, skip=False, as_json=as_json)
    )


@app.command(
    "skip", short_help="Leave a file out.", epilog=example("glulam files skip ml/2025/week08/empty.json")
)
def skip(key: Key, pipeline: PipelineName = None, project: Project = None, as_json: Json = False) -> None:
    """Leave the newest version of a file out, until `retry` takes it back in."""
    raise typer.Exit(late.lookups.move_file(settings_for(project), key, pipeline, skip=True, as_json=as_json))
