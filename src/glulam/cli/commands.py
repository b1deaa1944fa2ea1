"""The commands without a group: what they take. What they do is in the modules behind `late.py`."""

from __future__ import annotations

import sys
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from glulam.cli import late
from glulam.cli.options import Json, PipelineFile, Project, example
from glulam.cli.project import new_settings, pipeline_path, settings_for
from glulam.settings import Settings


class EngineName(StrEnum):
    DUCKDB = "duckdb"
    SPARK = "spark"


def register(app: typer.Typer) -> None:
    """Enter the commands, in the order of `glulam --help`."""
    for name, function, short, lines in (
        ("init", init, "Make a project folder with sample files.", ["glulam init my_lake && cd my_lake"]),
        ("run", run, "Process raw files until nothing is left.",
         ["glulam run pipeline.yaml", "glulam run --engine spark --master 'local[4]'", "glulam run --json"]),
        ("list", list_, "Find raw files, without processing them.", ["glulam list pipeline.yaml"]),
        ("compact", compact, "Join small Parquet files.", ["glulam compact pipeline.yaml"]),
        ("tables", tables, "Show the tables, or one of them.",
         ["glulam tables", "glulam tables ml.events", "glulam tables ml.events --diff 0:1",
          "glulam tables ml.events --restore 0"]),
        ("sql", sql, "Query the tables in Spark SQL.",
         ['glulam sql "select year, month, ml_mode, count(*) from ml.events group by 1, 2, 3"',
          'glulam sql "select reason_code, raw_text from ml.events_dead_letters" --limit 5']),
        ("trace", trace, "Where did this file or record go?",
         ["glulam trace s3://raw/ml/2025/week07/events.json.gz", "glulam trace 107",
          "glulam trace 's3://raw/ml/historical/2024/events.ndjson#11'"]),
        ("up", up, "Serve the AWS Glue API.",
         ["glulam up", "AWS_ENDPOINT_URL=http://127.0.0.1:5150 aws glue get-databases"]),
        ("operations", operations, "Which operations of AWS are implemented.", ["glulam operations --missing"]),
    ):  # fmt: skip
        app.command(name, short_help=short, epilog=example(*lines))(function)


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to make.")], as_json: Json = False
) -> None:
    """Make a project: a commented pipeline.yaml, a workflow for it (glulam.yaml), sample raw files, a database.

    An existing pipeline.yaml is never overwritten (exit code 3).
    """
    raise typer.Exit(late.starting.init(folder, new_settings(folder), as_json=as_json))


def run(
    pipeline: PipelineFile = None,
    engine: Annotated[EngineName | None, typer.Option(help="Default: GLULAM_ENGINE, or duckdb.")] = None,
    master: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Spark's: spark://host:7077, sc://host:15002, ... Means --engine spark."
        ),
    ] = None,
    no_list: Annotated[
        bool, typer.Option("--no-list", help="Do not look for new files; process those known.")
    ] = False,
    project: Project = None,
    as_json: Json = False,
) -> None:
    """List the raw files, enter new ones in the ledger, and process until nothing is left.

    Any number of runs may work side by side, on one machine or many. Ends with a summary; exit code 1 when a file
    had to be given up (QUARANTINED).
    """
    path = pipeline_path(pipeline, project)
    settings = settings_for(project, path)
    if engine is not None:
        settings = replace(settings, engine=str(engine))
    elif master is not None:
        settings = replace(settings, engine="spark")
    if master is not None:
        if settings.engine != "spark":
            raise typer.BadParameter("--master is Spark's; expected --engine spark with it")
        settings = replace(settings, spark_master=master)
    bar = late.progress.Bar() if sys.stderr.isatty() and not as_json else None
    raise typer.Exit(late.running.run(settings, path, list_first=not no_list, as_json=as_json, bar=bar))


def list_(pipeline: PipelineFile = None, project: Project = None, as_json: Json = False) -> None:
    """List the raw files and enter new ones in the ledger, without processing them."""
    path = pipeline_path(pipeline, project)
    raise typer.Exit(late.running.list_files(settings_for(project, path), path, as_json=as_json))


