"""The real command in a process of its own, on a real PostgreSQL, in a project that `glulam init` made."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from glulam.cli.main import main

ROOT = Path(__file__).parents[2]
START = "from glulam.cli.main import console; console()"
COMMAND = (sys.executable, "-c", START)


@dataclass(frozen=True, kw_only=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True, kw_only=True)
class Cli:
    """Runs `glulam` in a folder."""

    folder: Path
    database_url: str | None

    def __call__(self, *words: str, cwd: Path | None = None, stdin: str = "", **env: str) -> Answer:
        done = subprocess.run(
            [*COMMAND, *words], cwd=cwd or self.folder, env=self.env(**env), capture_output=True, text=True,
            check=False, timeout=120, input=stdin,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return Answer(code=done.returncode, out=done.stdout, err=done.stderr)

    def look(self, *words: str) -> Answer:
        """The same command inside this process: for the many questions that a test asks, at a tenth of the time."""
        out, err = io.StringIO(), io.StringIO()
        env = {"COLUMNS": "100", "GLULAM_HOME": str(self.folder / ".glulam")}
        if self.database_url:
            env["GLULAM_DATABASE_URL"] = self.database_url
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.setattr(sys, "argv", ["glulam", *words])
            for name in [n for n in os.environ if n.startswith("GLULAM_")]:  # other tests' of this process
                patch.delenv(name)
            for name, value in env.items():
                patch.setenv(name, value)
            code = main()
        return Answer(code=code, out=out.getvalue(), err=err.getvalue())

    def env(self, **more: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("GLULAM_")}
        url = {"GLULAM_DATABASE_URL": self.database_url} if self.database_url else {}
        return {**kept, "PYTHONPATH": str(ROOT / "src"), "COLUMNS": "100", **url, **more}

    def add(self, name: str, content: str | bytes) -> None:
        """Put a raw file below the raw zone."""
        path = self.folder / "lake" / "raw" / "ml" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    def edit(self, change: Callable[[str], str]) -> None:
        """Change pipeline.yaml; the change must change something."""
        path = self.folder / "pipeline.yaml"
        before = path.read_text("utf-8")
        after = change(before)
        assert after != before
        path.write_text(after, "utf-8")


@pytest.fixture(scope="session")
def bare_cli(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """Without database and project."""
    return Cli(folder=tmp_path_factory.mktemp("bare"), database_url=None)


@pytest.fixture
def project(tmp_path: Path, database_url: str) -> Cli:
    """A fresh project; nothing has run."""
    return _made(tmp_path / "lake_project", database_url)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, database_server: Any) -> Cli:
    """A project whose sample files were processed. Tests that use it only look."""
    made = _made(tmp_path_factory.mktemp("done") / "project", database_server.create("migrated"))
    answer = made("run")
    assert answer.code == 0, answer.err
    return made


def _made(folder: Path, database_url: str) -> Cli:
    folder.parent.mkdir(parents=True, exist_ok=True)
    cli = Cli(folder=folder, database_url=database_url)
    answer = cli("init", str(folder), cwd=folder.parent)
    assert answer.code == 0, answer.err
    return cli
