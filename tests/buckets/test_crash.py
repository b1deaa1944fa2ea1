"""Kill -9 at each step of a write, a full disk, and writers at the same time: an object is old or new, with its own words."""

from __future__ import annotations

import errno
import os
import resource
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from buckets.conftest import Client
from glulam.buckets.store import BucketStore
from glulam.model import failpoints
from glulam.model.errors import StorageFailed
from glulam.model.s3_errors import PreconditionFailed
from glulam.settings import Settings
from glulam.store.database import Database

MIB = 1 << 20
POINTS = tuple(point for point in failpoints.FAILPOINTS if point.startswith("object."))
WRITES = tuple(
    p for p in POINTS if p not in ("object.before_beside", "object.after_beside", "object.after_unlink")
)
Work = Callable[[Client], None]


def _put(client: Client) -> None:
    client.put("k", b"new" * 1000, Metadata={"is": "new"}, Tagging="is=new")


def _copy(client: Client) -> None:
    client.copy_object(Bucket="bucket", Key="k", CopySource="bucket/source")


def _complete(client: Client) -> None:
    (upload,) = client.list_multipart_uploads(Bucket="bucket")["Uploads"]
    at = {"Bucket": "bucket", "Key": "k", "UploadId": upload["UploadId"]}
    parts = [{"PartNumber": p["PartNumber"], "ETag": p["ETag"]} for p in client.list_parts(**at)["Parts"]]
    client.complete_multipart_upload(**at, MultipartUpload={"Parts": parts})


def _delete(client: Client) -> None:
    client.delete_object(Bucket="bucket", Key="k")


def _below(client: Client) -> None:
    client.put("k/below", b"below", Metadata={"is": "below"})


CASES: list[tuple[Work, str]] = [
    *((work, point) for work in (_put, _copy, _complete) for point in WRITES
      if (work, point) != (_complete, "object.during_write") and (work, point) != (_copy, "object.during_write")),
    (_delete, "object.after_unlink"),
    *((_below, point) for point in POINTS if point not in ("object.after_unlink", "object.during_write")),
]  # fmt: skip


def _killed(lake: Path, database_url: str, work: Work, point: str) -> None:
    """Run the work in a process that dies at the point."""
    pid = os.fork()
    if pid == 0:
        try:
            failpoints.arm(point)
            with (
                Database.open(Settings(database_url=database_url)) as database,
                BucketStore.open(lake, database) as store,
            ):
                work(Client(store))
        finally:
            os._exit(1)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status), f"{work.__name__} never got to {point}"
    assert os.WTERMSIG(status) == signal.SIGKILL


def _prepare(client: Client) -> None:
    client.put("k", b"old", Metadata={"is": "old"}, Tagging="is=old")
    client.put("source", b"new" * 1000, Metadata={"is": "new"}, Tagging="is=new")
    number = client.create_multipart_upload(
        Bucket="bucket", Key="k", Metadata={"is": "new"}, Tagging="is=new"
    )["UploadId"]
    client.upload_part(Bucket="bucket", Key="k", UploadId=number, PartNumber=1, Body=b"new" * 1000)


def _look(client: Client) -> str:
    """Which object is there: its content, words and tags are all of one."""
    listed = {o["Key"]: o["ETag"] for o in client.list_objects_v2(Bucket="bucket")["Contents"]}
    assert set(listed) <= {"k", "source", "k/below"}
    if "k" not in listed:
        return "gone"
    head = client.head_object(Bucket="bucket", Key="k")
    assert head["ETag"] == listed["k"]
    which = str(head["Metadata"]["is"])
    assert client.read("k") == {"old": b"old", "new": b"new" * 1000}[which]
    assert client.get_object_tagging(Bucket="bucket", Key="k")["TagSet"] == [{"Key": "is", "Value": which}]
    return which


@pytest.mark.crash
@pytest.mark.parametrize(("work", "point"), CASES, ids=lambda v: v if isinstance(v, str) else v.__name__)
def test_killed(client: Client, lake: Path, database_url: str, work: Work, point: str) -> None:
    _prepare(client)
    _killed(lake, database_url, work, point)
    found = _look(client)
    if work is _delete:
        assert found == "gone"
    elif work is _below or point in ("object.before_write", "object.during_write", "object.after_write",
                                     "object.before_row", "object.after_row"):  # fmt: skip
        assert found == "old"
    else:
        assert found == "new"
    work(client)
    assert _look(client) == {_delete: "gone", _below: "old"}.get(work, "new")
    if work is _below:
        assert client.read("k/below") == b"below"
    with client.store.objects.records.database.connection() as conn:
        keys = [bytes(key) for (key,) in conn.execute("SELECT key FROM bucket_object").fetchall()]
    listed = client.keys()
    assert {key.decode() for key in keys} == set(listed)  # no row of a key that is not there
    assert all(keys.count(key) <= 2 for key in keys)  # and one of the version before, at most


def test_a_disk_that_takes_no_more(client: Client, lake: Path) -> None:
    client.put("k", b"old", Metadata={"is": "old"}, Tagging="is=old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(StorageFailed, match=os.strerror(errno.EFBIG)):
            client.put("k", b"x" * 100_000)
        with pytest.raises(StorageFailed):
            client.put("other", b"x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert _look(client) == "old"
    assert client.keys() == ["k"]
    assert os.listdir(lake / "bucket/.s3.tmp~") == []


def test_writers_at_the_same_time(client: Client) -> None:
    """Each read sees one whole object; at the end there is one, and one row."""
    stop, wrong = threading.Event(), list[str]()

    def write(number: int) -> None:
        for turn in range(15):
            text = f"{number}-{turn}"
            client.put("k", text.encode() * 2000, Metadata={"is": text})

    def read() -> None:
        while not stop.is_set():
            answer = client.get_object(Bucket="bucket", Key="k")
            with answer["Body"].file as file:
                content = file.read()
            if content != answer["Metadata"]["is"].encode() * 2000:
                wrong.append(answer["Metadata"]["is"])

    client.put("k", b"0" * 2000, Metadata={"is": "0"})
    writers = [threading.Thread(target=write, args=(n,)) for n in range(6)]
    reader = threading.Thread(target=read)
    for thread in (*writers, reader):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    reader.join()
    assert wrong == []
    client.put("k", b"last")
    with client.store.objects.records.database.connection() as conn:
        assert conn.execute("SELECT count(*) FROM bucket_object").fetchone() == (
            2,
        )  # the last two: one has no file
    client.put("k", b"last")


def test_only_one_of_many_may_be_the_first(client: Client) -> None:
    won: list[int] = []
    lost: list[int] = []

    def write(number: int) -> None:
        try:
            client.put("k", str(number).encode(), IfNoneMatch="*")
            won.append(number)
        except PreconditionFailed:
            lost.append(number)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.read("k") == str(won[0]).encode()
    assert (len(won), len(lost)) == (1, 7)
