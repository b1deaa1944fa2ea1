"""Projects on a database of their own, and the processes that work on them. Also for tests/chaos."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest

from crash.processes import Drivers
from crash.project import Project


@pytest.fixture(scope="session")
def drivers() -> Iterator[Drivers]:
    found = Drivers()
    yield found
    found.close()


@pytest.fixture
def make_project(database_url: str, drivers: Drivers) -> Iterator[Callable[..., Project]]:
    """Makes the test's project; keyword arguments are those of Project."""
    root = Path(tempfile.mkdtemp(prefix="glulam-crash-"))
    made: list[Project] = []

    def make(**more: Any) -> Project:
        made.append(Project(root=root, database_url=database_url, drivers=drivers, **more))
        return made[-1]

    yield make
    for project in made:
        print(project.log())  # pytest shows it when the test failed
    rmtree(root, ignore_errors=True)
