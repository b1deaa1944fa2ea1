"""Which project a command works on, and with which settings: found from where it runs, or said.

A project is the folder that holds `pipeline.yaml`, `glulam.yaml` or `.glulam`. Its state lies in `<project>/.glulam`, its
lake in `<project>/lake`; `GLULAM_HOME` and the other variables win. Imports nothing heavy."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from glulam.model.errors import EntityNotFound
from glulam.settings import Settings

PIPELINE = "pipeline.yaml"
STATE = ".glulam"
DECLARED = "glulam.yaml"


def settings_for(project: Path | None, pipeline: Path | None = None) -> Settings:
    """The settings of the project in `project`, around `pipeline`, or around the working directory."""
    settings = Settings.from_env()
    if os.environ.get("GLULAM_HOME"):
        return settings
    return replace(settings, home=root(project, pipeline, settings) / STATE)


def new_settings(folder: Path) -> Settings:
    """The settings of a project that is made in `folder`."""
    settings = Settings.from_env()
    return settings if os.environ.get("GLULAM_HOME") else replace(settings, home=folder.absolute() / STATE)


def root(project: Path | None, pipeline: Path | None, settings: Settings) -> Path:
    """The project's folder. Raises EntityNotFound when there is none."""
    if project is not None:
        if not project.is_dir():
            raise EntityNotFound(f"--project {project}: no such folder")
        return project.absolute()
    start = pipeline.absolute().parent if pipeline is not None else Path.cwd()
    found = next(
        (d for d in (start, *start.parents) if (d / STATE).is_dir() or any((d / f).is_file() for f in (PIPELINE, DECLARED))),
        None,
    )  # fmt: skip
    if found is not None:
        return found
    if pipeline is not None or settings.database_url:
        return start
    raise EntityNotFound(
        f"no project in {start} or above: expected a {PIPELINE} or {STATE} there; "
        "`glulam init DIR` makes one, --project DIR names one"
    )


def pipeline_path(given: Path | None, project: Path | None) -> Path:
    """The pipeline file: as given, else the project's `pipeline.yaml`. Raises EntityNotFound when it is not there."""
    if given is None:
        return root(project, None, Settings()) / PIPELINE
    if given.is_dir():
        given = given / PIPELINE
    if not given.is_file():
        raise EntityNotFound(f"{given}: no such pipeline file")
    return given
