"""The main job, cold start to finish: `glulam run` against PySpark `local[*]` and against bare DuckDB, same data.

1,000 files, 500,000 records, about 185 MB, nested, 0.05 percent malformed. Targets: at least 15 times faster than
PySpark, at most 1.5 times bare DuckDB. Ends with exit code 1 when one is missed.

    python -m bench.ingest [--no-spark] [--repeat 3] [--full-sample]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path

from bench.compare import Contender, contest, ratio
from bench.generate import Plan, generate
from bench.measure import Failed
from bench.project import run_duckdb, run_glulam, run_spark


def peers(raw: Path, spark: bool, repeat: int) -> list[Contender]:
    found = [Contender(name="duckdb", run=partial(run_duckdb, raw=raw), times=repeat)]
    if spark:
        found.append(Contender(name="spark", run=partial(run_spark, raw=raw), times=min(repeat, 2)))
    return found


def note_full_sample(raw: Path, work: Path, memory_mb: int) -> None:
    """Glulam infers over every record. Bare DuckDB asked to do the same, within a memory limit, as a note."""
    print(
        f"note: bare DuckDB inferring over all records (sample_size=-1), {memory_mb} MiB:",
        end=" ",
        flush=True,
    )
    try:
        measured, _ = run_duckdb(
            work / "full", raw, "--full-sample", "--memory-mb", str(memory_mb), every_s=0.2
        )
        print(f"{measured.seconds:.2f} s, peak {measured.peak_rss_mb:,.0f} MB")
    except Failed as failed:
        lines = [line for line in str(failed).splitlines() if "Error" in line or "Exception" in line]
        print(f"fails: {(lines or ['no message'])[-1][:240]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--no-spark", action="store_true")
    parser.add_argument("--no-glulam", action="store_true", help="the peers alone")
    parser.add_argument("--full-sample", type=int, metavar="MIB", help="note on DuckDB with full sampling")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="glulam-bench-") as folder:
        work = Path(folder)
        raw = work / "data"
        made = generate(raw, Plan(files=args.files))
        good = made.records - made.malformed
        print(
            f"{made.files:,} files, {made.records:,} records ({made.malformed} cut off), {made.size_bytes / 1e6:.1f} MB"
        )
        contenders = peers(raw, not args.no_spark, args.repeat)
        if not args.no_glulam:
            contenders.insert(
                0, Contender(name="glulam", run=partial(run_glulam, raw=raw), times=args.repeat)
            )
        median = contest(contenders, work, good)
        if args.full_sample:
            note_full_sample(raw, work, args.full_sample)
    for name, seconds in median.items():
        print(f"{name}: median {seconds:.2f} s, {good / seconds:,.0f} records/s")
    kept = True
    if "glulam" in median:
        slower = median["glulam"] / median["duckdb"]
        kept = ratio("glulam / bare DuckDB", slower, "at most 1.5", slower <= 1.5)
        if "spark" in median:
            faster = median["spark"] / median["glulam"]
            kept = ratio("PySpark local[*] / glulam", faster, "at least 15", faster >= 15) and kept
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