def compact(pipeline: PipelineFile = None, project: Project = None, as_json: Json = False) -> None:
    """Join the small files of the pipeline's table into few of the target size.

    Also finishes whatever else is open in the pipeline, as `run --no-list` does.
    """
    path = pipeline_path(pipeline, project)
    raise typer.Exit(late.running.compact(settings_for(project, path), path, as_json=as_json))


def tables(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Show this one: columns, partitions, history.")
    ] = None,
    diff: Annotated[
        str | None,
        typer.Option(metavar="OLD[:NEW]", help="Compare two versions; without NEW, with the current one."),
    ] = None,
    restore: Annotated[
        int | None, typer.Option(metavar="VERSION", min=0, help="Make the next version what this one was.")
    ] = None,
    project: Project = None,
    as_json: Json = False,
) -> None:
    """List the catalog's tables, or show one: columns, partitions, and which batch and file brought each version."""
    if diff is not None and name is None:
        raise typer.BadParameter("--diff compares versions of one table; expected its NAME, too")
    if restore is not None and (name is None or diff is not None):
        raise typer.BadParameter("--restore is of one table; expected its NAME, and no --diff")
    settings = settings_for(project)
    if restore is not None and name is not None:
        raise typer.Exit(late.catalog.restore(settings, name, restore, as_json=as_json))
    if diff is None or name is None:
        raise typer.Exit(late.catalog.tables(settings, name, as_json=as_json))
    raise typer.Exit(late.catalog.compare(settings, name, diff, as_json=as_json))


def sql(
    query: Annotated[str, typer.Argument(help="A Spark SQL query. Tables are named database.table.")],
    limit: Annotated[int, typer.Option(min=0, help="Print at most this many rows; 0: all.")] = 100,
    project: Project = None,
    as_json: Json = False,
) -> None:
    """Query the tables (the dead letters are one, too) in Spark SQL. Reads only."""
    raise typer.Exit(late.lookups.sql(settings_for(project), query, limit, as_json=as_json))


def trace(
    asked: Annotated[
        str, typer.Argument(metavar="RECORD_OR_FILE", help="A key or URI, URI#RECORD_NO, or a record's id.")
    ],
    project: Project = None,
    as_json: Json = False,
) -> None:
    """Where did this file or record go?

    A file: each version with its state, batch, the published files that hold its records, its dead letters, and its
    place in the archive. URI#RECORD_NO: the published file and row, or the dead letter, that holds it. Anything else
    is looked up as record_id (or id) in the tables, and in the text of the dead letters.
    """
    raise typer.Exit(late.lookups.trace(settings_for(project), asked, as_json=as_json))


def up(
    host: Annotated[str | None, typer.Option(help="Address to listen on. Default: GLULAM_HOST.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Port; 0: a free one. Default: GLULAM_PORT.")
    ] = None,
    ephemeral: Annotated[
        bool,
        typer.Option("--ephemeral", help="A throw-away home, for tests; POST /_glulam/reset empties it."),
    ] = False,
    plaintext: Annotated[
        bool,
        typer.Option("--plaintext", help="No TLS on an address that others reach: a proxy in front does it."),
    ] = False,
    processes: Annotated[
        int, typer.Option(min=1, max=64, help="So many processes share the port; each uses one CPU at most.")
    ] = 1,
    workers: Annotated[
        int,
        typer.Option(min=0, max=64, help="So many workers carry out job runs, as processes of their own."),
    ] = 1,
    project: Project = None,
    as_json: Json = False,
) -> None:
    """Serve the AWS Glue API until Ctrl-C, on the project's catalog and lake.

    On a loopback address a development key is accepted; any other address needs access keys (`glulam keys`) and TLS.
    """
    settings = Settings.from_env() if ephemeral else settings_for(project)
    if host is not None:
        settings = replace(settings, host=host)
    if port is not None:
        settings = replace(settings, port=port)
    raise typer.Exit(
        late.serving.up(
            settings,
            ephemeral=ephemeral,
            plaintext=plaintext,
            processes=processes,
            workers=workers,
            as_json=as_json,
        )
    )


def operations(
    missing: Annotated[bool, typer.Option("--missing", help="Only those that are not implemented.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="As the page docs/operations.md.")] = False,
    as_json: Json = False,
) -> None:
    """List the operations of each AWS service that is served, and which of them are implemented."""
    raise typer.Exit(late.serving.operations(missing=missing, markdown=markdown, as_json=as_json))
