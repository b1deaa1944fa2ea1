"""`glulam sql` reads the tables of every small lake: as many rows as the crawl counted, of the declared types."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import TestServer
from crawl.conftest import CrawledLake
from crawl.lakes import contents, layouts
from crawl.lakes.case import Lake
from glulam.app import App
from glulam.catalog.tables import Table, list_tables
from glulam.cli.letters import live_tables
from glulam.model.errors import InvalidInput
from glulam.settings import Settings

LAKES = [*layouts.LAKES, *contents.LAKES]


@pytest.fixture(scope="module")
def app(database_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """One catalog for all of them; each lake is a bucket and a database of its own."""
    root = tmp_path_factory.mktemp("lakes")
    url = database_server.create("migrated")
    with App(Settings(home=root / "home", lake=root / "lake", database_url=url, threads=1)) as opened:
        yield opened


def _records(lake: CrawledLake, table: Table) -> int:
    if table.descriptor.partition_keys:
        return sum(p.record_count for p in lake.partitions(table.name).values())
    return int(table.descriptor.parameters["recordCount"])


@pytest.mark.parametrize("number", range(len(LAKES)), ids=[lake.name for lake in LAKES])
def test_lake(number: int, app: App) -> None:
    case: Lake = LAKES[number]
    root: Path = app.settings.lake
    for key, content in case.files.items():
        path = root / f"bucket-{number}" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    lake = CrawledLake(app=app, root=root, database=f"lake{number}")
    target = {"Path": f"s3://bucket-{number}/{case.path}", "Exclusions": list(case.exclusions)}
    lake.once(**{"Targets": {"S3Targets": [target]}, **case.given})
    with app.database.connection() as conn:
        tables = list_tables(conn, lake.database, scope=app.scope)
    assert len(tables) == len(case.tables)
    for table in tables:
        described = table.descriptor
        with live_tables(app).session([table]) as (session, _):
            query = f"SELECT * FROM {table.database}.`{table.name}`"  # noqa: S608
            if case.unreadable:
                with pytest.raises(InvalidInput, match=case.unreadable):
                    session.spark(query, 0)
                continue
            found = session.spark(query, 0)
        assert found.columns == tuple(
            (c.name, c.type) for c in (*described.columns, *described.partition_keys)
        )
        assert len(found.rows) == _records(lake, table)
        assert any(value is not None for row in found.rows for value in row)
