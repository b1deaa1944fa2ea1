"""The peer: bare DuckDB. One read_json, one partitioned COPY; no ledger, dead letters, lineage, archive or recovery.

Run as a process of its own by the other benchmarks, measured from start to end. The sample that it infers the schema
from is DuckDB's default; `--full-sample` asks for every record of every file, which is what Glulam does.

    python -m bench.peer_duckdb RAW OUT [--rename ARCHIVE] [--memory-mb 1024]
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import duckdb

READ = """
CREATE TEMP VIEW raw AS
SELECT * FROM read_json($files, format = 'newline_delimited', ignore_errors = true {sample})
"""
SELECT = """
SELECT CAST(id AS VARCHAR) AS record_id, * REPLACE (CAST(event_time AS TIMESTAMP) AS event_time),
       device.location.lat AS lat, year(CAST(event_time AS TIMESTAMP)) AS year,
       month(CAST(event_time AS TIMESTAMP)) AS month
FROM raw WHERE event_time IS NOT NULL
"""
COPY = "COPY ({select}) TO {out} (FORMAT parquet, PARTITION_BY (year, month, ml_mode), COMPRESSION zstd)"


def literal(text: str) -> str:
    """A SQL string literal: views and COPY take no parameters."""
    return "'" + text.replace("'", "''") + "'"


def run(raw: Path, out: Path, memory_mb: int | None, full_sample: bool) -> dict[str, int]:
    """Write `raw` to `out` as partitioned Parquet; returns the count of records written."""
    out.mkdir(parents=True)
    con = duckdb.connect(config={"temp_directory": str(out.parent / "duckdb_spill")})
    con.execute("SET preserve_insertion_order = false")
    if memory_mb:
        con.execute(f"SET memory_limit = '{memory_mb}MiB'")
    sample = ", sample_size = -1, maximum_sample_files = 1000000" if full_sample else ""
    con.execute(READ.format(sample=sample).replace("$files", literal(str(raw / "**" / "*.json"))))
    row = con.execute(COPY.format(select=SELECT, out=literal(str(out)))).fetchone()
    return {"records": int(row[0]) if row else 0}


def rename_all(raw: Path, archive: Path) -> int:
    """Move each raw file to the same place below `archive`."""
    moved = 0
    for folder, _, names in os.walk(raw):
        target = archive / Path(folder).relative_to(raw)
        if names:
            target.mkdir(parents=True, exist_ok=True)
        for name in names:
            os.rename(os.path.join(folder, name), target / name)
            moved += 1
    return moved


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("raw", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--rename", type=Path, help="move the raw files below this folder afterwards")
    parser.add_argument("--memory-mb", type=int)
    parser.add_argument("--full-sample", action="store_true")
    args = parser.parse_args()
    answer = run(args.raw, args.out, args.memory_mb, args.full_sample)
    if args.rename:
        answer["moved"] = rename_all(args.raw, args.rename)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
