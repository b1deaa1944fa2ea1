"""Taking nesting away: unnest, relationalize, DynamoDB's JSON, unbox."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from awsglue.dynamicframe import DynamicFrame
from awsglue.transforms import Relationalize, Simplify_ddb_json, Unbox, UnnestFrame

from .conftest import kinds, rows

pytestmark = [pytest.mark.spark, pytest.mark.xdist_group("spark")]
Frames = Callable[..., DynamicFrame]


def test_unnest(frame_of: Frames) -> None:
    flat = UnnestFrame.apply(frame_of({"id": 1, "who": {"name": {"first": "Ada"}, "tags": ["x"]}}))
    assert rows(flat) == [{"id": 1, "who.name.first": "Ada", "who.tags": ["x"]}]


def test_relationalize_gives_tables_that_join_again(frame_of: Frames) -> None:
    frame = frame_of(
        {"id": "a", "contact": {"phone": "1"}, "links": [{"url": "u1"}, {"url": "u2"}]},
        {"id": "b", "contact": {"phone": "2"}, "links": [{"url": "u3"}]},
        {"id": "c", "contact": None, "links": None},
    )
    tables = Relationalize.apply(frame, name="root", transformation_ctx="rel")
    assert tables.keys() == ["root", "root_links"]
    assert kinds(tables.select("root")) == {"id": "string", "contact.phone": "string", "links": "long"}
    assert kinds(tables.select("root_links")) == {"id": "long", "index": "int", "links.val.url": "string"}
    joined = tables.select("root").join(["links"], ["id"], tables.select("root_links"))
    assert [(r["id"], r["index"], r["links.val.url"]) for r in rows(joined)] == [
        ("a", 0, "u1"), ("a", 1, "u2"), ("b", 0, "u3"),
    ]  # fmt: skip
    assert [r["links"] for r in rows(tables.select("root")) if r["id"] == "c"] == [None]


def test_relationalize_arrays_in_arrays(frame_of: Frames) -> None:
    tables = frame_of({"id": 1, "m": [{"k": "x", "n": [1, 2]}, {"k": "y", "n": [3]}]}).relationalize("t")
    assert tables.keys() == ["t", "t_m", "t_m.val.n"]
    middle = {row["m.val.n"]: row["m.val.k"] for row in rows(tables.select("t_m"))}
    inner = [
        (middle[row["id"]], row["index"], row["m.val.n.val"]) for row in rows(tables.select("t_m.val.n"))
    ]
    assert sorted(inner) == [("x", 0, 1), ("x", 1, 2), ("y", 0, 3)]


def test_relationalize_takes_a_choice_apart(frame_of: Frames) -> None:
    tables = frame_of({"v": 1}, {"v": "x"}).relationalize("t")
    assert kinds(tables.select("t")) == {"v.int": "int", "v.string": "string"}


def test_dynamo_json(frame_of: Frames) -> None:
    item = {"Item": {"name": {"S": "Ada"}, "age": {"N": "36"}, "tags": {"L": [{"S": "x"}, {"S": "y"}]},
                     "home": {"M": {"city": {"S": "London"}}}}}  # fmt: skip
    simple = Simplify_ddb_json.apply(frame_of(item))
    assert rows(simple) == [
        {"Item": {"name": "Ada", "age": "36", "tags": ["x", "y"], "home": {"city": "London"}}}
    ]
    assert rows(frame_of(item).unnest_ddb_json()) == [
        {"name": "Ada", "age": "36", "tags": ["x", "y"], "home.city": "London"}
    ]


def test_dynamo_json_of_two_types_is_a_choice(frame_of: Frames) -> None:
    frame = frame_of({"v": {"S": "x"}}, {"v": {"BOOL": True}}).simplify_ddb_json()
    assert kinds(frame) == {"v": "boolean|string"}


def test_unbox_json_and_csv(frame_of: Frames) -> None:
    frame = frame_of(
        {"id": 1, "box": '{"a": 1, "b": [true]}'}, {"id": 2, "box": '{"a": "x"}'}, {"id": 3, "box": "{"}
    )
    opened = Unbox.apply(frame, path="box", format="json")
    assert rows(opened.select_fields(["id", "box.b"])) == [
        {"id": 1, "box": {"b": [True]}}, {"id": 2, "box": {"b": None}},
    ]  # fmt: skip
    assert opened.errorsCount() == 1
    assert rows(frame_of({"box": "1;x"}).unbox("box", "csv", separator=";")) == [
        {"box": {"col0": "1", "col1": "x"}}
    ]
