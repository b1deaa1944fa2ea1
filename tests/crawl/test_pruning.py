"""Partitions that a query leaves out are not opened, whatever their format; those that it may want are."""

from __future__ import annotations

import pytest

from crawl.conftest import CrawledLake
from crawl.lakes.case import orc_file, parquet
from crawl.test_reading import sql
from glulam.engine.pruning import wanted
from glulam.infer.types import parse_type
from glulam.model.errors import GlulamError

CONTENT = {"json": b'{"a": 1}\n', "csv": b"a,b\n1,x\n", "parquet": parquet(a=[1]), "orc": orc_file(a=[1])}
KEYS = (("year", parse_type("int")), ("day", parse_type("string")))
VALUES = [("2023", "01"), ("2024", "01"), ("2024", "02"), ("__HIVE_DEFAULT_PARTITION__", "01")]


@pytest.mark.parametrize("kind", list(CONTENT))
def test_what_is_left_out_is_not_opened(lake: CrawledLake, kind: str) -> None:
    for y in (1, 2):
        lake.put(f"p/y={y}/1.{kind}", CONTENT[kind])
    lake.once("s3://lake/p/")
    lake.put(f"p/y=2/1.{kind}", b"{broken" if kind != "csv" else b"a,b\nbroken,y\n")
    assert sql(lake, "SELECT a FROM db.p WHERE y = 1") == [(1,)]
    assert sql(lake, "SELECT a FROM db.p WHERE y > 2") == []
    with pytest.raises(GlulamError):
        sql(lake, "SELECT a FROM db.p WHERE y < 3")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT * FROM db.t WHERE year = 2024", "0110"),
        ("SELECT * FROM t x WHERE x.YEAR = '2024' AND a > 1 AND day <> '02'", "0100"),
        ("SELECT * FROM db.t WHERE year IS NULL OR day = '02'", "0011"),
        ("SELECT count(*) FROM (SELECT * FROM db.t WHERE day LIKE '%2') WHERE year = 2023", "0010"),
        (
            "WITH c AS (SELECT a FROM db.t WHERE concat(year, day) = '202301') SELECT * FROM c JOIN db.u",
            "1000",
        ),
        ("SELECT * FROM db.t WHERE year = 9", "0000"),
        # what is not sure is left to the query
        ("SELECT * FROM db.t", None),
        ("SELECT * FROM db.t WHERE year = 2024 OR a = 1", None),
        ("SELECT * FROM db.t WHERE s.year = 2024", None),
        ("SELECT * FROM db.t WHERE year = rand()", None),
        ("SELECT * FROM db.t WHERE year = (SELECT max(year) FROM db.u)", None),
        ("SELECT * FROM db.t LEFT JOIN db.u ON t.a = u.a WHERE t.year = 2024", None),
        ("SELECT * FROM db.u LEFT JOIN db.t ON t.a = u.a WHERE t.year IS NULL", None),
        ("SELECT * FROM db.t WHERE year = 2023 UNION ALL SELECT * FROM db.t WHERE year = 2024", None),
        ("SELECT * FROM other.t WHERE year = 2024", None),
        ("SELECT 1 FROM db.u WHERE a IN (SELECT a FROM db.t WHERE u.year = 2024)", None),
    ],
)
def test_which_partitions_a_query_may_want(query: str, expected: str | None) -> None:
    found = wanted(query, "db", "t", KEYS, VALUES)
    assert (None if found is None else "".join("01"[one] for one in found)) == expected
