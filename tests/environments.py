"""Where the clients are that pin other versions than ours: an environment for each set, which `make test` installs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def environment(name: str, program: str) -> Path:
    """The folder of programs of `.venv-<name>`, or of the environment that GLULAM_<NAME>_VENV names. Fails the test when
    `program` is not there: a client that is missing is not a client that works."""
    variable = f"GLULAM_{name.upper()}_VENV"
    found = Path(os.environ.get(variable, ROOT / f".venv-{name}")) / "bin"
    if not (found / program).exists():
        pytest.fail(
            f"{found / program} is not there: run `make test` (or `make .venv-{name}/.installed`), or name its environment "
            f"with {variable}"
        )
    return found
