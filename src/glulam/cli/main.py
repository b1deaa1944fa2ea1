"""The `glulam` command: parses, finds the project, hands over, and turns errors into one line and an exit code.

    0 ok    1 a file or batch was given up    2 bad usage or configuration    3 not there, or there already
    4 storage or database    70 a defect of ours    130 stopped with Ctrl-C

Nothing heavy is imported here; the halves that work are reached through `late.py`."""

from __future__ import annotations

import json
import os
import sys
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from glulam import __version__
from glulam.cli import (
    alert_commands,
    audit_command,
    crawl_commands,
    dlq_commands,
    files_commands,
    job_commands,
    keys_commands,
    project_commands,
    workflow_commands,
)
from glulam.cli.commands import register
from glulam.cli.process import leave, prepare, warn_on_stderr
from glulam.model.errors import DatabaseUnavailable, GlulamError

INTERRUPTED = 130
DEFECT = 70


class Door(TyperGroup):
    """Runs a command and renders what it raises."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except GlulamError as error:
            raise typer.Exit(_tell(error.code, str(error), error.exit_code)) from error
        except KeyboardInterrupt:
            print(
                "stopped; what was committed stays, the rest is done by the next `glulam run`",
                file=sys.stderr,
            )
            raise typer.Exit(INTERRUPTED) from None
        except (typer.Exit, typer.Abort, BrokenPipeError):
            raise
        except Exception as error:
            if _is_click(error) or os.environ.get("GLULAM_TRACEBACK"):
                raise
            raise typer.Exit(_unexpected(error)) from error


app = typer.Typer(
    name="glulam", cls=Door, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    rich_markup_mode=None, context_settings={"help_option_names": ["-h", "--help"]},
    help="Raw JSON files in, partitioned Parquet tables out: exactly once, every record accounted for.",
    epilog="Every command takes --json, and --help with an example. Documentation: docs/cli.md",
)  # fmt: skip
register(app)
app.add_typer(files_commands.app, name="files", short_help="Show the ledger; retry or skip a file.")
app.add_typer(dlq_commands.app, name="dlq", short_help="Look at dead letters, or replay them.")
app.add_typer(keys_commands.app, name="keys", short_help="Access keys: who may sign requests.")
app.add_typer(alert_commands.app, name="alerts", short_help="Who is told of what; test, acknowledge.")
app.add_typer(
    crawl_commands.app, name="partitions", short_help="Repair partitions that differ from their table."
)
audit_command.register(app)
crawl_commands.register(app)
job_commands.register(app)
project_commands.register(app)
workflow_commands.register(app)


def _version(asked: bool) -> None:
    if asked:
        print(f"glulam {__version__}")
        raise typer.Exit(0)


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    pass


def _tell(code: str, message: str, exit_code: int) -> int:
    """One line on stderr and, when JSON was asked for, the error as the document."""
    line = message.replace("\n", "\n  ")
    print(f"glulam: {line}", file=sys.stderr)
    if "--json" in sys.argv:
        print(json.dumps({"error": {"code": code, "message": message, "exit_code": exit_code}}))
    return exit_code


def _unexpected(error: Exception) -> int:
    """The database went away in the middle, or a defect of ours."""
    text = " ".join(str(error).split())
    if type(error).__module__.split(".")[0] == "psycopg" and type(error).__name__ == "OperationalError":
        return _tell(
            DatabaseUnavailable.code, f"the database went away: {text}", DatabaseUnavailable.exit_code
        )
    hint = "this is a defect of Glulam; GLULAM_TRACEBACK=1 shows where"
    return _tell("InternalServiceException", f"{type(error).__name__}: {text} ({hint})", DEFECT)


def _is_click(error: Exception) -> bool:
    return hasattr(error, "exit_code") and hasattr(error, "format_message")


def console() -> NoReturn:
    """The installed command."""
    prepare()
    leave(main())


def main() -> int:
    """Run the command of `sys.argv`; returns its exit code."""
    if not os.environ.get("GLULAM_TRACEBACK"):
        warn_on_stderr()
    try:
        code = _run()
        sys.stdout.flush()
    except BrokenPipeError:  # `glulam files | head`: who reads has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    return code


def _run() -> int:
    try:
        app(prog_name="glulam")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0
