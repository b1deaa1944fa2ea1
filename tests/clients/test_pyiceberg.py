"""PyIceberg's GlueCatalog: tables on an S3 server, in the lake's folder, and those that a pipeline of ours writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.catalog import Catalog
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NamespaceAlreadyExistsError,
    NamespaceNotEmptyError,
    NoSuchNamespaceError,
    NoSuchPropertyException,
    NoSuchTableError,
    TableAlreadyExistsError,
)
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import LongType, NestedField, StringType

from cli.conftest import Cli
from cli.test_iceberg import ICEBERG
from clients.conftest import PATIENCE_S, Server
from glulam.access.keys import DEVELOPMENT_ID, DEVELOPMENT_SECRET

Connect = Callable[..., Catalog]
SCHEMA = Schema(
    NestedField(1, "id", LongType(), required=False), NestedField(2, "shop", StringType(), required=False)
)  # fmt: skip
WRITERS = 4


@pytest.fixture(params=["s3", "lake"])
def warehouse(request: pytest.FixtureRequest, server: Server, region: str) -> dict[str, str]:
    """Where data lies, as properties of the catalog."""
    if request.param == "lake":
        return {"warehouse": f"file://{server.lake}/{region}"}
    return {
        "warehouse": f"s3://{request.getfixturevalue('bucket')}/warehouse", "s3.region": "us-east-1",
        "s3.endpoint": request.getfixturevalue("s3_endpoint"), "s3.access-key-id": "test", "s3.secret-access-key": "test",
    }  # fmt: skip


@pytest.fixture
def connect(server: Server, region: str) -> Connect:
    """A new catalog of PyIceberg on the server."""

    def make(**properties: str) -> Catalog:
        given = {
            "glue.endpoint": server.url, "glue.region": region, "glue.access-key-id": DEVELOPMENT_ID,
            "glue.secret-access-key": DEVELOPMENT_SECRET, **properties,
        }  # fmt: skip
        return GlueCatalog("glulam", **given)

    return make


@pytest.fixture
def catalog(connect: Connect, warehouse: dict[str, str]) -> Iterator[Catalog]:
    with connect(**warehouse) as made:
        made.create_namespace("shop", {"location": f"{warehouse['warehouse']}/shop.db", "owner": "ann"})
        yield made


def rows(*ids: int, shop: str = "a") -> pa.Table:
    return pa.table({"id": pa.array(ids, pa.int64()), "shop": pa.array([shop] * len(ids), pa.string())})


def ids_of(catalog: Catalog, name: str = "shop.sales") -> list[int]:
    return sorted(catalog.load_table(name).scan().to_arrow()["id"].to_pylist())


def test_namespaces(connect: Connect) -> None:
    catalog = connect()
    catalog.create_namespace("shop", {"Description": "ours", "owner": "ann"})
    with pytest.raises(NamespaceAlreadyExistsError):
        catalog.create_namespace("shop")
    assert catalog.list_namespaces() == [("shop",)]
    summary = catalog.update_namespace_properties("shop", removals={"owner"}, updates={"team": "web"})
    assert (summary.removed, summary.updated) == (["owner"], ["team"])
    assert catalog.load_namespace_properties("shop") == {"Description": "ours", "team": "web"}
    catalog.drop_namespace("shop")
    assert catalog.list_namespaces() == []
    with pytest.raises(NoSuchNamespaceError):
        catalog.load_namespace_properties("shop")
    with pytest.raises(NoSuchNamespaceError):
        catalog.list_tables("shop")


def test_a_table_from_beginning_to_end(catalog: Catalog, glue: Any) -> None:
    by_shop = PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "shop"))
    table = catalog.create_table("shop.sales", SCHEMA, partition_spec=by_shop, properties={"owner": "ann"})
    with pytest.raises(TableAlreadyExistsError):
        catalog.create_table("shop.sales", SCHEMA)
    table.append(rows(1, 2))
    table.append(rows(3, shop="b"))
    assert ids_of(catalog) == [1, 2, 3]
    assert catalog.load_table("shop.sales").scan("shop = 'b'").to_arrow()["id"].to_pylist() == [3]
    table.delete("id = 2")
    table.overwrite(rows(4, shop="b"), "shop = 'b'")
    assert ids_of(catalog) == [1, 4]
    with pytest.raises(NamespaceNotEmptyError):
        catalog.drop_namespace("shop")

    stored = glue.get_table(DatabaseName="shop", Name="sales")["Table"]
    assert stored["Parameters"]["metadata_location"] == catalog.load_table("shop.sales").metadata_location
    assert stored["Parameters"]["table_type"] == "ICEBERG"
    assert stored["VersionId"] == str(len(catalog.load_table("shop.sales").metadata.metadata_log))
    versions = glue.get_table_versions(DatabaseName="shop", TableName="sales")["TableVersions"]
    assert len(versions) == 1  # PyIceberg says SkipArchive


def test_schema_evolution(catalog: Catalog, glue: Any) -> None:
    table = catalog.create_table("shop.sales", SCHEMA)
    table.append(rows(1))
    with table.update_schema() as change:
        change.add_column("price", LongType(), doc="in cents")
        change.rename_column("shop", "place")
    table.append(pa.table({"id": [2], "place": ["b"], "price": [5]}))
    found = catalog.load_table("shop.sales").scan().to_arrow().sort_by("id").to_pylist()
    assert found == [{"id": 1, "place": "a", "price": None}, {"id": 2, "place": "b", "price": 5}]
    columns = glue.get_table(DatabaseName="shop", Name="sales")["Table"]["StorageDescriptor"]["Columns"]
    current = {
        c["Name"]: c.get("Comment") for c in columns if c["Parameters"]["iceberg.field.current"] == "true"
    }
    assert current == {"id": None, "place": None, "price": "in cents"}


def test_rename_list_and_drop(catalog: Catalog, glue: Any) -> None:
    catalog.create_table("shop.sales", SCHEMA).append(rows(1))
    catalog.create_namespace("archive")
    glue.create_table(
        DatabaseName="shop", TableInput={"Name": "plain", "Parameters": {"classification": "csv"}}
    )
    assert catalog.list_tables("shop") == [("shop", "sales")]
    catalog.rename_table("shop.sales", "archive.sold")
    assert (catalog.list_tables("shop"), catalog.list_tables("archive")) == ([], [("archive", "sold")])
    assert ids_of(catalog, "archive.sold") == [1]
    with pytest.raises(NoSuchTableError):
        catalog.rename_table("shop.sales", "shop.again")
    with pytest.raises(NoSuchPropertyException):
        catalog.rename_table("shop.plain", "shop.iceberg")
    with pytest.raises(NoSuchNamespaceError):
        catalog.rename_table("archive.sold", "nowhere.sold")
    last = catalog.load_table("archive.sold").metadata_location
    catalog.drop_table("archive.sold")
    with pytest.raises(NoSuchTableError):
        catalog.load_table("archive.sold")
    catalog.register_table("shop.sales", last)
    assert ids_of(catalog) == [1]


def test_a_commit_on_a_table_that_moved_is_refused(catalog: Catalog) -> None:
    """The server's compare-and-swap, seen from PyIceberg: it read version 0, another writer made version 1."""
    catalog.create_table("shop.sales", SCHEMA)
    late = catalog.load_table("shop.sales")
    glue = catalog.glue  # type: ignore[attr-defined]
    read = glue.get_table

    def read_then_lose(**asked: Any) -> Any:
        found = read(**asked)
        if glue.get_table is read_then_lose:
            glue.get_table = read
            catalog.load_table("shop.sales").append(rows(1))
        return found

    glue.get_table = read_then_lose
    with pytest.raises(CommitFailedException, match="concurrent update"), late.update_schema() as change:
        change.add_column("price", LongType())
    assert ids_of(catalog) == [1]
    assert [f.name for f in catalog.load_table("shop.sales").schema().fields] == ["id", "shop"]


