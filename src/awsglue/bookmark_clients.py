"""Where bookmarks are kept: the Glulam server that runs the job, or a file for scripts run by hand."""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote

from awsglue.bookmarks import BookmarkClient, State
from glulam.asking import ask, server
from glulam.model.errors import ConnectionFailed, InvalidInput

_TIMEOUT_S = 30


class FileBookmarks:
    """One JSON file a job in a folder. Only for one run of a job at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _file(self, job_name: str) -> Path:
        return self.folder / f"{quote(job_name, safe='')}.json"

    def load(self, job_name: str, run_id: str | None = None) -> State:
        if run_id is not None:
            raise InvalidInput(f"the bookmark of run {run_id}: only a server keeps those of past runs")
        file = self._file(job_name)
        found: State = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        return found

    def commit(self, job_name: str, run_id: str, state: State) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self._file(job_name)
        temporary = file.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(json.dumps(state), encoding="utf-8")
        temporary.replace(file)


class ServerBookmarks:
    """GET and PUT `/_glulam/job-runs/<run id>/bookmark`."""

    def __init__(self, run_id: str) -> None:
        self._path = f"/_glulam/job-runs/{quote(run_id, safe='')}/bookmark"

    def load(self, job_name: str, run_id: str | None = None) -> State:
        query = f"?run={quote(run_id, safe='')}" if run_id else ""
        found: State = json.loads(self._send("GET", b"", query) or b"{}").get("state") or {}
        return found

    def commit(self, job_name: str, run_id: str, state: State) -> None:
        self._send("PUT", json.dumps({"state": state}).encode())

    def _send(self, method: str, body: bytes, query: str = "") -> bytes:
        path = self._path + query
        try:
            return ask(method, path, body, timeout_s=_TIMEOUT_S)
        except HTTPError as error:
            raise ConnectionFailed(
                f"{method} {path}: {error.code} {error.read()[:300].decode(errors='replace')}"
            ) from error
        except OSError as error:
            raise ConnectionFailed(f"{method} {path}: {error}") from error


def client_for(run_id: str) -> BookmarkClient:
    """The server's when a server runs this job, else files below `.glulam/bookmarks`."""
    if server() is not None:
        return ServerBookmarks(run_id)
    return FileBookmarks(Path(os.environ.get("GLULAM_HOME", ".glulam")) / "bookmarks")
