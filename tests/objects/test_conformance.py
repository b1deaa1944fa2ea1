"""What every object store promises: one set of cases over the local lake and S3 (whole and in parts)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from glulam.model.errors import InvalidInput, ObjectChanged, ObjectNotFound

if TYPE_CHECKING:
    from objects.conftest import Zone

NAMES = [
    "a.json",
    "a/b.json",
    "a/b/c.json",
    "a-b.json",
    "a0.json",
    ".hidden",
    "_staging/x/1/part.parquet",
    "year=2024/month=01/part 1.parquet",
    "ünï/çödé-日本-🎉.json",
    "plus+percent%20&amp;<>'\"=?#~.json",
    "trailing space ",
    "dots...json",
    "MiXeD.JSON",
    "mixed.json",
]


def test_list_gives_every_object_once_in_key_order(zone: Zone) -> None:
    for name in NAMES:
        zone.write(f"raw/{name}", name.encode())
    zone.write("raw2/other", b"not below raw")
    assert zone.keys("raw/") == sorted(f"raw/{name}" for name in NAMES)
    assert zone.keys("raw") == zone.keys("raw/")  # a folder, not the start of a name
    assert len(zone.keys("")) == len(NAMES) + 1
    for name in NAMES:
        assert zone.read(f"raw/{name}") == name.encode()


def test_list_stat_is_what_head_says(zone: Zone) -> None:
    put = zone.write("raw/a", b"12345")
    (page,) = zone.store.list(zone.uri("raw/"))
    (found,) = page
    head = zone.store.head(zone.uri("raw/a"))
    assert (found.uri, found.etag, found.size_bytes) == (head.uri, head.etag, 5) == (put.uri, put.etag, 5)
    assert '"' not in found.etag
    assert abs(found.last_modified - datetime.now(UTC)) < timedelta(minutes=5)


@pytest.mark.parametrize("page_size", [1, 3, 5, 7])
def test_list_in_pages(zone: Zone, page_size: int) -> None:
    keys = [f"raw/{folder}/{number}" for folder in "ab" for number in range(3)]
    for key in keys:
        zone.write(key)
    pages = list(zone.store.list(zone.uri("raw/"), page_size=page_size))
    assert [len(page) for page in pages[:-1]] == [page_size] * (len(pages) - 1)
    assert zone.keys("raw/", page_size) == keys


def test_nothing_there(zone: Zone) -> None:
    assert list(zone.store.list(zone.uri("none/"))) == []
    assert zone.store.folders(zone.uri("none/")) == []
    assert zone.store.delete_prefix(zone.uri("none/")) == 0
    zone.store.delete(zone.uri("none"))
    zone.store.delete(zone.uri("none"), "123")
    with pytest.raises(ObjectNotFound):
        zone.store.head(zone.uri("none"))
    with pytest.raises(ObjectNotFound):
        zone.store.fetch(zone.uri("none"), "123", zone.scratch)
    with pytest.raises(ObjectNotFound):
        zone.store.move(zone.uri("none"), zone.uri("target"))
    with pytest.raises(ObjectNotFound):
        zone.store.move(zone.uri("none"), zone.uri("target"), "123")
    with pytest.raises(ObjectNotFound):
        zone.store.copy(zone.uri("none"), zone.uri("target"), "123")
    with pytest.raises(ObjectNotFound):
        zone.store.put(zone.scratch / "no such file", zone.uri("target"))
    assert zone.keys() == []


def test_folders(zone: Zone) -> None:
    for key in ("raw/2024/week01/a", "raw/2024/week02/a", "raw/2023/week53/a", "raw/file", "other/x"):
        zone.write(key)
    assert zone.store.folders(zone.uri("raw/")) == ["2023", "2024"]
    assert zone.store.folders(zone.uri("raw/2024")) == ["week01", "week02"]
    assert zone.store.folders(zone.uri("")) == ["other", "raw"]
    assert zone.store.folders(zone.uri("raw/2024/week01")) == []


def test_fetch_gives_that_version_or_refuses(zone: Zone) -> None:
    first = zone.write("a", b"first")
    assert zone.store.fetch(first.uri, first.etag, zone.scratch / "new").read_bytes() == b"first"
    assert zone.store.unchanged(first.uri, first.etag)
    second = zone.write("a", b"other")
    assert second.etag != first.etag
    with pytest.raises(ObjectChanged):
        zone.store.fetch(first.uri, first.etag, zone.scratch / "new")


def test_put_overwrites_or_refuses(zone: Zone) -> None:
    zone.write("a", b"first")
    assert zone.write("a", b"second!").size_bytes == 7
    with pytest.raises(ObjectChanged):
        zone.write("a", b"third", overwrite=False)
    assert zone.read("a") == b"second!"
    assert zone.write("b", b"", overwrite=False).size_bytes == 0
    assert zone.read("b") == b""


def test_put_of_a_larger_file(zone: Zone) -> None:
    content = bytes(range(256)) * 50_000  # three parts, on the store that uploads in parts
    assert zone.write("large", content).size_bytes == len(content)
    assert zone.read("large") == content
    zone.store.move(zone.uri("large"), zone.uri("moved"))
    assert zone.read("moved") == content


@pytest.mark.parametrize("with_etag", [True, False])
def test_move_and_again(zone: Zone, with_etag: bool) -> None:
    found = zone.write("raw/a", b"content")
    etag = found.etag if with_etag else None
    for _ in range(3):
        zone.store.move(found.uri, zone.uri("done/2024/a"), etag)
        assert zone.keys() == ["done/2024/a"]
    assert zone.read("done/2024/a") == b"content"
    with pytest.raises(InvalidInput):
        zone.store.move(zone.uri("done/2024/a"), zone.uri("done/2024/a"))
    assert zone.read("done/2024/a") == b"content"


def test_move_goes_on_where_a_copy_was_made_before(zone: Zone) -> None:
    found = zone.write("raw/a", b"content")
    zone.store.copy(found.uri, zone.uri("done/a"), found.etag)
    zone.store.move(found.uri, zone.uri("done/a"), found.etag)
    assert zone.keys() == ["done/a"]


def test_move_of_another_version_than_asked(zone: Zone) -> None:
    first = zone.write("raw/a", b"first")
    zone.write("raw/a", b"second")
    with pytest.raises(ObjectChanged):
        zone.store.move(first.uri, zone.uri("done/a"), first.etag)
    assert zone.keys() == ["raw/a"]
    zone.write("done/a", b"first")  # as if it had been moved before the second version came
    zone.store.move(first.uri, zone.uri("done/a"), first.etag)
    assert (zone.read("raw/a"), zone.read("done/a")) == (b"second", b"first")


@pytest.mark.parametrize("other", [b"OTHER", b"longer than the source"])
def test_move_never_overwrites_other_content(zone: Zone, other: bytes) -> None:
    found = zone.write("raw/a", b"mine!")
    zone.write("done/a", other)
    for etag in (found.etag, None):
        with pytest.raises(ObjectChanged):
            zone.store.move(found.uri, zone.uri("done/a"), etag)
    assert (zone.read("raw/a"), zone.read("done/a")) == (b"mine!", other)


def test_copy(zone: Zone) -> None:
    found = zone.write("raw/a", b"content")
    for _ in range(2):
        zone.store.copy(found.uri, zone.uri("kept/a"), found.etag)
    assert (zone.read("raw/a"), zone.read("kept/a")) == (b"content", b"content")
    zone.write("raw/a", b"changed in place?")
    assert zone.read("kept/a") == b"content"
    with pytest.raises(ObjectChanged):
        zone.store.copy(found.uri, zone.uri("new"), found.etag)
    changed = zone.store.head(found.uri)
    with pytest.raises(ObjectChanged):
        zone.store.copy(found.uri, zone.uri("kept/a"), changed.etag)


def test_delete_only_that_version(zone: Zone) -> None:
    first = zone.write("a", b"first")
    second = zone.write("a", b"second")
    with pytest.raises(ObjectChanged):
        zone.store.delete(first.uri, first.etag)
    assert zone.read("a") == b"second"
    zone.store.delete(second.uri, second.etag)
    zone.store.delete(second.uri, second.etag)
    zone.write("b")
    zone.store.delete(zone.uri("b"))
    assert zone.keys() == []


def test_delete_prefix(zone: Zone) -> None:
    for key in ("stage/1/a", "stage/1/b/c", "stage/10", "stage/2/a"):
        zone.write(key)
    assert zone.store.delete_prefix(zone.uri("stage/1")) == 2
    assert zone.keys() == ["stage/10", "stage/2/a"]
    zone.write("stage/1/a")  # the folder can come back
    assert zone.store.delete_prefix(zone.uri("stage/")) == 3
    assert zone.keys() == []
