"""`glulam sql` on formats that DuckDB has no reader for: values by their types, errors that name a value, files left out."""

from __future__ import annotations

import bz2
import io
import json
import zipfile
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from pyarrow import orc
from pyiceberg.catalog.memory import InMemoryCatalog

from crawl.conftest import CrawledLake
from crawl.test_reading import sql
from glulam.catalog import resources
from glulam.catalog.resources import Kind, Shelf
from glulam.crawl.rows import lines, records
from glulam.infer.types import Field, Struct, parse_type
from glulam.model.errors import GlulamError, InvalidInput, StorageFailed, UnsupportedSql

APACHE = '127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /a.gif HTTP/1.0" 200 {}\n'
FLOW = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status\n"


def avro(schema: Mapping[str, Any], *rows: Mapping[str, Any]) -> bytes:
    out = io.BytesIO()
    fastavro.writer(out, {"type": "record", "name": "r", **schema}, rows)
    return out.getvalue()


def orc_file(table: pa.Table) -> bytes:
    out = io.BytesIO()
    orc.write_table(table, out)
    return out.getvalue()


def classifier(lake: CrawledLake, **document: Any) -> list[str]:
    ((kind, settings),) = document.items()
    with lake.app.database.transaction() as conn:
        shelf = Shelf(scope=lake.app.scope, kind=Kind.CLASSIFIER)
        resources.create(conn, shelf, "own", {kind: {"Name": "own", **settings}})
    return ["own"]


def test_avro(lake: CrawledLake) -> None:
    fields = [
        {"name": "Id", "type": "long"}, {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "clock", "type": {"type": "int", "logicalType": "time-millis"}},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2}},
        {"name": "either", "type": ["null", "long", "string"]}, {"name": "tags", "type": {"type": "map", "values": "int"}},
        {"name": "who", "type": {"type": "record", "name": "w", "fields": [{"name": "Name", "type": "string"}]}},
    ]  # fmt: skip
    row = {"Id": 1, "day": date(2024, 1, 2), "at": datetime(2024, 1, 2, 3, 4, 5, 6, UTC), "clock": time(0, 1),
           "price": Decimal("1.50"), "either": 7, "tags": {"a": 1}, "who": {"Name": "x"}}  # fmt: skip
    lake.put("a/y=1/1.avro", avro({"fields": fields}, row, {**row, "Id": 2, "either": "seven"}))
    lake.put("a/y=2/2.avro", avro({"fields": fields}, {**row, "Id": 3, "either": None}))
    lake.once("s3://lake/a/")
    found = sql(lake, "SELECT id, day, at, clock, price, either, tags, who.name, y FROM db.a ORDER BY id")
    same = (date(2024, 1, 2), datetime(2024, 1, 2, 3, 4, 5, 6), 60_000, Decimal("1.50"))
    assert found == [
        (1, *same, "7", [("a", 1)], "x", 1), (2, *same, "seven", [("a", 1)], "x", 1), (3, *same, None, [("a", 1)], "x", 2)
    ]  # fmt: skip


def test_ion_and_cloudtrail(lake: CrawledLake) -> None:
    lake.put(
        "i/1.ion",
        '$ion_1_0 {id: 1, at: 2024-01-02T03:04:05Z, d: 1.50, s: sym, "l": [1, 2]} {id: 2, d: null, b: {{aGk=}}}',
    )
    lake.put(
        "c/1.json", '{"Records": [{"eventVersion": "1", "eventSource": "s3", "n": 1}, {"eventVersion": "2"}]}'
    )
    lake.once("s3://lake/")
    assert sql(lake, "SELECT id, at, d, s, l, b FROM db.i ORDER BY id") == [
        (1, datetime(2024, 1, 2, 3, 4, 5), Decimal("1.50"), "sym", [1, 2], None), (2, None, None, None, None, b"hi")
    ]  # fmt: skip
    assert sql(lake, "SELECT eventversion, n FROM db.c ORDER BY 1") == [("1", 1), ("2", None)]


