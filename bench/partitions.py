"""A table of a million partitions: how fast they are created, found by name, and found by an expression.

    python -m bench.partitions [partitions] [peer's partitions]

Runs on an embedded PostgreSQL of its own, in a temporary folder, with durable commits, at the catalog's functions (no HTTP).
The peer is moto's Glue backend called in process: it keeps partitions in a dict and evaluates an expression on each of them,
so it is measured with fewer, and its time for an expression is scaled to the same number.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
from moto.glue.models import glue_backends

from bench.compare import ratio
from glulam.catalog.databases import ensure_database
from glulam.catalog.partition_indexes import advance_partition_indexes, create_partition_index
from glulam.catalog.partition_keys import PartitionKey
from glulam.catalog.partition_pages import get_partition, page_partitions
from glulam.catalog.partitions import PartitionInput, Values, create_partitions
from glulam.catalog.tables import create_table
from glulam.settings import Settings
from glulam.store.database import Database

KEYS = [
    PartitionKey(name="day", type="date"),
    PartitionKey(name="country", type="string"),
    PartitionKey(name="bucket", type="int"),
]
COUNTRIES = 10
REQUEST = 100
DESCRIPTOR = json.dumps({
    "Columns": [{"Name": f"column_{n}", "Type": "string", "Comment": "what it holds"} for n in range(30)],
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
})  # fmt: skip
"""Parsed anew for each partition, as requests are."""
SIZE = "SELECT pg_total_relation_size('catalog_partition')"


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    peer_count = int(sys.argv[2]) if len(sys.argv) > 2 else 20_000
    with tempfile.TemporaryDirectory() as home, Database.open(Settings(home=Path(home))) as database:
        with database.connection() as conn:
            ensure_database(conn, "bench")
            table = create_table(conn, "bench", "events", {}, {}).id
        rate = count / create_all(database, table, count)
        kept = [ratio("created, partitions/s", rate, ">= 20,000", rate >= 20_000)]
        with database.connection() as conn:
            print(f"on disk before the index: {one(conn, SIZE) / count:.0f} bytes a partition")
            print(f"index made in {timed(lambda: make_index(database, table)):.1f} s")
            kept += measure_reads(conn, table, count)
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    kept.append(ratio("peak memory of this process, MB", rss, "<= 200 (flat)", rss <= 200))
    peer(peer_count, count, rate)
    return 0 if all(kept) else 1


def measure_reads(conn: psycopg.Connection, table: int, count: int) -> list[bool]:
    def page(expression: str, expected: int) -> Callable[[], None]:
        def run() -> None:
            found = page_partitions(conn, table, KEYS, expression=expression, limit=1000)
            assert len(found) == expected, f"{expression}: {len(found)} found, expected {expected}"

        return run

    matching = count // 1000
    indexed = 1000 * typical(page("bucket = 37", matching))
    plain = 1000 * typical(page("country LIKE 'c_' AND bucket <> 37", 1000))
    behind = 1000 * typical(
        lambda: page_partitions(conn, table, KEYS, after=names_at(count - 500), limit=1000)
    )
    print(
        f"a page of 1,000 by an expression that most partitions fulfil: {plain:.1f} ms; the last page: {behind:.1f} ms"
    )
    gets = 3000
    seconds = timed(
        lambda: [get_partition(conn, table, names_at(n * 7919 % count)) for n in range(gets)] and None
    )
    return [
        ratio(f"indexed expression that matches {matching:,}, ms", indexed, "<= 50", indexed <= 50),
        ratio("found by name, partitions/s", gets / seconds, ">= 2,000", gets / seconds >= 2000),
    ]


def create_all(database: Database, table: int, count: int) -> float:
    """Seconds, without those that it takes to make up the requests."""
    seconds = 0.0
    for names in requests(count):
        inputs = [partition(name) for name in names]
        start = time.perf_counter()
        with database.transaction() as conn:
            assert create_partitions(conn, table, len(KEYS), inputs) == []
        seconds += time.perf_counter() - start
    return seconds


def make_index(database: Database, table: int) -> None:
    with database.transaction() as conn:
        create_partition_index(conn, table, KEYS, "by_bucket", ["bucket", "day"])
    steps = 1
    while steps:
        with database.transaction() as conn:
            steps = advance_partition_indexes(conn, 10_000)


def peer(peer_count: int, count: int, our_rate: float) -> None:
    backend: Any = glue_backends["123456789012"]["eu-west-1"]
    backend.create_database("bench", {"Name": "bench"}, None)
    columns = [{"Name": key.name, "Type": key.type} for key in KEYS]
    backend.create_table("bench", "events", {"Name": "events", "PartitionKeys": columns})

    def create() -> None:
        for names in requests(peer_count):
            given = [
                {"Values": list(n), "StorageDescriptor": {**json.loads(DESCRIPTOR), "Location": location(n)}}
                for n in names
            ]
            backend.batch_create_partition("bench", "events", given)

    rate = peer_count / timed(create)
    asked = timed(lambda: backend.get_partitions("bench", "events", "bucket = 37"))
    print(f"moto in memory: {rate:,.0f} created/s (ratio {our_rate / rate:.2f}), nothing kept on disk")
    print(f"moto, the same expression over {peer_count:,}: {1000 * asked:.0f} ms, scaled to {count:,}: "
          f"{1000 * asked * count / peer_count:,.0f} ms")  # fmt: skip


def requests(count: int) -> Iterator[list[Values]]:
    for start in range(0, count, REQUEST):
        yield [names_at(n) for n in range(start, min(start + REQUEST, count))]


def names_at(n: int) -> Values:
    """Day by day, as pipelines create them."""
    buckets = 1000
    day, rest = divmod(n, COUNTRIES * buckets)
    country, bucket = divmod(rest, buckets)
    return (date(2024, 1, 1) + timedelta(days=day)).isoformat(), f"c{country}", str(bucket)


def location(names: Values) -> str:
    return "s3://curated/events/" + "/".join(f"{k.name}={v}" for k, v in zip(KEYS, names, strict=True)) + "/"


def partition(names: Values) -> PartitionInput:
    return PartitionInput(values=names, storage_descriptor={**json.loads(DESCRIPTOR), "Location": location(names)},
                          parameters={"classification": "parquet"})  # fmt: skip


def one(conn: psycopg.Connection, query: Any) -> int:
    row = conn.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def typical(step: Callable[[], object]) -> float:
    step()
    return median(timed(step) for _ in range(15))


def timed(step: Callable[[], object]) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
