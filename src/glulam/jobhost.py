"""A worker, put together from the settings: here the rooms `jobs` and `access` meet."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from datetime import timedelta
from functools import partial
from pathlib import Path

import psycopg

from glulam.access import keys
from glulam.access.roles import Role
from glulam.access.secrets import SecretBox
from glulam.app import App
from glulam.jobs.account import job_account
from glulam.jobs.capacity import capacity_of, memory_bytes
from glulam.jobs.execution import Echo
from glulam.jobs.launcher import Launcher
from glulam.jobs.plan import Credentials, Site, start_of
from glulam.jobs.runs import JobRun
from glulam.jobs.sparkconf import SparkPlace
from glulam.jobs.warm import WarmSessions
from glulam.jobs.worker import DEFAULT_PACE, Pace, Worker
from glulam.jobs.workspace import WorkerFolder
from glulam.model.clock import utc_now
from glulam.model.errors import InvalidConfig
from glulam.settings import Settings

_MEMORY_TO_KEEP_ONE = 8 * 10**9
_MARGIN = timedelta(hours=1)
_LONGEST = timedelta(days=14)
"""For streaming jobs, which may have no timeout."""


@dataclass(frozen=True, kw_only=True)
class RunKeys:
    """Implements `jobs.worker.Keys`: a temporary access key for each run, deleted with its outcome."""

    box: SecretBox
    role: Role

    def make(self, conn: psycopg.Connection, run: JobRun) -> Credentials:
        minutes = run.spec.get("Timeout")
        lasts = _LONGEST if minutes is None else timedelta(minutes=minutes) + _MARGIN
        key = keys.create(
            conn, self.box, account_id=run.place.account_id, user_name=f"job-run-{run.seq}", role=self.role,
            expires_at=utc_now() + lasts,
        )  # fmt: skip
        return Credentials(key_id=key.id, secret=key.secret, session_token=key.session_token or "")

    def forget(self, conn: psycopg.Connection, key_id: str) -> None:
        conn.execute(keys.DELETE, (key_id,))


@contextmanager
def worker(
    app: App, *, slots: int | None = None, pace: Pace = DEFAULT_PACE, only: str | None = None, echo: Echo | None = None,
    minute_s: float = 60.0, grace_s: float = 10.0,
) -> Iterator[Worker]:  # fmt: skip
    """A worker of this installation; `run` it inside. Raises InvalidConfig."""
    settings = app.settings
    with ExitStack() as stack:
        folder = stack.enter_context(WorkerFolder())
        launcher = stack.enter_context(Launcher())
        site = _site(app, folder.path, minute_s=minute_s, grace_s=grace_s)
        warm = stack.enter_context(_warm(settings, site, launcher)) if only is None else None
        yield Worker(
            database=app.database, launcher=launcher, pace=pace, only=only, echo=echo, site=site, warm=warm,
            host=host_of(settings),
            keys=RunKeys(box=SecretBox.open(settings), role=_role(settings)),
            slots=slots or settings.job_slots or max(2, os.cpu_count() or 1), price_per_dpu_hour=_price(settings),
        )  # fmt: skip


def host_of(settings: Settings) -> str:
    """This machine and home: its workers can read the paths that its commands name."""
    return f"{socket.gethostname()}:{settings.home.absolute()}"


def _warm(settings: Settings, site: Site, launcher: Launcher) -> WarmSessions:
    """As many as were asked for from the start on; unasked, one after the first Spark run, where there is memory for it."""
    number = settings.job_warm
    if number is None:
        number = int(memory_bytes() >= _MEMORY_TO_KEEP_ONE)
    if not site.spark.master.startswith("local"):
        number = 0
    return WarmSessions(
        launcher,
        partial(start_of, site),
        number=number,
        capacity=None if settings.job_warm is None else capacity_of({}),
    )


def _site(app: App, folder: Path, *, minute_s: float, grace_s: float) -> Site:
    settings = app.settings
    local = settings.objects == "local"
    names = [name.strip() for name in settings.job_env.split(",") if name.strip()]
    return Site(
        endpoint=settings.endpoint or f"http://127.0.0.1:{settings.port}", folder=folder, store=app.store,
        account=job_account(settings.job_user, settings.home.absolute() / "postgres"),
        spark=SparkPlace(master=settings.spark_master, lake=settings.lake_root.absolute() if local else None),
        own_env=_own_env(settings), job_env={name: os.environ[name] for name in names if name in os.environ},
        index=settings.job_index, minute_s=minute_s, grace_s=grace_s,
    )  # fmt: skip


def _own_env(settings: Settings) -> Mapping[str, str]:
    """The environment of this process with its settings as they are, from wherever they came."""
    said = {f"GLULAM_{f.name.upper()}": getattr(settings, f.name) for f in fields(settings)}
    paths = {"GLULAM_HOME": settings.home.absolute(), "GLULAM_LAKE": settings.lake_root.absolute()}
    return {**os.environ, **{k: str(v) for k, v in {**said, **paths}.items() if v is not None}}


def _role(settings: Settings) -> Role:
    try:
        return Role(settings.job_role)
    except ValueError:
        raise InvalidConfig(
            f"GLULAM_JOB_ROLE={settings.job_role!r}: expected one of {', '.join(Role)}"
        ) from None


def _price(settings: Settings) -> float:
    try:
        return float(settings.job_dpu_price)
    except ValueError:
        raise InvalidConfig(f"GLULAM_JOB_DPU_PRICE={settings.job_dpu_price!r}: expected a number") from None
