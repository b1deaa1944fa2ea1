"""Requests are read and answers written as the service model says, in AWS's words when they are off."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.model import Shape, StringShape, StructureShape

from glulam.model.errors import SerializationFailed, ValidationFailed
from glulam.wire.patterns import compile_pattern
from glulam.wire.services import Service

GLUE = Service("glue")


def read(operation: str, asked: Any) -> dict[str, Any]:
    return GLUE.operations[operation].read(asked)


def table(**members: Any) -> dict[str, Any]:
    return {"DatabaseName": "db", "TableInput": {"Name": "t", **members}}


def test_values_come_out_typed() -> None:
    found = read("CreateTable", table(LastAccessTime=1_700_000_000.5, Retention=3, Description=None))
    assert found["TableInput"] == {
        "Name": "t", "LastAccessTime": datetime(2023, 11, 14, 22, 13, 20, 500_000, tzinfo=UTC), "Retention": 3
    }  # fmt: skip
    statistics = {"ColumnStatisticsList": [{
        "ColumnName": "d", "ColumnType": "decimal(3,1)", "AnalyzedTime": "2024-01-02T03:04:05Z",
        "StatisticsData": {"Type": "DECIMAL", "DecimalColumnStatisticsData": {
            "NumberOfNulls": 0, "NumberOfDistinctValues": 1, "MinimumValue": {"UnscaledValue": "AQI=", "Scale": 1}}},
    }]}  # fmt: skip
    given = read("UpdateColumnStatisticsForTable", {"DatabaseName": "d", "TableName": "t", **statistics})
    one = given["ColumnStatisticsList"][0]
    assert one["AnalyzedTime"] == datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    minimum = one["StatisticsData"]["DecimalColumnStatisticsData"]["MinimumValue"]
    assert minimum == {"UnscaledValue": b"\x01\x02", "Scale": 1}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"TableInput": {"Name": "t"}}, "1 validation error detected: Value null at 'databaseName' failed to satisfy "
         "constraint: Member must not be null"),
        (table(Name=""), "Value '' at 'tableInput.name' failed to satisfy constraint: Member must have length greater "
         "than or equal to 1"),
        (table(Name="x" * 256), "Member must have length less than or equal to 255"),
        (table(Retention=-1), "Value '-1' at 'tableInput.retention' failed to satisfy constraint: Member must have "
         "value greater than or equal to 0"),
        (table(StorageDescriptor={"Columns": [{"Name": "a"}, {"Name": "b", "Comment": "x\x00"}]}),
         "at 'tableInput.storageDescriptor.columns.2.member.comment' failed to satisfy constraint: Member must satisfy "
         "regular expression pattern: [\\u0020-"),
        ({"DatabaseName": "d", "Name": "n", "AttributesToGet": ["NAMES"]}, "Unknown parameter in input: "
         '"AttributesToGet", must be one of: CatalogId, DatabaseName'),
        (table(Nmae="x"), 'Unknown parameter in tableInput: "Nmae", must be one of: Description'),
    ],
)  # fmt: skip
def test_a_broken_constraint_is_told_as_aws_tells_it(asked: Any, said: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        read("CreateTable", asked)
    assert said in str(caught.value)


def test_all_broken_constraints_are_told_at_once() -> None:
    with pytest.raises(ValidationFailed, match=r"^3 validation errors detected: .*; .*; "):
        read("CreateTable", {"TableInput": {"Name": "", "Retention": -1}})


def test_enums() -> None:
    with pytest.raises(
        ValidationFailed, match=r"Value 'X' at 'resourceShareType' .* enum value set: \[FOREIGN, ALL"
    ):
        read("GetDatabases", {"ResourceShareType": "X"})


def test_a_secret_is_not_repeated() -> None:
    secret = "s" * 600 + "\x00"
    asked = {"ConnectionInput": {
        "Name": "c", "ConnectionType": "JDBC", "ConnectionProperties": {},
        "AuthenticationConfiguration": {"BasicAuthenticationCredentials": {"Password": secret}},
    }}  # fmt: skip
    with pytest.raises(ValidationFailed) as caught:
        read("CreateConnection", asked)
    assert "password" in str(caught.value)
    assert "sss" not in str(caught.value)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ([], "input: expected a JSON object, found an array"),
        (table(Name=1), "tableInput.name: expected a string, found a number"),
        (table(PartitionKeys={}), "tableInput.partitionKeys: expected a JSON array, found an object"),
        (table(Retention="1"), "tableInput.retention: expected a number, found a string"),
        (table(Retention=True), "tableInput.retention: expected a number, found a boolean"),
        (table(Retention=2**31), "is beyond 32 bits"),
        (table(StorageDescriptor={"Compressed": 1}), "expected true or false, found a number"),
        (table(LastAccessTime=[]), "tableInput.lastAccessTime: expected seconds since 1970, found an array"),
        (table(LastAccessTime=1e300), "expected seconds since 1970"),
        (table(StorageDescriptor=[]), "tableInput.storageDescriptor: expected a JSON object"),
    ],
)
def test_a_value_of_another_type_ends_the_request(asked: Any, said: str) -> None:
    with pytest.raises(SerializationFailed) as caught:
        read("CreateTable", asked)
    assert said in str(caught.value)


def shapes(shape: Shape, seen: dict[str, Shape]) -> dict[str, Shape]:
    if shape.name not in seen:
        seen[shape.name] = shape
        below = list(shape.members.values()) if isinstance(shape, StructureShape) else []
        for child in [*below, *(getattr(shape, n) for n in ("member", "key", "value") if hasattr(shape, n))]:
            shapes(child, seen)
    return seen


def test_every_shape_and_pattern_of_the_model_compiles() -> None:
    seen: dict[str, Shape] = {}
    for operation in GLUE.operations.values():
        assert callable(operation._read)
        assert callable(operation._write)
        for shape in (operation.model.input_shape, operation.model.output_shape):
            if shape is not None:
                shapes(shape, seen)
    patterns = [
        s.metadata["pattern"] for s in seen.values() if isinstance(s, StringShape) and "pattern" in s.metadata
    ]
    assert len(patterns) > 50
    assert sum(compile_pattern(p) is None for p in patterns) < 10


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*", ["", "a b\t", "é😀"], ["a\n", "\x00"]),
        (r"[^\r\n]", ["", "abc"], ["a\nb"]),
        (r"^[a-z]+$", ["ab"], ["ab\n", "aB", ""]),
        (r"[\p{L}\p{N}\p{P}]*", ["aé9-"], ["a b", "+"]),
        (r"a|b", ["a", "b"], ["ab", "xb"]),
    ],
)
def test_patterns_mean_what_they_mean_in_java(pattern: str, good: list[str], bad: list[str]) -> None:
    compiled = compile_pattern(pattern)
    assert compiled is not None
    assert [t for t in good if not compiled.match(t)] == []
    assert [t for t in bad if compiled.match(t)] == []


def test_answers_are_written_by_the_model() -> None:
    write = GLUE.operations["GetTable"].write
    made = datetime(2023, 11, 14, 22, 13, 20, 123_456, tzinfo=UTC)
    answer = write({"Table": {"Name": "t", "CreateTime": made, "LastAccessTime": 5.5, "Description": None}})
    assert answer == {"Table": {"Name": "t", "CreateTime": 1700000000.123, "LastAccessTime": 5.5}}
    with pytest.raises(KeyError):
        write({"Tabel": {}})


def test_a_method_that_is_no_operation_is_refused() -> None:
    class Wrong:
        def get_tabel(self) -> None: ...

    with pytest.raises(TypeError, match="get_tabel"):
        Service("glue", [Wrong()])

    class One:
        def get_table(self) -> None: ...

    with pytest.raises(TypeError, match="two parts"):
        Service("glue", [One(), One()])
