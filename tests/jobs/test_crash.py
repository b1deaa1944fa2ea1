"""kill -9 of scripts, keepers, zygotes and workers, at random moments and at named ones: every run ends in one true state.

A script adds its run's id to a file when it is done, and commits a bookmark with it. So afterwards:

    TRUE        every run has ended; one that SUCCEEDED was done, and none was done twice
    BOOKMARK    each version was committed by a run that SUCCEEDED, and each of those committed one
    RETRY       a run that FAILED was tried again as often as its job says, unless one succeeded
    NOTHING     no process of a run is left
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from glulam.jobs import bookmarks, claims, runs
from glulam.jobs.launcher import Launcher, ProcessPlan
from glulam.jobs.runs import JobRun
from glulam.jobs.states import RunState

from ..cli.conftest import ROOT
from ..waiting import within
from .conftest import PLACE, Site

SWEEP = bool(os.environ.get("GLULAM_CRASH_SWEEP"))
ROUNDS = 10 if SWEEP else 1
KILLS = 20 if SWEEP else 10
RETRIES = 2
POINTS = ("job.claim.after_commit", "job.before_settle", "job.settle.after_state", "job.after_settle")
SCRIPT = """
import os, sys, time, subprocess
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)  # {mark}"])
time.sleep(float(sys.argv[sys.argv.index("--s") + 1]))
with open({done!r}, "a") as file:
    file.write(os.environ["GLULAM_JOB_RUN_ID"] + "\\n")
