"""10,000 files of one record each: `glulam run` against bare DuckDB plus the renames that archive them.

Target: at most 2 times. Ends with exit code 1 when it is missed.

    python -m bench.small_files [--files 10000] [--repeat 3]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path

from bench.compare import Contender, contest, ratio
from bench.generate import generate, tiny
from bench.project import run_duckdb, run_glulam


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--no-glulam", action="store_true", help="the peer alone")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="glulam-bench-") as folder:
        work = Path(folder)
        made = generate(work / "data", tiny(args.files))
        print(f"{made.files:,} files of one record, {made.size_bytes / 1e6:.1f} MB")
        peer = partial(run_duckdb, raw=work / "data", rename=True)
        contenders = [Contender(name="duckdb and renames", run=peer, times=args.repeat)]
        if not args.no_glulam:
            ours = Contender(name="glulam", run=partial(run_glulam, raw=work / "data"), times=args.repeat)
            contenders.insert(0, ours)
        median = contest(contenders, work, made.records)
    for name, seconds in median.items():
        print(f"{name}: median {seconds:.2f} s, {made.files / seconds:,.0f} files/s")
    if "glulam" in median:
        slower = median["glulam"] / median["duckdb and renames"]
        sys.exit(0 if ratio("glulam / bare DuckDB and renames", slower, "at most 2", slower <= 2) else 1)


if __name__ == "__main__":
    main()
