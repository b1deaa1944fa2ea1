"""Joining types: the order of files must not matter, and nothing may be lost."""

from __future__ import annotations

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glulam.infer.lattice import MAP_ALWAYS, MAP_MEMBERS, finished, held, join, join_all, struct_of
from glulam.infer.shape import Shape
from glulam.infer.types import NULL, STRING, Array, DataType, Map, Struct, parse_type

_SCALARS = st.sampled_from((
    "void", "boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "string", "date", "timestamp", "binary",
    "decimal(10,2)", "decimal(38,0)", "decimal(5,5)", "decimal(38,38)",
)).map(parse_type)  # fmt: skip
_TYPES = st.recursive(_SCALARS, lambda t: st.one_of(
    t.map(Array), t.map(lambda v: Map(STRING, v)),
    st.dictionaries(st.sampled_from("abcd"), t, max_size=3).map(struct_of)), max_leaves=6)  # fmt: skip


def plain(kind: DataType) -> object:
    """Without the order of members."""
    if isinstance(kind, Struct):
        return frozenset((f.key, plain(f.type)) for f in kind.fields)
    if isinstance(kind, Array):
        return ("array", plain(kind.element))
    return ("map", plain(kind.key), plain(kind.value)) if isinstance(kind, Map) else kind


@given(_TYPES, _TYPES)
def test_either_way_round(a: DataType, b: DataType) -> None:
    assert plain(join(a, b)) == plain(join(b, a))


@given(_TYPES, _TYPES)
def test_joining_again_changes_nothing(a: DataType, b: DataType) -> None:
    both = join(a, b)
    assert join(a, a) == a
    assert plain(join(both, a)) == plain(both) == plain(join(both, b))
    assert join(NULL, a) == a == join(a, NULL)
    assert join(STRING, a) == STRING


@pytest.mark.parametrize(
    ("a", "b", "both"),
    [
        ("int", "bigint", "bigint"), ("tinyint", "smallint", "smallint"), ("bigint", "double", "double"),
        ("int", "float", "double"), ("bigint", "decimal(38,0)", "decimal(38,0)"), ("int", "decimal(5,2)", "decimal(12,2)"),
        ("bigint", "decimal(38,2)", "decimal(38,2)"), ("bigint", "decimal(38,30)", "string"),
        ("decimal(10,2)", "decimal(8,4)", "decimal(12,4)"), ("decimal(38,0)", "decimal(38,38)", "string"),
        ("double", "decimal(10,2)", "string"), ("date", "timestamp", "timestamp"), ("date", "bigint", "string"),
        ("boolean", "int", "string"), ("binary", "string", "string"), ("array<int>", "array<double>", "array<double>"),
        ("array<int>", "int", "string"), ("struct<a:int>", "struct<b:string>", "struct<a:int,b:string>"),
        ("struct<a:int,b:int>", "map<string,double>", "map<string,double>"), ("map<int,int>", "struct<a:int>", "string"),
        ("struct<a:int>", "string", "string"),
    ],
)  # fmt: skip
def test_pairs(a: str, b: str, both: str) -> None:
    assert str(join(parse_type(a), parse_type(b))) == both


def test_a_struct_that_grows_without_end_becomes_a_map() -> None:
    parts: list[DataType] = [struct_of({f"k{n}": parse_type("int")}) for n in range(MAP_ALWAYS + 5)]
    assert str(reduce(join, parts)) == "map<string,int>"
    assert isinstance(join_all(parts[:MAP_MEMBERS]), Struct)


def test_what_a_catalog_can_have() -> None:
    assert finished(Struct(())) == STRING
    assert str(finished(parse_type("struct<a:void,b:array<void>,c:map<string,void>,d:int>"))) == (
        "struct<a:string,b:array<string>,c:map<string,string>,d:int>"
    )


def seen(*records: dict[str, object]) -> Shape:
    shape = Shape()
    for number, record in enumerate(records):
        shape.see(record, (0, number))
    return shape


def test_maps_are_told_from_structs() -> None:
    few = seen(*({"m": {f"k{n % 10}": 1}} for n in range(100)))
    assert isinstance(held(few.members["m"]), Struct)  # ten keys are names
    many = seen(*({"m": {f"k{n}": n}} for n in range(100)))
    assert str(held(many.members["m"])) == "map<string,bigint>"
    mixed = seen(*({"m": {f"k{n}": n if n % 2 else "x"}} for n in range(100)))
    assert isinstance(held(mixed.members["m"]), Struct)  # values of no common type: as seen
    wide = seen(*({"m": {f"k{n}": 1 for n in range(40)}} for _ in range(10)))
    assert isinstance(held(wide.members["m"]), Struct)  # the same forty keys each time
