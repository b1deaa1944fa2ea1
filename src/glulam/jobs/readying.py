"""The script of a session that is ready before its run is known: starts Spark, waits for the run, becomes its process.

    start     imports, a SparkContext by the configuration of its folder, a small job through it; then the file READY appears
    wait      for one line on standard input: the run's plan, and what its Spark settings have other than these
    become    the run: environment, limits, arguments, script. The first SparkContext that the script makes is the one that
              is there, unless the script asks for settings that it cannot take: then it is stopped, and Spark started anew

Run as a job's script, as the run's account. One session becomes one run, and ends with it.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import resource
import shutil
import signal
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from py4j.java_gateway import JavaGateway
from py4j.protocol import Py4JError
from pyspark import SparkConf, SparkContext
from pyspark.sql import SparkSession

from glulam.jobs import keeper, script
from glulam.jobs.sparkconf import READY, can_change

_SCRIPTS_USE = (
    "awsglue.context",
    "awsglue.job",
    "awsglue.transforms",
    "boto3",
    "pandas",
    "pyarrow",
    "pyspark.pandas",
)
_HADOOP = "spark.hadoop."


class Held:
    """A started Spark that the script does not see until it asks for one."""

    def __init__(self) -> None:
        session = SparkSession.builder.appName("glulam").getOrCreate()
        _exercise(session, Path(os.environ["TMPDIR"]) / "ready")
        context = session.sparkContext
        self._gateway: JavaGateway = SparkContext._gateway
        self._java_context, self._java_session = context._jsc, session._jsparkSession
        self._conf = dict(context.getConf().getAll())
        self._workers_see: dict[str, str] = {}
        self._there = True
        SparkContext._active_spark_context = SparkContext._gateway = SparkContext._jvm = None
        SparkSession._instantiatedSession = None

    def offer(self, changes: Mapping[str, str], workers_see: Mapping[str, str]) -> None:
        """From here on, the script's SparkContext is this one, with these settings. workers_see: environment of Spark's Python
        workers."""
        self._workers_see = dict(workers_see)
        try:
            self._change(changes)
        except (Py4JError, OSError):  # the JVM is gone: the script starts one of its own
            self._there = False
            return
        ensure, start = SparkContext._ensure_initialized.__func__, SparkContext._initialize_context

        def ensure_initialized(
            cls: type, instance: Any = None, gateway: Any = None, conf: Any = None
        ) -> None:
            if self._there and gateway is None and SparkContext._gateway is None:
                if self._takes(() if conf is None else conf.getAll()):
                    SparkContext._gateway, SparkContext._jvm = self._gateway, self._gateway.jvm
                else:
                    self._drop()
            ensure(cls, instance, gateway, conf)

        def initialize_context(context: SparkContext, java_conf: Any) -> Any:
            asked = SparkConf(_jconf=java_conf).getAll()
            context.environment.update(
                {k: v for k, v in self._workers_see.items() if k not in context.environment}
            )
            if not self._there:
                return start(context, java_conf)
            self._there = False
            if not self._takes(asked):
                self._java_context.stop()
                return start(context, java_conf)
            self._change({name: value for name, value in asked if self._conf.get(name) != value})
            return self._java_context

        SparkContext._ensure_initialized = classmethod(ensure_initialized)
        SparkContext._initialize_context = initialize_context

    def limit(self, limits: Mapping[str, int]) -> None:
        """Hold the JVM to them, too, as if it were the run's child."""
        if sys.platform == "linux" and "RLIMIT_CPU" in limits:
            with suppress(ProcessLookupError):
                resource.prlimit(self._gateway.proc.pid, resource.RLIMIT_CPU, (limits["RLIMIT_CPU"],) * 2)

    def _takes(self, asked: Iterable[tuple[str, str]]) -> bool:
        return all(self._conf.get(name) == value or can_change(name) for name, value in asked)

    def _change(self, settings: Mapping[str, str]) -> None:
        jvm = self._gateway.jvm
        for name, value in settings.items():
            jvm.java.lang.System.setProperty(name, value)  # where a new SparkConf looks
            self._java_context.sc().conf().set(name, value)
            self._conf[name] = value
            if name.startswith(_HADOOP):
                self._java_context.hadoopConfiguration().set(name.removeprefix(_HADOOP), value)
            elif name.startswith("spark.sql."):
                self._java_session.conf().set(name, value)

    def _drop(self) -> None:
        """The script needs a JVM that starts with its own settings."""
        self._there = False
        self._java_context.stop()
        self._gateway.shutdown()
        self._gateway.proc.stdin.close()
        self._gateway.proc.wait(30)


def _exercise(session: SparkSession, folder: Path) -> None:
    """What most scripts do, so that its classes are loaded: read JSON, through Python too, change it, write Parquet."""
    folder.mkdir()
    (folder / "in.json").write_text('{"id": 1, "name": "a", "at": {"x": 1.5}}\n' * 10)
    lines = session.read.text(str(folder / "in.json"))
    lines.mapInArrow(lambda batches: batches, lines.schema).collect()
    frame = session.read.schema("id long, name string, at struct<x: double>").json(str(folder / "in.json"))
    frame.createOrReplaceTempView("ready")
    session.sql("SELECT id, upper(name) AS name, at.x FROM ready WHERE id > 0").write.parquet(
        str(folder / "out")
    )
    session.read.parquet(str(folder / "out")).groupBy("name").count().collect()
    session.catalog.dropTempView("ready")
    shutil.rmtree(folder)


def main() -> None:
    for name in _SCRIPTS_USE:
        with suppress(ImportError):
            importlib.import_module(name)
    path = list(sys.path)
    held = Held()
    ready = Path(os.environ["SPARK_CONF_DIR"]) / READY
    ready.touch()
    line = _line()
    if not line:
        return
    ready.unlink()
    told = json.loads(line)
    plan = told["plan"]
    become(plan, path)
    held.limit(plan["limits"])
    held.offer(told["changes"], {k: v for k, v in plan["env"].items() if told["seen"].get(k) != v})
    script.carry_out(plan)


def _line() -> bytes:
    """The one line on standard input, which leads nowhere from then on."""
    data = bytearray()
    while not data.endswith(b"\n") and (part := os.read(0, 1 << 16)):
        data += part
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return bytes(data)


def become(plan: Mapping[str, Any], path: list[str]) -> None:
    """Everything of this process that is the run's. path: sys.path as it was before Spark came."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    keeper.limit(plan["limits"])
    os.chdir(plan["folder"])
    os.environ.clear()
    os.environ.update(plan["env"])
    sys.path[:] = path
    theirs = {
        found.name for found in pkgutil.iter_modules([*plan["python_path"], os.path.dirname(plan["script"])])
    }
    for name in list(
        sys.modules
    ):  # the run brings a package of its own: what of that name was imported is not its
        if name.partition(".")[0] in theirs - sys.stdlib_module_names:
            del sys.modules[name]


if __name__ == "__main__":
    main()
