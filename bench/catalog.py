"""The Data Catalog over HTTP, against moto's server in the same run, both on loopback with the same client.

- GetTable through boto3, one client: p50. Target: at most half of moto's.
- GetTable, 16 connections, requests signed beforehand so that the client costs as little as it can: requests a second.
  Target: at least 5 times moto's.
- BatchCreatePartition in requests of 100 and point GetPartition, 16 connections. Targets: 20,000 partitions a second,
  2,000 requests a second. (The client runs on the same two cores.)
- GetPartitions with an expression that a partition index answers. Target: at most 50 ms at the server for 1,000 matches
  (bench/partitions.py measures a table of 1,000,000 partitions inside the process).
- UpdateTable with versions kept: the last hundred against the first hundred. Target: at most 2 times.

    python -m bench.catalog [--partitions 100000] [--versions 10000] [--processes 2]
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any
from urllib.request import urlopen

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bench.measure import ROOT
from glulam.access.keys import DEVELOPMENT_ID, DEVELOPMENT_SECRET

CLIENTS = 16
PROCESSES = 4
TABLE: dict[str, Any] = {
    "Name": "events", "TableType": "EXTERNAL_TABLE", "Parameters": {"classification": "parquet"},
    "PartitionKeys": [{"Name": "year", "Type": "int"}, {"Name": "month", "Type": "int"}, {"Name": "id", "Type": "string"}],
    "StorageDescriptor": {
        "Columns": [{"Name": f"column_{n}", "Type": "string"} for n in range(10)], "Location": "s3://lake/events/",
        "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
        "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
        "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
    },
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Server:
    name: str
    port: int
    pid: int

    def client(self) -> Any:
        return boto3.client(
            "glue", endpoint_url=f"http://127.0.0.1:{self.port}", region_name="us-east-1",
            aws_access_key_id=DEVELOPMENT_ID, aws_secret_access_key=DEVELOPMENT_SECRET,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Signed:
    """A request that can be sent as it is for five minutes."""

    headers: dict[str, str]
    body: bytes


@contextmanager
def running(name: str, command: list[str], port: int, path: str) -> Iterator[Server]:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    process = subprocess.Popen(
        [sys.executable, *command], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(600):
            try:
                urlopen(f"http://127.0.0.1:{port}{path}", timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield Server(name=name, port=port, pid=process.pid)
    finally:
        process.terminate()
        process.wait(30)


def sign(server: Server, operation: str, asked: dict[str, Any]) -> Signed:
    body = json.dumps(asked).encode()
    headers = {"X-Amz-Target": f"AWSGlue.{operation}", "Content-Type": "application/x-amz-json-1.1"}
    request = AWSRequest(method="POST", url=f"http://127.0.0.1:{server.port}/", data=body, headers=headers)
    SigV4Auth(Credentials(DEVELOPMENT_ID, DEVELOPMENT_SECRET), "glue", "us-east-1").add_auth(request)
    return Signed(headers=dict(request.headers), body=body)


def send_all(port: int, requests: Sequence[Signed]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for request in requests:
        connection.request("POST", "/", request.body, request.headers)
        answer = connection.getresponse()
        found = answer.read()
        if answer.status != 200 or b'"Errors":[{' in found:
            raise SystemExit(f"{answer.status}: {found[:500]!r}")
    connection.close()


def share(port: int, shares: Sequence[Sequence[Signed]]) -> None:
    """One client process: some connections, a thread each."""
    with ThreadPoolExecutor(len(shares)) as pool:
        list(pool.map(lambda requests: send_all(port, requests), shares))


def rate(server: Server, requests: Sequence[Signed]) -> float:
    """Requests a second over CLIENTS connections in PROCESSES processes."""
    shares = [requests[n::CLIENTS] for n in range(CLIENTS)]
    each = CLIENTS // PROCESSES
    context = get_context("fork")
    clients = [
        context.Process(target=share, args=(server.port, shares[n * each : (n + 1) * each])) for n in range(PROCESSES)
    ]  # fmt: skip
    began = time.perf_counter()
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    if any(client.exitcode for client in clients):
        raise SystemExit(f"{server.name}: a client failed")
    return len(requests) / (time.perf_counter() - began)


def timed(calls: int, call: Callable[[int], Any]) -> list[float]:
    found = []
    for number in range(calls):
        began = time.perf_counter()
        call(number)
        found.append(time.perf_counter() - began)
    return found


def get_table(server: Server, requests: int) -> tuple[float, float]:
    """p50 through boto3 in ms, and requests a second."""
    client = server.client()
    client.create_database(DatabaseInput={"Name": "bench"})
    client.create_table(DatabaseName="bench", TableInput=TABLE)
    timed(50, lambda _: client.get_table(DatabaseName="bench", Name="events"))
    p50 = (
        statistics.median(timed(500, lambda _: client.get_table(DatabaseName="bench", Name="events"))) * 1000
    )
    one = sign(server, "GetTable", {"DatabaseName": "bench", "Name": "events"})
    return p50, rate(server, [one] * requests)


def values(number: int) -> list[str]:
    return [str(2000 + number // 12_000), str(number // 1_000 % 12 + 1), f"{number:07d}"]


def fill(server: Server, count: int) -> float:
    """Partitions created a second."""
    storage = TABLE["StorageDescriptor"]
    requests = []
    for start in range(0, count, 100):
        inputs = [
            {
                "Values": values(n),
                "StorageDescriptor": {**storage, "Location": f"s3://lake/events/{'/'.join(values(n))}/"},
            }
            for n in range(start, start + 100)
        ]
        asked = {"DatabaseName": "bench", "TableName": "events", "PartitionInputList": inputs}
        requests.append(sign(server, "BatchCreatePartition", asked))
    return rate(server, requests) * 100


def get_partition(server: Server, count: int, requests: int) -> float:
    asked = [
        sign(server, "GetPartition",
             {"DatabaseName": "bench", "TableName": "events", "PartitionValues": values(n * 7919 % count)})
        for n in range(requests)
    ]  # fmt: skip
    return rate(server, asked)


def get_partitions(server: Server) -> tuple[int, float]:
    """How many a month's expression finds, and the median time in ms, with the index on year and month."""
    client = server.client()
    client.create_partition_index(
        DatabaseName="bench",
        TableName="events",
        PartitionIndex={"IndexName": "month", "Keys": ["year", "month"]},
    )
    while True:
        found = client.get_partition_indexes(DatabaseName="bench", TableName="events")[
            "PartitionIndexDescriptorList"
        ]
        if found[0]["IndexStatus"] == "ACTIVE":
            break
        time.sleep(0.1)
    asked = {
        "DatabaseName": "bench",
        "TableName": "events",
        "Expression": "year = 2000 and month = 3",
        "MaxResults": 1000,
    }
    answer = client.get_partitions(**asked)
    request = sign(server, "GetPartitions", asked)
    return len(answer["Partitions"]), statistics.median(
        timed(20, lambda _: send_all(server.port, [request]))
    ) * 1000


