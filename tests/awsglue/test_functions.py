"""Functions over records, and the records that they fail for."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from awsglue.context import GlueContext
from awsglue.dynamicframe import DynamicFrame
from awsglue.transforms import ErrorsAsDynamicFrame, Filter, Map
from glulam.model.errors import DataRejected

from .conftest import kinds, rows

pytestmark = [pytest.mark.spark, pytest.mark.xdist_group("spark")]
Frames = Callable[..., DynamicFrame]


def merged(record: dict[str, Any]) -> dict[str, Any]:
    """In the style of Glue's documentation: a struct of two fields, which go."""
    record["name"] = {"first": record["first"], "last": record["last"]}
    del record["first"], record["last"]
    return record


def test_map(frame_of: Frames) -> None:
    frame = frame_of({"id": 1, "first": "Ada", "last": "Byron"}, {"id": 2, "first": "Bob", "last": None})
    mapped = Map.apply(frame=frame, f=merged, transformation_ctx="m")
    assert kinds(mapped) == {"id": "int", "name": "struct"}
    assert rows(mapped) == [
        {"id": 1, "name": {"first": "Ada", "last": "Byron"}}, {"id": 2, "name": {"first": "Bob", "last": None}},
    ]  # fmt: skip
    assert mapped.errorsCount() == 0


def test_map_may_make_a_choice_and_keeps_types_that_it_leaves_alone(
    frame_of: Frames, glue_context: GlueContext
) -> None:
    frame = glue_context.spark_session.sql(
        "SELECT 1L AS big, TIMESTAMP'2024-01-01 10:00:00' AS at, 2.50BD AS money"
    )
    mapped = glue_context.framed(frame).map(lambda r: {**r, "hour": r["at"].hour})
    assert kinds(mapped) == {"big": "long", "at": "timestamp", "money": "decimal", "hour": "int"}
    assert rows(mapped)[0]["at"] == datetime(2024, 1, 1, 10)
    chosen = frame_of({"n": 1}, {"n": 2}).map(lambda r: {"n": r["n"] if r["n"] == 1 else "two"})
    assert kinds(chosen) == {"n": "int|string"}


def test_filter_sees_plain_values_of_choices(frame_of: Frames) -> None:
    frame = frame_of({"v": 1}, {"v": "x"}, {"v": None})
    assert rows(Filter.apply(frame=frame, f=lambda r: r["v"] in (1, None))) == [
        {"v": None},
        {"v": {"int": 1, "string": None}},
    ]


def test_failed_records_are_kept_counted_and_retrievable(frame_of: Frames) -> None:
    frame = frame_of({"n": 1}, {"n": 0}, {"n": 4}, "{broken")
    halves = frame.map(lambda r: {"h": 8 // r["n"]}, transformation_ctx="halves", info="eighths")
    assert (frame.errorsCount(), halves.stageErrorsCount(), halves.errorsCount()) == (1, 1, 2)
    assert rows(halves) == [{"h": 2}, {"h": 8}]
    found = {
        row["error"]["transformation_ctx"]: row["error"] for row in rows(ErrorsAsDynamicFrame.apply(halves))
    }
    assert found["halves"]["msg"] == "ZeroDivisionError: integer division or modulo by zero"
    assert json.loads(found["halves"]["dynamicRecord"]) == {"n": 0}
    assert found["halves"]["info"] == "eighths"
    assert "{broken" in found[""]["dynamicRecord"]
    assert halves.apply_mapping([("h", "int", "x", "int")]).errorsCount() == 2


def test_a_filter_that_fails_keeps_the_record_as_an_error(frame_of: Frames) -> None:
    kept = frame_of({"n": 1}, {"n": 0}).filter(lambda r: 1 / r["n"] > 0)
    assert (rows(kept), kept.stageErrorsCount()) == ([{"n": 1}], 1)


def test_thresholds(frame_of: Frames) -> None:
    frame = frame_of({"n": 1}, {"n": 0}, {"n": 0})
    assert frame.map(lambda r: {"x": 1 // r["n"]}, stageThreshold=3).count() == 1
    with pytest.raises(
        DataRejected, match=r"2 records failed in this transformation, the threshold is 2.*ZeroDivision"
    ):
        frame.map(lambda r: {"x": 1 // r["n"]}, stageThreshold=2).toDF()
    with pytest.raises(DataRejected, match="in all"):
        frame.map(lambda r: {"x": 1 // r["n"]}).select_fields(["x"], totalThreshold=1).count()


def test_a_function_that_returns_no_record(frame_of: Frames) -> None:
    wrong = frame_of({"n": 1}).map(lambda r: r["n"])
    assert wrong.errorsCount() == 1
    assert "expected the record, a dict" in rows(wrong.errorsAsDynamicFrame())[0]["error"]["msg"]
