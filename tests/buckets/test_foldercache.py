"""Names of large folders that are kept: true after our changes, after somebody else's, and while being read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glulam.buckets import foldercache
from glulam.buckets.foldercache import FolderCache, PackedNames

if TYPE_CHECKING:
    from buckets.conftest import Client

NAMES = st.text("ab\0\u00e9", max_size=3).flatmap(lambda text: st.sampled_from([text, f"{text}/"]))


@given(names=st.sets(NAMES), changes=st.lists(st.tuples(NAMES, st.booleans())), lower=NAMES)
def test_packed_names_are_a_sorted_set(names: set[str], changes: list[tuple[str, bool]], lower: str) -> None:
    packed = PackedNames.of(sorted([*names, *names]))
    for name, there in changes:
        packed = packed.changed(name, there=there)
        names = names | {name} if there else names - {name}
    assert list(packed.since("")) == sorted(names)
    assert len(packed) == len(names)
    assert list(packed.since(lower)) == [name for name in sorted(names) if name >= lower]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foldercache, "_CHUNK", 3)


@pytest.fixture
def many(client: Client, lake: Path) -> list[str]:
    """A folder that is large enough to be kept."""
    (lake / "bucket/f").mkdir()
    names = [f"f/{number:05}" for number in range(1500)]
    for name in names:
        (lake / "bucket" / name).touch()
    assert client.keys() == names
    return names


def test_all_changes_show_in_the_next_list(client: Client, lake: Path, many: list[str]) -> None:
    client.put("f/00000a")
    assert client.keys() == sorted([*many, "f/00000a"])
    (lake / "bucket/f/by-hand").touch()
    assert client.keys() == sorted([*many, "f/00000a", "f/by-hand"])
    client.delete_object(Bucket="bucket", Key="f/00700")
    (lake / "bucket/f/00000a").unlink()
    client.put("f/sub/x")
    client.put("f/01000/below")
    (lake / "bucket/f/00001").rename(lake / "bucket/f/renamed")
    expected = sorted({*many, "f/by-hand", "f/sub/x", "f/01000/below", "f/renamed"} - {"f/00700", "f/00001"})
    assert client.keys() == expected
    assert client.keys(Prefix="f/", Delimiter="/")[-1] == "f/sub/"


def test_our_own_changes_show_in_the_next_page(client: Client, many: list[str]) -> None:
    first = client.list_objects_v2(Bucket="bucket", MaxKeys=10)
    client.put("f/00010a")
    client.delete_object(Bucket="bucket", Key="f/00011")
    second = client.list_objects_v2(
        Bucket="bucket", MaxKeys=3, ContinuationToken=first["NextContinuationToken"]
    )
    assert [o["Key"] for o in second["Contents"]] == ["f/00010", "f/00010a", "f/00012"]


def test_a_change_while_the_folder_is_read(tmp_path: Path) -> None:
    cache = FolderCache()
    for number in range(1500):
        (tmp_path / f"{number:05}").touch()
    folder = os.open(tmp_path, os.O_RDONLY)

    def read() -> tuple[list[str], bool]:
        names = os.listdir(folder)
        with cache.changing(folder, "ours", there=True):
            (tmp_path / "ours").touch()
        return names, True

    assert "ours" in list(cache.names(folder, read, fresh=True).since(""))
    (tmp_path / "theirs").touch()
    assert "theirs" in list(cache.names(folder, lambda: (os.listdir(folder), True), fresh=True).since(""))
    os.close(folder)


def test_what_is_kept_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foldercache, "MOST_NAMES", 2500)
    now = [0.0]
    cache = FolderCache(monotonic=lambda: now[0])
    reads: list[str] = []

    def names(which: str) -> None:
        folder = os.open(tmp_path / which, os.O_RDONLY)
        cache.names(folder, lambda: (reads.append(which) or [str(n) for n in range(1200)], True), fresh=False)
        os.close(folder)

    for which in "abc":
        (tmp_path / which).mkdir()
        names(which)
    names("c")
    names("b")
    assert reads == ["a", "b", "c"]
    names("a")
    assert reads == ["a", "b", "c", "a"]
    now[0] = 1000.0
    names("b")
    assert reads[-1] == "b"
