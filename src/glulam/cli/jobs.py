"""`glulam job run`, `glulam runs`, `glulam logs`."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import psycopg

from glulam.app import App
from glulam.cli.drawing import table
from glulam.cli.output import print_json
from glulam.cli.working import serving
from glulam.jobhost import host_of, worker
from glulam.jobs import definitions, logs, runs
from glulam.jobs.arguments import ENGINE
from glulam.jobs.execution import Echo
from glulam.jobs.logs import Stream
from glulam.jobs.runs import JobRun
from glulam.jobs.states import RunState
from glulam.model.errors import EntityNotFound, InvalidInput
from glulam.settings import Settings

_POLL_S = 0.3
_CLAIMED_S = 0.05
MATCH = (
    "SELECT id FROM job_run WHERE account_id = %s AND region = %s AND starts_with(id, %s) ORDER BY id LIMIT 2"
)


def run(
    settings: Settings,
    script: Path,
    *,
    arguments: list[str],
    kind: str,
    name: str | None,
    engine: str,
    as_json: bool,
) -> int:
    given = _arguments(arguments)
    if engine != "spark":
        given.setdefault(ENGINE, engine)
    if not script.is_file():
        raise EntityNotFound(f"{script}: no such script")
    job = name or given.get("--JOB_NAME") or script.stem
    with App(settings) as app, serving(settings) as url:
        app.settings = replace(settings, endpoint=url)
        run_id = _enter(app, job, kind, script.absolute(), given)
        _carry_out(app, job, run_id, quiet=as_json)
        with app.database.connection() as conn:
            done = runs.get(conn, settings.place, job, run_id)
    if as_json:
        print_json({"run": done})
    else:
        seconds = f"{done.execution_s or 0:.1f} s"
        print(f"{done.id} {done.state} in {seconds}" + (f": {done.error_message}" if done.error_message else ""),
              file=sys.stderr)  # fmt: skip
    return 0 if done.state is RunState.SUCCEEDED else 1


def _arguments(given: list[str]) -> dict[str, str]:
    found = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InvalidInput(f"--arg {text!r}: expected NAME=VALUE")
        found["--" + name.removeprefix("--")] = value
    return found


def _enter(app: App, job: str, kind: str, script: Path, arguments: dict[str, str]) -> str:
    """The job, made or changed to run this script, and a run of it."""
    place = app.settings.place
    wanted = {"Role": "glulam", "Command": {"Name": kind, "ScriptLocation": str(script)},
              "ExecutionProperty": {"MaxConcurrentRuns": 1000}}  # fmt: skip
    with app.database.transaction() as conn:
        try:
            found = definitions.get(conn, place, job, for_update=True)
            definitions.update(conn, place, job, {**found.document, **wanted})
        except EntityNotFound:
            definitions.create(conn, place, job, wanted)
        return runs.start(conn, place, job, {"Arguments": arguments}, host=host_of(app.settings)).id


def _carry_out(app: App, job: str, run_id: str, *, quiet: bool) -> None:
    """Work on this one run, unless a worker of this home's `glulam up` is there first; show what it writes. Ctrl-C stops it."""

    def echo(run: JobRun, stream: Stream, line: str) -> None:
        print(line, file=sys.stdout if stream is Stream.OUTPUT else sys.stderr, flush=True)

    with worker(app, slots=1, only=run_id, echo=None if quiet else echo) as made:
        thread = threading.Thread(target=made.run)
        thread.start()
        try:
            if not _ours(app, run_id, made.name, thread):
                made.close()
                _watch(app, run_id, None if quiet else echo)
            thread.join()
        except KeyboardInterrupt:
            with app.database.transaction() as conn:
                runs.stop(conn, app.settings.place, job, run_id)
            made.close()
            thread.join()
            raise


def _ours(app: App, run_id: str, worker_name: str, thread: threading.Thread) -> bool:
    """Wait for somebody to claim the run."""
    while thread.is_alive():
        with app.database.connection() as conn:
            found = runs.get(conn, app.settings.place, None, run_id)
        if found.worker is not None:
            return found.worker == worker_name
        thread.join(_CLAIMED_S)
    return True


def _watch(app: App, run_id: str, echo: Echo | None) -> None:
    """Until the run is over, what another worker keeps of it."""
    position, over = (0, -1), False
    while not over:
        with app.database.connection() as conn:
            found = runs.get(conn, app.settings.place, None, run_id)
            over = found.state.ended
            for line in logs.read(conn, [run_id], after=position):
                position = (line.row, line.place)
                if echo is not None:
                    echo(found, line.stream, line.text)
        if not over:
            time.sleep(_POLL_S)


def list_runs(settings: Settings, name: str | None, limit: int, *, as_json: bool) -> int:
    with App(settings) as app, app.database.connection() as conn:
        found = runs.page(conn, settings.place, name, limit=limit)
    if as_json:
        print_json({"runs": found})
        return 0
    if not found:
        print("no job has run yet; `glulam job run SCRIPT` runs one")
        return 0
    rows = [
        (r.id[:15], r.job_name, r.attempt, r.state.value, r.created_at.replace(microsecond=0),
         None if r.execution_s is None else f"{r.execution_s:.1f} s", r.error_message or r.state_detail or "")
        for r in found
    ]  # fmt: skip
    table(("run", "job", "attempt", "state", "started", "took", "why"), rows, right=("attempt", "took"))
    return 0


def show_log(settings: Settings, run_id: str, *, follow: bool, stream: str | None, as_json: bool) -> int:
    wanted = None if stream is None else Stream(stream)
    with App(settings) as app:
        with app.database.connection() as conn:
            found = the_run(conn, settings, run_id)
            if as_json:
                print_json({"run": found, "lines": list(logs.read(conn, [found.id], stream=wanted))})
                return 0
        if found.error_message:
            print(f"{found.state}: {found.error_message}\n")
        position = (0, -1)
        while True:
            with app.database.connection() as conn:
                over = runs.get(conn, found.place, None, found.id).state.ended
                for line in logs.read(conn, [found.id], stream=wanted, after=position):
                    print(line.text, flush=follow)
                    position = (line.row, line.place)
            if over or not follow:
                return 0
            time.sleep(_POLL_S)


def the_run(conn: psycopg.Connection, settings: Settings, text: str) -> JobRun:
    """The run whose id begins so. Raises EntityNotFound, InvalidInput when there are several."""
    found = conn.execute(MATCH, (settings.account_id, settings.region, text)).fetchall()
    exact = runs.find(conn, text)
    if exact is not None and exact.place == settings.place:
        return exact
    if len(found) > 1:
        raise InvalidInput(f"run {text!r}: several runs begin so; give more of the id")
    if not found:
        raise EntityNotFound(f"run {text!r} not found; `glulam runs` lists them")
    return runs.get(conn, settings.place, None, found[0][0])
