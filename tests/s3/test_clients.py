"""The S3 clients that people use, each for what it is used for; boto3 is in `test_boto3.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.request import urlopen

import obstore
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from obstore.store import S3Store
from pyarrow.fs import FileSelector, S3FileSystem

from environments import environment
from glulam.access.keys import DEVELOPMENT_ID, DEVELOPMENT_SECRET
from s3.conftest import Server, debian

pytestmark = pytest.mark.xdist_group("s3clients")
NAMES = {"a.txt", "long.bin", "sub folder/b ü+%.txt"}


def keys(s3: Any, bucket: str, prefix: str = "") -> set[str]:
    found = s3.list_objects_v2(Bucket=bucket, Prefix=prefix)
    return {o["Key"] for o in found.get("Contents", [])}


def test_aws_cli(server: Server, s3: Any, bucket: str, files: Path, tmp_path: Path) -> None:
    aws = environment("clients", "aws") / "aws"

    def run(*words: str | Path) -> str:
        return server.run(aws, "s3", *words)

    run("cp", files / "a.txt", f"s3://{bucket}/one/a.txt")
    assert (server.lake / bucket / "one" / "a.txt").read_text() == "hello\n"
    run("sync", files, f"s3://{bucket}/all/")
    assert keys(s3, bucket, "all/") == {f"all/{name}" for name in NAMES}
    assert "upload" not in run("sync", files, f"s3://{bucket}/all/")
    run("sync", f"s3://{bucket}/all/", tmp_path / "back")
    assert (tmp_path / "back" / "long.bin").read_bytes() == (files / "long.bin").read_bytes()
    run("mv", f"s3://{bucket}/one/a.txt", f"s3://{bucket}/two/a.txt")
    run("cp", f"s3://{bucket}/all/long.bin", f"s3://{bucket}/two/copy.bin")
    assert keys(s3, bucket, "two/") == {"two/a.txt", "two/copy.bin"}
    with urlopen(run("presign", f"s3://{bucket}/two/a.txt").strip()) as answer:
        assert answer.read() == b"hello\n"
    (server.lake / bucket / "two" / "by hand.json").write_text("{}")
    assert "by hand.json" in run("ls", f"s3://{bucket}/two/")
    run("rm", "--recursive", f"s3://{bucket}/")
    assert keys(s3, bucket) == set()
    run("rb", f"s3://{bucket}")
    assert (
        server.run(aws, "sts", "get-caller-identity", "--query", "Account", "--output", "text").strip()
        == "123456789012"
    )


def test_rclone(server: Server, s3: Any, bucket: str, files: Path, tmp_path: Path) -> None:
    rclone, conf = debian("rclone"), tmp_path / "rclone.conf"
    conf.write_text(
        f"[g]\ntype = s3\nprovider = Other\nenv_auth = true\nendpoint = {server.url}\nregion = eu-west-1\n"
    )

    def run(*words: str | Path) -> str:
        return server.run(rclone, "--config", conf, "--low-level-retries", "1", "--retries", "1", *words)

    run("sync", files, f"g:{bucket}/p")
    run("check", files, f"g:{bucket}/p")
    assert keys(s3, bucket) == {f"p/{name}" for name in NAMES}
    run("sync", f"g:{bucket}/p", tmp_path / "back")
    assert (tmp_path / "back" / "long.bin").read_bytes() == (files / "long.bin").read_bytes()
    run("moveto", f"g:{bucket}/p/a.txt", f"g:{bucket}/q.txt")
    assert run("cat", f"g:{bucket}/q.txt") == "hello\n"
    run("purge", f"g:{bucket}")
    assert bucket not in {b["Name"] for b in s3.list_buckets()["Buckets"]}


def test_s3cmd(server: Server, s3: Any, bucket: str, files: Path, tmp_path: Path) -> None:
    s3cmd, conf = debian("s3cmd"), tmp_path / "s3cfg"
    host = server.url.removeprefix("http://")
    conf.write_text(
        f"[default]\naccess_key = {DEVELOPMENT_ID}\nsecret_key = {DEVELOPMENT_SECRET}\nhost_base = {host}\n"
        f"host_bucket = {host}\nuse_https = False\nbucket_location = eu-west-1\n"
    )

    def run(*words: str | Path) -> str:
        return server.run(s3cmd, "-c", conf, *words)

    run("sync", f"{files}/", f"s3://{bucket}/p/")
    assert keys(s3, bucket) == {f"p/{name}" for name in NAMES}
    assert "20000000" in run("ls", "-r", f"s3://{bucket}/")
    run("get", f"s3://{bucket}/p/long.bin", tmp_path / "back.bin")
    assert (tmp_path / "back.bin").read_bytes() == (files / "long.bin").read_bytes()
    run("cp", f"s3://{bucket}/p/a.txt", f"s3://{bucket}/q.txt")
    assert "text/plain" in run("info", f"s3://{bucket}/q.txt")
    run("del", "-r", "--force", f"s3://{bucket}")
    assert keys(s3, bucket) == set()


def test_pyarrow(server: Server, s3: Any, bucket: str) -> None:
    files = S3FileSystem(access_key=DEVELOPMENT_ID, secret_key=DEVELOPMENT_SECRET, region="eu-west-1",
                         endpoint_override=server.url.removeprefix("http://"), scheme="http")  # fmt: skip
    table = pa.table({"n": range(100_000), "part": [n % 3 for n in range(100_000)]})
    pq.write_to_dataset(table, f"{bucket}/table", partition_cols=["part"], filesystem=files)
    assert pq.read_table(f"{bucket}/table", filesystem=files).num_rows == 100_000
    assert pq.read_table(server.lake / bucket / "table").num_rows == 100_000
    with files.open_output_stream(f"{bucket}/long") as out:
        for _ in range(15):
            out.write(bytes(1 << 20))
    assert s3.head_object(Bucket=bucket, Key="long")["ContentLength"] == 15 << 20
    files.copy_file(f"{bucket}/long", f"{bucket}/copy")
    files.delete_dir(f"{bucket}/table")
    assert {info.path for info in files.get_file_info(FileSelector(bucket, recursive=True))} == {
        f"{bucket}/long", f"{bucket}/copy",
    }  # fmt: skip


def test_obstore(server: Server, bucket: str) -> None:
    store = S3Store(bucket, endpoint=server.url, access_key_id=DEVELOPMENT_ID, secret_access_key=DEVELOPMENT_SECRET,
                    region="eu-west-1", client_options={"allow_http": True})  # fmt: skip
    store.put("a/b.txt", b"hello", mode="create")
    with pytest.raises(Exception, match=r"(?i)already exists"):
        store.put("a/b.txt", b"again", mode="create")
    etag = store.head("a/b.txt")["e_tag"]
    store.put("a/b.txt", b"hello 2", mode={"e_tag": etag})
    with pytest.raises(Exception, match=r"(?i)precondition"):
        store.put("a/b.txt", b"hello 3", mode={"e_tag": etag})
    assert bytes(store.get_range("a/b.txt", start=1, end=4)) == b"ell"
    store.put("long", bytes(30 << 20))
    obstore.copy(store, "long", "copy")
    assert {o["path"] for page in store.list() for o in page} == {"a/b.txt", "long", "copy"}
    assert set(store.list_with_delimiter()["common_prefixes"]) == {"a"}
    store.delete(["long", "copy", "a/b.txt"])
    assert [o for page in store.list() for o in page] == []


WRANGLER = """
import sys, awswrangler as wr, pandas as pd
bucket = sys.argv[1]
frame = pd.DataFrame({"n": range(1000), "part": ["a", "b"] * 500})
wr.s3.to_parquet(frame, f"s3://{bucket}/table/", dataset=True, partition_cols=["part"])
assert len(wr.s3.read_parquet(f"s3://{bucket}/table/", dataset=True)) == 1000
wr.s3.to_json(frame, f"s3://{bucket}/j/x.json", orient="records", lines=True)
wr.s3.to_csv(frame, f"s3://{bucket}/c/x.csv", index=False)
assert len(wr.s3.read_csv(f"s3://{bucket}/c/x.csv")) == 1000
assert wr.s3.does_object_exist(f"s3://{bucket}/c/x.csv")
assert wr.s3.size_objects([f"s3://{bucket}/c/x.csv"])[f"s3://{bucket}/c/x.csv"] > 0
wr.s3.copy_objects([f"s3://{bucket}/c/x.csv"], f"s3://{bucket}/c", f"s3://{bucket}/d")
wr.s3.upload(__file__, f"s3://{bucket}/up.py")
wr.s3.download(f"s3://{bucket}/up.py", __file__ + ".back")
assert open(__file__).read() == open(__file__ + ".back").read()
assert sorted(wr.s3.list_directories(f"s3://{bucket}/")) == [f"s3://{bucket}/{p}/" for p in ("c", "d", "j", "table")]
wr.s3.delete_objects(f"s3://{bucket}/")
assert wr.s3.list_objects(f"s3://{bucket}/") == []
"""

S3FS = """
import sys, s3fs
bucket = sys.argv[1]
fs = s3fs.S3FileSystem()
with fs.open(f"{bucket}/a/b.txt", "wb") as f:
    f.write(b"hello")
