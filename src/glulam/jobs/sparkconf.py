"""Spark's configuration for one run, as files that Spark reads by itself: a script that says `SparkContext.getOrCreate()` and
nothing else gets the right master, memory, lake and event log.

`s3://` on a local lake is Hadoop's ViewFileSystem with a link for each bucket: configuration only, paths in scripts stay as
they are. Buckets are those that there are when the run starts, and those that its arguments name.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from glulam.jobs.capacity import Capacity, memory_bytes
from glulam.jobs.workspace import Workspace
from glulam.objects.hadoop import buckets_of, lake_conf, s3_conf

SAIL = "sail"
"""As a master: Sail, in the run's own process."""
READY = "ready"
"""In the conf folder of a session that is ready; gone once it has become a run."""
_MIB = 1 << 20
_LEAST_DRIVER_MIB = 512
_CHANGEABLE = ("spark.app.name", "spark.sql.autoBroadcastJoinThreshold", "spark.sql.broadcastTimeout",
               "spark.sql.caseSensitive", "spark.sql.session.timeZone", "spark.sql.shuffle.partitions")  # fmt: skip
_CHANGEABLE_PREFIXES = (
    "spark.hadoop.fs.viewfs.mounttable.", "spark.sql.adaptive.", "spark.sql.ansi.", "spark.sql.csv.", "spark.sql.files.",
    "spark.sql.json.", "spark.sql.orc.", "spark.sql.parquet.", "spark.sql.sources.partitionOverwriteMode",
    "spark.sql.execution.arrow.", "spark.sql.execution.pyspark.", "spark.sql.debug.maxToStringFields",
)  # fmt: skip
_LOG4J = """
rootLogger.level = warn
rootLogger.appenderRef.stdout.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yy/MM/dd HH:mm:ss} %p %c{1}: %m%n%ex
"""


@dataclass(frozen=True, kw_only=True)
class SparkPlace:
    """Where Spark runs, and what its s3:// is."""

    master: str
    """`local[*]`, a master URL, `sc://host:port`, or SAIL."""
    lake: Path | None
    """The local lake; None: objects are on S3."""

    @property
    def connects(self) -> bool:
        """Whether scripts speak Spark Connect with it."""
        return self.master == SAIL or self.master.startswith("sc://")


def can_change(name: str) -> bool:
    """Whether a setting can be changed in a Spark that runs already. All others need a start of their own."""
    return name in _CHANGEABLE or name.startswith(_CHANGEABLE_PREFIXES)


def settings(
    place: SparkPlace, workspace: Workspace, capacity: Capacity, given: Mapping[str, str], jars: Sequence[str]
) -> dict[str, str]:
    """All of Spark's settings for a run. given: those of --conf, which go before ours."""
    found = {**_settings(place, workspace, capacity), **given}
    if jars:
        found["spark.jars"] = ",".join([*jars, *filter(None, [given.get("spark.jars")])])
    return found


def write(place: SparkPlace, workspace: Workspace, settings: Mapping[str, str]) -> dict[str, str]:
    """Write the configuration into the run's folder. Returns the environment that makes Spark find it."""
    lines = "".join(f"{name} {value}\n" for name, value in sorted(settings.items()))
    workspace.write(workspace.conf / "spark-defaults.conf", lines)
    workspace.write(workspace.conf / "log4j2.properties", _LOG4J)
    env = {"SPARK_CONF_DIR": str(workspace.conf), "SPARK_LOCAL_DIRS": str(workspace.tmp)}
    if place.master == SAIL:
        env["GLULAM_JOB_ENGINE"] = SAIL
    elif place.connects:
        env["SPARK_REMOTE"] = place.master
    return env


def _settings(place: SparkPlace, workspace: Workspace, capacity: Capacity) -> dict[str, str]:
    memory = capacity.memory_bytes * capacity.workers
    found = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": workspace.events.as_uri(),
        "spark.eventLog.compress": "false",
        "spark.sql.warehouse.dir": (workspace.path / "warehouse").as_uri(),
        "spark.driver.extraJavaOptions": f"-Dderby.system.home={workspace.tmp} -Djava.io.tmpdir={workspace.tmp}",
    }
    if place.connects:
        return found | _lake(place.lake)
    if place.master.startswith("local"):
        cores = min(capacity.cores * capacity.workers, os.cpu_count() or 1)
        found["spark.master"] = f"local[{cores}]"
        found["spark.driver.host"] = found["spark.driver.bindAddress"] = "127.0.0.1"
        half = memory_bytes() // 2
        found["spark.driver.memory"] = f"{max(_LEAST_DRIVER_MIB, min(memory, half) // _MIB)}m"
        found["spark.sql.shuffle.partitions"] = str(max(4, cores * 2))
    else:
        found["spark.master"] = place.master
        found["spark.executor.instances"] = str(max(1, capacity.workers - 1))
        found["spark.executor.cores"] = str(capacity.cores)
        found["spark.executor.memory"] = f"{capacity.memory_bytes * 5 // 8 // _MIB}m"
    return found | _lake(place.lake)


def _lake(lake: Path | None) -> dict[str, str]:
    found = s3_conf(os.environ) if lake is None else lake_conf(lake, buckets_of(lake))
    return {f"spark.hadoop.{name}": value for name, value in found.items()}
