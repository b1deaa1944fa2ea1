"""Files that people made, from installed packages: vega_datasets (airports, stocks, weather, cars, ...), pyarrow's own test
data (ORC files of the ORC project, Parquet files of old writers) and botocore's service models. The expected columns were
written down by looking at the files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import botocore
import pyarrow
import pytest

from glulam.crawl.classify import Classifiers, LookOptions, look
from glulam.crawl.findings import FileFinding
from tests.crawl.formats.case import local_file, types

vega_datasets = pytest.importorskip("vega_datasets")
VEGA = Path(vega_datasets.__file__).parent / "_data"
ARROW = Path(pyarrow.__file__).parent / "tests" / "data"


def columns(spec: str) -> dict[str, str]:
    return dict(pair.split(":", 1) for pair in spec.split())


VEGA_FILES: Mapping[str, tuple[int, Mapping[str, str]]] = {
    "airports.csv": (3376, columns("iata:string name:string city:string state:string country:string latitude:double "
                                   "longitude:double")),
    "iowa-electricity.csv": (51, columns("year:date source:string net_generation:bigint")),
    "la-riots.csv": (63, columns("first_name:string last_name:string age:bigint gender:string race:string death_date:date "
                                 "address:string neighborhood:string type:string longitude:double latitude:double")),
    "seattle-weather.csv": (1461, columns("date:string precipitation:double temp_max:double temp_min:double wind:double "
                                          "weather:string")),
    "sf-temps.csv": (8759, columns("temp:double date:string")),
    "stocks.csv": (560, columns("symbol:string date:string price:double")),
    "anscombe.json": (44, columns("series:string x:double y:double")),
    "cars.json": (406, columns("name:string miles_per_gallon:double cylinders:bigint displacement:double horsepower:bigint "
                               "weight_in_lbs:bigint acceleration:double year:string origin:string")),
    "iris.json": (150, columns("sepallength:double sepalwidth:double petallength:double petalwidth:double species:string")),
    "driving.json": (55, columns("side:string year:bigint miles:bigint gas:double")),
    "wheat.json": (52, columns("year:string wheat:double wages:double")),
}  # fmt: skip


@pytest.mark.parametrize("name", VEGA_FILES)
def test_vega_datasets(name: str) -> None:
    records, expected = VEGA_FILES[name]
    found = look(local_file(VEGA / name), Classifiers(), LookOptions())
    assert types(found) == expected
    assert isinstance(found, FileFinding)
    assert (found.records, found.certainty) == (records, 1.0)


def test_dates_that_no_reader_takes_are_pointed_out() -> None:
    found = look(local_file(VEGA / "seattle-weather.csv"), Classifiers(), LookOptions())
    assert isinstance(found, FileFinding)
    assert any("looks like dates written as '2012/01/01'" in sentence for sentence in found.evidence)


ORC_TEST1 = columns("boolean1:boolean byte1:tinyint short1:smallint int1:int long1:bigint float1:float double1:double "
                    "bytes1:binary string1:string middle:struct<list:array<struct<int1:int,string1:string>>> "
                    "list:array<struct<int1:int,string1:string>> map:map<string,struct<int1:int,string1:string>>")  # fmt: skip
ARROW_FILES: Mapping[str, tuple[int, Mapping[str, str]]] = {
    "orc/TestOrcFile.test1.orc": (2, ORC_TEST1),
    "orc/TestOrcFile.emptyFile.orc": (0, ORC_TEST1),
    "orc/TestOrcFile.testDate1900.orc": (70000, columns("time:timestamp date:date")),
    "orc/TestOrcFile.testDate1900.jsn.gz": (70000, columns("time:string date:string")),
    "orc/decimal.orc": (6000, columns("_col0:decimal(10,5)")),
    "orc/decimal.jsn.gz": (6000, columns("_col0:double")),
    "parquet/v0.7.1.parquet": (10, columns("carat:double cut:string color:string clarity:string depth:double table:double "
                                           "price:bigint x:double y:double z:double __index_level_0__:bigint")),
}  # fmt: skip


@pytest.mark.skipif(not ARROW.is_dir(), reason="this pyarrow comes without its test data")
@pytest.mark.parametrize("name", ARROW_FILES)
def test_pyarrow_test_data(name: str) -> None:
    records, expected = ARROW_FILES[name]
    found = look(local_file(ARROW / name), Classifiers(), LookOptions())
    assert types(found) == expected
    assert isinstance(found, FileFinding)
    assert found.records == records


def test_a_botocore_service_model_is_one_record_with_maps(tmp_path: Path) -> None:
    shapes = Path(botocore.__file__).parent / "data"
    path = tmp_path / "model.json"
    endpoints = json.loads((shapes / "endpoints.json").read_text())
    path.write_text(json.dumps({"services": endpoints["partitions"][0]["services"]}))
    found = look(local_file(path), Classifiers(), LookOptions())
    assert types(found)["services"].startswith("map<string,struct<")
