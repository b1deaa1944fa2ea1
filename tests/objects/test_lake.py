"""What only a local lake can do wrong: paths, symbolic links, disks, speed of a listing."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from buckets.hard_keys import hard_keys
from glulam.model.errors import InvalidInput, ObjectChanged, ObjectNotFound, StorageFailed
from glulam.model.uri import S3Uri
from glulam.objects.keys import plain_place
from glulam.objects.lake import Lake

if TYPE_CHECKING:
    from objects.conftest import Zone


def _files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir())


@pytest.mark.parametrize("key", ["", "a\ud800", "\udcff/b"])
def test_a_key_that_the_lake_cannot_hold(lake_zone: Zone, key: str) -> None:
    lake_zone.write("good")
    for use in (
        lake_zone.store.head,
        lake_zone.store.delete,
        lake_zone.store.local_path,
        lambda uri: lake_zone.store.move(lake_zone.uri("good"), uri),
        lambda uri: lake_zone.store.put(lake_zone.scratch / "to-put", uri),
    ):
        with pytest.raises(InvalidInput):
            use(lake_zone.uri(key))
    assert lake_zone.keys() == ["good"]


def test_keys_that_folders_make_hard(lake_zone: Zone, tmp_path: Path) -> None:
    found = [key for key in hard_keys() if key.count("/") < 40]
    assert len(found) >= 500
    etags = {key: lake_zone.write(key, key.encode()).etag for key in found}
    assert lake_zone.keys() == found
    for key in found:
        assert lake_zone.store.head(lake_zone.uri(key)).etag == etags[key]
        assert lake_zone.read(key) == key.encode()
    for key in found[::2]:
        lake_zone.store.delete(lake_zone.uri(key))
    for key in found[1::2]:
        lake_zone.store.move(lake_zone.uri(key), lake_zone.uri(f"moved/{key}"), etags[key])
    assert lake_zone.keys() == sorted(f"moved/{key}" for key in found[1::2])
    assert sorted(os.listdir(tmp_path)) == ["lake", "scratch"]
    assert os.listdir(tmp_path / "lake") == ["bucket"]


def test_an_object_with_the_name_of_a_folder(lake_zone: Zone) -> None:
    first = lake_zone.write("a", b"object")
    lake_zone.write("a/b", b"below")
    assert lake_zone.keys() == ["a", "a/b"]
    assert lake_zone.read("a") == b"object"
    assert lake_zone.store.unchanged(first.uri, first.etag)
    lake_zone.write("a", b"again")
    with pytest.raises(ObjectChanged):
        lake_zone.store.delete(first.uri, first.etag)
    lake_zone.store.move(lake_zone.uri("a"), lake_zone.uri("a/c"))
    assert lake_zone.keys() == ["a/b", "a/c"]
    assert lake_zone.read("a/c") == b"again"


@pytest.mark.parametrize("bucket", ["", ".", "..", "a/b", "../x", ".hidden", "a\0"])
def test_a_bucket_that_the_lake_cannot_hold(lake_zone: Zone, bucket: str) -> None:
    with pytest.raises(InvalidInput):
        lake_zone.store.head(S3Uri(bucket, "x"))
    with pytest.raises(InvalidInput):
        list(lake_zone.store.list(S3Uri(bucket, "")))
    with pytest.raises(InvalidInput):
        lake_zone.store.delete_prefix(S3Uri(bucket, ""))


@given(bucket=st.text(alphabet="a./\0", max_size=4), key=st.text(alphabet="ab./\0~", max_size=12))
@example(bucket="a", key="a/b")
def test_no_uri_leads_out_of_the_root(bucket: str, key: str) -> None:
    root = Path("/nonexistent/lake")
    try:
        path = Lake(root).local_path(S3Uri(bucket, key))
    except InvalidInput:
        return
    assert path is not None
    assert os.path.normpath(path) == str(path) == "/".join((str(root), bucket, *plain_place(key)))
    assert bucket not in ("", ".", "..")


def test_links_out_of_the_lake(lake_zone: Zone, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    root = tmp_path / "lake" / "bucket"
    (root / "folder").symlink_to(outside)
    (root / "file").symlink_to(outside / "secret")
    lake_zone.write("good")
    assert lake_zone.keys() == ["good"]
    assert lake_zone.store.folders(lake_zone.uri("")) == []
    for key in ("folder/secret", "file"):
        with pytest.raises(InvalidInput):
            lake_zone.store.head(lake_zone.uri(key))
    with pytest.raises(InvalidInput):
        lake_zone.write("folder/new")
    with pytest.raises(InvalidInput):
        list(lake_zone.store.list(lake_zone.uri("folder/")))
    assert lake_zone.store.delete_prefix(lake_zone.uri("")) == 2  # the good one and the link itself
    assert _files(outside) == ["secret"]


def test_links_inside_the_lake(lake_zone: Zone, tmp_path: Path) -> None:
    real = lake_zone.write("real/a", b"content")
    root = tmp_path / "lake" / "bucket"
    (root / "alias").symlink_to(root / "real")
    (root / "real" / "loop").symlink_to(root)
    (root / "link").symlink_to("real/a")
    assert lake_zone.keys() == ["alias/a", "link", "real/a"]
    with pytest.raises(InvalidInput):
        lake_zone.store.move(lake_zone.uri("real/a"), lake_zone.uri("alias/a"))
    lake_zone.store.move(lake_zone.uri("link"), lake_zone.uri("done"), real.etag)
    assert lake_zone.keys() == ["alias/a", "done", "real/a"]
    assert lake_zone.read("done") == lake_zone.read("real/a") == b"content"
    assert not (root / "done").is_symlink()


def test_what_is_not_an_object(lake_zone: Zone, tmp_path: Path) -> None:
    root = tmp_path / "lake" / "bucket"
    os.mkfifo(root / "fifo")
    (root / "folder").mkdir()
    (root / "half.tmp~").write_text("left by a killed process")
    (root / "dangling").symlink_to("nothing")
    Path(os.fsdecode(os.fsencode(root) + b"/not-utf8-\xff")).write_text("x")
    assert lake_zone.keys() == []
    assert lake_zone.store.folders(lake_zone.uri("")) == ["folder"]
    for key in ("fifo", "folder", "dangling"):
        with pytest.raises(ObjectNotFound):
            lake_zone.store.head(lake_zone.uri(key))
        with pytest.raises(ObjectNotFound):
            lake_zone.store.move(lake_zone.uri(key), lake_zone.uri("target"))
    lake_zone.write("file")
    with pytest.raises(ObjectNotFound):
        lake_zone.store.head(lake_zone.uri("file/below"))
    lake_zone.write("file/below")
    assert lake_zone.keys() == ["file", "file/below"]


def test_etag_survives_a_rename_and_no_write(lake_zone: Zone) -> None:
    first = lake_zone.write("a", b"content")
    lake_zone.store.move(first.uri, lake_zone.uri("b"))
    assert lake_zone.store.head(lake_zone.uri("b")).etag == first.etag
    path = lake_zone.store.local_path(lake_zone.uri("b"))
    assert path is not None
    assert lake_zone.store.fetch(lake_zone.uri("b"), first.etag, lake_zone.scratch) == path
    time.sleep(0.02)
    path.write_bytes(b"CONTENT")
    assert not lake_zone.store.unchanged(lake_zone.uri("b"), first.etag)
    with pytest.raises(ObjectChanged):
        lake_zone.store.fetch(lake_zone.uri("b"), first.etag, lake_zone.scratch)
    path.unlink()
    assert not lake_zone.store.unchanged(lake_zone.uri("b"), first.etag)


def test_a_disk_that_takes_no_more(lake_zone: Zone, tmp_path: Path) -> None:
    kept = lake_zone.write("a", b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    local = tmp_path / "large"
    local.write_bytes(b"x" * 100_000)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(StorageFailed, match=r"s3://bucket/a.*File too large"):
            lake_zone.store.put(local, kept.uri)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert _files(tmp_path / "lake") == ["bucket/a"]
    assert lake_zone.read("a") == b"old"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_not_ours(lake_zone: Zone, tmp_path: Path) -> None:
    found = lake_zone.write("raw/a")
    (tmp_path / "lake" / "bucket" / "done").mkdir(mode=0o500)
    with pytest.raises(StorageFailed, match="Permission denied"):
        lake_zone.store.move(found.uri, lake_zone.uri("done/a"))
    assert lake_zone.keys() == ["raw/a"]


@pytest.mark.parametrize("code", [errno.EXDEV, errno.EPERM, errno.ENOTSUP])
def test_a_disk_without_hard_links(lake_zone: Zone, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def no_link(*args: object, **kwargs: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", no_link)
    found = lake_zone.write("raw/a", b"content", overwrite=False)
    with pytest.raises(ObjectChanged):
        lake_zone.write("raw/a", b"other", overwrite=False)
    for _ in range(2):
        lake_zone.store.move(found.uri, lake_zone.uri("done/a"), found.etag)
        assert lake_zone.keys() == ["done/a"]
    assert lake_zone.read("done/a") == b"content"
    second = lake_zone.write("raw/a", b"another")
    with pytest.raises(ObjectChanged):
        lake_zone.store.move(second.uri, lake_zone.uri("done/a"), second.etag)
    assert (lake_zone.read("raw/a"), lake_zone.read("done/a")) == (b"another", b"content")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB at the bucket `other` of the lake."""
    path = tmp_path / "lake" / "other"
    path.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "glulam-test", str(path)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("may not mount a file system here")
    yield path
    subprocess.run(["umount", str(path)], check=True)


