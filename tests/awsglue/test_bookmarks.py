"""What a bookmark leaves to read, and when it moves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsglue.bookmark_clients import FileBookmarks, client_for
from awsglue.bookmarks import JobBookmark, Keys, unread, window, within
from awsglue.listing import FileVersion
from awsglue.testing import GlueServer
from glulam.asking import KEY
from glulam.model.errors import InvalidInput


def file(path: str, etag: str) -> FileVersion:
    return FileVersion(path=path, etag=etag, modified=0, size_bytes=1)


def test_a_file_is_read_once_for_each_version() -> None:
    first, state = unread([file("a", "1"), file("b", "1")], None)
    assert [f.path for f in first] == ["a", "b"]
    second, state = unread([file("a", "1"), file("b", "2"), file("c", "1")], state)
    assert [f.path for f in second] == ["b", "c"]
    assert unread([file("a", "1"), file("b", "2"), file("c", "1")], state)[0] == []


@given(st.lists(st.sets(st.tuples(st.sampled_from("abcd"), st.sampled_from("123"))), max_size=5))
def test_no_version_is_lost_or_read_twice_in_a_row(runs: list[set[tuple[str, str]]]) -> None:
    state = None
    before: set[FileVersion] = set()
    for there in runs:
        found = {file(*one) for one in there}
        work, state = unread(sorted(found), state)
        assert set(work) == found - before
        before = found


def test_the_window_of_a_jdbc_table() -> None:
    keys = Keys(names=["id"])
    condition, state = window(keys, None, [10])
    assert (condition, state) == ("NOT ((id > 10))", {"kind": "jdbc", "keys": ["id"], "last": [10]})
    assert window(keys, state, [12])[0] == "NOT ((id > 12)) AND ((id > 10))"
    assert window(Keys(names=["id"], descending=True), state, [5])[0] == "NOT ((id < 5)) AND ((id < 10))"
    assert window(Keys(names=["id"], lookback=3), state, [12])[0] == "NOT ((id > 12)) AND ((id > 7))"
    pair, _ = window(Keys(names=["a", "b"]), {"keys": ["a", "b"], "last": [1, "o'x"]}, [2, "y"])
    assert pair == "NOT ((a > 2) OR (a = 2 AND b > 'y')) AND ((a > 1) OR (a = 1 AND b > 'o''x'))"
    assert window(keys, state, None) == ("1 = 0", state)
    with pytest.raises(InvalidInput, match="reset it"):
        window(Keys(names=["other"]), state, [1])


def test_only_commit_moves_the_bookmark_and_pause_never(tmp_path: Path) -> None:
    client = FileBookmarks(tmp_path)

    def run(option: str) -> JobBookmark:
        return JobBookmark.begin(client, job_name="j/1", run_id="r", option=option)

    run("job-bookmark-enable").note("ctx", {"seen": ["x"]})
    assert client.load("j/1") == {}
    kept = run("job-bookmark-enable")
    kept.note("ctx", {"seen": ["x"]})
    kept.commit()
    paused = run("job-bookmark-pause")
    assert paused.state("ctx") == {"seen": ["x"]}
    paused.note("ctx", {"seen": []})
    paused.commit()
    assert client.load("j/1") == {"ctx": {"seen": ["x"]}}
    assert run("job-bookmark-disable").state("ctx") is None
    with pytest.raises(InvalidInput, match="job-bookmark-on"):
        run("job-bookmark-on")


class Asked(BaseHTTPRequestHandler):
    """Remembers requests; answers with the state of the run that is asked for."""

    seen: ClassVar[list[tuple[str, str, str, bytes]]] = []

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.seen.append((self.command, self.path, self.headers["Authorization"], body))
        answer = json.dumps({"state": {"ctx": {"seen": [self.path[-1]]}}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_PUT = do_GET

    def log_message(self, *_: object) -> None:
        pass


def test_the_server_is_asked_with_a_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the run's own key, whatever the script has made of AWS's variables."""
    for name, value in zip(KEY, ("AKIAOFTHERUN00000000", "secret", "token"), strict=True):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOFSOMETHINGELSE0")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with HTTPServer(("127.0.0.1", 0), Asked) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{web.server_port}/")
        client = client_for("jr_1")
        paused = JobBookmark.begin(
            client, job_name="j", run_id="jr_1", option="job-bookmark-pause", start="jr_a", end="jr_b"
        )
        client.commit("j", "jr_1", {"ctx": {"seen": []}})
        web.shutdown()
    assert (paused.state("ctx"), paused.end("ctx")) == ({"seen": ["a"]}, {"seen": ["b"]})
    place = "/_glulam/job-runs/jr_1/bookmark"
    assert [(method, path) for method, path, _, _ in Asked.seen] == [
        ("GET", f"{place}?run=jr_a"), ("GET", f"{place}?run=jr_b"), ("PUT", place),
    ]  # fmt: skip
    assert all(
        "AKIAOFTHERUN" in signature and "/glue/aws4_request" in signature for _, _, signature, _ in Asked.seen
    )
    assert json.loads(Asked.seen[-1][3]) == {"state": {"ctx": {"seen": []}}}


def test_a_range_of_runs() -> None:
    first, second, third = file("a", "1"), file("b", "1"), file("c", "1")
    _, at_first = unread([first], None)
    _, at_second = unread([first, second], at_first)
    assert unread(within([first, second, third], at_second), at_first)[0] == [second]


SCRIPT = """
import sys
from awsglue.transforms import *
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext
from awsglue.context import GlueContext
from awsglue.job import Job

args = getResolvedOptions(sys.argv, ["JOB_NAME", "bucket", "end"])
sc = SparkContext.getOrCreate()
glueContext = GlueContext(sc)
spark = glueContext.spark_session
job = Job(glueContext)
job.init(args["JOB_NAME"], args)
frame = glueContext.create_dynamic_frame.from_options(
    "s3", {"paths": [f"s3://{args['bucket']}/raw/"]}, "json", transformation_ctx="raw")
kept = Filter.apply(frame=frame, f=lambda r: r["id"] > 0, transformation_ctx="kept") if frame.schema().fields else frame
print("READ", sorted(r["id"] for r in kept.toDF().collect()))
if args["end"] == "commit":
    job.commit()
"""


@pytest.mark.spark
@pytest.mark.xdist_group("spark")
def test_a_script_from_glue_reads_new_files_only(glue_server: GlueServer, tmp_path: Path) -> None:
    """Unmodified, and run as `python script.py`."""
    raw = glue_server.lake / "incremental" / "raw"
    raw.mkdir(parents=True)
    (tmp_path / "script.py").write_text(SCRIPT)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("GLULAM_", "AWS_"))} | glue_server.env
    env |= {"GLULAM_HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}

    def run(end: str) -> tuple[str, str]:
        words = [
            "--JOB_NAME",
            "j",
            "--bucket",
            "incremental",
            "--end",
            end,
            "--job-bookmark-option",
            "job-bookmark-enable",
        ]
        done = subprocess.run([sys.executable, "script.py", *words], cwd=tmp_path, env=env, capture_output=True,
                              text=True, check=True)  # fmt: skip
        return next(line for line in done.stdout.splitlines() if line.startswith("READ")), done.stderr

    (raw / "a.json").write_text('{"id": 1}\n{"id": 2}\n')
    said, errors = run("fail")
    assert said == "READ [1, 2]"
    assert "job.commit() was not called" in errors
    assert run("commit")[0] == "READ [1, 2]"
    (raw / "b.json").write_text('{"id": 3}\n')
    assert run("commit")[0] == "READ [3]"
