"""What needs neither project nor database: help, usage errors, a fast start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cli.conftest import ROOT, Cli

COMMANDS = (
    ("init",), ("run",), ("list",), ("compact",), ("tables",), ("sql",), ("trace",), ("files",), ("files", "retry"),
    ("files", "skip"), ("dlq", "list"), ("dlq", "show"), ("dlq", "replay"),
)  # fmt: skip
HEAVY = ("duckdb", "pyarrow", "psycopg", "sqlglot", "boto3", "pyspark", "rich", "numpy", "yaml")


@pytest.mark.parametrize("words", [("--help",), ("run", "--help"), ("dlq", "list", "--help"), ("--version",)])
def test_help_imports_nothing_heavy(words: tuple[str, ...]) -> None:
    code = (
        "import sys\nfrom glulam.cli.main import main\n"
        f"sys.argv = ['glulam', *{words!r}]\nassert main() == 0\n"
        f"found = sorted(set({HEAVY!r}) & set(sys.modules))\nsys.exit(f'imported {{found}}' if found else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example_and_json(bare_cli: Cli, words: tuple[str, ...]) -> None:
    answer = bare_cli(*words, "--help")
    assert answer.code == 0
    assert "Example:" in answer.out
    assert f"glulam {' '.join(words)}" in answer.out.partition("Example:")[2]
    assert "--json" in answer.out


def test_bad_usage_is_2(bare_cli: Cli) -> None:
    assert bare_cli("run", "--nope").code == 2
    assert bare_cli("nope").code == 2
    assert bare_cli("sql").code == 2


def test_a_command_outside_of_a_project_is_3_and_says_what_to_do(bare_cli: Cli) -> None:
    answer = bare_cli("files")
    assert answer.code == 3
    assert "glulam init" in answer.err
    assert answer.err.count("\n") == 1
    assert answer.out == ""
    assert bare_cli("run", "missing.yaml").code == 3
    assert bare_cli("tables", "--project", "missing").code == 3


def test_an_error_is_a_document_with_json(bare_cli: Cli) -> None:
    answer = bare_cli("files", "--json")
    assert answer.code == 3
    assert answer.json["error"]["code"] == "EntityNotFoundException"
    assert answer.json["error"]["exit_code"] == 3
    assert answer.json["error"]["message"] in answer.err


def test_a_wrong_setting_is_2(bare_cli: Cli) -> None:
    answer = bare_cli("files", GLULAM_THREADS="many")
    assert answer.code == 2
    assert "GLULAM_THREADS='many'" in answer.err


def test_a_database_that_is_not_there_is_4(bare_cli: Cli) -> None:
    answer = bare_cli("files", GLULAM_DATABASE_URL="postgresql://nobody@127.0.0.1:9/none")
    assert answer.code == 4
    assert "GLULAM_DATABASE_URL" in answer.err


def test_a_pipeline_with_a_wrong_key_is_2_and_names_file_line_and_field(
    bare_cli: Cli, tmp_path: Path
) -> None:
    (tmp_path / "pipeline.yaml").write_text("pipeline: a\nzones:\n  rawr: s3://a/b\n")
    answer = bare_cli("run", str(tmp_path / "pipeline.yaml"))
    assert answer.code == 2
    assert "pipeline.yaml:3: zones.rawr: unknown key" in answer.err


def test_master_without_spark_is_2(bare_cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "pipeline.yaml").write_text("")
    answer = bare_cli("run", str(tmp_path), "--engine", "duckdb", "--master", "local[1]")
    assert answer.code == 2
    assert "--engine spark" in answer.err
