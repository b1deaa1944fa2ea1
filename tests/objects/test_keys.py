"""The rule of where a key lies can be turned round, and no place leads out of the bucket."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from buckets.hard_keys import hard_keys
from glulam.objects import keys

PIECES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/"), max_size=300),
    st.text("_~+@.tmp0\0", max_size=12),
)
KEYS = st.lists(PIECES, min_size=1, max_size=5).map("/".join).filter(bool)


def _key_of(names: tuple[str, ...]) -> str | None:
    """The key that lies at a place; names of one piece go together."""
    pieces, held = [], []
    for name in names:
        held.append(name)
        if keys.is_part(name):
            continue
        found = keys.piece_of(held)
        if found is None:
            return None
        pieces.append(found[0])
        held = []
    return None if held else "/".join(pieces)


def _check(key: str) -> None:
    plain, beside = keys.plain_place(key), keys.place_beside(key)
    for place in (plain, beside):
        assert _key_of(place) == key
        for name in place:
            assert name not in ("", ".", "..")
            assert "/" not in name
            assert "\0" not in name
            assert len(name.encode()) <= 255
            assert not name.endswith(".tmp~")
    assert plain != beside


def test_hard_keys_have_places_of_their_own() -> None:
    found = hard_keys()
    assert len(found) >= 500
    for key in found:
        _check(key)
    places = [place for key in found for place in (keys.plain_place(key), keys.place_beside(key))]
    assert len(set(places)) == len(places)
    files = set(places)
    parts = {place[:n] for place in places for n in range(1, len(place)) if keys.is_part(place[n - 1])}
    assert not files & parts  # a long name's folder is nobody's object


@given(key=KEYS)
def test_every_key_can_be_read_from_its_place(key: str) -> None:
    _check(key)


@given(names=st.lists(st.text("_~+@.tmp0ax", min_size=1, max_size=8), min_size=1, max_size=3))
def test_a_place_is_of_one_key_or_of_none(names: list[str]) -> None:
    found = keys.piece_of(names)
    if found is not None:
        expected = keys.names_beside(found[0]) if found[1] else keys.names_of(found[0])
        assert expected == tuple(names)


def test_plain_keys_keep_their_names() -> None:
    for key in (
        "orders.json",
        "raw/2024/week=01/a b.json",
        "_staging/x",
        ".hidden",
        "a~b",
        "x" * 255,
        "é/日本",
    ):
        assert keys.plain_place(key) == tuple(key.split("/"))
