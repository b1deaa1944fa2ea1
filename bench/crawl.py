"""Crawls against DuckDB's read_json of the same files, and a crawl with nothing new against a bare listing.

    many      100,000 small JSON files in 1,000 partitions, all records: at most 3 times DuckDB's read_json
    again     the same lake, nothing changed: at most 2 times a bare listing of it
    big       5 GB of NDJSON in 16 files, all records: at most 1.5 times DuckDB's read_json, which detects on all rows

Each is measured in a process of its own, without its start; memory is the process's peak. Exit code 1 when one is missed.

    python -m bench.crawl [--files 100000] [--partitions 1000] [--gb 5] [--repeat 3] [--only many,again,big]
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from bench.compare import ratio
from bench.measure import measure, python
from glulam.app import App
from glulam.catalog import resources
from glulam.crawl import crawlers, runs
from glulam.model.clock import new_batch_id
from glulam.model.uri import S3Uri
from glulam.settings import Settings

BIG_FILES = 16
READ = "SELECT count(COLUMNS(*)) FROM read_json($glob{options})"
ALL_ROWS = ", sample_size = -1"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--partitions", type=int, default=1_000)
    parser.add_argument("--gb", type=float, default=5.0)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", default="many,again,big")
    parser.add_argument(
        "--in", dest="folder", type=Path, help="Where the files are made; default: a temporary folder."
    )
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.contender:
        print(json.dumps(CONTENDERS[args.contender](args.folder)))
        return
    wanted, fine = args.only.split(","), True
    with tempfile.TemporaryDirectory(prefix="glulam-bench-", dir=args.folder) as folder:
        work = Path(folder)
        if "many" in wanted or "again" in wanted:
            generate_many(work / "lake" / "raw" / "many", args.files, args.partitions)
            many = _medians(("many", "duckdb-many", "again", "listing"), work, args.repeat)
            if "many" in wanted:
                fine &= _judged("a full crawl / DuckDB's read_json", many["many"], many["duckdb-many"], 3)
            if "again" in wanted:
                fine &= _judged(
                    "a crawl with nothing new / a bare listing", many["again"], many["listing"], 2
                )
        if "big" in wanted:
            generate_big(work / "lake" / "raw" / "big", args.gb)
            big = _medians(("big", "duckdb-big"), work, args.repeat)
            fine &= _judged("a crawl of big files / DuckDB's read_json", big["big"], big["duckdb-big"], 1.5)
    sys.exit(0 if fine else 1)


def generate_many(root: Path, files: int, partitions: int) -> None:
    draw = random.Random(7)
    for number in range(files):
        folder = root / f"day={number % partitions:04d}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:07d}.json").write_text("".join(_line(draw, number * 4 + n) for n in range(4)))


def generate_big(root: Path, gb: float) -> None:
    draw = random.Random(8)
    block = "".join(_line(draw, n) for n in range(20_000)).encode()
    root.mkdir(parents=True, exist_ok=True)
    blocks = max(1, round(gb * 1e9 / BIG_FILES / len(block)))
    for number in range(BIG_FILES):
        with (root / f"{number:02d}.ndjson").open("wb") as out:
            for _ in range(blocks):
                out.write(block)


def _line(draw: random.Random, number: int) -> str:
    record = {
        "id": number, "at": f"2025-02-{draw.randint(1, 28):02d}T08:00:00Z", "score": draw.random(),
        "ok": draw.random() < 0.5, "name": f"device-{draw.randint(1, 500)}", "tags": ["a", "b"][: draw.randint(0, 2)],
        "place": {"lat": draw.uniform(-90, 90), "lon": draw.uniform(-180, 180)},
        "note": None if draw.random() < 0.3 else "n" * draw.randint(1, 40),
    }  # fmt: skip
    return json.dumps(record) + "\n"


def crawl_many(work: Path) -> dict[str, float]:
    with _app(work) as app:
        return _timed(lambda: _crawl(app, "many", "s3://raw/many/", forget=True))


def crawl_again(work: Path) -> dict[str, float]:
    with _app(work) as app:
        _crawl(app, "many", "s3://raw/many/", forget=False)
        return _timed(lambda: _crawl(app, "many", "s3://raw/many/", forget=False))


def crawl_big(work: Path) -> dict[str, float]:
    with _app(work) as app:
        return _timed(lambda: _crawl(app, "big", "s3://raw/big/", forget=True))


def listing(work: Path) -> dict[str, float]:
    with _app(work) as app:
        return _timed(lambda: sum(len(page) for page in app.store.list(S3Uri("raw", "many/"))))


def duckdb_many(work: Path) -> dict[str, float]:
    return _timed(lambda: _read(f"{work}/lake/raw/many/*/*.json", ""))


def duckdb_big(work: Path) -> dict[str, float]:
    return _timed(lambda: _read(f"{work}/lake/raw/big/*.ndjson", ALL_ROWS))


CONTENDERS: dict[str, Callable[[Path], dict[str, float]]] = {
    "many": crawl_many, "again": crawl_again, "big": crawl_big, "listing": listing, "duckdb-many": duckdb_many,
    "duckdb-big": duckdb_big,
}  # fmt: skip


def _app(work: Path) -> App:
    app = App(Settings(home=work / "home", lake=work / "lake"))
    with app.database.connection() as conn:
        conn.execute("SELECT 1")
    return app


def _crawl(app: App, name: str, path: str, *, forget: bool) -> None:
    members = {"Role": "r", "DatabaseName": "bench", "Targets": {"S3Targets": [{"Path": path}]}}
    with app.database.transaction() as conn:
        known = resources.find(conn, crawlers.shelf(app.scope), name)
        if known is not None and forget:
            crawlers.delete(conn, app.scope, name)
            conn.execute("UPDATE catalog_table SET deleted_at = now()")
        if known is None or forget:
            crawlers.create(conn, app.scope, name, members)
        crawl = runs.start(conn, app.scope, new_batch_id(), name, members, "bench")
    app.crawls.run(crawl)


def _read(glob: str, options: str) -> None:
    con = duckdb.connect(config={"memory_limit": "4GB"})
    con.execute(READ.format(options=options), {"glob": glob}).fetchall()


def _timed(work: Callable[[], object]) -> dict[str, float]:
    began = time.perf_counter()
    work()
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def _medians(names: tuple[str, ...], work: Path, repeat: int) -> dict[str, float]:
    seconds: dict[str, list[float]] = {name: [] for name in names}
    peak = dict.fromkeys(names, 0.0)
    for _ in range(repeat):
        for name in names:  # in turns, so that a busy minute falls on all
            done = measure(python("bench.crawl", "--contender", name, "--in", str(work)))
            found = json.loads(done.output.splitlines()[-1])
            seconds[name].append(found["seconds"])
            peak[name] = max(peak[name], found["peak_mb"])
    for name in names:
        print(f"{name:12} median {statistics.median(seconds[name]):8.2f} s   peak {peak[name]:6.0f} MB")
    return {name: statistics.median(found) for name, found in seconds.items()}


def _judged(what: str, ours: float, theirs: float, most: float) -> bool:
    return ratio(what, ours / theirs, f"at most {most}", ours / theirs <= most)


if __name__ == "__main__":
    main()
