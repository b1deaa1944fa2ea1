"""Options that several commands share, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Project = Annotated[
    Path | None,
    typer.Option(
        "--project", metavar="DIR", help="The project's folder. Default: the one around this folder."
    ),
]
PipelineFile = Annotated[
    Path | None,
    typer.Argument(metavar="PIPELINE", help="The pipeline file. Default: the project's pipeline.yaml."),
]
PipelineName = Annotated[
    str | None, typer.Option("--pipeline", metavar="NAME", help="Only of this pipeline.")
]


def example(*lines: str) -> str:
    """An epilog that keeps its lines."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)
