"""docs/clients.md names the versions that are really tested."""

from __future__ import annotations

import re

from cli.conftest import ROOT


def test_the_page_names_the_versions_that_are_installed() -> None:
    page = (ROOT / "docs" / "clients.md").read_text("utf-8")
    named = dict(re.findall(r"^\| (\w+) \| ([\d.]+) \|", page, re.MULTILINE))
    pinned = {}
    for name in ("constraints.txt", "constraints-clients.txt"):
        pinned |= dict(re.findall(r"^([\w-]+)==([\w.]+)", (ROOT / name).read_text("utf-8"), re.MULTILINE))
    assert named.keys() >= {"boto3", "awscli", "awswrangler", "pyiceberg"}
    assert named == {name: pinned[name] for name in named}
