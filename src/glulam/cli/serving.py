"""`glulam up` and `glulam operations`."""

from __future__ import annotations

import signal
import sys
import tempfile
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

from glulam import server, worker
from glulam.access import keys
from glulam.api.page import page
from glulam.cli.output import print_json
from glulam.cli.working import working
from glulam.doors import implemented
from glulam.settings import Settings
from glulam.store.database import Database


def up(
    settings: Settings, *, ephemeral: bool, plaintext: bool, processes: int, workers: int, as_json: bool
) -> int:  # fmt: skip
    # From the first moment: a service manager's SIGTERM must not leave PostgreSQL running, or a throw-away home.
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # uvicorn passes on what it was stopped by
    with suppress(KeyboardInterrupt), ExitStack() as stack:
        if ephemeral:
            home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="glulam-")))
            settings = replace(settings, home=home / "home", lake=home / "lake", database_url=None)
        database = stack.enter_context(Database.open(settings))  # an embedded server lives as long as this
        with database.connection() as conn:
            has_keys = bool(keys.list_keys(conn))
        server.check_exposure(settings, has_keys=has_keys, plaintext=plaintext)
        socket = stack.enter_context(server.listen(settings))
        settings = replace(settings, port=socket.getsockname()[1])
        _greet(settings, server.development_key(settings), ephemeral=ephemeral, as_json=as_json)
        stack.enter_context(worker.beside(settings))
        stack.enter_context(working(settings, workers))
        server.run(settings, socket, ephemeral=ephemeral, processes=processes)
    return 0


def _greet(settings: Settings, development: keys.AccessKey | None, *, ephemeral: bool, as_json: bool) -> None:
    scheme = "https" if settings.tls_certificate else "http"
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    url = f"{scheme}://{host}:{settings.port}"
    if as_json:
        print_json({"url": url, "home": str(settings.home), "lake": str(settings.lake_root),
                    "ephemeral": ephemeral, "development_key": development.id if development else None})  # fmt: skip
    else:
        s3 = f", S3 on {settings.lake_root}" if settings.objects == "local" else ""
        print(f"Glue API    {url}   account {settings.account_id}, any region; STS{s3}")
        print(f"home        {settings.home}{'   (throw-away)' if ephemeral else ''}")
        if development is not None:
            print(
                "\nOn this machine only, a development key that everybody knows is accepted:\n\n"
                f"  export AWS_ENDPOINT_URL={url} AWS_REGION={settings.region} \\\n"
                f"    AWS_ACCESS_KEY_ID={development.id} AWS_SECRET_ACCESS_KEY={development.secret}\n"
                "  aws glue get-databases\n"
            )
    sys.stdout.flush()


def operations(*, missing: bool, markdown: bool, as_json: bool) -> int:
    found = implemented()
    if markdown:
        print(page(found), end="")
        return 0
    if missing:
        found = {s: {o: there for o, there in all_.items() if not there} for s, all_ in found.items()}
    if as_json:
        print_json(
            {
                s: [{"operation": o, "implemented": there} for o, there in all_.items()]
                for s, all_ in found.items()
            }
        )
        return 0
    for service, all_ in found.items():
        for operation, there in all_.items():
            print(f"{service:6}{operation:48}{'implemented' if there else 'not implemented'}")
    return 0
