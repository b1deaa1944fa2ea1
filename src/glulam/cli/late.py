"""The heavy halves of the commands, imported when a command first touches them.

The one place in `cli/` that imports late: `glulam --help` and a wrong option must not pay for DuckDB, Arrow or
PostgreSQL. `late.running.run(...)` reads, and is type-checked, like the module it stands for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glulam.cli import alerting as alerting
    from glulam.cli import auditing as auditing
    from glulam.cli import bookmarks as bookmarks
    from glulam.cli import catalog as catalog
    from glulam.cli import crawling as crawling
    from glulam.cli import jobs as jobs
    from glulam.cli import keys as keys
    from glulam.cli import letters as letters
    from glulam.cli import lookups as lookups
    from glulam.cli import profiling as profiling
    from glulam.cli import progress as progress
    from glulam.cli import projects as projects
    from glulam.cli import running as running
    from glulam.cli import serving as serving
    from glulam.cli import starting as starting
    from glulam.cli import workflows as workflows
    from glulam.cli import working as working

_LATE = ("alerting", "auditing", "bookmarks", "catalog", "crawling", "jobs", "keys", "letters", "lookups", "profiling",
         "progress", "projects", "running", "serving", "starting", "workflows", "working")  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(name)
    return importlib.import_module(f"glulam.cli.{name}")
