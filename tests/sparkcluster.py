"""A real Spark on this machine for tests: a standalone cluster (master and workers as processes), a Connect server.

Small and on loopback ports; every process that is started here is stopped here, by its id."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyspark

HOME = Path(pyspark.__file__).parent
SRC = Path(__file__).parents[1] / "src"
START_TIMEOUT_S = 60
_MASTER, _WORKER = "org.apache.spark.deploy.master.Master", "org.apache.spark.deploy.worker.Worker"
_CONNECT = "org.apache.spark.sql.connect.service.SparkConnectServer"


def environment() -> dict[str, str]:
    """What makes Spark's processes find each other, this Python and our package, in any network; and executors S3."""
    path = os.pathsep.join([str(SRC), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {
        "SPARK_HOME": str(HOME), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_MEMORY": "640m",
        "PYSPARK_PYTHON": sys.executable, "PYTHONPATH": path,
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
    }  # fmt: skip


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _running(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, env={**os.environ, **environment()}, stdout=out, stderr=out, start_new_session=True
        )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _until(ready: Callable[[], bool], what: str, process: subprocess.Popen[bytes], logs: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not ready():
        if time.monotonic() > deadline or process.poll() is not None:
            tails = "\n".join(f.read_text(errors="replace")[-1500:] for f in sorted(logs.glob("*.log")))
            raise TimeoutError(f"{what} did not come up in {START_TIMEOUT_S} s\n{tails}")
        time.sleep(0.2)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def standalone(folder: Path, workers: int = 2) -> Iterator[str]:
    """A master and its workers, one core each. Gives the master's URL."""
    port, web = free_port(), free_port()
    url = f"spark://127.0.0.1:{port}"
    spark_class = str(HOME / "bin" / "spark-class")

    def alive() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{web}/json/", timeout=2) as answer:
                return int(json.load(answer)["aliveworkers"]) == workers
        except (OSError, ValueError):
            return False

    with ExitStack() as stack:
        master = [spark_class, _MASTER, "--host", "127.0.0.1", "--port", str(port), "--webui-port", str(web)]
        running = stack.enter_context(_running(master, folder / "master.log"))
        _until(lambda: _answers(port), "the Spark master", running, folder)
        for number in range(workers):
            worker = [spark_class, _WORKER, "--host", "127.0.0.1", "--cores", "1", "--memory", "1g", "--webui-port",
                      str(free_port()), "--work-dir", str(folder / f"worker{number}"), url]  # fmt: skip
            stack.enter_context(_running(worker, folder / f"worker{number}.log"))
        _until(alive, f"a cluster of {workers} workers", running, folder)
        yield url


@contextmanager
def connect_server(folder: Path) -> Iterator[str]:
    """A Spark Connect server on local[2]. Gives its `sc://` URL."""
    port = free_port()
    server = [str(HOME / "bin" / "spark-submit"), "--class", _CONNECT, "--master", "local[2]",
              "--conf", f"spark.connect.grpc.binding.port={port}", "--conf", "spark.ui.enabled=false",
              "--conf", f"spark.sql.warehouse.dir={folder / 'warehouse'}", "spark-internal"]  # fmt: skip
    with _running(server, folder / "connect.log") as running:
        _until(lambda: _answers(port), "the Spark Connect server", running, folder)
        yield f"sc://127.0.0.1:{port}"
