"""The process that the crash tests kill: lists and processes one project folder with the real parts, nothing else.

    python tests/crash/driver.py PROJECT STEP...     (settings and GLULAM_FAILPOINT from the environment)

It is not the `glulam` command, so that a test can stop between steps and no progress bar is in the way. Steps run in
the given order; each prints one line of JSON.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pyarrow.parquet as pq

from glulam.app import App
from glulam.ingest import compact, replay
from glulam.ingest.config import Pipeline, load
from glulam.ingest.lister import list_raw
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
        (r["source_path"], r["source_etag"], r["record_no"]) for r in found if r["reason_code"] == "MISSING_EVENT_TIME"
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
    limit = os.environ.get("DRIVER_FILE_SIZE_LIMIT")
    if limit:  # as a full disk would: writes beyond it fail (EFBIG; Python ignores the signal)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.RLIM_INFINITY))
    pipeline = load(project / "pipeline.yaml")
    with App(Settings.from_env()) as app:
        for step in steps:
            STEPS[step](app, pipeline)


if __name__ == "__main__":
    logging.basicConfig(stream=sys.stderr, level=logging.INFO)
    main(Path(sys.argv[1]), sys.argv[2:])
