"""`glulam init`: the template holds every option with its default, and the first run works as shipped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel

from cli.conftest import Cli
from glulam.cli.starting import sample_files, template
from glulam.ingest.config import Pipeline, parse
from glulam.ingest.transform import parse_transform


def keys(model: type[BaseModel]) -> Iterator[str]:
    """Every key that pipeline.yaml may hold, at any depth."""
    for name, field in model.model_fields.items():
        yield field.alias or name
        for kind in parts(field.annotation):
            yield from keys(kind)


def parts(annotation: Any) -> Iterator[type[BaseModel]]:
    if get_origin(annotation) in (Union, UnionType, tuple) or hasattr(annotation, "__metadata__"):
        for inner in get_args(annotation):
            yield from parts(inner)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation


def test_the_template_is_a_pipeline() -> None:
    pipeline = parse(template(), "template")
    parse_transform(pipeline.transform)
    assert pipeline.table.name == "events"


def test_the_template_holds_every_key() -> None:
    wanted = set(keys(Pipeline))
    assert {"max_depth", "sql", "pattern", "schema", "archive", "lease_s"} <= wanted
    assert [k for k in sorted(wanted) if not re.search(rf"^[\s#-]*{k}:", template(), re.MULTILINE)] == []


def test_what_the_template_comments_out_is_the_default() -> None:
    """Uncommented, it means the same."""
    text = re.sub(r"^( *)# ( *[a-z_]+:(?: .*)?)$", r"\1\2", template(), flags=re.MULTILINE)
    text = text.replace('      default: "1970', '      # default: "1970')  # belongs to on_cast_error: default
    assert len(text) < len(template()) - 40
    assert yaml.safe_load(text).keys() >= {"schema", "write", "batch", "archive"}
    assert parse(text, "uncommented") == parse(template(), "template")


def test_samples_are_the_same_every_time() -> None:
    assert sample_files() == sample_files()
    assert {name.split(".")[-1] for name in sample_files()} == {"ndjson", "json", "gz"}


def test_init_does_not_overwrite(project: Cli) -> None:
    project.edit(lambda text: text + "# mine\n")
    answer = project("init", str(project.folder), "--json")
    assert answer.code == 3
    assert answer.json["error"]["code"] == "AlreadyExistsException"
    assert (project.folder / "pipeline.yaml").read_text("utf-8").endswith("# mine\n")


def test_a_first_run_with_nothing_but_the_package(short_tmp: Path) -> None:
    """The embedded database, the default engine, the shipped files: what the README promises."""
    cli = Cli(folder=short_tmp / "lake", database_url=None)
    made = cli("init", str(cli.folder), "--json", cwd=short_tmp)
    assert made.code == 0, made.err
    assert (cli.folder / ".glulam" / "postgres").is_dir()
    answer = cli("run", "pipeline.yaml", "--json")
    assert answer.code == 0, answer.err
    assert answer.json["records_read"] == 81
