"""Peak memory of the whole process tree, PostgreSQL included, at 1 GB and at 10 GB of input; bare DuckDB beside it.

Targets: at most 1.5 GB, and flat (10 GB needs at most 1.25 times the memory of 1 GB). Needs about three times the input
as free disk space. Ends with exit code 1 when a target is missed.

    python -m bench.memory [--gb 1 10] [--work FOLDER] [--no-peer]
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from bench.compare import ratio
from bench.generate import big, generate
from bench.project import run_duckdb, run_glulam

LIMIT_MB = 1_500
FLAT = 1.25


def one(work: Path, gb: float, ours: bool, peer: bool) -> float:
    """Generate, run, print; returns Glulam's peak in MB (0 when it was left out)."""
    raw, peak = work / f"data_{gb:g}", 0.0
    made = generate(raw, big(gb))
    good = made.records - made.malformed
    print(
        f"{gb:g} GB: {made.files} files, {made.records:,} records, {made.size_bytes / 1e9:.2f} GB", flush=True
    )
    for name, wanted in (("glulam", ours), ("duckdb", peer)):
        if not wanted:
            continue
        folder = work / f"{name}_{gb:g}"
        run = run_glulam if name == "glulam" else run_duckdb
        measured, records = run(folder, raw, every_s=0.1)
        if records != good:
            sys.exit(f"{name} wrote {records:,} records, expected {good:,}\n{measured.output[-2000:]}")
        print(
            f"  {name}: peak {measured.peak_rss_mb:,.0f} MB resident ({measured.peak_pss_mb:,.0f} MB with shared pages "
            f"divided), {measured.seconds:.1f} s, {made.size_bytes / measured.seconds / 1e6:.0f} MB/s",
            flush=True,
        )
        peak = measured.peak_rss_mb if name == "glulam" else peak
        shutil.rmtree(folder)
    shutil.rmtree(raw)
    return peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gb", type=float, nargs="+", default=[1, 10])
    parser.add_argument(
        "--work", type=Path, help="folder for the data; default: the system's temporary folder"
    )
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--no-glulam", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="glulam-bench-", dir=args.work) as folder:
        peaks = [one(Path(folder), gb, not args.no_glulam, not args.no_peer) for gb in args.gb]
    if args.no_glulam:
        return
    kept = ratio("peak MB / 1500", max(peaks) / LIMIT_MB, "at most 1", max(peaks) <= LIMIT_MB)
    if len(peaks) > 1:
        growth = peaks[-1] / peaks[0]
        kept = (
            ratio(
                f"peak at {args.gb[-1]:g} GB / at {args.gb[0]:g} GB",
                growth,
                f"at most {FLAT}",
                growth <= FLAT,
            )
            and kept
        )
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
