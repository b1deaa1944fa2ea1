"""What `glulam up --json` says when it serves."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest


def greeting(process: subprocess.Popen[str], log: Path | None = None) -> dict[str, Any]:
    """Wait for it; the test fails when the process ends first. `log`: where its stderr goes."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if line.rstrip() == "}":
            return dict(json.loads(said))
    errors = log.read_text() if log is not None else ""
    pytest.fail(f"glulam up ended with {process.wait()} before it served: {said}{errors}")
