"""The process is killed between two steps: no event is lost, none reaches the workflow twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from events.conftest import PLACE, Events, s3_pattern
from glulam.events.dropped import DroppedFiles
from glulam.events.queued import QueuedEvents
from glulam.model.uri import S3Uri
from glulam.objects.queues import EventQueue
from sqsserver import TestQueue, new_queue, s3_message, s3_record

ROOT = Path(__file__).parents[2]
CHILD = """
import sys
from pathlib import Path
from events.conftest import Events
from events.test_crash import step
from glulam.settings import Settings
from glulam.store.database import Database
what, root, url, queue = sys.argv[1:]
with Database.open(Settings(database_url=url)) as database:
    step(Events(database=database, root=Path(root), url=url), what, queue)
"""
N = 1200
"""More than a page, and more than a batch."""


def step(events: Events, what: str, queue: str) -> None:
    """All that there is to do for one part."""
    if what == "looks":
        events.looks().step()
    elif what == "files":
        files = DroppedFiles(looks=events.looks(), root=events.root)
        for n in range(N):
            files._wait(("raw", f"{n:04}.json"), [S3Uri("raw", "")])
        while files.step():
            pass
    elif what == "queue":
        reader = QueuedEvents(database=events.database, name=queue, queue=partial(EventQueue, queue))
        while reader.step():
            pass
    else:
        while events.router.step():
            pass


def _killed(events: Events, what: str, queue: TestQueue, point: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, what, str(events.root), events.url, queue.arn], check=False, capture_output=True,
        env={**os.environ, "GLULAM_FAILPOINT": point, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'tests'}:{ROOT}"}, timeout=120,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


@pytest.mark.parametrize(
    ("what", "point"),
    [
        ("looks", "events.between_pages"), ("files", "events.before_told:2"), ("router", "events.before_routed:2"),
        ("router", "events.after_routed"), ("queue", "events.after_received"), ("queue", "events.after_told"),
    ],
)  # fmt: skip
def test_killed_between_two_steps(events: Events, s3_env: str, what: str, point: str) -> None:
    queue = new_queue(s3_env)
    events.rule(s3_pattern())
    events.looks().step()
    if what == "queue":
        messages = [
            s3_message(*(s3_record("raw", f"{n:04}.json", eTag="e") for n in range(at, at + 100)))
            for at in range(0, N, 100)
        ]
        queue.send(*messages)
    else:
        for n in range(N):
            events.drop(f"raw/{n:04}.json")
    if what == "router":
        events.looks().step()
    _killed(events, what, queue, point)
    if what == "queue":  # what it had in hand comes again when its time is over; here it is sent again
        queue.send(*messages)
    step(events, what, queue.arn)
    expected = [f"{n:04}.json" for n in range(N)]
    assert sorted(key.removeprefix("raw/") for _, key in events.told()) == expected
    assert sorted(events.keys()) == expected
    assert len(events._rows("SELECT FROM outbox WHERE NOT routed")) == 0
    assert {row[0] for row in events._rows("SELECT account_id FROM trigger_event")} == {PLACE.account_id}
