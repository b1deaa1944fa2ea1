"""A project folder beside a real server over HTTP: what `glulam plan` and `apply` are tried on."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from cli.conftest import Answer, Cli
from conftest import TestServer
from glulam.access import keys
from glulam.cli.working import serving
from glulam.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Site:
    """A project folder and a server."""

    cli: Cli
    url: str

    def client(self, service: str = "glue") -> Any:
        key = keys.development_key("123456789012")
        return boto3.client(
            service, endpoint_url=self.url, region_name="us-east-1", aws_access_key_id=key.id,
            aws_secret_access_key=key.secret,
        )  # fmt: skip

    def write(self, text: str, **files: str) -> None:
        self.cli.folder.mkdir(exist_ok=True)
        for name, content in {"glulam.yaml": text, "nightly.py": "print(1)\n", **files}.items():
            (self.cli.folder / name).write_text(textwrap.dedent(content), "utf-8")

    def say(self, *words: str) -> Answer:
        return self.cli.look(*words, "--endpoint", self.url, "--project", str(self.cli.folder))

    def plan(self, *words: str) -> list[tuple[str, str]]:
        """What is planned, as (action, section/name)."""
        answer = self.say("plan", "--json", *words)
        assert answer.code == 0, answer.err
        return [(c["action"], "/".join((c["section"], *c["names"]))) for c in answer.json["plan"]["changes"]]

    def fields(self, *words: str) -> dict[str, tuple[Any, Any]]:
        changes = self.say("plan", "--json", *words).json["plan"]["changes"]
        return {".".join(f["path"]): (f["before"], f["after"]) for c in changes for f in c["fields"]}

    def apply(self, *words: str) -> Answer:
        answer = self.say("apply", *words)
        assert answer.code == 0, answer.err
        return answer


@pytest.fixture
def site(tmp_path: Path, database_server: TestServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Nobody's keys but the development key; DB_PASSWORD is known."""
    monkeypatch.setenv("DB_PASSWORD", "hunter2")
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "PROFILE", "REGION", "ENDPOINT_URL"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    settings = Settings(
        home=tmp_path / "server" / "home", lake=tmp_path / "server" / "lake",
        database_url=database_server.create("migrated"),
    )  # fmt: skip
    with serving(settings) as url:
        yield Site(cli=Cli(folder=tmp_path / "project", database_url=None), url=url)
