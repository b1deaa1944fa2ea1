"""From a claimed run to its process: what it executes, where, with which environment and limits.

Nothing of the worker's own environment reaches a run but what stands here by name. A `glulam` job is the exception: it is
a pipeline file, no code, and is carried out by the `glulam` command itself with the worker's settings.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from glulam import asking
from glulam.jobs import sparkconf
from glulam.jobs.account import JobAccount
from glulam.jobs.arguments import Arguments
from glulam.jobs.capacity import Capacity, capacity_of
from glulam.jobs.launcher import PYTHON_HOME, ProcessPlan
from glulam.jobs.layouts import LAYOUT
from glulam.jobs.runs import JobRun, arguments_of
from glulam.jobs.sessions import CONNECT, REPL
from glulam.jobs.sparkconf import SAIL, SparkPlace, can_change
from glulam.jobs.warm import ReadySession, Waiting, WarmSessions
from glulam.jobs.workspace import Workspace
from glulam.model.errors import InvalidInput
from glulam.objects.base import ObjectStore
from glulam.objects.endpoint import s3_endpoint

OWN_SCRIPTS = {
    REPL: PYTHON_HOME / "glulam" / "jobs" / "repl.py", CONNECT: PYTHON_HOME / "glulam" / "jobs" / "connect_host.py",
    LAYOUT: PYTHON_HOME / "glulam" / "jobs" / "layout.py",
}  # fmt: skip
CONNECTED_SCRIPT = PYTHON_HOME / "glulam" / "jobs" / "connected.py"
READYING_SCRIPT = PYTHON_HOME / "glulam" / "jobs" / "readying.py"
SPARK = ("glueetl", "gluestreaming")
_PASSED = ("PATH", "JAVA_HOME", "SPARK_HOME", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE",
           "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")  # fmt: skip
"""Of the worker's environment: where programs and certificates are, and which way leads out."""
_AWS_KEY = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_INSTALLER = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CONFIG_FILE", "PIP_TRUSTED_HOST", "PIP_CERT")


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """A key for one run."""

    key_id: str
    secret: str = field(repr=False)
    session_token: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Site:
    """What is the same for all runs of a worker."""

    endpoint: str
    """URL of the server, as a run's process reaches it."""
    folder: Path
    """Of the worker: runs get folders in it."""
    store: ObjectStore
    account: JobAccount
    spark: SparkPlace
    own_env: Mapping[str, str] = field(repr=False)
    """The worker's environment with its settings: for `glulam` jobs only."""
    job_env: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Added to every run's environment: GLULAM_JOB_ENV."""
    index: str | None = None
    """Where --additional-python-modules come from."""
    grace_s: float = 10.0
    """Between SIGTERM and SIGKILL."""
    minute_s: float = 60.0
    """How long a minute of a Timeout is: tests turn it."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A run that can be launched."""

    plan: ProcessPlan
    workspace: Workspace
    limit_s: float | None
    """Wall time; None: as long as it likes (streaming)."""
    spark: Mapping[str, str] = field(default_factory=dict)
    """Its settings."""
    ready: ReadySession | None = None
    """The session that becomes the run, in whose folder it lies."""

    def handed_over(self) -> dict[str, Any]:
        """What the session is told, to become the run."""
        assert self.ready is not None
        waiting = self.ready.waiting
        changes = {name: value for name, value in self.spark.items() if waiting.settings.get(name) != value}
        return {"plan": self.plan.plain(), "changes": changes, "seen": dict(waiting.plan.env)}


def prepare(
    site: Site,
    run: JobRun,
    credentials: Credentials,
    say: Callable[[str], None],
    warm: WarmSessions | None = None,
) -> Prepared:
    """Make the run's folder and fill it, or that of a session which is ready. say: a warning for the run's log.

    Raises GlulamError for what cannot be run."""
    arguments = arguments_of(run.spec, run.arguments)
    for warning in arguments.warnings:
        say(warning)
    user = _user_for(site, run, say)
    ready = None if warm is None else _ready_for(site, run, arguments, warm)
    if ready is not None:
        workspace = ready.workspace
    else:
        workspace = Workspace.make(site.folder, f"{run.seq}-{run.epoch}", site.store, user)
    try:
        plan, spark = _plan(site, run, credentials, arguments, workspace, say)
    except BaseException:
        if ready is not None:
            ready.end()
        workspace.remove()
        raise
    minutes = run.spec.get("Timeout")
    limit_s = None if minutes is None else minutes * site.minute_s
    return Prepared(plan=plan, workspace=workspace, limit_s=limit_s, spark=spark, ready=ready)


