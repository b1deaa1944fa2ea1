"""The process that the crash tests kill: lists and processes one project folder with the real parts, nothing else.

    python tests/crash/driver.py PROJECT STEP...     (settings and GLULAM_FAILPOINT from the environment)

It is not the `glulam` command, so that a test can stop between steps and no progress bar is in the way. Steps run in
the given order; each prints one line of JSON.

With `--serve` it imports everything once and forks such a process for each request on its standard input: hundreds of
them are killed in a sweep, and importing is most of what one costs (processes.py is the other side).
"""

from __future__ import annotations

import faulthandler
import json
import logging
import os
import resource
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet as pq

from glulam.app import App
from glulam.engine import duckdb as _duckdb
from glulam.iceberg import tables as _iceberg
from glulam.ingest import compact, replay
from glulam.ingest.config import Pipeline, load
from glulam.ingest.lister import list_raw
from glulam.model import failpoints
from glulam.model.clock import new_batch_id, utc_now
from glulam.settings import Settings

LETTERS = """
SELECT f.id, t.record_no FROM unnest(%s::text[], %s::text[], %s::bigint[]) AS t (path, etag, record_no)
JOIN file_version f ON 's3://' || f.bucket || '/' || f.key = t.path AND f.etag = t.etag
WHERE NOT EXISTS (SELECT FROM dead_letter_settlement s WHERE s.file_id = f.id AND s.record_no = t.record_no)
ORDER BY 1, 2
"""


def _say(step: str, **more: object) -> None:
    print(json.dumps({"step": step, **more}), flush=True)


def _list(app: App, pipeline: Pipeline) -> None:
    found = list_raw(app.database, app.store, pipeline, app.pipeline_id(pipeline), utc_now)
    _say("list", found=found.found, new=found.new, superseded=found.superseded)


def _run(app: App, pipeline: Pipeline, wait: bool = True) -> None:
    outcomes: list[str] = []
    processor = app.processor(pipeline, on_batch=lambda report: outcomes.append(report.outcome))
    report = processor.run(wait=wait)
    _say("run", batches=report.batches, read=report.read, outcomes=outcomes, failures=report.failures)


def _due(app: App, pipeline: Pipeline) -> None:
    """Only what is due right now: does not wait for a lease or a pause to end."""
    _run(app, pipeline, wait=False)


def _replay(app: App, pipeline: Pipeline) -> None:
    """Ask for a replay of every dead letter without an event time."""
    folder = app.settings.lake_root / pipeline.zones.dead_letters.bucket / pipeline.zones.dead_letters.key
    rows = [row for path in sorted(folder.glob("*.parquet")) for row in _letters(path)]
    with app.database.transaction() as conn:
        keys = _keys(conn, rows)
    _say("replay", letters=len(keys))
    if keys:
        replay.request(app.work(pipeline), app.pipeline_id(pipeline), keys, new_batch_id)


def _letters(path: Path) -> list[tuple[str, str, int]]:
    found = pq.read_table(path).to_pylist()
    return [
        (r["source_path"], r["source_etag"], r["record_no"])
        for r in found
        if r["reason_code"] == "MISSING_EVENT_TIME"
    ]


def _keys(conn: psycopg.Connection, rows: list[tuple[str, str, int]]) -> list[tuple[int, int]]:
    columns = [list(column) for column in zip(*rows, strict=True)] if rows else [[], [], []]
    return [(row[0], row[1]) for row in conn.execute(LETTERS, columns).fetchall()]


def _compact(app: App, pipeline: Pipeline) -> None:
    _say("compact", groups=compact.request(app.work(pipeline), app.pipeline_id(pipeline), new_batch_id))


STEPS: dict[str, Callable[[App, Pipeline], None]] = {
    "list": _list, "run": _run, "due": _due, "replay": _replay, "compact": _compact,
}  # fmt: skip


def main(project: Path, steps: list[str]) -> None:
    logging.basicConfig(stream=sys.stderr, level=logging.INFO)
    limit = os.environ.get("DRIVER_FILE_SIZE_LIMIT")
    if limit:  # as a full disk would: writes beyond it fail (EFBIG; Python ignores the signal)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.RLIM_INFINITY))
    pipeline = load(project / "pipeline.yaml")
    with App(Settings.from_env()) as app:
        for step in steps:
            STEPS[step](app, pipeline)


def serve() -> None:
    """Requests: {"start": [project, step...], "env": {...}, "out": file, "log": file} answers the new process's id;
    {"poll": id} answers null (running), "stopped", or its exit code (negative: the signal)."""
    assert _duckdb
    assert _iceberg  # imported for those that are forked
    for line in sys.stdin:
        request = json.loads(line)
        if "start" in request:
            answer: object = os.fork() or _forked(request)
        else:
            pid, status = os.waitpid(request["poll"], os.WNOHANG | os.WUNTRACED)
            answer = (
                None if not pid else "stopped" if os.WIFSTOPPED(status) else os.waitstatus_to_exitcode(status)
            )
        print(json.dumps(answer), flush=True)


def _forked(request: dict[str, Any]) -> int:
    code = 1
    try:
        files = (("/dev/null", os.O_RDONLY), (request["out"], os.O_WRONLY | os.O_CREAT),
                 (request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND))  # fmt: skip
        for number, (file, how) in enumerate(files):
            os.dup2(os.open(file, how, 0o600), number)
        os.environ.clear()
        os.environ.update(request["env"])
        failpoints.arm(os.environ.get("GLULAM_FAILPOINT"))
        faulthandler.enable()
        main(Path(request["start"][0]), request["start"][1:])
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    if sys.argv[1:] == ["--serve"]:
        serve()
    else:
        main(Path(sys.argv[1]), sys.argv[2:])
