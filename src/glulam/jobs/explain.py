"""Why a run failed, in one line that is worth reading: the script's line, the exception, and what to do about it."""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from glulam.jobs.launcher import Ended

HINTS: tuple[tuple[str, str], ...] = (
    (r"No module named '(pyspark|py4j|pandas)", "pip install 'glulam[spark]'"),
    (r"No module named 'ray'", "pip install 'glulam[ray]' where the worker runs"),
    (r"No module named '(?P<what>[\w.]+)'",
     "add the package with --additional-python-modules, or the file with --extra-py-files"),
    (r"JAVA_GATEWAY_EXITED|Java gateway process exited", "Spark needs Java 17 or newer: install it, or set JAVA_HOME"),
    (r"java\.lang\.OutOfMemoryError|Java heap space|GC overhead limit",
     "the driver or an executor ran out of memory: use a larger WorkerType, collect() less, or more partitions"),
    (r"\bMemoryError\b|Unable to allocate|Cannot allocate memory",
     "the process reached the memory of its worker: a larger MaxCapacity or WorkerType gives more"),
    (r"No space left on device", "the disk of the run's folder is full"),
    (r"PATH_NOT_FOUND|Path does not exist", "nothing lies at that path: look for a typing error in bucket and prefix"),
    (r"TABLE_OR_VIEW_NOT_FOUND", "Spark SQL does not know the table: read it through the catalog and make a view of it"),
    (r"UNRESOLVED_COLUMN|cannot resolve '", "the column is not in the data: printSchema() shows what is"),
    (r"ClassNotFoundException: .*S3AFileSystem|Class org\.apache\.hadoop\.fs\.s3a\.S3AFileSystem not found",
     "Spark reaches S3 with hadoop-aws of its own Hadoop version: --conf spark.jars.packages=org.apache.hadoop:hadoop-aws:"
     "VERSION, with that of pyspark/jars/hadoop-client-api-VERSION.jar"),
    (r"ClassNotFoundException: (?P<what>[\w.$]+)", "a jar is missing: name it with --extra-jars"),
    (r"No suitable driver", "the JDBC driver's jar is missing: name it with --extra-jars"),
    (r"UnsupportedFileSystemException|No FileSystem for scheme",
     "Spark has no file system for that URI: use s3:// on the lake, or add the jar with --extra-jars"),
    (r"Python worker exited unexpectedly|Python worker failed to connect back",
     "a Python function of the script ended its process: it ran out of memory, or a native library crashed"),
    (r"AMBIGUOUS_REFERENCE", "two columns have that name: rename one before the join"),
    (r"ARROW|ArrowInvalid", "a value does not fit the declared type of its column"),
    (r"serialized results? of \d+ tasks.*maxResultSize", "collect() brings more to the driver than spark.driver.maxResultSize"),
    (r"Could not connect to the endpoint URL|Connection refused", "nobody answers there: is `glulam up` running?"),
)  # fmt: skip
"""What a well-known error's text says, and what helps."""

_WHERE_SPARK_SAYS_IT = re.compile(r"(?:Caused by: |: )((?:[a-z]\w*\.)+[A-Z]\w*(?:Exception|Error): [^\n]+)")
_LINE = 500


def root_cause(ended: Ended) -> dict[str, Any]:
    """type, message, file, line, text and hint of a failed process; what is not known is None."""
    found: dict[str, Any] = {
        "type": None,
        "message": "",
        "file": None,
        "line": None,
        "text": None,
        "hint": None,
    }
    if ended.status < 0:
        found["type"] = name = signal.Signals(-ended.status).name
        found["message"] = f"the process was ended by {name}"
        if name == "SIGKILL":
            found["hint"] = (
                "the kernel does that when the machine is out of memory: use less, or fewer runs at once"
            )
        if name == "SIGXCPU":
            found["hint"] = "the run used up its CPU time: a longer Timeout gives more"
        return found
    if ended.report is None:
        return {**found, "message": f"the process ended with exit code {ended.status}"}
    return {**found, **ended.report, "hint": hint(f"{ended.report['type']}: {ended.report['message']}")}


def hint(text: str) -> str | None:
    return next((help_ for pattern, help_ in HINTS if re.search(pattern, text)), None)


def sentence(cause: Mapping[str, Any]) -> str:
    """`ZeroDivisionError: division by zero (script.py, line 12: x = 1 / 0)`: the run's ErrorMessage."""
    text = str(cause["message"]).strip()
    first = next((line for line in text.splitlines() if line.strip()), "")
    inner = _WHERE_SPARK_SAYS_IT.findall(text) if str(cause["type"]).startswith("py4j.") else []
    said = (inner[-1] if inner else first)[:_LINE]
    if cause["type"] and not inner and cause["type"] not in ("SystemExit", "builtins.SystemExit"):
        said = f"{str(cause['type']).rpartition('.')[2]}: {said}" if said else str(cause["type"])
    if cause["line"] is not None:
        where = f"{PurePath(str(cause['file'])).name}, line {cause['line']}"
        said += f" ({where}: {cause['text']})" if cause["text"] else f" ({where})"
    return f"{said}. {cause['hint']}" if cause["hint"] else said
