"""`glulam up`: one process, one port, put together here.

    /_glulam/health    is it there, and its database
    /_glulam/reset     forget everything (only of a throw-away home, only from this machine)
    everything else    the AWS doors (doors.py); so is any path below a host name that names a bucket

Binding to an address that others can reach needs access keys and TLS, or the word that a proxy in front does TLS.
"""

from __future__ import annotations

import ipaddress
import logging
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
import uvicorn
from psycopg import sql
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from glulam import __version__
from glulam.doors import Threads
from glulam.model.errors import GlulamError, InvalidConfig
from glulam.settings import Settings
from glulam.store.database import Database
from glulam.wire.front import FrontDoor
from glulam.wire.places import Places

log = logging.getLogger(__name__)

THREADS = 16
"""Requests that are worked on at once; each holds one database session while it needs it."""
OBJECTS = 8
"""The same for S3: most of these wait for no database, and with more threads they wait for one another."""
STREAMS = 32
"""Long bodies that are taken in at once; they hold a database session only at their end."""
STATEMENT_TIMEOUT_S = 60.0
UPKEEP_EVERY_S = 1.0


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address. A name other than localhost is not looked up, and is no."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


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


@dataclass(frozen=True, kw_only=True)
class Upkeep:
    """A thread that does small work while there is some: `step` answers whether it found any."""

    step: Callable[[], bool]
    stop: threading.Event

    def start(self) -> threading.Thread:
        thread = threading.Thread(target=self._run, name="upkeep", daemon=True)
        thread.start()
        return thread

    def _run(self) -> None:
        while not self.stop.is_set():
            try:
                busy = self.step()
            except (psycopg.Error, GlulamError, OSError) as error:
                log.warning("upkeep: %s", str(error).strip())
                busy = False
            if not busy:
                self.stop.wait(UPKEEP_EVERY_S)


def application(
    door: FrontDoor, places: Places, database: Database, settings: Settings, *, ephemeral: bool
) -> ASGIApp:
    """The ASGI application. `places` tells hosts that name a bucket: there, every path is a key."""

    def health(request: Request) -> JSONResponse:
        with database.connection() as conn:
            conn.execute("SELECT 1")
        return JSONResponse({"status": "ok", "version": __version__, "ephemeral": ephemeral})

    def reset(request: Request) -> JSONResponse:
        peer = request.client.host if request.client else ""
        if not ephemeral or not is_loopback(peer):
            text = "only a server started with --ephemeral can be reset, and only from its own machine"
            return JSONResponse({"error": text}, status_code=403)
        forget_everything(database, settings)
        return JSONResponse({"status": "reset"})

    own = Starlette(
        routes=[Route("/_glulam/health", health), Route("/_glulam/reset", reset, methods=["POST"])]
    )

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        ours = scope["path"].startswith("/_glulam/")
        if ours and places.bucket_of_host(dict(scope["headers"]).get(b"host", b"").decode("latin-1")) is None:
            await own(scope, receive, send)
        else:
            await door(scope, receive, send)

    return app


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
    for bucket in settings.lake_root.glob("*"):
        shutil.rmtree(bucket, ignore_errors=True)


@contextmanager
def thread_pools() -> Iterator[Threads]:
    with (
        ThreadPoolExecutor(THREADS, thread_name_prefix="request") as requests,
        ThreadPoolExecutor(OBJECTS, thread_name_prefix="object") as objects,
        ThreadPoolExecutor(STREAMS, thread_name_prefix="stream") as streams,
    ):
        yield Threads(requests=requests, objects=objects, streams=streams)


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


def uvicorn_server(app: ASGIApp, settings: Settings) -> uvicorn.Server:
    files = [None if p is None else str(p) for p in (settings.tls_certificate, settings.tls_key)]
    config = uvicorn.Config(
        app, lifespan="off", access_log=False, log_level="warning", server_header=False, timeout_keep_alive=75,
        ssl_certfile=files[0], ssl_keyfile=files[1], timeout_graceful_shutdown=10,
    )  # fmt: skip
    return uvicorn.Server(config)
