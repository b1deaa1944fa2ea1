"""A profile of files: the same values in every format give the same statistics."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pytest

from glulam.crawl.classify import Classifiers, LookOptions, look
from glulam.crawl.findings import FileFinding
from glulam.crawl.values import profile_files
from glulam.infer.types import parse_type
from tests.crawl.formats import binary_cases
from tests.crawl.formats.case import local_file

_ROWS = [{"id": n, "mail": f"user{n}@example.com" if n else None, "price": n / 4} for n in range(10)]
_TABLE = pa.Table.from_pylist(_ROWS)
_AVRO = [
    {"name": "id", "type": "long"},
    {"name": "mail", "type": ["null", "string"]},
    {"name": "price", "type": "double"},
]
_TYPES = {"id": "bigint", "mail": "string", "price": "double"}
FILES = {
    "json": "".join(json.dumps(row) + "\n" for row in _ROWS).encode(),
    "json.gz": gzip.compress(json.dumps(_ROWS).encode()),
    "csv": ("id,mail,price\n" + "".join(f"{r['id']},{r['mail'] or ''},{r['price']}\n" for r in _ROWS)).encode(),
    "parquet": binary_cases.parquet(_TABLE),
    "orc": binary_cases.orc_bytes(_TABLE),
    "avro": binary_cases.avro(_AVRO, _ROWS),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_every_format_has_the_same_profile(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(FILES[name])
    finding = look(local_file(path), Classifiers(), LookOptions())
    assert isinstance(finding, FileFinding)
    types = {column: parse_type(kind) for column, kind in _TYPES.items()}
    found = profile_files([(local_file(path), finding)] * 2, types, LookOptions())
    assert found["id"].statistics() == {"Type": "LONG", "LongColumnStatisticsData": {
        "MinimumValue": 0, "MaximumValue": 9, "NumberOfNulls": 0, "NumberOfDistinctValues": 10}}  # fmt: skip
    assert found["price"].statistics() == {"Type": "DOUBLE", "DoubleColumnStatisticsData": {
        "MinimumValue": 0.0, "MaximumValue": 2.25, "NumberOfNulls": 0, "NumberOfDistinctValues": 10}}  # fmt: skip
    nulls = 0 if name == "csv" else 2  # CSV has no null in a column of text: nothing is the empty text
    assert found["mail"].nulls == nulls
    assert found["mail"].rows == 20
    assert [tag.kind for tag in found["mail"].personal("mail")] == ["email"]
    sample = profile_files([(local_file(path), finding)], types, LookOptions(sample_records=3))
    assert sample["id"].rows == 3


def test_values_that_do_not_fit_the_table_are_null(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_text("a,b\n1,2\nx,3\n")
    finding = look(local_file(path), Classifiers(), LookOptions())
    assert isinstance(finding, FileFinding)
    found = profile_files([(local_file(path), finding)], {"a": parse_type("bigint")}, LookOptions())
    assert (found["a"].rows, found["a"].nulls, found["a"].least) == (2, 1, 1)


def test_logs_and_big_integers(tmp_path: Path) -> None:
    log, big = tmp_path / "log", tmp_path / "big"
    log.write_text("[    0.000000] Linux\n[    1.500000] usb\n")
    big.write_text('{"n":12345678901234567890}\n{"n":1}\n')
    for path, name, kind, least in (
        (log, "uptime", "double", 0.0),
        (big, "n", "decimal(38,0)", 1),
    ):
        finding = look(local_file(path), Classifiers(), LookOptions())
        assert isinstance(finding, FileFinding)
        found = profile_files([(local_file(path), finding)], {name: parse_type(kind)}, LookOptions())
        assert (found[name].rows, found[name].nulls, found[name].least) == (2, 0, least)
