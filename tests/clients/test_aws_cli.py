"""The AWS CLI: arguments and documents in, JSON out, an exit code and one line when something is wrong."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from clients.conftest import PATIENCE_S, Server

FAILED = 255
COLUMNS = [{"Name": "id", "Type": "bigint"}, {"Name": "price", "Type": "decimal(10,2)", "Comment": "in €"}]
STORED = {"Columns": COLUMNS, "Location": "s3://shop/sales/"}
SALES = {
    "Name": "sales", "TableType": "EXTERNAL_TABLE", "Parameters": {"classification": "parquet"},
    "StorageDescriptor": STORED, "PartitionKeys": [{"Name": "day", "Type": "date"}, {"Name": "shop", "Type": "int"}],
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Aws:
    """Runs `aws glue`."""

    program: Path
    env: dict[str, str] = field(repr=False)

    def __call__(self, *words: str) -> Any:
        """The answer, which must be a success; None for an empty one."""
        done = self._run(words)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    def refused(self, *words: str) -> str:
        """What it says on stderr; it must say nothing else and fail."""
        done = self._run(words)
        assert (done.returncode, done.stdout) == (FAILED, ""), done
        return done.stderr.strip()

    def _run(self, words: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.program, "glue", *words], env=self.env, capture_output=True, text=True, check=False, timeout=PATIENCE_S
        )  # fmt: skip


@pytest.fixture
def aws(server: Server, region: str, clients_bin: Path) -> Aws:
    return Aws(program=clients_bin / "aws", env=server.env(region) | {"AWS_DEFAULT_OUTPUT": "json"})


@pytest.fixture
def shop(glue: Any) -> Any:
    """A database with a partitioned table and ten partitions."""
    glue.create_database(DatabaseInput={"Name": "shop"})
    glue.create_table(DatabaseName="shop", TableInput=SALES)
    days = [{"Values": [f"2026-11-{n:02}", str(n)], "StorageDescriptor": STORED} for n in range(1, 11)]
    assert (
        glue.batch_create_partition(DatabaseName="shop", TableName="sales", PartitionInputList=days)["Errors"]
        == []
    )
    return glue


def test_a_database_from_beginning_to_end(aws: Aws) -> None:
    assert aws("create-database", "--database-input", "Name=Shop,Description=ours,Parameters={a=1}") is None
    made = aws("get-database", "--name", "SHOP")["Database"]
    assert (made["Name"], made["Description"], made["Parameters"]) == ("shop", "ours", {"a": "1"})
    aws("update-database", "--name", "shop", "--database-input", "Name=shop,LocationUri=s3://shop/")
    (changed,) = aws("get-databases")["DatabaseList"]
    assert changed["LocationUri"] == "s3://shop/"
    assert "Description" not in changed
    aws("delete-database", "--name", "shop")
    assert aws("get-databases") == {"DatabaseList": []}


def test_a_table_from_beginning_to_end(aws: Aws, glue: Any, tmp_path: Path) -> None:
    glue.create_database(DatabaseInput={"Name": "shop"})
    document = tmp_path / "sales.json"
    document.write_text(json.dumps(SALES), "utf-8")
    aws("create-table", "--database-name", "shop", "--table-input", f"file://{document}")
    made = aws("get-table", "--database-name", "shop", "--name", "sales")["Table"]
    assert {name: made[name] for name in SALES} == SALES
    assert (made["DatabaseName"], made["CatalogId"], made["VersionId"]) == ("shop", "123456789012", "0")
    changed = json.dumps(SALES | {"Description": "two"})
    aws("update-table", "--database-name", "shop", "--table-input", changed, "--version-id", "0")
    line = aws.refused(
        "update-table", "--database-name", "shop", "--table-input", changed, "--version-id", "0"
    )
    assert line.startswith(
        "An error occurred (ConcurrentModificationException) when calling the UpdateTable operation: "
    )
    versions = aws("get-table-versions", "--database-name", "shop", "--table-name", "sales")["TableVersions"]
    assert [(v["VersionId"], v["Table"].get("Description")) for v in versions] == [("1", "two"), ("0", None)]
    aws("delete-table", "--database-name", "shop", "--name", "sales")
    assert aws("get-tables", "--database-name", "shop") == {"TableList": []}


def test_partitions_with_an_expression(aws: Aws, shop: Any) -> None:
    of = ("--database-name", "shop", "--table-name", "sales")
    aws("create-partition", *of, "--partition-input", json.dumps({"Values": ["2027-01-01", "3"]}))
    where = "day BETWEEN '2026-11-03' AND '2026-11-09' AND shop IN (4, 9, 10) OR day >= '2027-01-01'"
    found = aws("get-partitions", *of, "--expression", where)["Partitions"]
    assert [p["Values"] for p in found] == [["2026-11-04", "4"], ["2026-11-09", "9"], ["2027-01-01", "3"]]
    moved = json.dumps(
        {"Values": ["2027-01-01", "3"], "StorageDescriptor": STORED | {"Location": "s3://moved/"}}
    )
    aws("update-partition", *of, "--partition-value-list", "2027-01-01", "3", "--partition-input", moved)
    one = aws("get-partition", *of, "--partition-values", "2027-01-01", "3")["Partition"]
    assert one["StorageDescriptor"]["Location"] == "s3://moved/"
    aws("delete-partition", *of, "--partition-values", "2027-01-01", "3")
    line = aws.refused("get-partition", *of, "--partition-values", "2027-01-01", "3")
    assert "(EntityNotFoundException)" in line
    assert "(InvalidInputException)" in aws.refused("get-partitions", *of, "--expression", "day ==== 1")


def test_paging(aws: Aws, shop: Any) -> None:
    """The CLI asks for pages by itself; --max-items cuts where it likes and can go on from there."""
    every = (
        "get-partitions",
        "--database-name",
        "shop",
        "--table-name",
        "sales",
        "--query",
        "Partitions[].Values[0]",
    )
    days = [f"2026-11-{n:02}" for n in range(1, 11)]
    assert aws(*every, "--page-size", "3") == days
    assert aws(*every, "--page-size", "3", "--max-items", "4") == days[:4]
    plain = every[:5]
    first = aws(*plain, "--page-size", "3", "--max-items", "4")
    rest = aws(*plain, "--page-size", "3", "--starting-token", first["NextToken"])
    assert [p["Values"][0] for p in first["Partitions"] + rest["Partitions"]] == days
    assert "NextToken" not in rest
    assert "(InvalidInputException)" in aws.refused(*plain, "--no-paginate", "--next-token", "made-up")


def test_search(aws: Aws, shop: Any) -> None:
    shop.create_table(
        DatabaseName="shop", TableInput={"Name": "returns", "Description": "sales that came back"}
    )
    by_name = aws("search-tables", "--filters", "Key=Name,Value=sales,Comparator=EQUALS")["TableList"]
    assert [t["Name"] for t in by_name] == ["sales"]
    sort = ("--sort-criteria", "FieldName=Name,Sort=ASC")
    by_text = aws("search-tables", "--search-text", "sales", *sort)["TableList"]
    assert [t["Name"] for t in by_text] == ["returns", "sales"]


def test_a_schema_and_its_tags(aws: Aws) -> None:
    aws("create-registry", "--registry-name", "events")
    first = json.dumps({"type": "record", "name": "Sale", "fields": [{"name": "id", "type": "long"}]})
    made = aws("create-schema", "--registry-id", "RegistryName=events", "--schema-name", "sale", "--data-format", "AVRO",
               "--compatibility", "BACKWARD", "--schema-definition", first, "--tags", "team=shop")  # fmt: skip
    aws("tag-resource", "--resource-arn", made["SchemaArn"], "--tags-to-add", "level=gold")
    aws("untag-resource", "--resource-arn", made["SchemaArn"], "--tags-to-remove", "team")
    assert aws("get-tags", "--resource-arn", made["SchemaArn"]) == {"Tags": {"level": "gold"}}
    breaking = json.dumps({"type": "record", "name": "Sale", "fields": [{"name": "key", "type": "string"}]})
    schema = ("--schema-id", "RegistryName=events,SchemaName=sale")
    second = aws("register-schema-version", *schema, "--schema-definition", breaking)
    assert second["VersionNumber"] == 2
    assert aws("get-schema-version", "--schema-version-id", second["SchemaVersionId"])["Status"] == "FAILURE"
    latest = aws("get-schema-version", *schema, "--schema-version-number", "LatestVersion=true")
    assert json.loads(latest["SchemaDefinition"]) == json.loads(first)


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        ("create-database --database-input Name=shop", "AlreadyExistsException", "Database shop already exists."),
        ("get-tables --database-name shop --max-results 1000", "ValidationException", "maxResults"),
        ("get-databases --catalog-id 000000000000", "AccessDeniedException", "000000000000"),
        ("list-custom-entity-types", "OperationNotSupportedException", "ListCustomEntityTypes"),
    ],
)  # fmt: skip
def test_errors(aws: Aws, glue: Any, words: str, code: str, text: str) -> None:
    glue.create_database(DatabaseInput={"Name": "shop"})
    line = aws.refused(*words.split())
    assert line.startswith(f"An error occurred ({code}) when calling the ")
    assert text in line


@pytest.fixture
def with_key(aws: Aws) -> Callable[[str, str], Aws]:
    return lambda key, secret: Aws(
        program=aws.program, env=aws.env | {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}
    )


def test_a_wrong_key(aws: Aws, with_key: Callable[[str, str], Aws]) -> None:
    known = aws.env["AWS_ACCESS_KEY_ID"]
    assert "(InvalidSignatureException)" in with_key(known, "guessed").refused("get-databases")
    assert "(UnrecognizedClientException)" in with_key("AKIAUNKNOWNTOGLULAM0", "guessed").refused(
        "get-databases"
    )