def test_a_lake_over_two_file_systems(small_disk: Path, lake_zone: Zone) -> None:
    """Each bucket may be a mount of its own: a move between them copies."""
    there = S3Uri("other", "done/a")
    found = lake_zone.write("raw/a", b"content")
    for _ in range(2):
        lake_zone.store.move(found.uri, there, found.etag)
        assert (lake_zone.keys(), (small_disk / "done" / "a").read_bytes()) == ([], b"content")
    back = lake_zone.store.head(there)
    lake_zone.store.move(there, found.uri, back.etag)
    assert lake_zone.keys() == ["raw/a"]
    assert _files(small_disk) == []


def test_a_full_disk(small_disk: Path, lake_zone: Zone) -> None:
    kept = lake_zone.write("raw/small", b"small")
    large = lake_zone.write("raw/large", b"x" * 2_000_000)
    with pytest.raises(StorageFailed, match="No space left on device"):
        lake_zone.store.move(large.uri, S3Uri("other", "large"), large.etag)
    with pytest.raises(StorageFailed, match=r"s3://other/large.*No space left on device"):
        lake_zone.store.put(lake_zone.scratch / "to-put", S3Uri("other", "large"))
    assert _files(small_disk) == []
    assert lake_zone.keys() == ["raw/large", "raw/small"]
    lake_zone.store.move(kept.uri, S3Uri("other", "small"), kept.etag)
    assert _files(small_disk) == ["small"]


def test_listing_is_fast(lake_zone: Zone, tmp_path: Path) -> None:
    root = tmp_path / "lake" / "bucket"
    for folder in range(10):
        (root / f"{folder}").mkdir()
        for number in range(200):
            (root / f"{folder}" / f"{number:04}").touch()
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        assert len(lake_zone.keys()) == 2_000
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.2, "it takes about 0.02 s; ten times that is a mistake in the code"


def test_flush(lake_zone: Zone) -> None:
    found = lake_zone.write("a")
    lake_zone.store.move(found.uri, lake_zone.uri("x/a"))
    assert isinstance(lake_zone.store, Lake)
    lake_zone.store.flush([lake_zone.uri("x/a"), lake_zone.uri("x/b")])
    with pytest.raises(ObjectNotFound):
        lake_zone.store.flush([lake_zone.uri("gone/a")])
