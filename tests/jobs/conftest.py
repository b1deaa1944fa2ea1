"""A worker in a thread, on a real database and a real lake, running real processes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from glulam.app import App
from glulam.jobhost import worker
from glulam.jobs import definitions, logs, runs
from glulam.jobs.logs import Stream
from glulam.jobs.runs import JobRun
from glulam.jobs.worker import Pace, Worker
from glulam.model.place import Place
from glulam.settings import Settings

PLACE = Place(account_id="123456789012", region="us-east-1")
QUICK = Pace(lease_s=2.0, beat_s=0.3)


@dataclass(frozen=True, kw_only=True)
class Site:
    """An installation with a lake and no server."""

    app: App
    root: Path
    names: list[str] = field(default_factory=list)

    def job(self, script: str, *, kind: str = "pythonshell", name: str | None = None, **more: Any) -> str:
        """A job whose script lies in the lake; its name."""
        name = name or f"job-{len(self.names)}"
        self.names.append(name)
        path = self.app.settings.lake_root / "scripts" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(script, "utf-8")
        given = {"Role": "r", "Command": {"Name": kind, "ScriptLocation": f"s3://scripts/{name}.py"}, **more}
        given.setdefault("ExecutionProperty", {"MaxConcurrentRuns": 1000})
        with self.app.database.transaction() as conn:
            definitions.create(conn, PLACE, name, given)
        return name

    def start(self, job: str, **asked: Any) -> str:
        with self.app.database.transaction() as conn:
            return runs.start(conn, PLACE, job, asked).id

    def stop(self, job: str, run_id: str) -> None:
        with self.app.database.transaction() as conn:
            runs.stop(conn, PLACE, job, run_id)

    def get(self, run_id: str) -> JobRun:
        with self.app.database.connection() as conn:
            found = runs.find(conn, run_id)
        assert found is not None
        return found

    def until(self, run_id: str, met: Callable[[JobRun], bool], seconds: float = 30) -> JobRun:
        end = time.monotonic() + seconds
        while not met(found := self.get(run_id)):
            assert time.monotonic() < end, f"not in time: {found}"
            time.sleep(0.02)
        return found

    def ended(self, run_id: str, seconds: float = 30) -> JobRun:
        return self.until(run_id, lambda run: run.state.ended, seconds)

    def log(self, run_id: str, stream: Stream | None = Stream.OUTPUT) -> list[str]:
        with self.app.database.connection() as conn:
            return [line.text for line in logs.read(conn, [run_id], stream=stream)]

    @contextmanager
    def working(self, **more: Any) -> Iterator[Worker]:
        """A worker in a thread; drained at the end."""
        with worker(self.app, **{"pace": QUICK, "slots": 2, "grace_s": 0.5, **more}) as made:
            thread = threading.Thread(target=made.run, kwargs={"grace_s": 0})
            thread.start()
            try:
                yield made
            finally:
                made.close()
                thread.join(30)
                assert not thread.is_alive()


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[Site]:
    settings = Settings(home=tmp_path / "home", lake=tmp_path / "lake", database_url=database_url, job_warm=0)
    with App(settings) as app:
        yield Site(app=app, root=tmp_path)