def test_xml(lake: CrawledLake) -> None:
    lake.put(
        "x/1.xml",
        '<r><o id="1"><n>a</n><l><q>1</q></l><l><q>2</q></l><t u="kg">1.5</t></o><o id="2"><n/><l><q/></l></o></r>',
    )
    lake.once("s3://lake/x/")
    assert lake.columns("x") == {
        "_id": "bigint", "n": "string", "l": "array<struct<q:bigint>>", "t": "struct<_u:string,_value:double>"
    }  # fmt: skip
    assert sql(lake, "SELECT _id, n, l, t._value FROM db.x ORDER BY 1") == [
        (1, "a", [{"q": 1}, {"q": 2}], 1.5), (2, "", [{"q": None}], None)
    ]  # fmt: skip
    lake.put("x/2.xml", '<r><o id="many"><n>b</n></o></r>')
    with pytest.raises(InvalidInput, match="'many' to INT64"):
        sql(lake, "SELECT _id FROM db.x")
    lake.put("x/2.xml", '<r><o id="3"><n>b</n></o>')
    with pytest.raises(StorageFailed, match=r"2\.xml: not well-formed"):
        sql(lake, "SELECT _id FROM db.x")


def test_orc(lake: CrawledLake) -> None:
    at = pa.array([datetime(2024, 1, 2, 3, 4, 5, 678)], pa.timestamp("ns"))
    lake.put("o/y=1/1.orc", orc_file(pa.table({"ID": pa.array([1], pa.int32()), "At": at, "s": [{"X": 1, "t": "a"}],
                                               "m": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64()))})))  # fmt: skip
    lake.put("o/y=2/1.orc", orc_file(pa.table({"id": pa.array([2**40]), "at": at, "more": [Decimal("1.5")]})))
    lake.once("s3://lake/o/")
    assert lake.columns("o")["id"] == "bigint"
    assert sql(lake, "SELECT id, at, s.x, m, more, y FROM db.o ORDER BY id") == [
        (1, datetime(2024, 1, 2, 3, 4, 5, 678), 1, [("k", 1)], None, 1),
        (2**40, datetime(2024, 1, 2, 3, 4, 5, 678), None, None, Decimal("1.5"), 2),
    ]  # fmt: skip
    lake.put("o/y=2/2.orc", orc_file(pa.table({"id": ["x"]})))
    with pytest.raises(InvalidInput, match=r"2\.orc, column id: found 'x'; expected bigint"):
        sql(lake, "SELECT id FROM db.o")


def test_logs(lake: CrawledLake) -> None:
    """A line that is none of the log's is a row of NULLs: it is counted, and seen."""
    lake.put("a/1.log", APACHE.format(2326) * 9 + "Segmentation fault\n" + APACHE.format("-"))
    flow = "2 1 eni-1 10.0.0.1 10.0.0.2 1 2 6 {} 840 1 2 ACCEPT OK\n"
    lake.put("f/1.log", FLOW + flow.format(20) + flow.format("-"))
    fields = "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes\n"
    lake.put("c/1.gz", fields + "2024-01-02\t03:04:05\tFRA\t10\n2024-01-02\t03:04:06\t-\t20\n")
    lake.once("s3://lake/")
    assert sql(lake, "SELECT count(*), count(clientip), sum(bytes), max(verb) FROM db.a") == [
        (11, 10, 9 * 2326, "GET")
    ]
    assert sql(lake, "SELECT srcaddr, packets FROM db.f ORDER BY packets") == [
        ("10.0.0.1", None),
        ("10.0.0.1", 20),
    ]
    assert sql(lake, "SELECT * FROM db.c ORDER BY 4") == [
        (date(2024, 1, 2), "03:04:05", "FRA", 10), (date(2024, 1, 2), "03:04:06", None, 20)
    ]  # fmt: skip


def test_fixed_width(lake: CrawledLake) -> None:
    """A line may end before its last columns do."""
    lake.put(
        "w/1.txt",
        "name    n     day\nanna    1     2024-01-01\nbo      22    2024-01-02\ncarla   333   2024-01-03\nd\n",
    )
    lake.once("s3://lake/w/")
    assert lake.table("w").descriptor.format == "fixedwidth"
    assert sql(lake, "SELECT * FROM db.w ORDER BY name") == [
        ("anna", 1, date(2024, 1, 1)), ("bo", 22, date(2024, 1, 2)), ("carla", 333, date(2024, 1, 3)), ("d", None, None)
    ]  # fmt: skip


