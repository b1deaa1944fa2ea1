"""S3 on the local lake over HTTP, against moto's S3 server in the same run, both on loopback with the same client.

- Objects of 1 KB, 16 connections, requests signed beforehand so that the client costs as little as it can: puts and gets a
  second. Target: each at least 4 times moto's.
- One object of 1 GB: put, get, and an upload in parts of 64 MiB over 4 connections. Target: each at least 300 MB/s or 3
  times moto's; the server's memory grows by no more than 200 MiB. (Glulam writes to disk and forces what it wrote there;
  moto keeps everything in memory.)

    python -m bench.s3 [--objects 8000] [--mib 1024] [--processes 2]

Glulam runs in as many processes as there are CPUs, moto, which keeps its state in memory, in one.
"""

from __future__ import annotations

import argparse
import http.client
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from bench.catalog import Server, running
from bench.measure import PROC
from glulam.access.keys import DEVELOPMENT_ID, DEVELOPMENT_SECRET

CLIENTS, PROCESSES = 16, 2
MIB = 1 << 20
PART = 64 * MIB
PIECE, BODY = bytes(MIB), b"x" * 1024


@dataclass(frozen=True, kw_only=True)
class Signed:
    path: str
    headers: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Rates:
    """What one server did."""

    puts: float
    gets: float
    put_mb_s: float
    get_mb_s: float
    parts_mb_s: float
    grown_mib: float


def client(server: Server) -> Any:
    return boto3.client(
        "s3", endpoint_url=f"http://127.0.0.1:{server.port}", region_name="us-east-1",
        aws_access_key_id=DEVELOPMENT_ID, aws_secret_access_key=DEVELOPMENT_SECRET,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}, read_timeout=600),
    )  # fmt: skip


def presigned(server: Server, method: str, path: str) -> str:
    """Path and query of a request that can be sent as it is for an hour."""
    request = AWSRequest(method=method, url=f"http://127.0.0.1:{server.port}{path}")
    S3SigV4QueryAuth(Credentials(DEVELOPMENT_ID, DEVELOPMENT_SECRET), "s3", "us-east-1", 3600).add_auth(
        request
    )
    parts = urlsplit(str(request.url))
    return f"{parts.path}?{parts.query}"


def signed(server: Server, method: str, path: str, body: bytes) -> dict[str, str]:
    """Headers of a request that can be sent as it is for a quarter of an hour, signed as boto3 does."""
    request = AWSRequest(method=method, url=f"http://127.0.0.1:{server.port}{path}", data=body)
    S3SigV4Auth(Credentials(DEVELOPMENT_ID, DEVELOPMENT_SECRET), "s3", "us-east-1").add_auth(request)
    return dict(request.headers)


