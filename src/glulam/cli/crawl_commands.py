"""`glulam crawl`, `crawls` and `partitions`: what they take. What they do is in `crawling.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from glulam.cli import late
from glulam.cli.options import Json, Project, example
from glulam.cli.project import settings_for

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


def register(app_: typer.Typer) -> None:
    app_.command(
        "crawl", short_help="Find tables in files; show the plan, or apply it.",
        epilog=example("glulam crawl s3://raw/sales/ --database sales", "glulam crawl s3://raw/sales/ --database sales --apply",
                       "glulam crawl nightly --dry-run"),
    )(crawl)  # fmt: skip
    app_.command(
        "crawls", short_help="The history of crawls; one with its plan and log.",
        epilog=example("glulam crawls", "glulam crawls 0195e2b1a0f39c41d2aa07be --full",
                       "glulam crawls 0195e2b1a0f39c41d2aa07be --apply"),
    )(crawls)  # fmt: skip
    app_.command(
        "profile", short_help="Statistics of a table's columns; what looks personal.",
        epilog=example("glulam profile sales.customers", "glulam profile sales.customers --apply"),
    )(profile)  # fmt: skip


def crawl(
    target: Annotated[
        str, typer.Argument(metavar="PATH_OR_CRAWLER", help="s3://bucket/path/, or a crawler's name.")
    ],
    database: Annotated[str | None, typer.Option(help="The database of the tables. A path needs it.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan, change nothing (default for a path).")
    ] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Apply the plan (default for a crawler).")] = False,
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="PATTERN", help="Leave out; may be given again.")
    ] = None,
    prefix: Annotated[str, typer.Option(help="In front of the names of tables.")] = "",
    combine: Annotated[
        bool, typer.Option("--combine", help="One table, however different the columns.")
    ] = False,
    level: Annotated[
        int | None, typer.Option(min=2, help="Depth of the tables' folders; the bucket is 1.")
    ] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, max=249, help="Files of each folder to look into.")
    ] = None,
    keys: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Only these objects changed: a key in each line. Of a crawler."),
    ] = None,
    profile: Annotated[
        bool, typer.Option("--profile", help="Then read the tables' rows: statistics, personal data.")
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="Show every column's evidence.")] = False,
    project: Project = None,
    as_json: Json = False,
) -> None:
    """Find tables in files and show why they are tables; with --apply, enter them in the catalog.

    A crawler (made through the API) runs with its own settings, remembers what it has seen, and opens only files that
    are new or changed. The plan of a dry run is kept: `glulam crawls ID --apply` applies exactly that one."""
    if dry_run and apply:
        raise typer.BadParameter("--dry-run and --apply contradict each other")
    settings = settings_for(project)
    if "://" not in target:
        if database or exclude or prefix or combine or level or sample:
            raise typer.BadParameter("a crawler runs with its own settings; expected no others")
        if profile and dry_run:
            raise typer.BadParameter("--profile writes to the catalog; expected no --dry-run")
        raise typer.Exit(late.crawling.crawler(
            settings, target, dry_run=dry_run, keys=keys, profile=profile, full=full, as_json=as_json
        ))  # fmt: skip
    if not database or keys is not None:
        raise typer.BadParameter("a path needs --database, and has no --keys")
    if profile and not apply:
        raise typer.BadParameter("--profile writes to the catalog; expected --apply with it")
    options = late.crawling.options(target, database, exclude or [], prefix, combine, level, sample)
    raise typer.Exit(
        late.crawling.path(settings, options, apply=apply, profile=profile, full=full, as_json=as_json)
    )


def crawls(
    crawl_id: Annotated[str | None, typer.Argument(metavar="ID", help="Show this one: plan and log.")] = None,
    crawler: Annotated[str | None, typer.Option(metavar="NAME", help="Only of this crawler.")] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Apply the plan of this dry run as it stands.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 20,
    full: Annotated[bool, typer.Option("--full", help="Show every column's evidence.")] = False,
    project: Project = None,
    as_json: Json = False,
) -> None:
    """List crawls, newest first, or show one with its plan and log."""
    settings = settings_for(project)
    if crawl_id is None:
        if apply:
            raise typer.BadParameter("--apply needs the ID of a dry run")
        raise typer.Exit(late.crawling.history(settings, crawler, limit, as_json=as_json))
    if apply:
        raise typer.Exit(late.crawling.apply_planned(settings, crawl_id, full=full, as_json=as_json))
    raise typer.Exit(late.crawling.show(settings, crawl_id, full=full, as_json=as_json))


def profile(
    name: Annotated[str, typer.Argument(metavar="TABLE", help="database.table")],
    apply: Annotated[bool, typer.Option("--apply", help="Write it to the catalog.")] = False,
    project: Project = None,
    as_json: Json = False,
) -> None:
    """Read all rows of a table: least, greatest, distinct and null values of each column, and tags for columns that look
    like personal data (e-mail, phone, card, IP, names). With --apply, as column statistics and parameters of the columns."""
    raise typer.Exit(late.profiling.run(settings_for(project), name, apply=apply, as_json=as_json))


@app.command(
    "repair", short_help="Give partitions their table's columns and format.",
    epilog=example("glulam partitions repair sales.transactions", "glulam partitions repair sales.transactions --apply"),
)  # fmt: skip
def repair(
    name: Annotated[str, typer.Argument(metavar="TABLE", help="database.table")],
    apply: Annotated[bool, typer.Option("--apply", help="Do it; without, only show what differs.")] = False,
    project: Project = None,
    as_json: Json = False,
) -> None:
    """Show partitions whose columns or format are not their table's; with --apply, make them the table's."""
    raise typer.Exit(late.crawling.repair(settings_for(project), name, apply=apply, as_json=as_json))