def test_custom_classifiers(lake: CrawledLake) -> None:
    own = classifier(
        lake,
        GrokClassifier={"Classification": "shop", "GrokPattern": "%{WORD:who} paid %{NUMBER:sum:double}"},
    )
    lake.put("g/1.log", "today ann paid 1.5\ntoday bo paid 2\n")
    lake.once("s3://lake/g/", Classifiers=own)
    assert sql(lake, "SELECT who, sum FROM db.g ORDER BY 1") == [("ann", 1.5), ("bo", 2.0)]


def test_a_json_path(lake: CrawledLake) -> None:
    own = classifier(lake, JsonClassifier={"JsonPath": "$.rows[*]"})
    lake.put("j/1.json", '{"n": 2, "rows": [{"Id": 1, "s": {"A": "x"}}, {"Id": 2}]}')
    lake.once("s3://lake/j/", Classifiers=own)
    assert sql(lake, "SELECT id, s.a FROM db.j ORDER BY 1") == [(1, "x"), (2, None)]


def test_other_compressions(lake: CrawledLake) -> None:
    lake.put("b/1.csv.bz2", bz2.compress(b'id;name\n1;"a;b"\n2;\n'))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("x.json", '{"id": 1, "d": 12345678901234567890}\n')
    lake.put("z/1.zip", out.getvalue())
    lake.once("s3://lake/")
    assert sql(lake, "SELECT * FROM db.b ORDER BY 1") == [(1, "a;b"), (2, "")]
    assert sql(lake, "SELECT id, d FROM db.z") == [(1, Decimal("12345678901234567890"))]
    lake.put("b/1.csv.bz2", bz2.compress(b"id;name\n1;a;c\n"))
    with pytest.raises(InvalidInput, match=r"1\.csv\.bz2: line 2: found 3 values; expected 2"):
        sql(lake, "SELECT id FROM db.b")
    lake.put("b/1.csv.bz2", bz2.compress(b"id;name\n" + b"1;a\n" * 400_000)[:-20])
    with pytest.raises(StorageFailed, match=r"1\.csv\.bz2"):
        sql(lake, "SELECT id FROM db.b")


def test_a_scan_opens_only_the_files_that_its_condition_may_want(lake: CrawledLake) -> None:
    """Whatever DuckDB pushes down, from joins too: no one looked at the query before (test_pruning.py)."""
    for day in ("2024-01-01", "2024-01-02", "__HIVE_DEFAULT_PARTITION__"):
        lake.put(f"p/day={day}/1.xml", f"<r><o><a>{day[-1:]}</a></o><o><a>9</a></o></r>")
    lake.once("s3://lake/p/")
    lake.put("p/day=2024-01-02/1.xml", "<r><broken>")
    assert sql(lake, "SELECT count(*) FROM db.p WHERE day < DATE '2024-01-02'", told=False) == [(2,)]
    assert sql(lake, "SELECT count(*) FROM db.p WHERE day IS NULL", told=False) == [(2,)]
    assert sql(
        lake, "SELECT count(*) FROM db.p WHERE day IN (DATE '2024-01-01', DATE '2023-01-01')", told=False
    ) == [(2,)]
    assert sql(lake, "SELECT count(*) FROM db.p WHERE day = DATE '2024-01-01' AND a > 1", told=False) == [
        (1,)
    ]
    with pytest.raises(StorageFailed, match="2024-01-02"):
        sql(lake, "SELECT count(a) FROM db.p WHERE day >= DATE '2024-01-01'", told=False)


def test_what_was_odd_is_not_read(lake: CrawledLake) -> None:
    for n in range(4):
        lake.put(f"o/{n}.orc", orc_file(pa.table({"a": [n]})))
    lake.put("o/readme.csv", "x,y,z\n1,2,3\n4,5,6\n")
    lake.once("s3://lake/o/")
    assert sql(lake, "SELECT sum(a), count(*) FROM db.o") == [(6, 4)]


def test_two_tables_of_two_formats_in_one_query(lake: CrawledLake) -> None:
    """A table is read as often as a query names it."""
    lake.put("o/1.orc", orc_file(pa.table({"id": [1, 2, 3]})))
    lake.put("j/1.json", [{"id": 2}, {"id": 3}])
    lake.once("s3://lake/")
    query = "SELECT o.id FROM db.o o JOIN db.j j ON o.id = j.id JOIN db.o p ON p.id = o.id + 1"
    assert sql(lake, query) == [(2,)]


