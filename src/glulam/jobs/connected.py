"""Runs a job's script over Spark Connect: on a server elsewhere, or on Sail, an engine without a JVM in this very process.

Scripts from Glue begin with `SparkContext.getOrCreate()`, which needs a JVM. Here they get a stand-in that knows the session;
what only a JVM can do is refused with the way that works.

    connected.py SCRIPT ARGUMENTS...      as a job's script; GLULAM_JOB_ENGINE says which engine
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
import types
from typing import Any, ClassVar

import pyspark
from pyspark.sql import SparkSession

from glulam.jobs import script
from glulam.model.errors import InvalidConfig, OperationNotSupported
from glulam.objects.endpoint import s3_endpoint

log = logging.getLogger("glulam")


class NotOverConnect(OperationNotSupported, AttributeError):
    """An attribute that a SparkContext has and this one has not."""


class ConnectContext:
    """What of a SparkContext there is over Spark Connect."""

    _one: ClassVar[ConnectContext | None] = None

    def __init__(
        self, master: str | None = None, appName: str | None = None, *, conf: Any = None, **_: Any
    ) -> None:
        self.session = SparkSession.builder.getOrCreate()
        self.appName = appName or os.environ.get("GLULAM_JOB_NAME", "glulam")
        self.master = os.environ["SPARK_REMOTE"]
        for name, value in () if conf is None else conf.getAll():
            set_up(self.session, name, value)
        type(self)._one = self

    @classmethod
    def getOrCreate(cls, conf: Any = None) -> ConnectContext:
        return cls._one or cls(conf=conf)

    @property
    def version(self) -> str:
        return str(self.session.version)

    def addPyFile(self, path: str) -> None:
        self.session.addArtifacts(path, pyfile=True)

    def setLogLevel(self, logLevel: str) -> None:
        log.warning("setLogLevel(%r) has no effect over Spark Connect: the engine's log is its own", logLevel)

    def stop(self) -> None:
        type(self)._one = None
        self.session.stop()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise NotOverConnect(
            f"SparkContext.{name} is not there over Spark Connect, which has no JVM beside the script and no RDDs: use the "
            "DataFrame API, or run the job on Spark itself"
        )


def set_up(session: SparkSession, name: str, value: str) -> None:
    """One of --conf's settings; the engine may refuse it."""
    try:
        session.conf.set(name, value)
    except Exception as error:  # each engine has its own
        log.warning("setting %s has no effect: %s", name, str(error).splitlines()[0])


def start_sail() -> str:
    """Sail's server, in this process; its URL. s3:// is where the AWS variables say. Raises InvalidConfig without pysail."""
    os.environ.setdefault("RUST_LOG", "warn")
    if endpoint := s3_endpoint(os.environ):
        os.environ["AWS_ENDPOINT"] = endpoint
        os.environ["AWS_ALLOW_HTTP"] = "true"
    try:
        sail = importlib.import_module("pysail.spark")
    except ImportError as error:
        raise InvalidConfig(
            "--glulam-engine sail: pysail is not installed; pip install 'glulam[sail]'"
        ) from error
    server = sail.SparkConnectServer()
    server.start(background=True)
    globals()["_server"] = server  # it ends when it is forgotten
    _, port = server.listening_address
    return f"sc://127.0.0.1:{port}"


def stand_in() -> None:
    """Let `SparkContext` be ConnectContext, wherever scripts import it from."""
    module = types.ModuleType("pyspark.context")
    module.SparkContext = ConnectContext  # type: ignore[attr-defined]
    sys.modules["pyspark.context"] = module
    pyspark.SparkContext = ConnectContext


def main() -> None:
    sys.argv = sys.argv[1:]
    if os.environ.get("GLULAM_JOB_ENGINE") == "sail":
        os.environ["SPARK_REMOTE"] = start_sail()
    stand_in()
    chosen = [
        part.partition("=") for part in os.environ.get("GLULAM_SPARK_CONF", "").split("\n") if "=" in part
    ]
    if chosen:
        session = SparkSession.builder.getOrCreate()
        for name, _, value in chosen:
            set_up(session, name, value)
    script.carry_out({"script": sys.argv[0], "argv": sys.argv, "python_path": []})


if __name__ == "__main__":
    main()
