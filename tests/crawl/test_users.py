"""A plan says which jobs and triggers name a table that changes."""

from __future__ import annotations

from typing import Any

import pytest

from crawl.conftest import CrawledLake
from glulam.crawl.users import names
from glulam.store.documents import document

ROWS = [{"id": 1, "price": 9.5}]
TRIGGER = """
INSERT INTO trigger (account_id, region, name, type, state, document)
VALUES (%s, %s, %s, 'ON_DEMAND', 'CREATED', %s)
"""


def _job(lake: CrawledLake, name: str, script: str, arguments: dict[str, str] | None = None) -> None:
    lake.put(f"scripts/{name}.py", script)
    _insert(lake, "INSERT INTO job (account_id, region, name, document) VALUES (%s, %s, %s, %s)", name, {
        "Command": {"Name": "glueetl", "ScriptLocation": f"s3://lake/scripts/{name}.py"}, "DefaultArguments": arguments or {},
    })  # fmt: skip


def _insert(lake: CrawledLake, query: str, name: str, content: dict[str, Any]) -> None:
    scope = lake.app.scope
    with lake.app.database.transaction() as conn:
        conn.execute(query, (scope.catalog_id, scope.region, name, document(content)))


def test_of_a_table_that_changes(lake: CrawledLake) -> None:
    lake.put("data/sales/a.json", ROWS)
    lake.once("s3://lake/data/sales/")
    _job(
        lake, "reads", 'frame = context.create_dynamic_frame.from_catalog(database="db", table_name="sales")'
    )
    _job(lake, "queries", "spark.sql('select * from db.sales_old join `db`.`sales` using (id)')")
    _job(lake, "told", "print(1)", {"--database": "db", "--table": "sales"})
    _job(lake, "other", "spark.sql('select * from db.sales_old'); spark.table('xdb.sales')")
    actions = {"Actions": [{"JobName": "other"}, {"JobName": "told"}]}
    _insert(lake, TRIGGER, "t", actions)
    lake.put("data/sales/a.json", [{"id": 1, "price": "free"}])
    (change,) = lake.once("s3://lake/data/sales/", dry_run=True).tables
    assert change.used_by == (
        "job queries (script)",
        "job reads (script)",
        "job told (arguments)",
        "trigger t (starts job told)",
    )
    lake.once("s3://lake/data/sales/")
    (change,) = lake.once("s3://lake/data/sales/").tables
    assert change.used_by == ()  # nothing changes, nobody is told


@pytest.mark.parametrize(
    "text",
    ["select * from db.sales", "FROM Db.`Sales` s", '"db"."sales"', "f('db', x='sales')", "db.sales\n"],
)
def test_named(text: str) -> None:
    assert names(text, "db", "sales")


@pytest.mark.parametrize(
    "text",
    ["sales", "from db.sales_2024", "from mydb.sales", "from c.db.sales2", "db = sales", "'db' 'sales_x'"],
)
def test_not_named(text: str) -> None:
    assert not names(text, "db", "sales")