def test_a_delta_table(lake: CrawledLake) -> None:
    path = str(lake.root / "lake" / "d" / "orders")
    days = [date(2024, 1, 1), date(2024, 1, 2), None]
    rows = pa.table({"Id": [1, 2, 3], "city": ["a b", "x/y", "é=1"], "day": days, "n": [1.5, 2.5, 3.5]})
    write_deltalake(path, rows, partition_by=["day", "city"])
    DeltaTable(path).delete("n = 2.5")
    lake.once("s3://lake/d/")
    found = sql(lake, "SELECT id, city, day, n FROM db.orders ORDER BY id")
    assert found == [(1, "a b", date(2024, 1, 1), 1.5), (3, "é=1", None, 3.5)]


def test_a_delta_table_whose_files_have_other_names(lake: CrawledLake) -> None:
    path = lake.root / "lake" / "d" / "orders"
    write_deltalake(str(path), pa.table({"id": [1]}))
    lake.once("s3://lake/d/")
    log = path / "_delta_log" / "00000000000000000000.json"
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    for entry in entries:
        if "metaData" in entry:
            entry["metaData"]["configuration"] = {"delta.columnMapping.mode": "name"}
    log.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    with pytest.raises(UnsupportedSql, match="columnMapping"):
        sql(lake, "SELECT id FROM db.orders")


def test_an_iceberg_table(lake: CrawledLake) -> None:
    """By its metadata alone: the catalog that made it is another."""
    io = {"py-io-impl": "icebergreader.LakeIO", "lake": str(lake.root)}
    catalog = InMemoryCatalog("m", warehouse="s3://lake/ice", **io)
    catalog.create_namespace("n")
    rows = pa.table({"id": [1, 2, 3], "day": [date(2024, 1, 1)] * 3})
    made = catalog.create_table("n.orders", schema=rows.schema)
    made.append(rows)
    with made.update_schema() as update:
        update.rename_column("id", "number")
    made.delete("number = 2")
    targets = {"IcebergTargets": [{"Paths": ["s3://lake/ice/"], "MaximumTraversalDepth": 5}]}
    lake.once(Targets=targets)
    assert sql(lake, "SELECT number, day FROM db.orders ORDER BY 1") == [
        (1, date(2024, 1, 1)),
        (3, date(2024, 1, 1)),
    ]


@pytest.mark.parametrize(
    ("kind", "value"),
    [("bigint", "x"), ("bigint", 2**63), ("bigint", True), ("int", 2**31), ("double", 2**53 + 1), ("boolean", 1),
     ("date", "soon"), ("timestamp", 5), ("decimal(3,1)", Decimal("1.25")), ("array<bigint>", {"a": 1}),
     ("struct<a:bigint>", [1]), ("struct<a:bigint>", {"a": "x"}), ("map<string,bigint>", 1), ("binary", 1)],
)  # fmt: skip
def test_a_value_that_is_not_of_its_type(kind: str, value: Any, tmp_path: Path) -> None:
    fields = Struct((Field("c", parse_type(kind)),))
    reader = records.Records(fields, lambda path: iter([("record 1", {"c": value})]))
    with pytest.raises(InvalidInput, match="record 1, column c: found"):
        list(reader.batches(tmp_path / "f"))


def test_files_are_read_piece_by_piece(tmp_path: Path) -> None:
    path = tmp_path / "1.log"
    path.write_text("a 1\n" * 50_000)
    reader = lines.parsed(("w", "n"), lines.grok_line("%{WORD:w} %{NUMBER:n}", ""))
    sizes = [len(batch) for batch in reader.batches(path)]
    assert (sum(sizes), max(sizes) <= 8192) == (50_000, True)
    first = next(records.Records(Struct((Field("a", parse_type("int")),)), _endless).batches(path))
    assert len(first) == 4096


def _endless(path: Path) -> Any:
    while True:
        yield "record", {"a": 1}


def test_a_pattern_that_takes_too_long(tmp_path: Path) -> None:
    path = tmp_path / "1.log"
    path.write_text("a" * 60 + "!\n")
    reader = lines.parsed(("x",), lines.regex_line(r"((?:a|aa)+)+b"))
    with pytest.raises(GlulamError, match=r"line 1: the pattern takes more than"):
        list(reader.batches(path))
