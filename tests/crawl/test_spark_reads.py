"""Spark reads crawled tables with the types that the catalog declares, by format and location, as a Glue job does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crawl.conftest import CrawledLake

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    sql = pytest.importorskip("pyspark.sql")
    session = (
        sql.SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "UTC").getOrCreate()
    )  # fmt: skip
    yield session
    session.stop()


def test_three_formats(lake: CrawledLake, spark: Any) -> None:
    lake.put("j/y=1/a.json", [{"id": 1, "s": {"x": 1.5}, "tags": ["a"]}, {"id": 2}])
    lake.put("c/y=1/a.csv", "id,day,price\n1,2024-01-02,1.5\n2,2024-01-03,2.5\n")
    path = lake.root / "lake" / "p" / "y=1" / "a.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(pa.table({"id": [1], "d": [Decimal("1.50")], "day": [date(2024, 1, 2)]}), path)
    lake.once()
    rows = {}
    for name, table in lake.tables().items():
        described = table.document["StorageDescriptor"]
        schema = ", ".join(
            f"`{c['Name']}` {c['Type']}" for c in (*described["Columns"], *table.document["PartitionKeys"])
        )
        reader = spark.read.schema(schema).option(
            "basePath", described["Location"].replace("s3://", f"{lake.root}/")
        )
        if table.descriptor.format == "csv":
            reader = reader.option("header", "true").option(
                "delimiter", table.document["Parameters"]["delimiter"]
            )
        found = reader.format(table.descriptor.format).load(
            described["Location"].replace("s3://", f"{lake.root}/")
        )
        rows[name] = sorted(tuple(r) for r in found.collect())
    assert rows["j"][0][0] == 1
    assert rows["j"][0][1] == (1.5,)
    assert rows["c"] == [(1, date(2024, 1, 2), 1.5, 1), (2, date(2024, 1, 3), 2.5, 1)]
    assert rows["p"] == [(1, Decimal("1.50"), date(2024, 1, 2), 1)]
