"""Runs from the queue to their end: states, arguments, logs, limits, retries, stops."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from glulam.jobs import claims, definitions, runs
from glulam.jobs.logs import Stream
from glulam.jobs.states import RunState
from glulam.model.errors import ConcurrentRunsExceeded, RunEnded

from .conftest import PLACE, Site


def test_a_run_goes_from_the_queue_to_succeeded(site: Site) -> None:
    job = site.job("import sys\nprint('hello')\nprint('oops', file=sys.stderr)\nprint('no newline', end='')")
    with site.working():
        run = site.ended(site.start(job))
    assert (run.state, run.error_message, run.attempt, run.number) == (RunState.SUCCEEDED, None, 0, 1)
    assert site.log(run.id) == ["hello", "no newline"]
    assert "oops" in site.log(run.id, Stream.ERROR)
    assert run.metrics["peak_memory_bytes"] > 1 << 20
    assert run.dpu_seconds == pytest.approx(run.execution_s * 0.0625)


def test_arguments_are_merged_as_glue_does(site: Site) -> None:
    job = site.job(
        "import sys; print(sys.argv[1:])",
        DefaultArguments={"--a": "default", "--b": "default", "--enable-auto-scaling": "true"},
        NonOverridableArguments={"--c": "fixed"},
    )
    with site.working():
        run = site.ended(site.start(job, Arguments={"--b": "run", "--c": "run"}))
    [said] = site.log(run.id)
    given = eval(said)
    pairs = dict(zip(given[::2], given[1::2], strict=True))
    assert pairs == {
        "--JOB_ID": pairs["--JOB_ID"], "--JOB_RUN_ID": run.id, "--JOB_NAME": job, "--a": "default", "--b": "run",
        "--c": "fixed", "--enable-auto-scaling": "true",
    }  # fmt: skip
    warnings = "\n".join(site.log(run.id, Stream.ERROR))
    assert "--c is not overridable" in warnings
    assert "--enable-auto-scaling has no effect" in warnings


def test_a_failed_run_says_why_with_the_scripts_line(site: Site) -> None:
    job = site.job("def f(x):\n    return 1 / x\n\nf(0)\n")
    missing = site.job("import no_such_package\n")
    with site.working():
        run = site.ended(site.start(job))
        other = site.ended(site.start(missing))
    assert run.state is RunState.FAILED
    assert run.error_message == f"ZeroDivisionError: division by zero ({job}.py, line 2: return 1 / x)"
    assert run.failure is not None
    assert (run.failure["type"], run.failure["line"]) == ("ZeroDivisionError", 2)
    trace = site.log(run.id, Stream.ERROR)
    assert any(line.startswith("Traceback") for line in trace)
    assert not any("glulam/jobs" in line for line in trace)
    assert "--additional-python-modules" in (other.error_message or "")


@pytest.mark.parametrize(
    ("script", "state", "error"),
    [
        ("import sys; sys.exit(0)", RunState.SUCCEEDED, None),
        ("raise SystemExit", RunState.SUCCEEDED, None),
        ("import sys; sys.exit(3)", RunState.FAILED, "exit code 3"),
        ("import sys; sys.exit('because')", RunState.FAILED, "because"),
        ("import os; os._exit(7)", RunState.FAILED, "exit code 7"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", RunState.FAILED, "SIGKILL"),
        ("x = bytearray(4 << 30)", RunState.FAILED, "MemoryError"),
        ("def f(:", RunState.FAILED, "line 1"),
    ],
)
def test_every_way_to_end(site: Site, script: str, state: RunState, error: str | None) -> None:
    with site.working():
        run = site.ended(site.start(site.job(script)))
    assert run.state is state
    assert error is None or error in (run.error_message or ""), run.error_message


def test_a_script_that_is_not_there_is_a_failed_run(site: Site) -> None:
    job = site.job("pass")
    (site.app.settings.lake_root / "scripts" / f"{job}.py").unlink()
    with site.working():
        run = site.ended(site.start(job))
    assert run.state is RunState.FAILED
    assert f"s3://scripts/{job}.py" in (run.error_message or "")


def test_the_process_sees_nothing_of_the_worker(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLULAM_DATABASE_URL", "postgresql://secret")
    monkeypatch.setenv("SOME_SECRET", "s")
    job = site.job(
        "import os, sys, json\n"
        "print(json.dumps([dict(os.environ), os.getcwd(), [m for m in sys.modules if m.startswith('glulam')],"
        " sorted(os.listdir('/proc/self/fd'))]))"
    )
    with site.working():
        run = site.ended(site.start(job))
    import json

    env, folder, modules, descriptors = json.loads(site.log(run.id)[0])
    assert not {"GLULAM_DATABASE_URL", "SOME_SECRET", "GLULAM_HOME"} & env.keys()
    assert env["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert env["AWS_SESSION_TOKEN"]
    assert env["AWS_ENDPOINT_URL"] == "http://127.0.0.1:5150"
    assert (env["AWS_REGION"], env["HOME"]) == ("us-east-1", folder)
    assert modules == []
    assert len(descriptors) <= 5
    assert not Path(folder).exists(), "the folder of a run that is over is removed"
    with site.app.database.connection() as conn:
        assert conn.execute("SELECT count(*) FROM access_key").fetchone() == (0,), "its key is deleted"


def test_stop_ends_the_whole_process_group(site: Site) -> None:
    job = site.job(
        "import subprocess, sys, time, os\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "away = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)\n"
        "print(os.getpid(), child.pid, away.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    with site.working():
        run_id = site.start(job)
        site.until(run_id, lambda run: bool(site.log(run.id)))
        site.stop(job, run_id)
        run = site.ended(run_id)
    assert (run.state, run.error_message) == (RunState.STOPPED, None)
    for pid in map(int, site.log(run_id)[0].split()):
        assert not Path(f"/proc/{pid}").exists()
    with pytest.raises(RunEnded):
        site.stop(job, run_id)


def test_a_script_that_ignores_sigterm_is_killed(site: Site) -> None:
    job = site.job(
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('x', flush=True)\ntime.sleep(600)"
    )
    with site.working():
        run_id = site.start(job)
        site.until(run_id, lambda run: bool(site.log(run.id)))
        site.stop(job, run_id)
        assert site.ended(run_id, 10).state is RunState.STOPPED


def test_a_queued_run_is_stopped_at_once(site: Site) -> None:
    job = site.job("pass")
    run_id = site.start(job)
    site.stop(job, run_id)
    assert site.get(run_id).state is RunState.STOPPED


def test_timeout(site: Site) -> None:
    job = site.job("import time; time.sleep(600)", Timeout=1, MaxRetries=2)
    with site.working(minute_s=0.5):
        run = site.ended(site.start(job))
    assert run.state is RunState.TIMEOUT
    assert "timeout of 1 minutes" in (run.error_message or "")
    with site.app.database.connection() as conn:
        assert len(runs.page(conn, PLACE, job, limit=10)) == 1, "a run that timed out is not tried again"


def test_retries_are_runs_of_their_own(site: Site) -> None:
    job = site.job("raise ValueError('no')", MaxRetries=2)
    with site.working():
        first = site.start(job)
        last = site.until(first, lambda run: True)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            with site.app.database.connection() as conn:
                found = runs.page(conn, PLACE, job, limit=10)
            if len(found) == 3 and all(run.state.ended for run in found):
                break
            time.sleep(0.05)
    assert [(run.id, run.attempt, run.previous_run_id) for run in found] == [
        (f"{first}_attempt_2", 2, f"{first}_attempt_1"), (f"{first}_attempt_1", 1, first), (first, 0, None)
    ]  # fmt: skip
    assert {run.state for run in found} == {RunState.FAILED}
    assert last is not None


def test_the_limit_of_concurrent_runs_and_the_queue(site: Site) -> None:
    job = site.job("print(1)", ExecutionProperty={"MaxConcurrentRuns": 1})
    first = site.start(job)
    with pytest.raises(ConcurrentRunsExceeded, match=f"Concurrent runs exceeded for {job}"):
        site.start(job)
    waiting = [site.start(job, JobRunQueuingEnabled=True) for _ in range(3)]
    assert [site.get(r).state for r in waiting] == [RunState.WAITING] * 3
    assert "MaxConcurrentRuns" in (site.get(waiting[0]).state_detail or "")
    with site.working():
        found = [site.ended(r) for r in (first, *waiting)]
    assert [run.state for run in found] == [RunState.SUCCEEDED] * 4
    began = [run.began_at for run in found]
    assert began == sorted(began)  # type: ignore[type-var]


def test_deleting_a_job_ends_what_is_queued(site: Site) -> None:
    job = site.job("pass")
    run_id = site.start(job)
    with site.app.database.transaction() as conn:
        assert definitions.delete(conn, PLACE, job)
        assert not definitions.delete(conn, PLACE, job)
    assert site.get(run_id).state is RunState.ERROR


def test_waiting_longer_than_the_timeout_expires(site: Site) -> None:
    job = site.job("pass", ExecutionProperty={"MaxConcurrentRuns": 1}, Timeout=1)
    site.start(job)
    late = site.start(job, JobRunQueuingEnabled=True)
    with site.app.database.transaction() as conn:
        assert claims.expire(conn, 10) == 0
        conn.execute("UPDATE job_run SET created_at = now() - interval '2 min' WHERE id = %s", (late,))
        assert claims.expire(conn, 10) == 1
    assert site.get(late).state is RunState.EXPIRED


def test_a_long_run_is_told_of_once(site: Site) -> None:
    job = site.job("import time; time.sleep(600)", NotificationProperty={"NotifyDelayAfter": 1})
    with site.working():
        run_id = site.start(job)
        site.until(run_id, lambda run: run.state is RunState.RUNNING)
        with site.app.database.transaction() as conn:
            conn.execute("UPDATE job_run SET began_at = now() - interval '2 min' WHERE id = %s", (run_id,))
            assert (claims.tell_delays(conn, 10), claims.tell_delays(conn, 10)) == (1, 0)
            kinds = conn.execute("SELECT topic, payload->>'state' FROM outbox").fetchall()
        assert kinds == [("Glue Job Run Status", "RUNNING")]
        site.stop(job, run_id)
        site.ended(run_id)


def test_extra_files_and_modules_are_on_the_path(site: Site) -> None:
    lake = site.app.settings.lake_root / "lib"
    lake.mkdir(parents=True)
    (lake / "mine.py").write_text("VALUE = 42\n")
    (lake / "data.txt").write_text("data")
    import zipfile

    with zipfile.ZipFile(lake / "more.zip", "w") as archive:
        archive.writestr("packed/__init__.py", "VALUE = 43\n")
    job = site.job(
        "import mine, packed, os\nprint(mine.VALUE, packed.VALUE, open('script/data.txt').read())",
        DefaultArguments={
            "--extra-py-files": "s3://lib/mine.py,s3://lib/more.zip",
            "--extra-files": "s3://lib/data.txt",
        },
    )
    refused = site.job("pass", DefaultArguments={"--additional-python-modules": "git+https://example.org/x"})
    with site.working():
        run = site.ended(site.start(job))
        other = site.ended(site.start(refused))
    assert site.log(run.id) == ["42 43 data"]
    assert "is not a package" in (other.error_message or "")


def test_states_move_only_as_drawn(site: Site) -> None:
    run_id = site.start(site.job("pass"))
    import psycopg

    with pytest.raises(psycopg.errors.CheckViolation), site.app.database.transaction() as conn:
        conn.execute("UPDATE job_run SET state = 'SUCCEEDED', completed_at = now() WHERE id = %s", (run_id,))
