"""The bar of `glulam run`. On a terminal only: a log file wants the summary, not a thousand bars."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from glulam.ingest.lister import Listing
from glulam.ingest.report import BatchReport


class Bar:
    """Files done of files to do; a context manager, drawn on stderr and gone when it ends."""

    def __init__(self) -> None:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
                   TextColumn("files"), TimeElapsedColumn(), TextColumn("{task.fields[note]}"))  # fmt: skip
        self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._progress.add_task("listing", total=None, note="")
        self._records = self._rejected = 0

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def listed(self, listing: Listing) -> None:
        self._progress.update(self._task, completed=listing.found, note=f"{listing.new:,} new")

    def begin(self, files: int) -> None:
        self._progress.update(self._task, description="processing", completed=0, total=files, note="")

    def batch(self, report: BatchReport) -> None:
        self._records += report.read
        self._rejected += report.rejected
        note = f"{self._records:,} records, {self._rejected:,} rejected"
        self._progress.update(self._task, advance=report.files, note=note)
