"""`glulam dlq`: the dead letters."""

from __future__ import annotations

from typing import Annotated

import typer

from glulam.cli import late
from glulam.cli.options import Json, PipelineFile, PipelineName, Project, example
from glulam.cli.project import pipeline_path, settings_for

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None,
    help="Dead letters: input that is not a record, with its file, line, offset, raw text and reason.",
    epilog=example("glulam dlq list --reason MALFORMED", "glulam dlq show 3#11", "glulam dlq replay pipeline.yaml"),
)  # fmt: skip
FilePart = Annotated[
    str | None, typer.Option("--file", metavar="TEXT", help="Only of files whose URI contains this.")
]
Reason = Annotated[str | None, typer.Option("--reason", metavar="CODE", help="Only with this reason code.")]


@app.command(
    "list",
    short_help="List the open dead letters.",
    epilog=example("glulam dlq list --file week07 --reason CAST_FAILED --limit 20"),
)
def list_(
    file: FilePart = None,
    reason: Reason = None,
    pipeline: PipelineName = None,
    everything: Annotated[bool, typer.Option("--all", help="Those that a replay has settled, too.")] = False,
    limit: Annotated[int, typer.Option(min=0, help="Show at most this many; 0: all.")] = 100,
    project: Project = None,
    as_json: Json = False,
) -> None:
    """List the dead letters that are open."""
    code = late.letters.search(settings_for(project), pipeline=pipeline, file=file, reason=reason,
                               everything=everything, limit=limit, as_json=as_json)  # fmt: skip
    raise typer.Exit(code)


@app.command(
    "show",
    short_help="Show one whole, with its raw text.",
    epilog=example("glulam dlq show 3#11", "glulam dlq show 's3://raw/ml/historical/2024/events.ndjson#11'"),
)
def show(
    letter: Annotated[
        str, typer.Argument(metavar="FILE#RECORD_NO", help="FILE: URI, key, or the ledger's number of it.")
    ],
    pipeline: PipelineName = None,
    project: Project = None,
    as_json: Json = False,
) -> None:
    """Show one dead letter whole, with its raw text."""
    raise typer.Exit(late.letters.show(settings_for(project), letter, pipeline, as_json=as_json))


@app.command(
    "replay",
    short_help="Feed them in again.",
    epilog=example("glulam dlq replay pipeline.yaml --reason CAST_FAILED"),
)
def replay(
    pipeline: PipelineFile = None,
    file: FilePart = None,
    reason: Reason = None,
    project: Project = None,
    as_json: Json = False,
) -> None:
    """Feed open dead letters in again, after the pipeline's rules changed.

    Those that are records now are written and settled; the others stay. Also finishes whatever else is open.
    """
    path = pipeline_path(pipeline, project)
    settings = settings_for(project, path)
    raise typer.Exit(late.running.replay(settings, path, file=file, reason=reason, as_json=as_json))
