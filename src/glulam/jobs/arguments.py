"""What the arguments of a run mean: Glue's precedence, and the ones that Glue itself acts on.

    job's DefaultArguments  <  the run's Arguments  <  job's NonOverridableArguments

All of them reach the script. Those that Glue acts on are honoured, or named in a warning in the run's log: none is
passed over in silence.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from glulam.model.errors import InvalidInput

BACKOFF = "--glulam-retry-backoff-seconds"
LONGEST_BACKOFF_S = 3600.0
ENGINE = "--glulam-engine"
COMMAND = "--glulam-command"
PIPELINE_COMMANDS: Mapping[str, tuple[str, ...]] = {
    "run": ("run",),
    "list": ("list",),
    "process": ("run", "--no-list"),
}
"""What a pipeline job does: find raw files and process them, or one of the two."""
HONOURED = frozenset({
    "--additional-python-modules", "--conf", "--continuous-log-logStreamPrefix", "--customer-driver-env-vars",
    "--enable-continuous-cloudwatch-log", "--enable-continuous-log-filter", "--enable-job-insights", "--enable-metrics",
    "--enable-observability-metrics", "--extra-files", "--extra-jars", "--extra-py-files", "--job-bookmark-from",
    "--job-bookmark-option", "--job-bookmark-to", "--job-language", "--scriptLocation", "--TempDir",
    "--python-modules-installer-option", COMMAND, BACKOFF, ENGINE,
})  # fmt: skip
NOT_HONOURED: Mapping[str, str] = {
    "--class": "Scala jobs are not run",
    "--continuous-log-conversionPattern": "lines are kept as the script wrote them",
    "--continuous-log-logGroup": "logs are in /aws-glue/jobs/output and /aws-glue/jobs/error",
    "--customer-executor-env-vars": "executors get the environment of the driver on a local master only",
    "--datalake-formats": "table formats come from the Spark installation: name their jars with --extra-jars",
    "--enable-auto-scaling": "a run keeps the size that it starts with",
    "--enable-glue-datacatalog": "Spark SQL sees the catalog through awsglue's GlueContext only",
    "--enable-lakeformation-fine-grained-access": "there is no Lake Formation here",
    "--enable-rename-algorithm-v2": "local files are renamed atomically; S3 is written by Spark's own committer",
    "--enable-s3-parquet-optimized-committer": "files are written by Spark's own committer",
    "--enable-spark-ui": "Spark's history server is not part of Glulam",
    "--library-set": "python shell jobs have the packages of the worker's environment",
    "--redshift-tmp-dir": "there is no Redshift connector here",
    "--spark-event-logs-path": "event logs are read for the run's metrics and not kept",
    "--user-jars-first": "the order of jars is Spark's",
    "--write-shuffle-files-to-s3": "shuffle files stay on local disks",
    "--write-shuffle-spills-to-s3": "shuffle files stay on local disks",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The arguments of one run."""

    values: Mapping[str, str]
    """Merged, with their dashes."""
    warnings: tuple[str, ...]
    """For the run's log."""

    def get(self, name: str) -> str:
        return self.values.get(name, "").strip()

    def names(self, name: str) -> list[str]:
        """A comma-separated list; empty when it is not given."""
        return [part.strip() for part in self.get(name).split(",") if part.strip()]

    def backoff_s(self, attempt: int) -> float:
        """How long attempt n (1: the first retry) waits: the backoff, doubled for each attempt before. Raises InvalidInput."""
        text = self.get(BACKOFF) or "0"
        try:
            seconds = float(text)
        except ValueError:
            seconds = -1
        if not 0 <= seconds < float("inf"):
            raise InvalidInput(f"{BACKOFF} {text!r}: expected seconds, 0 or more")
        return float(min(seconds * 2 ** (min(attempt, 64) - 1), LONGEST_BACKOFF_S))

    @property
    def argv(self) -> list[str]:
        return [word for item in self.values.items() for word in item]

    def spark_conf(self) -> dict[str, str]:
        """`--conf a=b --conf c=d`, as Glue takes several settings in one value. Raises InvalidInput."""
        text = self.get("--conf")
        found = {}
        for part in shlex.split(text.replace("\n", " ")):
            if part == "--conf":
                continue
            name, equals, value = part.partition("=")
            if not equals or not name:
                raise InvalidInput(
                    f"--conf {text!r}: expected name=value, with --conf before each further one"
                )
            found[name] = value
        return found

    def pipeline_command(self) -> tuple[str, ...]:
        """Words of the `glulam` command for a pipeline job. Raises InvalidInput."""
        found = self.get(COMMAND) or "run"
        if found not in PIPELINE_COMMANDS:
            raise InvalidInput(f"{COMMAND} is {found!r}; expected one of {', '.join(PIPELINE_COMMANDS)}")
        return PIPELINE_COMMANDS[found]

    @property
    def engine(self) -> str:
        """`spark`, or `sail`: an engine that speaks Spark Connect and has no JVM. Raises InvalidInput."""
        found = self.get(ENGINE) or "spark"
        if found not in ("spark", "sail"):
            raise InvalidInput(f"{ENGINE} {found!r}: expected spark or sail")
        return found

    def driver_env(self) -> dict[str, str]:
        """`--customer-driver-env-vars A=1,B=2`. Raises InvalidInput."""
        found = {}
        for part in self.names("--customer-driver-env-vars"):
            name, equals, value = part.partition("=")
            if not equals or not name:
                raise InvalidInput(f"--customer-driver-env-vars: expected NAME=value, found {part!r}")
            found[name] = value
        return found


def merge(
    default: Mapping[str, str] | None, asked: Mapping[str, str] | None, fixed: Mapping[str, str] | None
) -> Arguments:
    """The arguments of a run, with a warning for each that has no effect."""
    asked, fixed = asked or {}, fixed or {}
    values = {**(default or {}), **asked, **fixed}
    warnings = [
        f"argument {name} is not overridable: the job's own value is used" for name in asked if name in fixed
    ]
    warnings += [
        f"argument {name} has no effect: {why}" for name, why in NOT_HONOURED.items() if name in values
    ]
    language = values.get("--job-language", "python")
    if language != "python":
        warnings.append(f"argument --job-language is {language!r}: only python is run")
    return Arguments(values=values, warnings=tuple(warnings))
