"""The Spark session of a job: the one that is there, or one by the environment that the runner gives.

    GLULAM_SPARK_MASTER   local[*] (default), spark://host:7077, sc://host:15002 for Spark Connect
    GLULAM_OBJECTS        local (default): s3:// is the folder GLULAM_LAKE; s3: the S3 of the AWS variables

Only settings of a session are changed, so it also works with a SparkContext that the script made itself.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pyspark.sql import SparkSession

from glulam.model.uri import S3Uri
from glulam.objects.hadoop import buckets_of, lake_conf, mount, s3_conf
from glulam.settings import Settings

_DEFAULTS = {
    "spark.sql.ansi.enabled": "false",  # as in all Spark 3, for which scripts were written
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.sources.partitionOverwriteMode": "dynamic",
}
_PACKAGE = Path(__file__).parents[1]


def find_session(settings: Settings) -> SparkSession:
    """The active session, else a new one."""
    active = SparkSession.getActiveSession()
    return active if active is not None else make_session(settings)


def make_session(settings: Settings) -> SparkSession:
    builder = SparkSession.builder.appName(os.environ.get("GLULAM_JOB_NAME", "glulam"))
    if os.environ.get("SPARK_CONF_DIR") and os.environ.get("GLULAM_JOB_RUN_ID"):
        return builder.getOrCreate()  # the runner wrote all of it into Spark's own configuration
    if settings.spark_master.startswith("sc://"):
        return builder.remote(settings.spark_master).getOrCreate()
    if settings.spark_master.startswith("local"):
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        builder = builder.config("spark.executorEnv.PYTHONPATH", str(_PACKAGE))
        builder = builder.config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false")
        builder = builder.config("spark.sql.shuffle.partitions", str(2 * (os.cpu_count() or 2)))
        builder = builder.config("spark.driver.host", "127.0.0.1").config(
            "spark.driver.bindAddress", "127.0.0.1"
        )
    return builder.master(settings.spark_master).getOrCreate()


def configure(session: SparkSession, settings: Settings) -> None:
    """Make s3:// work, and Spark 4 behave as the Spark that scripts were written for. A value that was set before stays."""
    for name, value in _DEFAULTS.items():
        if name not in _chosen():
            session.conf.set(name, value)
    for name, value in hadoop_conf(settings).items():
        session.conf.set(name, value)


def _chosen() -> set[str]:
    """Spark settings that the job asked for with --conf: the runner names them."""
    return {
        part.split("=")[0].strip()
        for part in os.environ.get("GLULAM_SPARK_CONF", "").split("\n")
        if "=" in part
    }


def hadoop_conf(settings: Settings) -> dict[str, str]:
    """As Hadoop names them. For Spark's own configuration files, `spark.hadoop.` goes before each."""
    if settings.objects == "s3":
        return s3_conf(os.environ)
    return lake_conf(settings.lake_root, buckets_of(settings.lake_root))


def reach(session: SparkSession, settings: Settings, path: str) -> None:
    """Have a bucket mounted that was made after the session was."""
    if settings.objects == "local" and path.startswith(("s3://", "s3a://", "s3n://")):
        bucket = S3Uri.parse(path).bucket
        if session.conf.get(mount(bucket), "") == "":
            session.conf.set(mount(bucket), (settings.lake_root.absolute() / bucket).as_uri())
