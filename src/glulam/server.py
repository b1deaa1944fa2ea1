"""`glulam up`: one port, put together here; one process, or several that share the port.

    /_glulam/health    is it there, and its database
    /_glulam/reset     forget everything (only of a throw-away home, only from this machine)
    /_glulam/job-runs  what the process of a job run asks (run_door.py)
    /_glulam/events    notifications of objects (event_door.py)
    /_glulam/alert...  alerts, their channels and rules (alert_door.py)
    everything else    the AWS doors (doors.py); so is any path below a host name that names a bucket

`application` makes all that one process answers with, from the settings alone, so that it can be made in any process.

Binding to an address that others can reach needs access keys and TLS, or the word that a proxy in front does TLS.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import partial

import psycopg
import uvicorn
from psycopg import sql
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.supervisors import Multiprocess

from glulam import __version__
from glulam.access import keys
from glulam.access.keys import forget_expired
from glulam.access.secrets import SecretBox
from glulam.alert_door import AlertDoor
from glulam.catalog.partition_indexes import advance_partition_indexes
from glulam.catalog.purge import purge
from glulam.doors import THREADS, open_doors
from glulam.event_door import EventDoor
from glulam.events.announcing import forget_old
from glulam.jobs import upkeep as jobs_upkeep
from glulam.model.addresses import is_loopback
from glulam.model.errors import GlulamError, InvalidConfig
from glulam.objects.emptying import remove_folders
from glulam.observe import upkeep as alerts_upkeep
from glulam.observe.reach import Reach
from glulam.orchestrate import upkeep as workflows_upkeep
from glulam.run_door import RunDoor
from glulam.settings import Settings
from glulam.store.database import Database

log = logging.getLogger(__name__)

STATEMENT_TIMEOUT_S = 60.0
CHILD_SILENT_S = 60
"""A child that says nothing for so long is started again; on a busy machine a start alone takes seconds."""
UPKEEP_EVERY_S = 1.0
UPKEEP_ROWS = 5_000
"""Rows that one transaction of upkeep touches."""


def check_exposure(settings: Settings, *, has_keys: bool, plaintext: bool) -> None:
    """Raises InvalidConfig when others could reach the server without keys or TLS."""
    if (settings.tls_certificate is None) != (settings.tls_key is None):
        raise InvalidConfig(
            "GLULAM_TLS_CERTIFICATE and GLULAM_TLS_KEY belong together; found only one of them"
        )
    if is_loopback(settings.host):
        return
    if not has_keys:
        raise InvalidConfig(
            f"GLULAM_HOST={settings.host}: other machines reach this address, and there is no access key; "
            "make one with `glulam keys create --user NAME --role admin`"
        )
    if settings.tls_certificate is None and not plaintext:
        raise InvalidConfig(
            f"GLULAM_HOST={settings.host}: other machines reach this address; set GLULAM_TLS_CERTIFICATE and "
            "GLULAM_TLS_KEY, or say --plaintext when a proxy in front does TLS"
        )


@contextmanager
def upkeep(step: Callable[[], bool]) -> Iterator[None]:
    """Inside, a thread does small work while there is some: `step` answers whether it found any.

    It has let go of the database when this ends: an embedded PostgreSQL with a session open would be left running."""
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            try:
                busy = step()
            except (psycopg.Error, GlulamError, OSError) as error:
                log.warning("upkeep: %s", str(error).strip())
                busy = False
            if not busy:
                stop.wait(UPKEEP_EVERY_S)

    thread = threading.Thread(target=run, name="upkeep", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(STATEMENT_TIMEOUT_S)


def application(settings: Settings, *, ephemeral: bool) -> ASGIApp:
    """The ASGI application, with a database, doors and upkeep of its own; its lifespan closes them. Below a host name that
    names a bucket every path is a key."""
    stack = ExitStack()
    database = stack.enter_context(
        Database.open(
            settings, max_idle=THREADS * 2, statement_timeout_s=STATEMENT_TIMEOUT_S, short_lookups=True
        )
    )
    doors = open_doors(settings, database, development_key(settings), stack)

    alert_door = AlertDoor(
        gate=doors.gate, database=database, box=SecretBox.open(settings), reach=Reach.of(settings)
    )

    def health(request: Request) -> JSONResponse:
        with database.connection() as conn:
            conn.execute("SELECT 1")
        return JSONResponse(
            {"status": "ok", "version": __version__, "ephemeral": ephemeral, "pid": os.getpid()}
        )

    def reset(request: Request) -> JSONResponse:
        peer = request.client.host if request.client else ""
        if not ephemeral or not is_loopback(peer) or "origin" in request.headers:
            text = "only a server started with --ephemeral can be reset, only from its own machine, and by no web page"
            return JSONResponse({"error": text}, status_code=403)
        forget_everything(database, settings)
        doors.forget()
        return JSONResponse({"status": "reset"})

    of_jobs = partial(jobs_upkeep.step, log_days=settings.job_log_days, run_days=settings.job_run_days)
    of_alerts = partial(alerts_upkeep.step, event_days=settings.event_days, alert_days=settings.alert_days)
    of_workflows = partial(workflows_upkeep.step, days=settings.job_run_days)
    works = (purge, advance_partition_indexes, forget_expired, forget_old, of_jobs, of_workflows, of_alerts)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        with stack:
            steps: list[Callable[[], bool]] = [partial(_step, database, work) for work in works]
            for step in (*steps, *doors.upkeep):
                stack.enter_context(upkeep(step))
            yield

    own = Starlette(
        lifespan=lifespan,
        routes=[
            Route("/_glulam/health", health),
            Route("/_glulam/reset", reset, methods=["POST"]),
            *RunDoor(
                gate=doors.gate, database=database, links=doors.links, session_token=doors.session_token
            ).routes(),
            *EventDoor(gate=doors.gate, database=database, token=settings.event_token).routes(),
            *alert_door.routes(),
        ],
    )

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        ours = scope["type"] == "lifespan" or (
            scope["path"].startswith("/_glulam/") and doors.places.bucket_of_host(_host(scope)) is None
        )
        await (own if ours else doors.front)(scope, receive, send)

    return app


def _process(settings: Settings, ephemeral: bool) -> ASGIApp:
    """The application of a process that is a server and nothing else: it has the log for itself."""
    _log_to_stderr()
    return application(settings, ephemeral=ephemeral)


def _log_to_stderr() -> None:
    """The server's log: warnings, and defects with their traceback."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    ours = logging.getLogger("glulam")
    ours.handlers = [handler]
    ours.propagate = False
    ours.setLevel(logging.WARNING)


