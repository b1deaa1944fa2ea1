"""The data generator keeps its word: shape, counts, determinism."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

from bench.generate import LINE_BYTES, Plan, big, generate, tiny

SMALL = Plan(files=20, records_per_file=100, malformed_share=0.05)


def _lines(raw: Path) -> list[bytes]:
    return [line for path in sorted(raw.rglob("*.json")) for line in path.read_bytes().splitlines()]


def _parses(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def test_counts_are_those_of_the_files(tmp_path: Path) -> None:
    made = generate(tmp_path, SMALL)
    lines = _lines(tmp_path)
    assert (made.files, made.records) == (20, 2_000) == (len(list(tmp_path.rglob("*.json"))), len(lines))
    assert made.malformed == sum(not _parses(line) for line in lines) > 50
    assert made.size_bytes == sum(p.stat().st_size for p in tmp_path.rglob("*.json"))


def test_same_seed_same_bytes_other_seed_other_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        generate(tmp_path / name, replace(SMALL, seed=seed))
    assert _lines(tmp_path / "a") == _lines(tmp_path / "b") != _lines(tmp_path / "c")


def test_folders_are_those_that_the_lister_expects(tmp_path: Path) -> None:
    generate(tmp_path, Plan(files=200, records_per_file=1))
    folders = {str(p.parent.relative_to(tmp_path)) for p in tmp_path.rglob("*.json")}
    assert "2024/week01" in folders
    assert "2024/week52" in folders
    assert all(re.fullmatch(r"historical/2023-\d\d|2024/week\d\d", folder) for folder in folders)


def test_records_are_nested_and_ids_unique(tmp_path: Path) -> None:
    generate(tmp_path, replace(SMALL, malformed_share=0.0))
    records = [json.loads(line) for line in _lines(tmp_path)]
    assert len({r["id"] for r in records}) == len(records)
    first = records[0]
    assert set(first["device"]["location"]) == {"lat", "lon"}
    assert {"t", "v"} == set(first["readings"][0])
    assert {r["ml_mode"] for r in records} == {"train", "validate", "infer"}
    assert {r["event_time"][:4] for r in records} == {"2023", "2024"}


def test_nulls_on_request(tmp_path: Path) -> None:
    generate(tmp_path, replace(SMALL, malformed_share=0.0, null_share=0.5))
    records = [json.loads(line) for line in _lines(tmp_path)]
    assert 0.4 < sum(r["note"] is None for r in records) / len(records) < 0.6


def test_sizes(tmp_path: Path) -> None:
    made = generate(tmp_path, tiny(30))
    assert (made.files, made.records, made.malformed) == (30, 30, 0)
    plan = big(10)
    assert 64 << 20 < plan.records_per_file * LINE_BYTES < 128 << 20
    mean = (
        generate(tmp_path / "mean", Plan(files=4, records_per_file=500, malformed_share=0.0)).size_bytes
        / 2_000
    )
    assert abs(mean / LINE_BYTES - 1) < 0.02