def start_of(site: Site, capacity: Capacity) -> Waiting:
    """What a session that is kept ready is started with. Raises OSError."""
    user = None if site.spark.lake is not None else site.account.user
    workspace = Workspace.make(site.folder, f"ready-{secrets.token_hex(6)}", site.store, user)
    settings = sparkconf.settings(site.spark, workspace, capacity, {}, ())
    env = {
        **_surroundings(site, workspace), **sparkconf.write(site.spark, workspace, settings), **site.job_env,
        "PYTHONPATH": str(PYTHON_HOME), "PYSPARK_PYTHON": sys.executable,
    }  # fmt: skip
    plan = ProcessPlan(
        argv=(str(READYING_SCRIPT),), script=str(READYING_SCRIPT), python_path=(), folder=workspace.path, env=env,
        limits={"RLIMIT_CORE": 0}, user=workspace.user, grace_s=site.grace_s, waits=True,
    )  # fmt: skip
    return Waiting(plan=plan, workspace=workspace, settings=settings)


_OWN_START = ("--additional-python-modules", "--customer-driver-env-vars", "--extra-jars")
"""Arguments that a process which is there already cannot honour."""


def _ready_for(site: Site, run: JobRun, arguments: Arguments, warm: WarmSessions) -> ReadySession | None:
    """A session that can become the run: what differs in Spark's settings can be changed."""
    own_start = any(map(arguments.get, _OWN_START)) or run.spec["Command"].get("ScriptLocation") == CONNECT
    if run.kind != "glueetl" or own_start or arguments.engine == SAIL:
        return None
    capacity, chosen = capacity_of(run.spec), arguments.spark_conf()

    def fits(ready: ReadySession) -> bool:
        there = ready.waiting.settings
        wanted = sparkconf.settings(site.spark, ready.workspace, capacity, chosen, ())
        changed = [name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name)]
        return all(map(can_change, changed))

    return warm.take(capacity, fits)


def _user_for(site: Site, run: JobRun, say: Callable[[str], None]) -> tuple[int, int] | None:
    if run.kind == "glulam":
        return None
    if site.account.why_not:
        say(f"warning: the script runs as root: {site.account.why_not}")
    elif site.account.user and run.kind in SPARK and site.spark.lake is not None:
        say(
            "warning: the script runs as root: Spark writes the local lake's files itself, and they are root's"
        )
        return None
    return site.account.user


def _plan(
    site: Site, run: JobRun, credentials: Credentials, arguments: Arguments, workspace: Workspace,
    say: Callable[[str], None],
) -> tuple[ProcessPlan, dict[str, str]]:  # fmt: skip
    """The process, and Spark's settings."""
    place = arguments.get("--scriptLocation") or run.spec.get("Command", {}).get("ScriptLocation") or ""
    if not place:
        raise InvalidInput(
            f"job {run.job_name}: Command.ScriptLocation is empty; expected s3://bucket/script.py"
        )
    script = OWN_SCRIPTS.get(place) or workspace.fetch(place, "script")
    if run.kind == "glulam":
        return _pipeline(site, workspace, script, arguments.pipeline_command()), {}
    if run.kind == "glueray":
        say("warning: Ray runs in the script's own process on this machine; NumberOfWorkers has no effect")
    capacity = capacity_of(run.spec)
    env = _environment(site, run, credentials, workspace, arguments)
    env["RAY_TMPDIR"] = str(workspace.path)  # a socket's path may have 107 bytes, and Ray adds 70
    python_path = _helpers(site, arguments, workspace, env, say)
    spark: dict[str, str] = {}
    runner: Path | None = None
    if run.kind in SPARK:
        jars = [str(workspace.fetch(jar, "--extra-jars")) for jar in arguments.names("--extra-jars")]
        chosen = arguments.spark_conf()
        where = replace(site.spark, master=SAIL) if arguments.engine == SAIL else site.spark
        spark = sparkconf.settings(where, workspace, capacity, chosen, jars)
        env |= sparkconf.write(where, workspace, spark)
        if where.connects:
            runner = CONNECTED_SCRIPT
        env["GLULAM_SPARK_CONF"] = "\n".join(f"{name}={value}" for name, value in chosen.items())
    env |= {"PYTHONPATH": os.pathsep.join([*python_path, str(PYTHON_HOME)]), "PYSPARK_PYTHON": sys.executable}
    plan = ProcessPlan(
        argv=(*([] if runner is None else [str(runner)]), str(script), *_argv(run, arguments)), script=str(runner or script),
        python_path=(*python_path, *([] if place in OWN_SCRIPTS else [str(script.parent)])),
        folder=workspace.path, env=env, limits=_limits(run, capacity, site.minute_s), user=workspace.user,
        grace_s=site.grace_s,
    )  # fmt: skip
    return plan, spark


