"""A field of several types keeps all its values until a script says what becomes of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from awsglue.dynamicframe import DynamicFrame, ResolveOption
from awsglue.transforms import ResolveChoice
from glulam.model.errors import InvalidInput

from .conftest import kinds, rows

pytestmark = [pytest.mark.spark, pytest.mark.xdist_group("spark")]
Frames = Callable[..., DynamicFrame]
MIXED = ({"id": 1, "price": 10}, {"id": 2, "price": "ten"}, {"id": 3, "price": None})


def test_both_types_are_seen_and_kept(frame_of: Frames, capsys: pytest.CaptureFixture[str]) -> None:
    frame = frame_of(*MIXED)
    frame.printSchema()
    assert capsys.readouterr().out == "root\n|-- id: int\n|-- price: choice\n|    |-- int\n|    |-- string\n"
    assert rows(frame) == [
        {"id": 1, "price": {"int": 10, "string": None}},
        {"id": 2, "price": {"int": None, "string": "ten"}},
        {"id": 3, "price": None},
    ]


def test_numbers_with_and_without_fractions_are_a_choice_and_long_holds_int(frame_of: Frames) -> None:
    frame = frame_of({"n": 1, "m": 1, "k": 2}, {"n": 2.5, "m": 2**40, "k": 10**20})
    assert kinds(frame) == {"n": "double|int", "m": "long", "k": "decimal"}
    assert sorted(int(row["k"]) for row in rows(frame)) == [2, 10**20]


def test_cast_makes_null_of_what_cannot_be(frame_of: Frames) -> None:
    cast = frame_of(*MIXED).resolveChoice(specs=[("price", "cast:long")])
    assert kinds(cast) == {"id": "int", "price": "long"}
    assert [row["price"] for row in rows(cast)] == [10, None, None]


def test_cast_to_string_keeps_every_value(frame_of: Frames) -> None:
    assert [r["price"] for r in rows(frame_of(*MIXED).resolveChoice(choice="cast:string"))] == [
        "10",
        "ten",
        None,
    ]


def test_project_drops_values_of_other_types(frame_of: Frames) -> None:
    projected = frame_of(*MIXED, {"id": 4, "price": "12"}).resolveChoice(specs=[("price", "project:int")])
    assert [row["price"] for row in rows(projected)] == [10, None, None, None]


def test_make_cols_gives_a_column_for_each_type(frame_of: Frames) -> None:
    assert rows(frame_of(*MIXED).resolveChoice(specs=[("price", "make_cols")])) == [
        {"id": 1, "price_int": 10, "price_string": None},
        {"id": 2, "price_int": None, "price_string": "ten"},
        {"id": 3, "price_int": None, "price_string": None},
    ]


def test_make_struct_is_a_struct_for_all_that_follows(frame_of: Frames) -> None:
    made = frame_of(*MIXED).resolveChoice(specs=[("price", "make_struct")])
    assert kinds(made)["price"] == "struct"
    assert rows(made.select_fields(["price.int"])) == [
        {"price": {"int": 10}}, {"price": {"int": None}}, {"price": {"int": None}},
    ]  # fmt: skip


def test_choices_inside_structs_and_arrays(frame_of: Frames) -> None:
    frame = frame_of(
        {"order": {"total": 1, "lines": [{"n": 1}, {"n": "two"}]}}, {"order": {"total": "2", "lines": []}}
    )
    resolved = frame.resolveChoice(specs=[("order.total", "cast:int"), ("order.lines[].n", "cast:string")])
    assert rows(resolved) == [
        {"order": {"total": 2, "lines": []}}, {"order": {"total": 1, "lines": [{"n": "1"}, {"n": "two"}]}},
    ]  # fmt: skip
    assert "choice" in str(frame.schema().jsonValue())
    assert "choice" not in str(resolved.schema().jsonValue())


def test_a_struct_here_and_a_text_there(frame_of: Frames) -> None:
    frame = frame_of({"v": {"a": 1}}, {"v": "x"}, {"v": {"b": True}})
    assert kinds(frame) == {"v": "string|struct"}
    structs = [row["v"] for row in rows(frame.resolveChoice(specs=[("v", "project:struct")]))]
    assert sorted(structs, key=str) == [None, {"a": 1, "b": None}, {"a": None, "b": True}]
    texts = [row["v"] for row in rows(frame.resolveChoice(choice="cast:string"))]
    assert set(texts) == {"x", '{"a":1}', '{"b":true}'}


def test_to_df_takes_options(frame_of: Frames) -> None:
    found = frame_of(*MIXED).toDF([ResolveOption("price", "Project", "string")])
    assert sorted(str(row["price"]) for row in found.collect()) == ["None", "None", "ten"]


def test_the_class_form(frame_of: Frames) -> None:
    cast = ResolveChoice.apply(frame_of(*MIXED), specs=[("price", "cast:string")], transformation_ctx="rc")
    assert kinds(cast) == {"id": "int", "price": "string"}


def test_mistakes_are_named(frame_of: Frames) -> None:
    frame = frame_of(*MIXED)
    with pytest.raises(InvalidInput, match="not both"):
        frame.resolveChoice(specs=[("price", "make_cols")], choice="make_cols").schema()
    with pytest.raises(InvalidInput, match=r"'drop'.*expected cast:TYPE"):
        frame.resolveChoice(specs=[("price", "drop")]).schema()


def test_union_of_frames_of_different_types(frame_of: Frames) -> None:
    both = frame_of({"id": 1, "v": 1}).union(frame_of({"id": 2, "v": "x", "w": True}))
    assert kinds(both) == {"id": "int", "v": "int|string", "w": "boolean"}
    assert rows(both) == [
        {"id": 1, "v": {"int": 1, "string": None}, "w": None}, {"id": 2, "v": {"int": None, "string": "x"}, "w": True},
    ]  # fmt: skip
