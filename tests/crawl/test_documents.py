"""What a crawl writes into the catalog can be read by others: types that exist, the format behind each classification."""

from __future__ import annotations

import json
from typing import Any

import pytest

from crawl.conftest import CrawledLake
from glulam.catalog import resources
from glulam.catalog.resources import Kind, Shelf
from glulam.infer.types import parse_type


def _storage(lake: CrawledLake, name: str) -> dict[str, Any]:
    found: dict[str, Any] = lake.table(name).document["StorageDescriptor"]
    return found


def test_places_in_which_nothing_was_seen_are_strings(lake: CrawledLake) -> None:
    lake.put("e/a.json", [{"n": None, "s": {}, "L": [], "deep": {"Inner": {}, "x": None}, "some": [{}]}])
    lake.once("s3://lake/e/")
    columns = lake.columns("e")
    assert columns == {"n": "string", "s": "string", "l": "array<string>", "deep": "struct<inner:string,x:string>",
                       "some": "array<string>"}  # fmt: skip
    for kind in columns.values():
        assert str(parse_type(kind)) == kind
    kept = json.loads(lake.table("e").document["Parameters"]["glulam.schema"])
    assert "void" not in json.dumps(kept)


@pytest.mark.parametrize("later", [None, {}])
def test_and_stay_what_they_were(lake: CrawledLake, later: Any) -> None:
    lake.put("e/a.json", [{"n": 1, "s": {"a": 1}}])
    lake.crawler(path="s3://lake/e/")
    lake.crawl()
    lake.put("e/b.json", [{"n": None, "s": later}])
    plan = lake.crawl()
    assert plan.tables[0].changes == ()
    assert lake.columns("e") == {"n": "bigint", "s": "struct<a:bigint>"}


def test_cloudtrail_is_read_as_its_format(lake: CrawledLake) -> None:
    record = {"eventVersion": "1.08", "eventTime": "2024-01-01T00:00:00Z", "eventSource": "s3.amazonaws.com"}
    lake.put("trail/a.json", json.dumps({"Records": [record, record]}))
    lake.once("s3://lake/trail/")
    assert lake.table("trail").document["Parameters"]["classification"] == "cloudtrail"
    storage = _storage(lake, "trail")
    assert storage["InputFormat"] == "com.amazon.emr.cloudtrail.CloudTrailInputFormat"
    assert storage["SerdeInfo"]["SerializationLibrary"].endswith("JsonSerDe")


def test_xml_by_another_name_is_xml(lake: CrawledLake) -> None:
    classifier = {"XMLClassifier": {"Classification": "orders", "RowTag": "order"}}
    with lake.app.database.transaction() as conn:
        resources.create(conn, Shelf(scope=lake.app.scope, kind=Kind.CLASSIFIER), "x", classifier)
    lake.put("o/a.xml", "<all><order><id>1</id></order><order><id>2</id></order></all>")
    lake.crawler(path="s3://lake/o/", Classifiers=["x"])
    lake.crawl()
    assert lake.table("o").document["Parameters"]["classification"] == "orders"
    storage = _storage(lake, "o")
    assert storage["SerdeInfo"] == {
        "SerializationLibrary": "com.databricks.spark.xml",
        "Parameters": {"rowTag": "order"},
    }
