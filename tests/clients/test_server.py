"""The process itself: what it leaves behind."""

from __future__ import annotations

from pathlib import Path

from clients.conftest import start, stop
from glulam.store.lockfiles import is_postgres


def test_a_stopped_server_leaves_neither_home_nor_database(tmp_path: Path) -> None:
    server = start(tmp_path / "stderr")
    postmaster = int((server.home / "postgres" / "postmaster.pid").read_text().splitlines()[0])
    assert is_postgres(postmaster)
    assert stop(server) == 0
    assert not server.home.parent.exists()
    assert not is_postgres(postmaster)
