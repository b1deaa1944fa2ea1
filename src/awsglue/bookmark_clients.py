"""Where bookmarks are kept: the Glulam server that runs the job, or a file for scripts run by hand."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from awsglue.bookmarks import BookmarkClient, State
from glulam.model.errors import ConnectionFailed, InvalidInput

_TIMEOUT_S = 30


class FileBookmarks:
    """One JSON file a job in a folder. Only for one run of a job at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _file(self, job_name: str) -> Path:
        return self.folder / f"{urllib.parse.quote(job_name, safe='')}.json"

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
    """GET and PUT `<endpoint>/_glulam/job-runs/<run id>/bookmark`, signed as any request to Glue is."""

    def __init__(self, endpoint: str, run_id: str) -> None:
        self._url = f"{endpoint.rstrip('/')}/_glulam/job-runs/{urllib.parse.quote(run_id, safe='')}/bookmark"

    def load(self, job_name: str, run_id: str | None = None) -> State:
        query = f"?run={urllib.parse.quote(run_id, safe='')}" if run_id else ""
        found: State = json.loads(self._send("GET", b"", query) or b"{}").get("state") or {}
        return found

    def commit(self, job_name: str, run_id: str, state: State) -> None:
        self._send("PUT", json.dumps({"state": state}).encode())

    def _send(self, method: str, body: bytes, query: str = "") -> bytes:
        url = self._url + query
        session = boto3.Session()
        credentials = session.get_credentials()
        if credentials is None:
            raise ConnectionFailed(f"{url}: no AWS credentials in the environment of this job")
        request = AWSRequest(method=method, url=url, data=body, headers={"Content-Type": "application/json"})
        SigV4Auth(credentials, "glue", session.region_name or "us-east-1").add_auth(request)
        prepared = urllib.request.Request(
            url, data=body or None, method=method, headers=dict(request.headers)
        )
        try:
            with urllib.request.urlopen(prepared, timeout=_TIMEOUT_S) as answer:
                found: bytes = answer.read()
                return found
        except urllib.error.HTTPError as error:
            raise ConnectionFailed(
                f"{method} {url}: {error.code} {error.read()[:300].decode(errors='replace')}"
            ) from error
        except OSError as error:
            raise ConnectionFailed(f"{method} {url}: {error}") from error


def client_for(run_id: str, env: Mapping[str, str]) -> BookmarkClient:
    """The server's when a server runs this job, else files below `.glulam/bookmarks`."""
    endpoint = env.get("AWS_ENDPOINT_URL_GLUE") or env.get("AWS_ENDPOINT_URL")
    if endpoint and env.get("GLULAM_JOB_RUN_ID"):
        return ServerBookmarks(endpoint, run_id)
    return FileBookmarks(Path(env.get("GLULAM_HOME", ".glulam")) / "bookmarks")