def append_at_once(connect: Connect, warehouse: dict[str, str]) -> list[int]:
    """Each writer adds its number to the same snapshot, at the same time; the numbers of those who were told it is in."""
    start = Barrier(WRITERS)

    def write(writer: int) -> list[int]:
        table = connect(**warehouse).load_table("shop.sales")
        start.wait(PATIENCE_S)
        try:
            table.append(rows(writer))
        except CommitFailedException:
            return []
        return [writer]

    with ThreadPoolExecutor(WRITERS) as pool:
        return sorted(number for told in pool.map(write, range(WRITERS)) for number in told)


def test_one_of_concurrent_commits_wins(
    connect: Connect, catalog: Catalog, warehouse: dict[str, str]
) -> None:
    catalog.create_table("shop.sales", SCHEMA, properties={"commit.retry.num-retries": "0"})
    winners = append_at_once(connect, warehouse)
    assert len(winners) == 1
    assert ids_of(catalog) == winners


def test_concurrent_commits_that_try_again_lose_nothing(
    connect: Connect, catalog: Catalog, warehouse: dict[str, str]
) -> None:
    often = {
        "commit.retry.num-retries": "50",
        "commit.retry.min-wait-ms": "10",
        "commit.retry.max-wait-ms": "200",
    }
    catalog.create_table("shop.sales", SCHEMA, properties=often)
    assert append_at_once(connect, warehouse) == list(range(WRITERS))
    assert ids_of(catalog) == list(range(WRITERS))
    assert len(catalog.load_table("shop.sales").metadata.snapshots) == WRITERS


def test_a_table_that_a_pipeline_writes_too(
    server: Server, region: str, connect: Connect, tmp_path: Path
) -> None:
    """`glulam run`, then PyIceberg, then `glulam run`. The lake has no S3 endpoint: a FileIO finds its files."""
    project = Cli(folder=tmp_path, database_url=None)
    places = {"GLULAM_HOME": str(server.home), "GLULAM_LAKE": str(server.lake), "GLULAM_REGION": region}

    def glulam(*words: str) -> Any:
        answer = project(*words, "--json", **places)
        assert answer.code == 0, answer.err
        return answer.json

    glulam("init", str(tmp_path))
    project.edit(lambda text: text.replace(*ICEBERG))
    written = glulam("run")["records_written"]
    catalog = connect(**{"py-io-impl": "icebergreader.LakeIO", "lake": str(server.lake)})
    assert catalog.list_tables("ml") == [("ml", "events")]
    found = catalog.load_table("ml.events").scan().to_arrow()
    assert len(found) == written > 0
    catalog.load_table("ml.events").append(found.slice(0, 1))
    late = server.lake / "raw" / "ml" / "historical" / "late.json"
    late.write_text('{"id": 1, "event_time": "2026-01-01T00:00:00", "ml_mode": "train"}\n')
    assert glulam("run")["records_written"] == 1
    assert len(catalog.load_table("ml.events").scan().to_arrow()) == written + 2
    assert glulam("sql", "select count(*) from ml.events")["rows"] == [[written + 2]]
