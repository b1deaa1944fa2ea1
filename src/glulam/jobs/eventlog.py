"""What Spark's event log says about a run: records and bytes read and written, time of tasks.

Spark writes the log beside the run; nothing asks the JVM. A line that cannot be read, as the last one of a killed process,
is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson


def spark_metrics(folder: Path, since_ms: float = 0) -> dict[str, float]:
    """Sums over all tasks that were begun since then and ended well; empty when there is no log."""
    sums = {"records_read": 0, "bytes_read": 0, "records_written": 0, "bytes_written": 0, "shuffle_bytes": 0,
            "tasks": 0, "failed_tasks": 0}  # fmt: skip
    task_s, seen = 0.0, False
    for event in _ended_tasks(folder):
        if (event.get("Task Info") or {}).get("Launch Time", since_ms) < since_ms:
            continue
        seen = True
        if event.get("Task End Reason", {}).get("Reason") != "Success":
            sums["failed_tasks"] += 1
            continue
        found = event.get("Task Metrics") or {}
        read, written = found.get("Input Metrics") or {}, found.get("Output Metrics") or {}
        sums["tasks"] += 1
        sums["records_read"] += read.get("Records Read", 0)
        sums["bytes_read"] += read.get("Bytes Read", 0)
        sums["records_written"] += written.get("Records Written", 0)
        sums["bytes_written"] += written.get("Bytes Written", 0)
        sums["shuffle_bytes"] += (found.get("Shuffle Write Metrics") or {}).get("Shuffle Bytes Written", 0)
        task_s += found.get("Executor Run Time", 0) / 1000
    return {**sums, "task_s": round(task_s, 3)} if seen else {}


def _ended_tasks(folder: Path) -> Iterator[dict[str, Any]]:
    if not folder.is_dir():
        return
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink()):
        with path.open("rb") as file:
            for line in file:
                if b'"SparkListenerTaskEnd"' in line[:60]:
                    try:
                        yield orjson.loads(line)
                    except orjson.JSONDecodeError:
                        continue
