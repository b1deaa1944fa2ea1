"""The commands around jobs: what they take. What they do is in `jobs.py`, `working.py` and `bookmarks.py`."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from glulam.cli import late
from glulam.cli.options import Json, Project, example
from glulam.cli.project import settings_for

job = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Run a job script here and now.",
    epilog=example("glulam job run my_script.py --arg day=2024-01-01"),
)  # fmt: skip
bookmark = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Bookmarks: what a job has read, and how to read it again.",
    epilog=example("glulam bookmark show nightly", "glulam bookmark reset nightly"),
)  # fmt: skip
JobName = Annotated[str, typer.Argument(metavar="JOB", help="The job's name.")]
RunId = Annotated[str, typer.Argument(metavar="RUN_ID", help="The run's id, or enough of it.")]


class Kind(StrEnum):
    GLUEETL = "glueetl"
    PYTHONSHELL = "pythonshell"
    GLUESTREAMING = "gluestreaming"
    GLUERAY = "glueray"
    GLULAM = "glulam"


class JobEngine(StrEnum):
    SPARK = "spark"
    SAIL = "sail"


class StreamName(StrEnum):
    OUTPUT = "output"
    ERROR = "error"


def register(app: typer.Typer) -> None:
    """Enter the commands and groups."""
    app.add_typer(job, name="job", short_help="Run a job script here and now.")
    for name, function, short, lines in (
        ("runs", runs, "List job runs, newest first.", ["glulam runs", "glulam runs nightly --limit 5"]),
        ("logs", logs, "What a job run wrote.", ["glulam logs jr_4f7c --follow"]),
        ("worker", worker, "Carry out job runs.", ["glulam worker --slots 4"]),
    ):
        app.command(name, short_help=short, epilog=example(*lines))(function)
    app.add_typer(bookmark, name="bookmark", short_help="Show, reset or rewind a job's bookmark.")


@job.command(
    "run", short_help="Run a script.", epilog=example("glulam job run my_script.py --arg day=2024-01-01")
)
def run(
    script: Annotated[Path, typer.Argument(metavar="SCRIPT", help="A Python script, or a pipeline.yaml.")],
    arg: Annotated[
        list[str] | None, typer.Option("--arg", metavar="NAME=VALUE", help="An argument; as often as needed.")
    ] = None,
    kind: Annotated[Kind | None, typer.Option(help="Default: glueetl, and glulam for a .yaml file.")] = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="JOB", help="The job's name. Default: --arg JOB_NAME, or the script's name."),
    ] = None,
    engine: Annotated[
        JobEngine, typer.Option(help="What carries Spark's DataFrames: sail needs no JVM.")
    ] = JobEngine.SPARK,
    project: Project = None,
    as_json: Json = False,
) -> None:
    """Run a script as a job, show what it writes, and end with 0 when it SUCCEEDED, else with 1.

    Needs no server: the catalog and the run's bookmark are served to it by this command.
    """
    settings = settings_for(project)
    kind = kind or (Kind.GLULAM if script.suffix in (".yaml", ".yml") else Kind.GLUEETL)
    raise typer.Exit(
        late.jobs.run(
            settings,
            script,
            arguments=arg or [],
            kind=str(kind),
            name=name,
            engine=str(engine),
            as_json=as_json,
        )
    )


def runs(
    name: Annotated[str | None, typer.Argument(metavar="JOB", help="Only runs of this job.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most this many.")] = 20,
    project: Project = None,
    as_json: Json = False,
) -> None:
    """List job runs, newest first: state, times, and why those failed that did."""
    raise typer.Exit(late.jobs.list_runs(settings_for(project), name, limit, as_json=as_json))


def logs(
    run_id: RunId,
    follow: Annotated[bool, typer.Option("--follow", help="Go on until the run is over.")] = False,
    stream: Annotated[StreamName | None, typer.Option(help="Only this stream.")] = None,
    project: Project = None,
    as_json: Json = False,
) -> None:
    """Show what a run wrote. Of a failed run the root cause comes first: exception, the script's line, what to do."""
    raise typer.Exit(
        late.jobs.show_log(
            settings_for(project), run_id, follow=follow, stream=stream and str(stream), as_json=as_json
        )
    )


def worker(
    slots: Annotated[
        int | None, typer.Option(min=1, help="Runs at a time. Default: GLULAM_JOB_SLOTS.")
    ] = None,
    grace: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How long runs may go on after SIGTERM.")
    ] = 30,
    endpoint: Annotated[
        str | None, typer.Option(metavar="URL", help="The server, for the runs. Default: GLULAM_ENDPOINT.")
    ] = None,
    stop_with_stdin: Annotated[
        bool, typer.Option("--stop-with-stdin", help="End when standard input does: for supervisors.")
    ] = False,
    project: Project = None,
    as_json: Json = False,
) -> None:
    """Carry out job runs until Ctrl-C or SIGTERM. Any number of workers may share a database.

    `glulam up` starts one by itself.
    """
    raise typer.Exit(
        late.working.work(
            settings_for(project), slots=slots, grace_s=grace, endpoint=endpoint, stop_with_stdin=stop_with_stdin,
            as_json=as_json,
        )
    )  # fmt: skip


@bookmark.command(
    "show", short_help="Show it, with its history.", epilog=example("glulam bookmark show nightly")
)
def show(name: JobName, project: Project = None, as_json: Json = False) -> None:
    """Show a job's bookmark: which run committed it, what stands in it, and the versions before."""
    raise typer.Exit(late.bookmarks.show(settings_for(project), name, as_json=as_json))


@bookmark.command(
    "reset", short_help="Read everything again.", epilog=example("glulam bookmark reset nightly")
)
def reset(name: JobName, project: Project = None, as_json: Json = False) -> None:
    """Forget what the job has read: its next run reads everything."""
    raise typer.Exit(late.bookmarks.reset(settings_for(project), name, as_json=as_json))


@bookmark.command(
    "rewind", short_help="Back to a run, or a time.",
    epilog=example("glulam bookmark rewind nightly --run jr_4f7c", "glulam bookmark rewind nightly --at 2024-01-01"),
)  # fmt: skip
def rewind(
    name: JobName,
    run_id: Annotated[
        str | None, typer.Option("--run", metavar="RUN_ID", help="As this run left it.")
    ] = None,
    at: Annotated[datetime | None, typer.Option(help="As it stood at this time, in UTC.")] = None,
    project: Project = None,
    as_json: Json = False,
) -> None:
    """Back to how a run left it, or how it stood at a time: the next run reads what came after."""
    if (run_id is None) == (at is None):
        raise typer.BadParameter("expected exactly one of --run and --at")
    raise typer.Exit(
        late.bookmarks.rewind(settings_for(project), name, run_id=run_id, at=at, as_json=as_json)
    )
