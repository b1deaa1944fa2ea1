"""A million keys under one prefix: how long a page of a thousand takes, first and last alike.

    python -m bench.s3_list [keys]

Runs on an embedded PostgreSQL and a lake of its own, in a temporary folder: the operation and its XML, without HTTP and
signature. Every object has its row, so each page looks at a thousand files and a thousand rows. The first list of a folder
that nobody asked for before reads it whole; that is told apart.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from glulam.api.object_lists import ObjectLists
from glulam.buckets.records import Version
from glulam.buckets.store import BucketStore
from glulam.model.caller import Caller
from glulam.settings import Settings
from glulam.store.database import Database
from glulam.wire.rest import RestService

TARGET_MS = 20.0
CALLER = Caller(account_id="123456789012", region="us-east-1", arn="arn:aws:iam::123456789012:user/bench", role="admin",
                request_id="bench")  # fmt: skip


def fill(root: Path, database: Database, count: int) -> None:
    """Files as a client would have put them, and their rows."""
    folder = root / "bucket" / "data"
    folder.mkdir(parents=True)
    with database.connection() as conn, conn.cursor() as cursor:
        columns = "bucket, key, mtime_ns, size_bytes, inode, etag, about"
        with cursor.copy(f"COPY bucket_object ({columns}) FROM STDIN") as copy:
            for number in range(count):
                path = folder / f"part-{number:08}.json"
                path.touch()
                version = Version.of(path.stat())
                key = f"data/{path.name}".encode()
                copy.write_row(("bucket", key, *version, f"{number:032x}", '{"checksums":{"CRC64NVME":"x"}}'))
        conn.execute("ANALYZE bucket_object")


def pages(lists: ObjectLists) -> list[float]:
    """The time of each page of one whole list, in ms."""
    writer = RestService("s3").operations["ListObjectsV2"].writer
    token: dict[str, str] = {}
    found = []
    while True:
        began = time.perf_counter()
        page = lists.list_objects_v2(CALLER, {"Bucket": "bucket", "Prefix": "data/", **token})
        writer.write(page)
        found.append((time.perf_counter() - began) * 1000)
        if not page["IsTruncated"]:
            return found
        token = {"ContinuationToken": page["NextContinuationToken"]}


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory(prefix="glulam-bench-") as folder:
        root = Path(folder)
        with (
            Database.open(Settings(home=root / "home")) as database,
            BucketStore.open(root / "lake", database) as store,
        ):
            fill(root / "lake", database, count)
            lists = ObjectLists(store=store)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            cold = pages(lists)[0]
            warm = pages(lists)
            after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            began = time.perf_counter()
            (root / "lake" / "bucket" / "data" / "dropped-in").write_text("by hand")
            first = lists.list_objects_v2(CALLER, {"Bucket": "bucket", "Prefix": "data/"})["Contents"][0][
                "Key"
            ]
            dropped = (time.perf_counter() - began) * 1000
    print(f"{count:,} keys, {len(warm)} pages")
    print(f"first page of a folder not asked for before   {cold:8.1f} ms")
    print(
        f"pages: first {warm[0]:.1f} ms, last {warm[-1]:.1f} ms, median {median(warm):.1f} ms, worst {max(warm):.1f} ms"
    )
    listed = "listed" if first == "data/dropped-in" else "NOT listed"
    print(f"after a file was dropped in                   {dropped:8.1f} ms: it is {listed}")
    print(f"memory at most +{after - before:.0f} MB")
    good = sum(page <= TARGET_MS for page in warm)
    print(f"{good} of {len(warm)} pages within {TARGET_MS:.0f} ms")


if __name__ == "__main__":
    main()
