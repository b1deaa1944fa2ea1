"""awswrangler's catalog functions, each case in a database of its own. Runs in the clients' environment, without pytest.

Prints one JSON object: by the name of the case, null or the traceback. `test_awswrangler.py` starts it and reads that."""

from __future__ import annotations

import json
import sys
import traceback
from typing import Any

import awswrangler as wr
import boto3
from botocore.exceptions import ClientError

catalog = wr.catalog
COLUMNS = {"id": "bigint", "price": "double", "tags": "array<string>"}
PATH = "s3://shop/sales/"


def case_databases(name: str) -> None:
    catalog.create_database(name, description="ours", database_input_args={"Parameters": {"a": "1"}})
    catalog.create_database(name, description="changed", exist_ok=True)
    (found,) = [d for d in catalog.get_databases() if d["Name"] == name]
    assert found["Description"] == "changed", found
    assert name in list(catalog.databases(limit=500)["Database"])
    refused("AlreadyExistsException", catalog.create_database, name)
    catalog.delete_database(name)
    assert name not in [d["Name"] for d in catalog.get_databases()]
    refused("EntityNotFoundException", catalog.delete_database, name)


def case_a_parquet_table(name: str) -> None:
    sales(name, description="what was sold", parameters={"owner": "ann"}, columns_comments={"price": "in euro"},
          columns_parameters={"id": {"unit": "piece"}})  # fmt: skip
    assert catalog.does_table_exist(name, "sales")
    assert not catalog.does_table_exist(name, "nothing")
    assert catalog.get_table_types(name, "sales") == {**COLUMNS, "day": "date", "shop": "int"}
    assert catalog.get_table_types(name, "nothing") is None
    assert catalog.get_table_location(name, "sales") == PATH
    assert catalog.get_table_description(name, "sales") == "what was sold"
    assert catalog.get_columns_comments(name, "sales")["price"] == "in euro"
    assert catalog.get_columns_parameters(name, "sales")["id"] == {"unit": "piece"}
    shown = catalog.table(name, "sales")
    assert list(shown["Column Name"]) == ["id", "price", "tags", "day", "shop"], shown
    assert list(shown["Partition"]) == [False, False, False, True, True], shown
    assert catalog.get_table_parameters(name, "sales")["owner"] == "ann"
    assert catalog.delete_table_if_exists(name, "sales") is True
    assert catalog.delete_table_if_exists(name, "sales") is False


def case_the_other_formats(name: str) -> None:
    catalog.create_database(name)
    catalog.create_csv_table(
        name, "as_csv", "s3://shop/csv/", {"id": "bigint"}, partitions_types={"day": "string"}, sep=";"
    )
    catalog.create_json_table(
        name, "as_json", "s3://shop/json/", {"id": "bigint"}, partitions_types={"day": "string"}
    )
    catalog.create_orc_table(
        name, "as_orc", "s3://shop/orc/", {"id": "bigint"}, partitions_types={"day": "string"}
    )
    catalog.add_csv_partitions(name, "as_csv", {"s3://shop/csv/day=1/": ["1"]}, sep=";")
    catalog.add_json_partitions(name, "as_json", {"s3://shop/json/day=1/": ["1"]})
    catalog.add_orc_partitions(name, "as_orc", {"s3://shop/orc/day=1/": ["1"]})
    assert catalog.get_csv_partitions(name, "as_csv") == {"s3://shop/csv/day=1/": ["1"]}
    for table in ("as_json", "as_orc"):
        assert len(catalog.get_partitions(name, table)) == 1
    found = {
        t["Name"]: t["StorageDescriptor"]["SerdeInfo"]["Parameters"]
        for t in catalog.get_tables(database=name)
    }
    assert found["as_csv"]["field.delim"] == ";", found


def case_partitions(name: str) -> None:
    """More than a request may carry (100, and 25 to delete) and than a page of answers."""
    sales(name)
    places = {
        f"{PATH}day=2026-01-{1 + n % 28:02}/shop={n}/": [f"2026-01-{1 + n % 28:02}", str(n)]
        for n in range(240)
    }
    for _ in range(2):  # who adds them again is not told
        catalog.add_parquet_partitions(name, "sales", places, compression="snappy", columns_types=COLUMNS)
    assert catalog.get_parquet_partitions(name, "sales") == places
    some = catalog.get_partitions(name, "sales", expression="shop >= 100 AND day = '2026-01-05'")
    assert sorted(int(v[1]) for v in some.values()) == [116, 144, 172, 200, 228], some
    assert not catalog.get_partitions(name, "sales", expression="shop > 1000")
    catalog.delete_partitions("sales", name, list(places.values())[:30])
    assert catalog.get_partitions(name, "sales") == dict(list(places.items())[30:])
    assert len(catalog.delete_all_partitions("sales", name)) == 210
    assert catalog.get_partitions(name, "sales") == {}
    refused("InvalidInputException", catalog.get_partitions, name, "sales", expression="price > 1")


