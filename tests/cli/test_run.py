"""Commands that work: run, list, files retry and skip, dlq replay, compact. Each test has a project of its own."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

from cli.conftest import COMMAND, ROOT, Cli

SUMMARY = {
    "pipeline", "engine", "listed", "batches", "files", "records_read", "records_written", "records_rejected",
    "records_rescued", "rejected_by_reason", "failed_casts", "partitions", "files_written", "bytes_in", "bytes_out",
    "seconds", "failures", "troubles",
}  # fmt: skip
ZIP = b"PK\x03\x04 not JSON at all"


def event(number: int, day: str = "2025-02-18") -> str:
    return f'{{"id": {number}, "event_time": "{day}T10:00:00Z", "ml_mode": "train"}}\n'


def test_run_twice(project: Cli) -> None:
    answer = project("run", "--json")
    assert answer.code == 0
    summary = answer.json
    assert summary.keys() == SUMMARY
    assert summary["listed"] == {"found": 5, "new": 5, "superseded": 0, "bytes": summary["bytes_in"]}
    assert (summary["records_read"], summary["records_written"], summary["records_rejected"]) == (81, 78, 3)
    assert summary["rejected_by_reason"] == {"CAST_FAILED": 1, "MALFORMED": 1, "NOT_AN_OBJECT": 1}
    assert summary["records_rescued"] == 1
    assert summary["failed_casts"] == {"event_time": 1}
    assert summary["partitions"] == summary["files_written"] == 7
    published = list((project.folder / "lake" / "curated").rglob("*.parquet"))
    assert summary["bytes_out"] == sum(p.stat().st_size for p in published)
    again = project("run", str(project.folder / "pipeline.yaml"), cwd=project.folder.parent)
    assert again.code == 0
    assert "nothing to do" in again.out


def test_run_for_a_person(project: Cli) -> None:
    out = project("run").out
    for line in ("files found       5  (5 new, 0 superseded)", "records read      81", "records written   78",
                 "records rejected  3  (CAST_FAILED 1, MALFORMED 1, NOT_AN_OBJECT 1)", "records rescued   1",
                 "failed casts      event_time 1", "partitions        7", "files written     7"):  # fmt: skip
        assert line in out


def test_list_then_run_what_is_known(project: Cli) -> None:
    assert project("list", "--json").json["new"] == 5
    assert project("list", "--json").json["new"] == 0
    project.add("2025/week08/late.json", event(999))
    summary = project("run", "--no-list", "--json").json
    assert summary["listed"] is None
    assert summary["files"] == 5
    assert project("run", "--json").json["files"] == 1


def test_a_bad_file_is_quarantined_and_the_others_go_on(project: Cli) -> None:
    project.edit(lambda text: text + "\nbatch: {max_attempts: 1, backoff_s: 0.01}\n")
    project.add("2025/week08/archive.json", ZIP)
    key = "ml/2025/week08/archive.json"
    answer = project("run", "--json")
    assert answer.code == 1
    assert [f["file"] for f in answer.json["failures"]] == [f"s3://raw/{key}"]
    assert "zip archive" in answer.json["failures"][0]["error"]
    assert answer.json["records_read"] == 81
    assert project.look("files", "--json").json["counts"] == {"QUARANTINED": 1, "SUCCEEDED": 5}
    assert project.look("files", "skip", key, "--json").json["file"]["status"] == "SKIPPED"
    assert project("run").code == 0
    assert project.look("files", "retry", key, "--json").json["file"]["status"] == "PENDING"
    again = project("run")
    assert again.code == 1
    assert f"FAILED  s3://raw/{key}" in again.out
    project.add("2025/week08/archive.json", event(500))  # overwritten with good content: a new version
    repaired = project("run", "--json")
    assert repaired.code == 0
    assert repaired.json["listed"]["superseded"] == 1
    versions = project.look("trace", key, "--json").json["files"]
    assert [v["entry"]["status"] for v in versions] == ["SUPERSEDED", "SUCCEEDED"]


def test_replay_after_a_rule_changed(project: Cli) -> None:
    assert project("run").code == 0
    project.edit(lambda text: text.replace("on_cast_error: reject", "on_cast_error: null")
                 .replace("# missing_event_time: dead_letter", "missing_event_time: hive_default #"))  # fmt: skip
    answer = project("dlq", "replay", "pipeline.yaml", "--json")
    assert answer.code == 0, answer.err
    summary = answer.json
    assert (summary["requested"], summary["written"], summary["still_rejected"]) == (3, 1, 2)
    assert summary["failures"] == []
    assert len(project.look("dlq", "list", "--json").json["dead_letters"]) == 2
    settled = [
        d for d in project.look("dlq", "list", "--all", "--json").json["dead_letters"] if d["settled_by"]
    ]
    assert [(d["record_no"], d["settled_by"]) for d in settled] == [(6, summary["batch"])]
    traced = project.look("trace", settled[0]["id"], "--json").json
    assert [r["record"]["year"] for r in traced["records"]] == [None]
    assert traced["dead_letters"][0]["settled_by"] == summary["batch"]
    nothing = project("dlq", "replay", "--reason", "CAST_FAILED", "--json").json
    assert nothing["requested"] == 0


def test_a_replay_says_which_file_versions_are_gone(project: Cli) -> None:
    project.edit(lambda text: text + "\narchive: keep\n")
    assert project("run").code == 0
    project.add("2025/week07/late.json", event(900) + "BAD\n")
    assert project("run").code == 0
    project.add("2025/week07/late.json", event(901) + event(902))
    answer = project("dlq", "replay", "--file", "late.json")
    assert answer.code == 1
    assert (
        "FAILED  s3://raw/ml/2025/week07/late.json: the version that its dead letters are of is gone"
        in answer.out
    )
    letters = project.look("dlq", "list", "--file", "late.json", "--json").json["dead_letters"]
    assert [letter["settled_by"] for letter in letters] == [None]


def test_a_batch_that_cannot_be_published_is_a_failure_that_is_shown(project: Cli) -> None:
    project.edit(lambda text: text + "\nbatch: {lease_s: 0.5, backoff_s: 0, max_attempts: 2}\n")
    processed = project.folder / "lake" / "processed"
    processed.write_text("a file where the archive should be")
    answer = project("run", "--json")
    assert answer.code == 1
    (failure,) = answer.json["failures"]
    assert failure["file"] is None
    assert failure["error"].startswith("committed, and cannot be published: StorageFailed: ")
    assert answer.json["records_written"] == 78
    processed.unlink()
    again = project("run", "--json")
    assert (again.code, again.json["failures"]) == (0, [])


def test_compact(project: Cli) -> None:
    for number in range(3):
        project.add(f"2025/week08/more-{number}.json", event(700 + number))
        assert project("run").code == 0
    before = project.look("sql", "select * from ml.events order by record_id", "--limit", "0", "--json").json[
        "rows"
    ]
    answer = project("compact", "--json")
    assert answer.code == 0
    summary = answer.json
    assert summary["groups"] == 1
    assert summary["files_before"] - summary["files_after"] == 2
    assert len(list((project.folder / "lake" / "curated").rglob("*.parquet"))) == summary["files_after"]
    assert (
        project.look("sql", "select * from ml.events order by record_id", "--limit", "0", "--json").json[
            "rows"
        ]
        == before
    )
    assert project.look("trace", "701", "--json").json["records"][0]["record"]["_record_no"] == 1
    assert project("compact", "--json").json["groups"] == 0


def test_compact_before_there_is_a_table(project: Cli) -> None:
    assert project("compact").code == 3


def test_new_columns_are_in_the_history(project: Cli) -> None:
    assert project("run").code == 0
    project.add("2025/week08/wider.json", event(800).replace("}", ', "altitude": 12.5}'))
    assert project("run").code == 0
    versions = project.look("tables", "ml.events", "--json").json["versions"]
    assert [v["version"] for v in versions] == [0, 1]
    assert versions[1]["cause"]["added"] == {"altitude": "s3://raw/ml/2025/week08/wider.json"}
    rows = project.look("sql", "select count(*), count(altitude) from ml.events", "--json").json["rows"]
    assert rows == [[79, 1]]
    compared = project.look("tables", "events", "--diff", "0:1")
    assert '+        "Name": "altitude",' in compared.out
    assert '-        "Name"' not in compared.out
    back = project.look("tables", "ml.events", "--diff", "1:0", "--json").json
    assert (back["old"], back["new"]) == (1, 0)
    assert '-        "Name": "altitude",' in back["diff"]
    assert project.look("tables", "ml.events", "--diff", "1").out == "versions 1 and 1 are the same\n"
    assert [project.look("tables", "ml.events", "--diff", d).code for d in ("7:1", "x")] == [3, 2]
    assert project.look("tables", "--diff", "0:1").code == 2


def test_the_catalog_of_another_account_and_region(project: Cli) -> None:
    """Every command works on the catalog that the settings name, and on no other."""
    there = {"GLULAM_ACCOUNT_ID": "999999999999", "GLULAM_REGION": "eu-west-1"}
    assert project("run", **there).code == 0
    count = ("sql", "select count(*) from ml.events", "--json")
    assert project(*count, **there).json["rows"] == [[78]]
    assert [t["name"] for t in project("tables", "--json", **there).json["tables"]] == [
        "events", "events_dead_letters",
    ]  # fmt: skip
    assert project("trace", "107", "--json", **there).json["records"]
    assert project("dlq", "list", "--json", **there).json["dead_letters"]
    assert project("compact", **there).code == 0
    project.add("2025/week08/more.json", event(800))
    assert project("run", **there).code == 0
    assert project("dlq", "replay", **there).code == 0
    assert project(*count, **there).json["rows"] == [[79]]
    assert project("tables", "--json").json["tables"] == []
    assert project(*count).code == 3


def test_ctrl_c_is_130(project: Cli) -> None:
    """Stopped while it waits for the next attempt of a bad file."""
    project.edit(lambda text: text + "\nbatch: {backoff_s: 60}\n")
    project.add("2025/week08/archive.json", ZIP)
    with subprocess.Popen([*COMMAND, "run"], cwd=project.folder, env=project.env(), stderr=subprocess.PIPE, text=True,
                          stdout=subprocess.PIPE) as running:  # fmt: skip
        until = time.monotonic() + 60
        while time.monotonic() < until and running.poll() is None:
            if project.look("files", "--json").json["counts"] == {"FAILED": 1, "SUCCEEDED": 5}:
                break
            time.sleep(0.1)
        time.sleep(0.3)
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=30)
    assert running.returncode == 130
    assert "stopped" in err
    assert "Traceback" not in err


def test_ctrl_c_in_a_batch_leaves_it_to_the_next_run_at_once(project: Cli) -> None:
    """The lease is a minute; it is given up with the work."""
    with subprocess.Popen([*COMMAND, "run"], cwd=project.folder, env=project.env(GLULAM_FAILPOINT="stage.before:pause"),
                          stderr=subprocess.PIPE, text=True, stdout=subprocess.PIPE) as running:  # fmt: skip
        stopped(running.pid)
        running.send_signal(signal.SIGINT)
        running.send_signal(signal.SIGCONT)
        running.communicate(timeout=60)
    assert running.returncode == 130
    assert project.look("files", "--json").json["counts"] == {"PROCESSING": 5}
    began = time.monotonic()
    assert project("run", "--json").json["records_read"] == 81
    assert time.monotonic() - began < 45


def stopped(pid: int) -> None:
    """Wait until the process has stopped itself at its failpoint."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T":
            return
        time.sleep(0.05)
    raise AssertionError("the failpoint was not reached")


def test_an_engine_that_is_not_installed_is_2_and_says_what_to_install(project: Cli, tmp_path: Path) -> None:
    for name in ("pyspark", "py4j"):
        (tmp_path / "without" / name).mkdir(parents=True)
        missing = f"raise ModuleNotFoundError('no {name}', name='{name}')"
        (tmp_path / "without" / name / "__init__.py").write_text(missing)
    path = f"{tmp_path / 'without'}:{ROOT / 'src'}"
    answer = project("run", "--engine", "spark", PYTHONPATH=path)
    assert answer.code == 2
    assert "pip install 'glulam[spark]'" in answer.err
    assert project.look("files", "--json").json["files"] == []