"""


class Workers:
    """Worker processes that are started again when they are gone."""

    def __init__(self, site: Site, number: int) -> None:
        settings = site.app.settings
        self._command = [sys.executable, "-m", "jobs.driver", str(settings.home), str(settings.lake_root),
                         str(settings.database_url)]  # fmt: skip
        self._env = {k: v for k, v in os.environ.items() if not k.startswith("GLULAM_")}
        self._env["PYTHONPATH"] = f"{ROOT / 'src'}{os.pathsep}{ROOT / 'tests'}"
        self.processes = [self.start() for _ in range(number)]

    def start(self, failpoint: str | None = None) -> subprocess.Popen[str]:
        env = {**self._env, **({"GLULAM_FAILPOINT": failpoint} if failpoint else {})}
        return subprocess.Popen(self._command, env=env, stdout=subprocess.PIPE, text=True)

    def mend(self) -> None:
        self.processes = [p if p.poll() is None else self.start() for p in self.processes]

    def end(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()
            if process.stdout is not None:
                process.stdout.close()


def victims(worker: int) -> list[list[int]]:
    """By depth: the worker, its zygote, the keepers, the scripts, what these started."""
    found = [[worker]]
    while True:
        level: list[int] = []
        for one in found[-1]:
            for task in Path(f"/proc/{one}/task").glob("*/children"):
                with suppress(OSError):
                    level += [int(word) for word in task.read_text().split()]
        if not level:
            return found
        found.append(level)


def left_over(mark: str) -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        with suppress(OSError):
            if folder.name.isdigit() and mark.encode() in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return found


def check(site: Site, job: str, done: Path, mark: str) -> list[JobRun]:
    with site.app.database.connection() as conn:
        found = runs.page(conn, PLACE, job, limit=10_000)
        versions = bookmarks.history(conn, PLACE, job, 10_000)
    finished = done.read_text().split() if done.exists() else []
    assert all(run.state in (RunState.SUCCEEDED, RunState.FAILED) for run in found)
    assert len(finished) == len(set(finished)), "a run was carried out twice"
    succeeded = {run.id for run in found if run.state is RunState.SUCCEEDED}
    assert succeeded <= set(finished), "a run that did nothing has SUCCEEDED"
    assert {version.run_id for version in versions} == succeeded
    roots = {run.id.partition("_attempt_")[0] for run in found}
    for root in roots:
        attempts = sorted((r for r in found if r.id.startswith(root)), key=lambda r: r.attempt)
        assert [r.attempt for r in attempts] == list(range(len(attempts)))
        assert all(r.state is RunState.FAILED and r.error_message for r in attempts[:-1])
        assert attempts[-1].state is RunState.SUCCEEDED or len(attempts) == RETRIES + 1
    assert within(10, lambda: not left_over(mark))
    return found


def all_ended(site: Site, job: str) -> bool:
    with site.app.database.transaction() as conn:
        claims.rescue(conn, 100)
        return all(run.state.ended for run in runs.page(conn, PLACE, job, limit=10_000))


def open_runs(site: Site, job: str) -> list[JobRun]:
    with site.app.database.connection() as conn:
        return [run for run in runs.page(conn, PLACE, job, limit=10_000) if not run.state.ended]


def entered(site: Site, tmp_path: Path, number: int, chance: random.Random) -> tuple[str, Path, str]:
    done, mark = tmp_path / "done", f"mark-{os.getpid()}-{time.monotonic_ns()}"
    job = site.job(SCRIPT.format(done=str(done), mark=mark), MaxRetries=RETRIES)
    for _ in range(number):
        run_id = site.start(job, Arguments={"--s": f"{chance.uniform(0, 1.0):.2f}"})
        with site.app.database.transaction() as conn:  # as job.commit() does it: before the run is over
            conn.execute("UPDATE job_run SET bookmark = '{}' WHERE id = %s", (run_id,))
    with site.app.database.transaction() as conn:  # and every retry
        conn.execute("ALTER TABLE job_run ALTER COLUMN bookmark SET DEFAULT '{}'")
    return job, done, mark


@pytest.mark.crash
@pytest.mark.parametrize("seed", range(ROUNDS))
def test_kills_at_random_moments(site: Site, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    job, done, mark = entered(site, tmp_path, 20, chance)
    workers = Workers(site, 2)
    try:
        kills, until = 4, time.monotonic() + (200 if SWEEP else 60)
        while not all_ended(site, job):
            assert time.monotonic() < until, f"not in time: {open_runs(site, job)}"
            time.sleep(chance.uniform(0.02, 0.3))
            if kills < KILLS + 4:
                levels = victims(chance.choice(workers.processes).pid)
                if len(levels) <= kills % 5:
                    continue  # it does not work on anything now
                with suppress(ProcessLookupError):
                    os.kill(chance.choice(levels[kills % 5]), signal.SIGKILL)
                    kills += 1
            workers.mend()
    finally:
        workers.end()
    check(site, job, done, mark)


@pytest.mark.crash
@pytest.mark.parametrize("point", POINTS)
def test_a_worker_that_dies_at_a_named_point(site: Site, tmp_path: Path, point: str) -> None:
    job, done, mark = entered(site, tmp_path, 3, random.Random(1))
    workers = Workers(site, 0)
    workers.processes = [workers.start(point)]
    try:
        assert workers.processes[0].wait(60) == -signal.SIGKILL, "the point was not reached"
        workers.processes = [workers.start()]
        until = time.monotonic() + 90
        while not all_ended(site, job):
            assert time.monotonic() < until, "not in time"
            time.sleep(0.1)
    finally:
        workers.end()
    check(site, job, done, mark)


def test_a_worker_that_is_told_to_end_lets_runs_finish(site: Site, tmp_path: Path) -> None:
    job, done, _ = entered(site, tmp_path, 3, random.Random(2))
    workers = Workers(site, 1)
    with site.app.database.connection():
        until = time.monotonic() + 60
        while not done.exists():
            assert time.monotonic() < until
            time.sleep(0.02)
    workers.end()
    with site.app.database.connection() as conn:
        states = {run.state for run in runs.page(conn, PLACE, job, limit=10)}
    assert states <= {RunState.SUCCEEDED, RunState.STARTING}


def test_a_worker_that_dies_without_having_listened_leaves_nothing(tmp_path: Path) -> None:
    """Its keeper then finds the connection reset, and not closed."""
    mark = f"mark-{os.getpid()}-{time.monotonic_ns()}"
    child = [sys.executable, "-c", f"import time; time.sleep(600)  # {mark}"]
    script = tmp_path / "script.py"
    script.write_text(f"import subprocess, time\nsubprocess.Popen({child!r})\ntime.sleep(600)\n")
    plan = ProcessPlan(argv=(str(script),), script=str(script), python_path=(), folder=tmp_path, env={}, limits={},
                       user=None, grace_s=1)  # fmt: skip
    with Launcher() as launcher:
        run = launcher.start(plan)
        try:
            assert within(20, lambda: left_over(mark))
        finally:
            run.close()
        assert within(10, lambda: not left_over(mark))
