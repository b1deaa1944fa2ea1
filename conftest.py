"""Skips the tests marked `spark` where Java is missing, with a line that says what to install.

At the top of the repository, so that it holds for every way of running pytest. Fixtures live in tests/conftest.py.
"""

from __future__ import annotations

import functools
import re
import shutil
import subprocess

import pytest

MISSING = (
    "Spark tests skipped: they need Java 17 or newer (found: {}). Debian, Ubuntu: apt install openjdk-17-jre"
)


@functools.cache
def java_problem() -> str | None:
    """None when a Java that Spark 4 can run on is there, else what to tell the person."""
    java = shutil.which("java")
    if java is None:
        return MISSING.format("none")
    answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', answer)
    if version is None or int(version.group(1)) < 17:
        return MISSING.format(answer.strip().splitlines()[0] if answer.strip() else "no version")
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    marked = [item for item in items if item.get_closest_marker("spark")]
    if not marked or java_problem() is None:
        return
    for item in marked:
        item.add_marker(pytest.mark.skip(reason=java_problem() or ""))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if terminalreporter.stats.get("skipped") and java_problem() is not None:
        terminalreporter.write_line(java_problem() or "")