def case_columns(name: str) -> None:
    sales(name)
    catalog.add_column(name, "sales", "colour", "string", column_comment="of the box")
    assert catalog.get_table_types(name, "sales") == {
        **COLUMNS,
        "colour": "string",
        "day": "date",
        "shop": "int",
    }
    assert catalog.get_columns_comments(name, "sales")["colour"] == "of the box"
    catalog.delete_column(name, "sales", "price")
    assert "price" not in (catalog.get_table_types(name, "sales") or {})
    assert catalog.get_table_number_of_versions(name, "sales") == 3
    assert {v["VersionId"] for v in catalog.get_table_versions(name, "sales")} == {"0", "1", "2"}


def case_parameters(name: str) -> None:
    sales(name, parameters={"owner": "ann", "level": "gold"})
    before = catalog.get_table_parameters(name, "sales")
    after = catalog.upsert_table_parameters(
        {"owner": "bob", "team": "web"}, name, "sales", catalog_versioning=True
    )
    assert (
        after == {**before, "owner": "bob", "team": "web"} == catalog.get_table_parameters(name, "sales")
    ), after
    assert catalog.get_table_number_of_versions(name, "sales") == 2
    catalog.overwrite_table_parameters({"only": "this"}, name, "sales")  # without versioning
    assert catalog.get_table_parameters(name, "sales") == {"only": "this"}
    assert catalog.get_table_number_of_versions(name, "sales") == 2
    assert [v["VersionId"] for v in catalog.get_table_versions(name, "sales")] == ["2", "0"]


def case_find_tables(name: str) -> None:
    catalog.create_database(name)
    for table in ("sales_2025", "sales_2026", "returns_2026", "tmp"):
        catalog.create_parquet_table(name, table, PATH, COLUMNS, description=f"of {name}")

    def names(**wanted: str) -> list[str]:
        return [t["Name"] for t in catalog.get_tables(database=name, **wanted)]

    assert names() == ["returns_2026", "sales_2025", "sales_2026", "tmp"]
    assert names(name_prefix="sales") == ["sales_2025", "sales_2026"]
    assert names(name_suffix="2026") == ["returns_2026", "sales_2026"]
    assert names(name_contains="ales_") == ["sales_2025", "sales_2026"]
    assert names(name_prefix="ret", name_suffix="26") == ["returns_2026"]
    assert names(name_prefix="ales") == []
    assert len(catalog.tables(database=name)) == 4
    found = [t["Name"] for t in catalog.search_tables(text=f"of {name}") if t["DatabaseName"] == name]
    assert sorted(found) == names()


def case_overwrite_and_projection(name: str) -> None:
    sales(name)
    catalog.add_parquet_partitions(name, "sales", {f"{PATH}1/": ["2026-01-01", "1"]})
    catalog.create_parquet_table(
        name, "sales", PATH, {"id": "bigint"}, partitions_types={"year": "int"}, mode="overwrite",
        athena_partition_projection_settings={
            "projection_types": {"year": "integer"}, "projection_ranges": {"year": "2020,2030"}
        },
    )  # fmt: skip
    assert catalog.get_table_types(name, "sales") == {"id": "bigint", "year": "int"}
    assert catalog.get_partitions(name, "sales") == {}
    assert catalog.get_table_parameters(name, "sales")["projection.year.range"] == "2020,2030"


def case_a_connection(name: str) -> None:
    """awswrangler has an encrypted password decrypted by KMS, which is not there; with AWS's default it need not."""
    glue = boto3.client("glue")
    glue.put_data_catalog_encryption_settings(
        DataCatalogEncryptionSettings={
            "ConnectionPasswordEncryption": {"ReturnConnectionPasswordEncrypted": False}
        }
    )
    glue.create_connection(ConnectionInput={
        "Name": name, "ConnectionType": "JDBC", "ConnectionProperties":
        {"JDBC_CONNECTION_URL": "jdbc:postgresql://127.0.0.1:5432/shop", "USERNAME": "ann", "PASSWORD": "hidden"},
    })  # fmt: skip
    found = catalog.get_connection(name)["ConnectionProperties"]
    assert (found["USERNAME"], found["PASSWORD"]) == ("ann", "hidden"), found


def sales(name: str, **more: Any) -> None:
    """A database with a partitioned table."""
    catalog.create_database(name)
    catalog.create_parquet_table(
        name, "sales", PATH, COLUMNS, partitions_types={"day": "date", "shop": "int"}, **more
    )


def refused(code: str, call: Any, *given: Any, **named: Any) -> None:
    found = "nothing"
    try:
        call(*given, **named)
    except wr.exceptions.AlreadyExists:
        found = "AlreadyExistsException"
    except ClientError as error:
        found = error.response["Error"]["Code"]
    assert found == code, f"{call.__name__}: expected {code}, found {found}"


def main() -> int:
    boto3.setup_default_session()  # else awswrangler reads Glue's model again for each call
    found: dict[str, str | None] = {}
    for case in [name for name in globals() if name.startswith("case_")]:
        try:
            globals()[case](case)
            found[case] = None
        except Exception:
            found[case] = traceback.format_exc()
    json.dump(found, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
