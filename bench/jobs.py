"""Job runs: how soon a Python shell job's first line runs after StartJobRun, and how many short runs a second get done.

    python -m bench.jobs [--runs 1000] [--workers 2]

Against `glulam up` with that many workers, over HTTP, signed, as boto3 does it. The peer is the operating system: a script
started with `python script.py`, one after another.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

from glulam.access.keys import DEVELOPMENT_ID, DEVELOPMENT_SECRET

ROOT = Path(__file__).parents[1]
START = "from glulam.cli.main import console; console()"
FIRST_LINE = "import time; print(time.time(), flush=True)\n"
SAMPLES = 30
TARGET_MS, TARGET_RATE = 300, 10


@contextmanager
def up(workers: int) -> Iterator[tuple[Any, Any, Path]]:
    """(glue client, logs client, lake)"""
    env = {k: v for k, v in os.environ.items() if not k.startswith("GLULAM_")} | {
        "PYTHONPATH": str(ROOT / "src")
    }
    command = [
        sys.executable,
        "-c",
        START,
        "up",
        "--ephemeral",
        "--port",
        "0",
        "--json",
        "--workers",
        str(workers),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
        try:
            assert process.stdout is not None
            text = ""
            while "}" not in text:
                text += process.stdout.readline()
            said = json.loads(text)
            made = [
                boto3.client(name, endpoint_url=said["url"], region_name="us-east-1", aws_access_key_id=DEVELOPMENT_ID,
                             aws_secret_access_key=DEVELOPMENT_SECRET)
                for name in ("glue", "logs")
            ]  # fmt: skip
            yield made[0], made[1], Path(said["lake"])
        finally:
            process.terminate()
            process.wait(60)


def job(glue: Any, lake: Path, name: str, script: str) -> str:
    path = lake / "scripts" / f"{name}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script)
    glue.create_job(Name=name, Role="r", Command={"Name": "pythonshell", "ScriptLocation": f"s3://scripts/{name}.py"},
                    ExecutionProperty={"MaxConcurrentRuns": 10_000})  # fmt: skip
    return name


def ended(glue: Any, name: str, run_id: str) -> dict[str, Any]:
    while True:
        run: dict[str, Any] = glue.get_job_run(JobName=name, RunId=run_id)["JobRun"]
        if "CompletedOn" in run:
            return run
        time.sleep(0.02)


def first_line(glue: Any, logs: Any, lake: Path) -> float:
    """Milliseconds from before StartJobRun to the script's first line, the median."""
    name = job(glue, lake, "first", FIRST_LINE)
    took = []
    for number in range(SAMPLES + 3):
        asked = time.time()
        run_id = glue.start_job_run(JobName=name)["JobRunId"]
        ended(glue, name, run_id)
        [line] = logs.get_log_events(logGroupName="/aws-glue/python-jobs/output", logStreamName=run_id)[
            "events"
        ]
        if number >= 3:
            took.append((float(line["message"]) - asked) * 1000)
    print(f"StartJobRun to first line: p50 {statistics.median(took):.0f} ms, p95 {sorted(took)[int(SAMPLES * 0.95)]:.0f} ms "
          f"(target: p50 at most {TARGET_MS} ms)")  # fmt: skip
    return statistics.median(took)


def many(glue: Any, lake: Path, runs: int, workers: int) -> float:
    """Runs per second, from the first StartJobRun to the last end; every run exactly once."""
    out = lake.parent / "done"
    out.mkdir(mode=0o777)
    out.chmod(0o1777)
    script = (
        f"import os; os.open({str(out)!r} + '/' + os.environ['GLULAM_JOB_RUN_ID'], os.O_CREAT | os.O_EXCL)\n"
    )
    name = job(glue, lake, "many", script)
    began = time.monotonic()
    ids = [glue.start_job_run(JobName=name)["JobRunId"] for _ in range(runs)]
    entered = time.monotonic()
    while len(list(out.iterdir())) < runs and time.monotonic() - entered < 600:
        time.sleep(0.2)
    for run_id in ids:
        ended(glue, name, run_id)
    took = time.monotonic() - began
    states: Counter[str] = Counter()
    for page in glue.get_paginator("get_job_runs").paginate(JobName=name):
        states.update(run["JobRunState"] for run in page["JobRuns"])
    lost = set(ids) - {path.name for path in out.iterdir()}
    print(f"{runs} runs on {workers} workers: {took:.1f} s, {runs / took:.1f} a second (target: {TARGET_RATE}); "
          f"states {dict(states)}, lost {len(lost)}, twice {states['FAILED']}")  # fmt: skip
    return runs / took


def peer(runs: int) -> float:
    """The same script with `python`, one after another: runs per second."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "s.py"
        script.write_text(FIRST_LINE)
        began = time.monotonic()
        for _ in range(runs):
            subprocess.run([sys.executable, str(script)], stdout=subprocess.DEVNULL, check=True)
        return runs / (time.monotonic() - began)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    with up(asked.workers) as (glue, logs, lake):
        first_line(glue, logs, lake)
        rate = many(glue, lake, asked.runs, asked.workers)
    plain = peer(50)
    print(f"plain `python script.py`, one after another: {plain:.1f} a second; ratio {rate / plain:.2f}")


if __name__ == "__main__":
    main()
