"""The process itself: what it leaves behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from clients.conftest import start, stop
from glulam.store.lockfiles import is_postgres


@pytest.mark.parametrize("words", [(), ("--processes", "2")], ids=" ".join)
def test_a_server_that_is_stopped_at_once_leaves_neither_home_nor_database(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    server = start(tmp_path / "stderr", *words)
    postmaster = int((server.home / "postgres" / "postmaster.pid").read_text().splitlines()[0])
    assert is_postgres(postmaster)
    assert stop(server) == 0
    assert not server.home.parent.exists()
    assert not is_postgres(postmaster)
