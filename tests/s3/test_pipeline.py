"""The pipeline with this endpoint as its object store, as if it were a remote S3: killed at named points, recovered, and
asked for by the same oracle, which reads the files of the lake behind the endpoint."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial

import pytest
import uvicorn

from conftest import TestServer
from crash.conftest import drivers, make_project
from crash.project import Project
from crash.test_failpoints import test_killed_and_recovered as killed_and_recovered
from glulam import server
from glulam.access.keys import DEVELOPMENT_ID, DEVELOPMENT_SECRET
from glulam.settings import Settings

__all__ = ["drivers", "make_project"]
pytestmark = [pytest.mark.crash, pytest.mark.slow, pytest.mark.xdist_group("s3pipeline")]
MakeProject = Callable[..., Project]
CASES = [
    ("parquet", "ingest", "stage.after_verify"), ("parquet", "ingest", "commit.after_commit"),
    ("parquet", "ingest", "archive.after_copy"), ("parquet", "replay", "commit.after_commit"),
    ("parquet", "compact", "commit.after_commit"), ("iceberg", "ingest", "iceberg.after_metadata"),
    ("iceberg", "ingest", "commit.after_commit"),
]  # fmt: skip


@pytest.fixture
def on_our_s3(make_project: MakeProject, database_server: TestServer) -> Iterator[MakeProject]:
    """Makes a project whose objects are behind a server of ours, which has its own database."""
    with ExitStack() as stack:

        def make(**more: object) -> Project:
            project = make_project(**more)
            for bucket in ("raw", "processed", "curated", "dead"):
                (project.lake / bucket).mkdir(parents=True, exist_ok=True)
            settings = Settings(
                home=project.root / "server",
                lake=project.lake,
                port=0,
                database_url=database_server.create("migrated"),
            )
            port = stack.enter_context(_Running(settings)).port
            project.env |= {
                "GLULAM_OBJECTS": "s3", "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": DEVELOPMENT_ID, "AWS_SECRET_ACCESS_KEY": DEVELOPMENT_SECRET,
            }  # fmt: skip
            return project

        yield make


class _Running:
    """A server in a thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._stack = settings, ExitStack()
        self.port = 0

    def __enter__(self) -> _Running:
        listening = self._stack.enter_context(server.listen(self._settings))
        self.port = listening.getsockname()[1]
        web = uvicorn.Server(uvicorn.Config(
            partial(server.application, self._settings, ephemeral=False), factory=True, lifespan="on", access_log=False,
            log_level="warning",
        ))  # fmt: skip
        thread = threading.Thread(target=web.run, args=([listening],), daemon=True)
        thread.start()
        self._stack.callback(thread.join, 20)
        self._stack.callback(setattr, web, "should_exit", True)
        while not web.started:
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


@pytest.mark.parametrize(("curated", "scenario", "point"), CASES)
def test_killed_and_recovered_on_our_s3(
    on_our_s3: MakeProject, curated: str, scenario: str, point: str
) -> None:
    killed_and_recovered(on_our_s3, curated, scenario, point, 0)
