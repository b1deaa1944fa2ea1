"""The pages say what there is: each command and option, each key of pipeline.yaml with its default."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import Any

import typer
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from cli.conftest import ROOT
from cli.test_init import parts
from glulam.cli.main import app
from glulam.ingest.config import Pipeline
from glulam.records.values import RejectCode

CLI = (ROOT / "docs" / "cli.md").read_text("utf-8")
PIPELINE = (ROOT / "docs" / "pipeline.md").read_text("utf-8")


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    children = getattr(command, "commands", None)
    if children is None or "files" in path:
        yield " ".join(path), command
    for name, child in (children or {}).items():
        yield from commands(child, (*path, name))


def sections(page: str) -> dict[str, str]:
    return {
        m[1]: m[2]
        for m in re.finditer(r"^## (?:glulam )?(.+?)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    }


def test_every_command_and_option_is_documented() -> None:
    found = dict(commands(typer.main.get_command(app)))
    assert {"run", "dlq replay", "files", "files retry"} <= found.keys()
    missing = []
    for name, command in found.items():
        text = next((body for title, body in sections(CLI).items() if name in title.split(", ")), None)
        if text is None:
            missing.append(f"## glulam {name}")
            continue
        if "$ glulam" not in text:
            missing.append(f"{name}: an example with its output")
        options = {o for p in command.params for o in p.opts if o.startswith("--")}
        shared = {"--json", "--project", "--help"}
        missing += [f"{name}: {o}" for o in sorted(options - shared) if f"`{o}" not in text]
    assert missing == []
    assert all(f"`{o}" in CLI for o in ("--json", "--project"))


def test_every_exit_code_is_documented() -> None:
    for code in (0, 1, 2, 3, 4, 70, 130):
        assert re.search(rf"^\| {code} \|", CLI, re.MULTILINE), code


def keys(model: type[BaseModel]) -> Iterator[tuple[str, Any]]:
    for name, field in model.model_fields.items():
        inner = list(parts(field.annotation))
        default = None if inner or field.is_required() else field.get_default(call_default_factory=True)
        yield field.alias or name, PydanticUndefined if field.is_required() else default
        for kind in inner:
            yield from keys(kind)


def test_every_key_of_the_pipeline_is_documented_with_its_default() -> None:
    rows: dict[str, str] = {}
    for place, said in re.findall(r"^\| `([\w.\[\]]+)` \| (.+?) \|", PIPELINE, re.MULTILINE):
        rows.setdefault(place.split(".")[-1], said)  # a later table explains values
    rows |= {
        m: "see below" for m in re.findall(r"^\| `(\w+)\.\w+` ", PIPELINE, re.MULTILINE) if m not in rows
    }
    for key, default in keys(Pipeline):
        assert key in rows, f"docs/pipeline.md has no row for {key}"
        if default is PydanticUndefined:
            assert rows[key] == "required", key
        elif isinstance(default, bool | int | float | str | Enum):
            text = str(default.value if isinstance(default, Enum) else default)
            assert rows[key] == f"`{text.lower() if isinstance(default, bool) else text}`", key


def test_reject_codes_are_documented() -> None:
    pages = PIPELINE + CLI + (ROOT / "docs" / "json-contract.md").read_text("utf-8")
    assert [code for code in RejectCode if f"`{code}`" not in pages] == []