def send_all(port: int, method: str, requests: Sequence[Signed]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.connect()
    body = BODY if method == "PUT" else b""
    for request in requests:
        connection.request(method, request.path, body, request.headers)
        answer = connection.getresponse()
        found = answer.read()
        if answer.status != 200 or len(found) != (0 if body else len(BODY)):
            raise SystemExit(f"{answer.status}: {found[:500]!r}")
    connection.close()


def share(port: int, method: str, shares: Sequence[Sequence[Signed]]) -> None:
    with ThreadPoolExecutor(len(shares)) as pool:
        list(pool.map(lambda requests: send_all(port, method, requests), shares))


def rate(server: Server, method: str, requests: Sequence[Signed]) -> float:
    """Requests a second over CLIENTS connections in PROCESSES processes."""
    shares, each = [requests[n::CLIENTS] for n in range(CLIENTS)], CLIENTS // PROCESSES
    context = get_context("fork")
    found = [context.Process(target=share, args=(server.port, method, shares[n * each : (n + 1) * each]))
             for n in range(PROCESSES)]  # fmt: skip
    began = time.perf_counter()
    for process in found:
        process.start()
    for process in found:
        process.join()
    if any(process.exitcode for process in found):
        raise SystemExit(f"{server.name}: a client failed")
    return len(requests) / (time.perf_counter() - began)


def send_long(server: Server, url: str, size: int) -> str:
    """One PUT; returns the etag."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.putrequest("PUT", url)
    connection.putheader("Content-Length", str(size))
    connection.endheaders()
    for _ in range(size // MIB):
        connection.send(PIECE)
    answer = connection.getresponse()
    found = answer.read()
    if answer.status != 200:
        raise SystemExit(f"{server.name}: {answer.status}: {found[:500]!r}")
    return str(answer.headers["ETag"])


def read_long(server: Server, url: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("GET", url)
    answer = connection.getresponse()
    buffer, size = bytearray(MIB), 0
    while count := answer.readinto(buffer):
        size += count
    return size


def in_parts(server: Server, size: int) -> None:
    s3 = client(server)
    upload = s3.create_multipart_upload(Bucket="bench", Key="parts")["UploadId"]
    path = f"/bench/parts?partNumber=%d&uploadId={upload}"

    def part(number: int) -> dict[str, Any]:
        url = presigned(server, "PUT", path % number)
        return {"PartNumber": number, "ETag": send_long(server, url, min(PART, size))}

    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(part, range(1, max(1, size // PART) + 1)))
    s3.complete_multipart_upload(
        Bucket="bench", Key="parts", UploadId=upload, MultipartUpload={"Parts": parts}
    )


def speed(size: int, work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return size / 1e6 / (time.perf_counter() - began)


class Memory:
    """The most that a server's processes held, above what they held at first; the database's are not among them."""

    def __init__(self, pid: int) -> None:
        self._pid, self._stop = pid, threading.Event()
        self.first = self.most = self._now()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def grown_mib(self) -> float:
        self._stop.set()
        self._thread.join()
        return (self.most - self.first) / 1024

    def _watch(self) -> None:
        while not self._stop.wait(0.05):
            self.most = max(self.most, self._now())

    def _now(self) -> int:
        return sum(map(_held_kib, [self._pid, *_children(self._pid)]))


def _children(pid: int) -> list[int]:
    """The processes that answer requests."""
    found = []
    for path in PROC.glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            if parent == pid and b"spawn_main" in (path.parent / "cmdline").read_bytes():
                found.append(int(path.parent.name))
        except OSError:  # it has ended meanwhile
            continue
    return found


def _held_kib(pid: int) -> int:
    try:
        return int((PROC / str(pid) / "status").read_text().partition("RssAnon:")[2].split()[0])
    except (OSError, IndexError):
        return 0


def measure(server: Server, objects: int, size: int) -> Rates:
    client(server).create_bucket(Bucket="bench")
    paths = [f"/bench/small/{n % 100}/{n}" for n in range(objects)]
    puts = [Signed(path=path, headers=signed(server, "PUT", path, BODY)) for path in paths]
    gets = [Signed(path=path, headers=signed(server, "GET", path, b"")) for path in paths]
    rate(server, "PUT", puts[:500])
    found = rate(server, "PUT", puts), rate(server, "GET", gets)
    memory = Memory(server.pid)
    put, get = presigned(server, "PUT", "/bench/long"), presigned(server, "GET", "/bench/long")
    put_speed = speed(size, lambda: send_long(server, put, size))
    get_speed = speed(size, lambda: read_long(server, get))
    parts_speed = speed(size, lambda: in_parts(server, size))
    return Rates(puts=found[0], gets=found[1], put_mb_s=put_speed, get_mb_s=get_speed, parts_mb_s=parts_speed,
                 grown_mib=memory.grown_mib())  # fmt: skip


def small(label: str, ours: float, moto: float) -> bool:
    kept = ours >= 4 * moto
    print(
        f"  {label:10} {ours:8,.0f} /s   moto {moto:8,.0f} /s   {ours / moto:5.1f} times {'met' if kept else 'MISSED'}"
    )
    return kept


def long(label: str, ours: float, moto: float) -> bool:
    kept = ours >= 300 or ours >= 3 * moto
    print(
        f"  {label:10} {ours:8,.0f} MB/s moto {moto:8,.0f} MB/s {ours / moto:5.1f} times {'met' if kept else 'MISSED'}"
    )
    return kept


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--objects", type=int, default=8_000)
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="of `glulam up`")
    given = parser.parse_args()
    size = given.mib * MIB
    with running("moto", ["-m", "moto.server", "-p", "5161"], 5161, "/moto-api/") as server:
        moto = measure(server, given.objects, size)
    command = ["-c", "from glulam.cli.main import console; console()", "up", "--ephemeral", "--port", "5160",
               "--processes", str(given.processes)]  # fmt: skip
    with running("glulam", command, 5160, "/_glulam/health") as server:
        ours = measure(server, given.objects, size)
    print(f"1 KB objects, {CLIENTS} connections; one object of {given.mib} MiB; {os.cpu_count()} CPUs, "
          f"{given.processes} processes of Glulam")  # fmt: skip
    kept = [
        small("put", ours.puts, moto.puts), small("get", ours.gets, moto.gets), long("put", ours.put_mb_s, moto.put_mb_s),
        long("get", ours.get_mb_s, moto.get_mb_s), long("multipart", ours.parts_mb_s, moto.parts_mb_s),
    ]  # fmt: skip
    print(f"  memory grew by {ours.grown_mib:,.0f} MiB (moto: {moto.grown_mib:,.0f} MiB)")
    return 0 if all(kept) and ours.grown_mib <= 200 else 1


if __name__ == "__main__":
    sys.exit(main())
