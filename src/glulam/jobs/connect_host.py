"""The script of a session of type SPARK_CONNECT: Spark with a Connect server on loopback, for those who have its token.

Asks the server for the token, tells it the URL once Spark listens, and is there until it is stopped. Run as a job's script.
"""

from __future__ import annotations

import os
import socket
import sys
import time

from pyspark import SparkConf, SparkContext
from pyspark.sql import SparkSession

from glulam.jobs.repl import Server

_LOOK_S = 0.5
_SETTINGS = {
    "spark.plugins": "org.apache.spark.sql.connect.SparkConnectPlugin",
    "spark.connect.grpc.binding.address": "127.0.0.1",
    "spark.sql.artifact.isolation.enabled": "true",
    "spark.sql.artifact.isolation.alwaysApplyClassloader": "true",
}


def main() -> int:
    """Ends when the JVM does."""
    server = Server()
    os.environ["SPARK_CONNECT_AUTHENTICATE_TOKEN"] = server.ask("token")["token"]
    port = _free_port()
    conf = SparkConf().setAll(list(_SETTINGS.items())).set("spark.connect.grpc.binding.port", str(port))
    SparkSession.builder.config(conf=conf).getOrCreate()
    server.ask("endpoint", url=f"sc://localhost:{port}")
    while SparkContext._gateway.proc.poll() is None:
        time.sleep(_LOOK_S)
    print("session: Spark has ended", file=sys.stderr)
    return 1


def _free_port() -> int:
    """Nobody else has it now; Spark does not say which one it took by itself."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