def _host(scope: Scope) -> str:
    headers: dict[bytes, bytes] = dict(scope["headers"])
    return headers.get(b"host", b"").decode("latin-1")


def development_key(settings: Settings) -> keys.AccessKey | None:
    """The key that everybody knows: only where nobody else can reach the server."""
    return keys.development_key(settings.account_id) if is_loopback(settings.host) else None


def _step(database: Database, work: Callable[[psycopg.Connection, int], int]) -> bool:
    """One short transaction of upkeep; whether there was anything to do."""
    with database.transaction() as conn:
        return work(conn, UPKEEP_ROWS) > 0


def forget_everything(database: Database, settings: Settings) -> None:
    """Empty every table and the local lake. The schema stays."""
    with database.transaction() as conn:
        rows = conn.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename <> 'schema_migration'"
        ).fetchall()
        tables = sql.SQL(", ").join(sql.Identifier(name) for (name,) in rows)
        conn.execute(
            "SET LOCAL session_replication_role = replica"
        )  # append-only tables refuse TRUNCATE otherwise
        conn.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(tables))
    if settings.objects == "local":
        remove_folders(str(settings.lake_root))


def listen(settings: Settings) -> socket.socket:
    """The bound socket, so that port 0 is known before anybody is told. Raises InvalidConfig when it is taken."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    found = socket.socket(family)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((settings.host, settings.port))
    except OSError as error:
        found.close()
        raise InvalidConfig(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}") from error
    found.listen(512)
    return found


def run(settings: Settings, listening: socket.socket, *, ephemeral: bool, processes: int) -> None:
    """Serve until SIGINT or SIGTERM, which may go on as KeyboardInterrupt.

    Several processes are children of this one, which starts one that dies again."""
    files = [None if p is None else str(p) for p in (settings.tls_certificate, settings.tls_key)]
    config = uvicorn.Config(
        partial(_process, settings, ephemeral), factory=True, lifespan="on", access_log=False,
        log_level="warning", server_header=False, timeout_keep_alive=75, timeout_graceful_shutdown=10,
        ssl_certfile=files[0], ssl_keyfile=files[1], workers=processes, timeout_worker_healthcheck=CHILD_SILENT_S,
        proxy_headers=False,  # the audit log names who really connected
    )  # fmt: skip
    if processes == 1:
        uvicorn.Server(config).run([listening])
    else:
        Multiprocess(config, [listening]).run()
