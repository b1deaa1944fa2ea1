"""How many files a second the ledger registers, claims and settles, in the batches that the pipeline uses.

    python bench/ledger.py [files]

Runs on an embedded PostgreSQL of its own, in a temporary folder, with durable commits. Prints the rate of each step,
of all three one after the other in one process, and of the way the program runs: a lister beside a worker, from the
first file listed to the last one settled. The ratios are to the target of 30,000 files a second.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from glulam.ledger import Claim, ClaimPolicy, FileCounts, claim, commit
from glulam.ledger.batches import finish
from glulam.ledger.files import count_by_status, ensure_pipeline, register
from glulam.model.clock import new_batch_id
from glulam.model.states import FileStatus
from glulam.model.uri import S3Uri
from glulam.objects.base import ObjectStat
from glulam.settings import Settings
from glulam.store.database import Database

TARGET = 30_000
REGISTER, CLAIM = 1_000, 10_000


def main() -> int:
    files = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as home, Database.open(Settings(home=Path(home))) as database:
        with database.connection() as conn:
            pipeline = ensure_pipeline(conn, "bench")
        pages = list(listing(files))
        register_s = timed(lambda: register_all(database, pipeline, pages))
        again_s = timed(lambda: register_all(database, pipeline, pages))
        claims: list[Claim] = []
        claim_s = timed(lambda: claims.extend(claim_all(database, pipeline)))
        settle_s = timed(lambda: settle_all(database, claims))
        with database.connection() as conn:
            assert count_by_status(conn, "bench") == {FileStatus.SUCCEEDED: files}
            beside = ensure_pipeline(conn, "beside")
        beside_s = timed(lambda: side_by_side(database, beside, pages))
        with database.connection() as conn:
            assert count_by_status(conn, "beside") == {FileStatus.SUCCEEDED: files}
    for name, seconds in (("register", register_s), ("list again, nothing new", again_s), ("claim", claim_s),
                          ("settle", settle_s)):  # fmt: skip
        print(f"{name:<28}{files / seconds:>12,.0f} files/s")
    for name, seconds in (("all three, one after another", register_s + claim_s + settle_s),
                          ("all three, side by side", beside_s)):  # fmt: skip
        rate = files / seconds
        print(f"{name:<28}{rate:>12,.0f} files/s = {rate / TARGET:.2f} x the target of {TARGET:,}")
    return 0


def listing(files: int) -> Iterator[list[ObjectStat]]:
    now = datetime.now(UTC)
    for start in range(0, files, REGISTER):
        yield [
            ObjectStat(
                uri=S3Uri("raw", f"events/2024/week{n // 10_000:02d}/events-{n:08d}.json.gz"),
                etag=f"{n * 2654435761:032x}",
                size_bytes=180_000,
                last_modified=now,
            )
            for n in range(start, min(start + REGISTER, files))
        ]


def register_all(database: Database, pipeline: int, pages: list[list[ObjectStat]]) -> None:
    for page in pages:
        with database.transaction() as conn:
            register(conn, pipeline, page)


def claim_all(database: Database, pipeline: int) -> Iterator[Claim]:
    policy = ClaimPolicy(max_files=CLAIM, max_bytes=1 << 50, lease_s=3600)
    while True:
        with database.transaction() as conn:
            found = claim(conn, pipeline, worker="bench", new_id=new_batch_id, policy=policy)
        if found is None:
            return
        yield found


def side_by_side(database: Database, pipeline: int, pages: list[list[ObjectStat]]) -> None:
    with ThreadPoolExecutor(1) as pool:
        lister = pool.submit(register_all, database, pipeline, pages)
        while True:
            listed = lister.done()  # asked before the claim: nothing can be listed after an empty one
            worked = False
            for found in claim_all(database, pipeline):
                settle_all(database, [found])
                worked = True
            if listed and not worked:
                break
        lister.result()


def settle_all(database: Database, claims: list[Claim]) -> None:
    for found in claims:
        counts = [
            FileCounts(
                file_id=f.id, read=500, written=499, rejected=1, rescued=2, archive_key=f"done/{f.uri.key}"
            )
            for f in found.files
        ]
        with database.transaction() as conn:
            commit(conn, found, {"outputs": []}, counts)
        with database.transaction() as conn:
            finish(conn, found)


def timed(step: Callable[[], None]) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