with fs.open(f"{bucket}/long", "wb", block_size=6 << 20) as f:
    for n in range(16):
        f.write(bytes([n]) * (1 << 20))
assert fs.size(f"{bucket}/long") == 16 << 20
with fs.open(f"{bucket}/long") as f:
    f.seek(5 << 20)
    assert f.read(3) == bytes([5]) * 3
assert sorted(fs.find(bucket)) == [f"{bucket}/a/b.txt", f"{bucket}/long"]
assert sorted(fs.ls(bucket)) == [f"{bucket}/a", f"{bucket}/long"]
fs.copy(f"{bucket}/long", f"{bucket}/copy")
fs.mv(f"{bucket}/a/b.txt", f"{bucket}/c.txt")
assert fs.cat(f"{bucket}/c.txt") == b"hello"
fs.put_tags(f"{bucket}/c.txt", {"k": "v"})
assert fs.get_tags(f"{bucket}/c.txt") == {"k": "v"}
fs.rm(bucket, recursive=True)
"""


def test_awswrangler(server: Server, bucket: str, tmp_path: Path) -> None:
    (tmp_path / "case.py").write_text(WRANGLER)
    server.run(environment("clients", "aws") / "python", tmp_path / "case.py", bucket)


def test_s3fs(server: Server, s3: Any, bucket: str, tmp_path: Path) -> None:
    (tmp_path / "case.py").write_text(S3FS)
    server.run(environment("s3fs", "python") / "python", tmp_path / "case.py", bucket)
    assert bucket not in {b["Name"] for b in s3.list_buckets()["Buckets"]}
