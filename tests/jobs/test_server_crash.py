"""kill -9 of server, worker, zygote, keeper and script at random moments, with bookmarks that go through the server.

As test_crash.py, whose invariants are checked; here `glulam up` is one of the victims, and a script commits its bookmark over
HTTP while the server may be gone. Seeded: GLULAM_CRASH_SWEEP=1 does 200 kills instead of 10.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from glulam.jobs import claims, runs
from sparkcluster import free_port

from ..cli.conftest import COMMAND, ROOT
from .conftest import PLACE, Site
from .test_crash import RETRIES, SWEEP, all_ended, check, open_runs, victims

KILLS = 200 if SWEEP else 10
RUNS_AT_A_TIME = 6
SCRIPT = """
import boto3, os, sys, time, subprocess, urllib.request
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)  # {mark}"])
time.sleep(float(sys.argv[sys.argv.index("--s") + 1]))
run = os.environ["GLULAM_JOB_RUN_ID"]
url = os.environ["AWS_ENDPOINT_URL"] + "/_glulam/job-runs/" + run + "/bookmark"
data = b'{{"state": {{"n": 1}}}}'
request = AWSRequest(method="PUT", url=url, data=data, headers={{"Content-Type": "application/json"}})
SigV4Auth(boto3.Session().get_credentials(), "glue", os.environ["AWS_REGION"]).add_auth(request)
urllib.request.urlopen(urllib.request.Request(url, data=data, method="PUT", headers=dict(request.headers)), timeout=10)
time.sleep(float(sys.argv[sys.argv.index("--s") + 1]) / 4)
with open({done!r}, "a") as file:
    file.write(run + "\\n")
"""


class Server:
    """`glulam up` with two workers, started again when it is gone."""

    def __init__(self, site: Site) -> None:
        settings = site.app.settings
        self.port = free_port()
        self._command = [*COMMAND, "up", "--port", str(self.port), "--workers", "2", "--json"]
        kept = {k: v for k, v in os.environ.items() if not k.startswith("GLULAM_")}
        self._env = {
            **kept, "PYTHONPATH": str(ROOT / "src"), "GLULAM_HOME": str(settings.home), "GLULAM_JOB_WARM": "0",
            "GLULAM_LAKE": str(settings.lake_root), "GLULAM_DATABASE_URL": str(settings.database_url),
        }  # fmt: skip
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._command, env=self._env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/"
        )

    def mend(self) -> None:
        if self.process.poll() is not None:
            self.process = self._start()

    def end(self) -> None:
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(40)
        self.process.kill()
        self.process.wait()


def is_gone(worker: str) -> bool:
    """By its name, host:pid:token."""
    return not Path(f"/proc/{worker.split(':')[1]}").exists()


def run_out(site: Site) -> None:
    """The leases of workers that are gone: nobody waits half a minute for each of 200 kills."""
    with site.app.database.transaction() as conn:
        for (worker,) in conn.execute(
            "SELECT DISTINCT worker FROM job_run WHERE lease_until > now()"
        ).fetchall():
            if is_gone(worker):
                conn.execute(
                    "UPDATE job_run SET lease_until = now() WHERE worker = %s AND lease_until > now()",
                    (worker,),
                )
        claims.rescue(conn, 100)


@pytest.mark.crash
@pytest.mark.timeout(7200 if SWEEP else 300)
@pytest.mark.parametrize("seed", [7])
def test_kills_of_server_workers_and_scripts(site: Site, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    done, mark = tmp_path / "done", f"mark-{os.getpid()}-{time.monotonic_ns()}"
    job = site.job(SCRIPT.format(done=str(done), mark=mark), MaxRetries=RETRIES)
    server = Server(site)
    killed = [0] * 5
    try:
        until = time.monotonic() + (7000 if SWEEP else 240)
        while sum(killed) < KILLS or not all_ended(site, job):
            assert time.monotonic() < until, f"not in time: {killed} killed, {open_runs(site, job)}"
            if sum(killed) < KILLS:
                for _ in range(RUNS_AT_A_TIME - len(open_runs(site, job))):
                    site.start(job, Arguments={"--s": f"{chance.uniform(0, 1.5):.2f}"})
                level = sum(killed) % 5
                levels = victims(server.process.pid)
                if len(levels) > level:
                    with suppress(ProcessLookupError):
                        os.kill(chance.choice(levels[level]), signal.SIGKILL)
                        killed[level] += 1
            time.sleep(chance.uniform(0.02, 0.6))
            server.mend()
            run_out(site)
    finally:
        server.end()
    check(site, job, done, mark)
    with site.app.database.connection() as conn:
        ended = runs.page(conn, PLACE, job, limit=10_000)
    print(f"killed {dict(zip(('server', 'worker', 'zygote', 'keeper', 'script'), killed, strict=True))}; {len(ended)} runs, "
          f"{sum(run.state.value == 'SUCCEEDED' for run in ended)} SUCCEEDED")  # fmt: skip
