"""SearchTables: filters, text, order, pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

SEEN = datetime(2024, 5, 1, tzinfo=UTC)


@pytest.fixture
def filled(glue: Any) -> Any:
    for database in ("sales", "hr"):
        glue.create_database(DatabaseInput={"Name": database})
    glue.create_database(
        DatabaseInput={"Name": "fed", "FederatedDatabase": {"Identifier": "x", "ConnectionName": "c"}}
    )
    columns = [{"Name": "order_id", "Type": "int", "Comment": "the key"}]

    def add(database: str, name: str, **more: Any) -> None:
        glue.create_table(DatabaseName=database, TableInput={"Name": name, **more})

    add("sales", "customer-link", Description="All Customers of Europe", Owner="Ann", LastAccessTime=SEEN)
    add(
        "sales",
        "xx-link-yy",
        StorageDescriptor={"Columns": columns, "Location": "s3://b/x"},
        TableType="EXTERNAL_TABLE",
    )
    add("sales", "xxlinkyy", Parameters={"classification": "Parquet", "note": "50%_off"})
    add(
        "hr",
        "people",
        PartitionKeys=[{"Name": "hired", "Type": "date"}],
        LastAccessTime=SEEN + timedelta(days=1),
    )
    add("fed", "far")
    return glue


def names(glue: Any, *filters: tuple[str, ...], **asked: Any) -> list[str]:
    members = ("Key", "Value", "Comparator")
    given = [dict(zip(members, f, strict=False)) for f in filters]
    return [t["Name"] for t in glue.search_tables(Filters=given, **asked)["TableList"]]


def test_filters(filled: Any) -> None:
    everything = ["far", "people", "customer-link", "xx-link-yy", "xxlinkyy"]
    assert names(filled) == everything
    assert names(filled, ("Name", "link")) == ["customer-link", "xx-link-yy"]
    assert names(filled, ("name", "CUSTOMER-LINK")) == ["customer-link"]
    assert (
        names(filled, ("Name", "lin")) == names(filled, ("Name", "%")) == names(filled, ("Name", "-")) == []
    )
    assert names(filled, ("DatabaseName", "hr"), ("DatabaseName", "fed")) == ["far", "people"]
    assert names(filled, ("DatabaseName", "sales"), ("Name", "people")) == []
    assert names(filled, ("Owner", "ann"), ("Description", "europe")) == ["customer-link"]
    assert names(filled, ("Classification", "parquet")) == ["xxlinkyy"]
    assert names(filled, ("TableType", "EXTERNAL_TABLE"), ("Location", "s3://b/x")) == ["xx-link-yy"]


def test_times(filled: Any) -> None:
    assert names(filled, ("LastAccessTime", "2024-05-01T00:00:00Z")) == ["customer-link"]
    assert names(filled, ("LastAccessTime", str(SEEN.timestamp()), "GREATER_THAN")) == ["people"]
    between = (
        ("LastAccessTime", "2024-05-01", "GREATER_THAN_EQUALS"),
        ("LastAccessTime", "2024-05-02T00:00:00", "LESS_THAN"),
    )
    assert names(filled, *between) == ["customer-link"]
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert len(names(filled, ("UpdateTime", tomorrow, "LESS_THAN_EQUALS"))) == 5
    assert names(filled, ("CreateTime", tomorrow, "GREATER_THAN")) == []


def test_text(filled: Any) -> None:
    def find(text: str) -> list[str]:
        return names(filled, SearchText=text)

    assert find("link") == ["customer-link", "xx-link-yy", "xxlinkyy"]
    assert find("europe CUSTOMERS") == ["customer-link"]
    assert find("europe people") == []
    assert find("order_id") == find("the key") == ["xx-link-yy"]
    assert find("hired") == ["people"]
    assert find("50%_off") == find("NOTE") == ["xxlinkyy"]
    assert find('"people"') == find("'people'") == ["people"]
    assert find('"peopl"') == find('"PEOPLE"') == find("100%") == find("' OR 1=1 --") == []
    assert find('"All Customers of Europe"') == ["customer-link"]


def test_shares(filled: Any) -> None:
    assert names(filled, ResourceShareType="FOREIGN") == []
    assert names(filled, ResourceShareType="FEDERATED") == ["far"]
    assert len(names(filled, ResourceShareType="ALL", IncludeStatusDetails=True)) == 5


@pytest.mark.parametrize("key", ["Name", "DatabaseName", "Owner", "UpdateTime", "LastAccessTime"])
@pytest.mark.parametrize("order", ["ASC", "DESC"])
def test_pages_of_every_order_are_the_whole(filled: Any, key: str, order: str) -> None:
    sort = {"SortCriteria": [{"FieldName": key, "Sort": order}]}
    whole = names(filled, **sort)
    assert len(whole) == 5
    found, token = [], {}
    while True:
        page = filled.search_tables(**sort, MaxResults=2, **token)
        found += [t["Name"] for t in page["TableList"]]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert found == whole
    if key == "Name":
        assert whole == sorted(whole, reverse=order == "DESC")
    if key == "LastAccessTime":
        assert [n for n in whole if n in ("people", "customer-link")] == (
            ["people", "customer-link"] if order == "DESC" else ["customer-link", "people"]
        )


def test_pages_are_stable_while_tables_come_and_go(filled: Any) -> None:
    first = filled.search_tables(SortCriteria=[{"FieldName": "Name", "Sort": "ASC"}], MaxResults=2)
    assert [t["Name"] for t in first["TableList"]] == ["customer-link", "far"]
    filled.create_table(DatabaseName="hr", TableInput={"Name": "aaa"})
    filled.delete_table(DatabaseName="fed", Name="far")
    rest = filled.search_tables(
        SortCriteria=[{"FieldName": "Name", "Sort": "ASC"}], NextToken=first["NextToken"]
    )
    assert [t["Name"] for t in rest["TableList"]] == ["people", "xx-link-yy", "xxlinkyy"]


def test_what_is_deleted_is_not_found(filled: Any) -> None:
    filled.delete_database(Name="sales")
    assert names(filled) == ["far", "people"]
    (found,) = filled.search_tables(Filters=[{"Key": "Name", "Value": "people"}])["TableList"]
    assert found == filled.get_table(DatabaseName="hr", Name="people")["Table"]


def test_errors(filled: Any, refused: Any) -> None:
    for wrong in ([{"Key": "Nope", "Value": "x"}], [{"Key": "Name"}], [{"Value": "x"}],
                  [{"Key": "Name", "Value": "x", "Comparator": "LESS_THAN"}],
                  [{"Key": "UpdateTime", "Value": "soon"}], [{"Key": "UpdateTime", "Value": "NaN"}]):  # fmt: skip
        refused("InvalidInputException", filled.search_tables, Filters=wrong)
    refused("InvalidInputException", filled.search_tables, SortCriteria=[{"FieldName": "t.name; --"}])
    refused("InvalidInputException", filled.search_tables, NextToken="x")
    refused("AccessDeniedException", filled.search_tables, CatalogId="000000000000")
