"""Choosing, naming and converting fields, and putting frames together."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from awsglue.dynamicframe import DynamicFrame
from awsglue.transforms import (
    ApplyMapping,
    DropFields,
    DropNullFields,
    Join,
    RenameField,
    SelectFields,
    SelectFromCollection,
    SplitFields,
    SplitRows,
)
from glulam.model.errors import EntityNotFound, InvalidInput

from .conftest import kinds, rows

pytestmark = [pytest.mark.spark, pytest.mark.xdist_group("spark")]
Frames = Callable[..., DynamicFrame]
PERSON = {"id": 7, "name": {"first": "Ada", "last": "Byron"}, "born": "1815", "a.b": 1.5}


def test_apply_mapping_renames_converts_and_nests(frame_of: Frames) -> None:
    mapped = ApplyMapping.apply(
        frame=frame_of(PERSON),
        mappings=[
            ("id", "int", "key", "long"), ("name.first", "string", "person.given", "string"),
            ("born", "string", "person.year", "int"), ("`a.b`", "double", "ab", "string"),
            ("nowhere", "string", "nothing", "string"),
        ],
        transformation_ctx="mapped",
    )  # fmt: skip
    assert kinds(mapped) == {"key": "long", "person": "struct", "ab": "string"}
    assert rows(mapped) == [{"key": 7, "person": {"given": "Ada", "year": 1815}, "ab": "1.5"}]


def test_apply_mapping_of_a_data_frame(frame_of: Frames) -> None:
    frame = frame_of(PERSON).toDF()
    assert [r.asDict() for r in ApplyMapping.apply(frame, [("id", "int", "k", "string")]).collect()] == [
        {"k": "7"}
    ]


def test_a_value_that_cannot_be_converted_is_null(frame_of: Frames) -> None:
    mapped = frame_of({"n": "12"}, {"n": "dozen"}).apply_mapping([("n", "string", "n", "int")])
    assert sorted(row["n"] or 0 for row in rows(mapped)) == [0, 12]


def test_select_and_drop(frame_of: Frames) -> None:
    frame = frame_of(PERSON)
    assert rows(SelectFields.apply(frame, paths=["id", "name.last", "none"])) == [
        {"id": 7, "name": {"last": "Byron"}}
    ]
    assert rows(DropFields.apply(frame, paths=["id", "name.last", "born", "`a.b`", "none"])) == [
        {"name": {"first": "Ada"}}
    ]


def test_rename(frame_of: Frames) -> None:
    frame = frame_of({"id": 1, "name": {"first": "Ada"}})
    assert rows(frame.rename_field("id", "key")) == [{"key": 1, "name": {"first": "Ada"}}]
    assert rows(frame.rename_field("name.first", "name.given")) == [{"id": 1, "name": {"given": "Ada"}}]
    assert rows(RenameField.apply(frame, "id", "name.id")) == [{"name": {"first": "Ada", "id": 1}}]
    with pytest.raises(InvalidInput, match="no field 'nam'; the fields are id, name"):
        frame.rename_field("nam", "x").schema()


def test_drop_null_fields(frame_of: Frames) -> None:
    frame = frame_of({"id": 1, "gone": None, "in": {"gone": None, "here": 1}}, {"id": 2, "gone": None})
    assert kinds(frame)["gone"] == "null"
    assert rows(DropNullFields.apply(frame)) == [{"id": 1, "in": {"here": 1}}, {"id": 2, "in": None}]


def test_split_fields_and_rows(frame_of: Frames) -> None:
    frame = frame_of({"a": 1, "b": "x"}, {"a": 20, "b": "y"}, {"b": "z"})
    parts = SplitFields.apply(frame, ["a"], "left", "right")
    assert parts.keys() == ["left", "right"]
    assert [kinds(part) for part in parts.values()] == [{"a": "int"}, {"b": "string"}]
    halves = SplitRows.apply(frame, {"a": {">": 10, "<=": 20}}, "many", "few")
    assert [row["b"] for row in rows(SelectFromCollection.apply(halves, key="many"))] == ["y"]
    assert [row["b"] for row in rows(halves.select("few"))] == ["x", "z"]
    with pytest.raises(EntityNotFound, match=r"'none'.*many, few"):
        halves.select("none")


def test_join_keeps_both_sides_of_equal_names(frame_of: Frames) -> None:
    people = frame_of({"id": 1, "name": "Ada"}, {"id": 2, "name": "Bob"})
    orders = frame_of({"id": 10, "person": 1}, {"id": 11, "person": 1}, {"id": 12, "person": 3})
    joined = Join.apply(people, orders, "id", "person")
    assert rows(joined) == [
        {"id": 1, "name": "Ada", ".id": 10, "person": 1}, {"id": 1, "name": "Ada", ".id": 11, "person": 1},
    ]  # fmt: skip
    assert kinds(joined.drop_fields(["`.id`"])) == {"id": "int", "name": "string", "person": "int"}


def test_merge_prefers_the_staged_records(frame_of: Frames) -> None:
    source = frame_of(
        {"id": 1, "v": "old"}, {"id": 2, "v": "old"}, {"id": 2, "v": "older"}, {"id": 3, "v": "old"}
    )
    staged = frame_of({"id": 3, "v": "new"}, {"id": 4, "v": "new"})
    assert rows(source.mergeDynamicFrame(staged, ["id"])) == [
        {"id": 1, "v": "old"}, {"id": 2, "v": "old"}, {"id": 2, "v": "older"}, {"id": 3, "v": "new"},
        {"id": 4, "v": "new"},
    ]  # fmt: skip


def test_collections_map_and_flatmap(frame_of: Frames) -> None:
    parts = frame_of({"a": 1, "b": 2}).split_fields(["a"], "left", "right")
    contexts: list[str] = []

    def renamed(frame: DynamicFrame, ctx: str) -> DynamicFrame:
        contexts.append(ctx)
        return frame.rename_field(frame.schema().fields[0].name, "x")

    assert [rows(f) for f in parts.map(renamed, "ctx").values()] == [[{"x": 1}], [{"x": 2}]]
    assert contexts == ["ctx.left", "ctx.right"]
    split = parts.flatmap(lambda frame, _: frame.split_fields(["a"], "one", "two"))
    assert split.keys() == ["left.one", "left.two", "right.one", "right.two"]