def update_table(server: Server, versions: int) -> float:
    """Time of the last hundred updates as a multiple of the first hundred's."""
    client = server.client()
    client.create_table(DatabaseName="bench", TableInput={**TABLE, "Name": "versions"})
    took = timed(
        versions,
        lambda n: client.update_table(
            DatabaseName="bench", TableInput={**TABLE, "Name": "versions", "Retention": n}
        ),
    )
    return statistics.median(took[-100:]) / statistics.median(took[:100])


def verdict(text: str, value: float, target: float, *, at_least: bool) -> bool:
    good = value >= target if at_least else value <= target
    word = "at least" if at_least else "at most"
    print(f"{text}: {value:,.2f}  (target {word} {target:,g}){'' if good else ' MISSED'}")
    return good


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--partitions", type=int, default=100_000)
    parser.add_argument("--versions", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="of `glulam up`")
    args = parser.parse_args()
    with running("moto", ["-m", "moto.server", "-p", "5191"], 5191, "/moto-api/") as moto:
        moto_p50, moto_rate = get_table(moto, 1_000)
        print(f"moto    GetTable p50 {moto_p50:.2f} ms, {moto_rate:,.0f} requests/s")
    start = "import sys; from glulam.cli.main import main; sys.exit(main())"
    command = ["-c", start, "up", "--ephemeral", "--port", "5190", "--processes", str(args.processes)]
    with running("glulam", command, 5190, "/_glulam/health") as glulam:
        p50, requests_s = get_table(glulam, 20_000)
        print(f"glulam  GetTable p50 {p50:.2f} ms, {requests_s:,.0f} requests/s")
        good = [
            verdict("GetTable p50, glulam / moto", p50 / moto_p50, 0.5, at_least=False),
            verdict("GetTable requests/s, glulam / moto", requests_s / moto_rate, 5, at_least=True),
            verdict("partitions created/s", fill(glulam, args.partitions), 20_000, at_least=True),
            verdict(
                "GetPartition requests/s",
                get_partition(glulam, args.partitions, 10_000),
                2_000,
                at_least=True,
            ),
        ]
        found, took = get_partitions(glulam)
        good.append(verdict(f"GetPartitions by index, {found} found, ms", took, 50, at_least=False))
        good.append(
            verdict(
                "UpdateTable, last 100 / first 100", update_table(glulam, args.versions), 2, at_least=False
            )
        )
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