def _pipeline(site: Site, workspace: Workspace, script: Path, command: tuple[str, ...]) -> ProcessPlan:
    start = "from glulam.cli.main import console; console()"
    env = {**site.own_env, "PYTHONPATH": str(PYTHON_HOME), "TMPDIR": str(workspace.tmp)}
    return ProcessPlan(
        argv=(sys.executable, "-P", "-c", start, *command, str(script)), script=None, python_path=(),
        folder=workspace.path, env=env, limits={"RLIMIT_CORE": 0}, user=None, grace_s=site.grace_s,
    )  # fmt: skip


def _argv(run: JobRun, arguments: Arguments) -> list[str]:
    named = {"--JOB_ID": "j_" + run.id.removeprefix("jr_").partition("_")[0], "--JOB_RUN_ID": run.id,
             "--JOB_NAME": run.job_name}  # fmt: skip
    given = {name: value for name, value in named.items() if name not in arguments.values}
    return [word for item in given.items() for word in item] + arguments.argv


def _environment(
    site: Site, run: JobRun, credentials: Credentials, workspace: Workspace, arguments: Arguments
) -> dict[str, str]:
    own = (credentials.key_id, credentials.secret, credentials.session_token)
    key = {} if _AWS_KEY[0] in site.job_env else dict(zip(_AWS_KEY, own, strict=True))  # never half of each
    return {
        **_surroundings(site, workspace), "AWS_REGION": run.place.region, "AWS_DEFAULT_REGION": run.place.region, **key,
        "GLULAM_JOB_RUN_ID": run.id, "GLULAM_JOB_NAME": run.job_name, **site.job_env, **arguments.driver_env(),
        **dict(zip(asking.KEY, own, strict=True)),
    }  # fmt: skip


def _surroundings(site: Site, workspace: Workspace) -> dict[str, str]:
    """What is the same for all runs in a folder."""
    env = {name: os.environ[name] for name in _PASSED if name in os.environ}
    endpoint = {"AWS_ENDPOINT_URL": site.endpoint}
    if site.spark.lake is None:  # objects are elsewhere
        endpoint = {"AWS_ENDPOINT_URL_GLUE": site.endpoint, "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": site.endpoint}
        if elsewhere := s3_endpoint(os.environ):
            endpoint["AWS_ENDPOINT_URL_S3"] = elsewhere
    return {
        **env, **endpoint, "HOME": str(workspace.path), "TMPDIR": str(workspace.tmp), "LANG": "C.UTF-8", "TZ": "UTC",
        "PYTHONUNBUFFERED": "1", "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "GLULAM_SPARK_MASTER": site.spark.master,
        **({"GLULAM_OBJECTS": "s3"} if site.spark.lake is None else {"GLULAM_LAKE": str(site.spark.lake)}),
    }  # fmt: skip


def _helpers(
    site: Site, arguments: Arguments, workspace: Workspace, env: Mapping[str, str], say: Callable[[str], None]
) -> list[str]:
    """Fetch what the script needs beside it; what goes onto sys.path for that."""
    path: list[str] = []
    for place in arguments.names("--extra-py-files"):
        found = workspace.fetch(place, "--extra-py-files")
        path.append(str(found if found.suffix in (".zip", ".whl", ".egg") else found.parent))
    for place in arguments.names("--extra-files"):
        workspace.fetch(place, "--extra-files")
    modules = arguments.names("--additional-python-modules")
    if modules:
        installer = {name: os.environ[name] for name in _INSTALLER if name in os.environ}
        if site.index is not None:
            installer = {"PIP_INDEX_URL": site.index, "PIP_CONFIG_FILE": os.devnull}
        said = workspace.install(
            modules, arguments.get("--python-modules-installer-option"), {**env, **installer}
        )
        if said.strip():
            say(said)
        path.insert(0, str(workspace.modules))
    return list(dict.fromkeys(path))


def _limits(run: JobRun, capacity: Capacity, minute_s: float) -> dict[str, int]:
    """Memory is limited where it is Python's: a JVM has its heap, and reserves far more addresses than it uses."""
    limits = {"RLIMIT_CORE": 0}
    if run.kind == "pythonshell":
        limits["RLIMIT_DATA"] = capacity.memory_bytes
    minutes = run.spec.get("Timeout")
    if minutes is not None:
        cores = max(capacity.cores * capacity.workers, os.cpu_count() or 1)
        limits["RLIMIT_CPU"] = max(1, int(minutes * minute_s)) * cores
    return limits
