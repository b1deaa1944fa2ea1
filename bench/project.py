"""A fresh Glulam project for one measured run: made by `glulam init`, with the benchmark's pipeline and raw files."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import duckdb

from bench.measure import Measured, glulam, measure, python
from bench.peer_duckdb import literal

PIPELINE = Path(__file__).with_name("pipeline_bench.yaml")


def copy(raw: Path, target: Path) -> Path:
    """A copy of the raw files that a run may move away. Hard links: no run writes into a raw file."""
    shutil.copytree(raw, target, copy_function=os.link)
    return target


def fresh(folder: Path, raw: Path) -> Path:
    """`glulam init`, its sample files replaced by `raw`, its pipeline by ours. The database is there, and empty."""
    measure(glulam("init", str(folder)), cwd=folder.parent)
    shutil.rmtree(folder / "lake" / "raw", ignore_errors=True)
    copy(raw, folder / "lake" / "raw" / "ml")
    shutil.copy(PIPELINE, folder / "pipeline.yaml")
    return folder


def run_glulam(folder: Path, raw: Path, *, every_s: float = 0.0) -> tuple[Measured, int]:
    """One measured `glulam run`, and the records it left in the curated zone, counted from the files themselves."""
    project = fresh(folder, raw)
    home = project / ".glulam"
    measured = measure(glulam("run", "pipeline.yaml"), cwd=project, home=home, every_s=every_s)
    left = sum(1 for path in (project / "lake" / "raw").rglob("*") if path.is_file())
    if left:
        raise SystemExit(f"glulam run left {left} raw files where they were:\n{measured.output[-2000:]}")
    return measured, rows(project / "lake" / "curated")


def run_duckdb(
    folder: Path, raw: Path, *words: str, rename: bool = False, every_s: float = 0.0
) -> tuple[Measured, int]:
    folder.mkdir()
    source = copy(raw, folder / "raw") if rename else raw
    extra = ("--rename", str(folder / "archive")) if rename else ()
    command = python("bench.peer_duckdb", str(source), str(folder / "out"), *extra, *words)
    return measure(command, every_s=every_s), rows(folder / "out")


def run_spark(folder: Path, raw: Path) -> tuple[Measured, int]:
    folder.mkdir()
    source = copy(raw, folder / "raw")
    command = python("bench.peer_spark", str(source), str(folder / "out"), str(folder / "archive"))
    return measure(command), rows(folder / "out" / "events")


def rows(folder: Path) -> int:
    """Records in all Parquet files below the folder."""
    glob = literal(str(folder / "**" / "*.parquet"))
    found = duckdb.connect().execute(f"SELECT count(*) FROM read_parquet({glob}, union_by_name = true)")  # noqa: S608
    row = found.fetchone()
    return int(row[0]) if row else 0
