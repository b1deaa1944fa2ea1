"""`glulam crawl`, `crawls`, `partitions repair` and `tables --restore`, as a person runs them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import boto3
import pytest

from cli.conftest import COMMAND, Cli

ROWS = '{"id": 1, "total": 9.5}\n{"id": 2, "total": 3}\n'


@pytest.fixture
def lake(project: Cli) -> Cli:
    for year in ("2023", "2024"):
        path = project.folder / "lake" / "sales" / "orders" / f"year={year}" / "a.json"
        path.parent.mkdir(parents=True)
        path.write_text(ROWS)
    return project


def test_look_apply_query_restore(lake: Cli) -> None:
    shown = lake("crawl", "s3://sales/orders/", "--database", "shop")
    assert shown.code == 0, shown.err
    assert "CREATE  shop.orders" in shown.out
    assert "2 of 2 year=... folders hold json" in shown.out
    assert "a.json:1" in shown.out
    crawl_id = shown.out.split("glulam crawls ")[1].split()[0]
    assert lake.look("tables", "shop.orders").code == 3  # nothing was changed
    applied = lake.look("crawls", crawl_id, "--apply")
    assert applied.code == 0, applied.err
    assert lake.look("crawls", crawl_id, "--apply").code == 1  # once
    rows = lake.look("sql", "select year, sum(total) from shop.orders group by 1 order by 1", "--json").json[
        "rows"
    ]
    assert rows == [[2023, 12.5], [2024, 12.5]]
    (lake.folder / "lake" / "sales" / "orders" / "year=2024" / "b.json").write_text(
        '{"id": 3, "total": 1, "note": "n"}\n'
    )
    done = lake.look("crawl", "s3://sales/orders/", "--database", "shop", "--apply", "--json").json
    assert [(t["action"], [c["name"] for c in t["changes"]]) for t in done["plan"]["tables"]] == [
        ("UPDATE", ["note"])
    ]
    history = lake.look("tables", "shop.orders").out
    assert f"crawl {crawl_id}" in history
    assert f"crawl {done['crawl']}" in history
    assert lake.look("tables", "shop.orders", "--restore", "0").code == 0
    assert [c["name"] for c in lake.look("tables", "shop.orders", "--json").json["table"]["descriptor"]["columns"]] == [
        "id", "total",
    ]  # fmt: skip
    listed = lake.look("crawls", "--json").json["crawls"]
    assert [c["state"] for c in listed] == ["COMPLETED", "COMPLETED"]
    assert "looked into" in lake.look("crawls", crawl_id).out


def test_profile_of_what_was_crawled(lake: Cli) -> None:
    folder = lake.folder / "lake" / "sales" / "people"
    folder.mkdir()
    (folder / "a.json").write_text('{"mail": "a@b.example"}\n{"mail": "c@d.example"}\n')
    (folder.parent / "pages").mkdir()
    (folder.parent / "pages" / "a.xml").write_text("<all><p><a>1</a></p><p><a>2</a></p></all>")
    (folder.parent / "torn").mkdir()
    (folder.parent / "torn" / "a.json").write_text('{"a": 1}\n{"a": 2}\n{torn\n')
    shown = lake("crawl", "s3://sales/", "--database", "shop", "--apply", "--profile")
    assert shown.code == 0, shown.err
    assert "shop.people: profiled; looks personal: mail" in shown.out
    assert "shop.pages: profiled" in shown.out
    assert "shop.torn: the query cannot be run" in shown.out
    table = lake.look("tables", "shop.people", "--json").json["table"]
    assert "email" in json.dumps(table)
    assert lake.look("crawl", "s3://sales/", "--database", "shop", "--profile").code == 2


def test_mistakes(lake: Cli) -> None:
    assert lake.look("crawl", "s3://sales/orders/").code == 2
    assert lake.look("crawl", "s3://sales/nothing/", "--database", "d").code == 3
    assert lake.look("crawl", "no-such-crawler").code == 3
    assert lake.look("crawls", "no-such-id").code == 3
    assert lake.look("crawls", "--apply").code == 2
    assert lake.look("tables", "--restore", "0").code == 2
    assert lake.look("partitions", "repair", "d.nothing").code == 3
    assert lake.look("crawl", "s3://sales/", "--database", "d", "--dry-run", "--apply").code == 2


def test_partitions_repair(lake: Cli) -> None:
    lake.look("crawl", "s3://sales/orders/", "--database", "shop", "--apply")
    assert "0 partitions differ" in lake.look("partitions", "repair", "shop.orders").out
    assert lake.look("partitions", "repair", "shop.orders", "--apply", "--json").json == {
        "table": "shop.orders", "partitions": [], "repaired": True,
    }  # fmt: skip


def test_profile(lake: Cli) -> None:
    path = lake.folder / "lake" / "crm" / "people" / "a.json"
    path.parent.mkdir(parents=True)
    path.write_text("".join(f'{{"id": {n}, "mail": "p{n}@example.com"}}\n' for n in range(30)))
    lake.look("crawl", "s3://crm/people/", "--database", "crm", "--apply")
    seen = lake.look("profile", "crm.people", "--apply", "--json").json["columns"]
    assert seen["id"]["statistics"]["LongColumnStatisticsData"]["MaximumValue"] == 29
    assert [tag["kind"] for tag in seen["mail"]["personal"]] == ["email"]
    columns = lake.look("tables", "crm.people", "--json").json["table"]["descriptor"]["columns"]
    assert columns[1]["parameters"]["glulam.personal"].startswith("email ")
    path.with_name("b.json").write_text('{"id": 1, "mail": "x@example.com", "more": 1}\n')
    lake.look("crawl", "s3://crm/people/", "--database", "crm", "--apply")
    columns = lake.look("tables", "crm.people", "--json").json["table"]["descriptor"]["columns"]
    assert [(c["name"], "glulam.personal" in c["parameters"]) for c in columns][1:] == [
        ("mail", True),
        ("more", False),
    ]


def test_the_server_does_what_clients_start(lake: Cli, tmp_path: Path) -> None:
    """`glulam up`, a crawler made and started with boto3; the worker is killed once on the way."""
    env = lake.env(GLULAM_HOME=str(lake.folder / ".glulam"))
    server = subprocess.Popen(
        [*COMMAND, "up", "--port", "0", "--json"], cwd=lake.folder, env=env, stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        text = ""
        while not text.rstrip().endswith("}"):
            text += server.stdout.readline()
        url, key = (json.loads(text)[name] for name in ("url", "development_key"))
        glue = boto3.client("glue", endpoint_url=url, region_name="us-east-1", aws_access_key_id=key,
                            aws_secret_access_key="glulam/development/key/not/secret/at/all")  # fmt: skip
        glue.create_crawler(
            Name="c", Role="r", DatabaseName="shop", Targets={"S3Targets": [{"Path": "s3://sales/"}]}
        )
        killed = False
        glue.start_crawler(Name="c")
        deadline = time.monotonic() + 90
        while (crawler := glue.get_crawler(Name="c")["Crawler"])["State"] != "READY":
            assert time.monotonic() < deadline, crawler
            if not killed:
                for child in _children(server.pid):
                    os.kill(child, signal.SIGKILL)
                    killed = True
                subprocess.run(
                    [*COMMAND, "crawls"], cwd=lake.folder, env=env, check=True, capture_output=True
                )
            time.sleep(0.2)
        assert crawler["LastCrawl"]["Status"] == "SUCCEEDED"
        assert glue.get_table(DatabaseName="shop", Name="orders")["Table"]["PartitionKeys"] == [
            {"Name": "year", "Type": "int"}
        ]
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0
    assert not _children(server.pid)


def _children(parent: int) -> list[int]:
    """Spawned workers of the server: not PostgreSQL, not the resource tracker."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            status, words = (folder / "stat").read_text(), (folder / "cmdline").read_text()
        except OSError:
            continue
        if int(status.rpartition(")")[2].split()[1]) == parent and "spawn_main" in words:
            found.append(int(folder.name))
    return found
