"""Tables for a person: folded to the terminal's width there, one line a row in a file or a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from glulam.cli.output import cell

_PIPE_WIDTH = 10_000


def table(headings: Sequence[str], rows: Sequence[Sequence[object]], right: Iterable[str] = ()) -> None:
    """Draw a table; the columns in `right` are numbers."""
    numbers = set(right)
    drawn = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in headings:
        side = "right" if heading in numbers else "left"
        drawn.add_column(Text(heading), justify=side, overflow="fold")  # type: ignore[arg-type]
    for row in rows:
        drawn.add_row(*(Text(cell(v)) for v in row))
    console = Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH, highlight=False)
    with console.capture() as captured:
        console.print(drawn)
    lines = captured.get().rstrip("\n").split("\n")
    print("\n".join(line.rstrip() for line in lines))
