"""awswrangler.catalog: the cases of `wrangler_cases.py`, run once, in the environment that has it."""

from __future__ import annotations

import ast
import json
import subprocess
from pathlib import Path

import pytest

from clients.conftest import PATIENCE_S, Server

SCRIPT = Path(__file__).with_name("wrangler_cases.py")
CASES = [
    part.name
    for part in ast.parse(SCRIPT.read_text("utf-8")).body
    if isinstance(part, ast.FunctionDef) and part.name.startswith("case_")
]
pytestmark = pytest.mark.xdist_group("awswrangler")


@pytest.fixture(scope="session")
def outcomes(server: Server, clients_bin: Path) -> dict[str, str | None]:
    done = subprocess.run(
        [clients_bin / "python", SCRIPT], env=server.env("us-wrangler-1"), capture_output=True, text=True,
        check=False, timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, str | None] = json.loads(done.stdout)
    assert list(found) == CASES
    return found


@pytest.mark.parametrize("case", CASES)
def test_catalog(outcomes: dict[str, str | None], case: str) -> None:
    assert outcomes[case] is None, outcomes[case]
