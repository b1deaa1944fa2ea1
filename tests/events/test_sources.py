"""Where events of objects come from: files that are dropped, looks at what nobody told, queues."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from events.conftest import PLACE, Events, running, s3_pattern, within
from glulam.events.dropped import DroppedFiles
from glulam.events.looks import Looks
from glulam.events.queued import QueuedEvents
from glulam.model.clock import utc_now
from glulam.objects.queues import EventQueue
from glulam.objects.s3 import S3Store
from s3server import s3_client
from sqsserver import bridge_event, new_queue, s3_message, s3_record

OLD = 1_700_000_000
CREATED, DELETED = "Object Created", "Object Deleted"


def test_looks_tell_what_came_after_the_rule(events: Events) -> None:
    os.utime(events.drop("raw/in/old.json"), (OLD, OLD))
    events.rule(s3_pattern(key=[{"prefix": "in/"}]))
    looks = events.looks()
    assert looks.step()
    assert events.told() == []
    moved = events.drop("elsewhere.json")
    os.utime(moved, (OLD, OLD))
    moved.rename(events.root / "raw/in/moved.json")  # its time of change is long ago
    events.drop("raw/in/deep/a b.json")
    events.drop("raw/out/no.json")
    looks.step()
    assert events.told() == [(CREATED, "raw/in/deep/a b.json"), (CREATED, "raw/in/moved.json")]
    looks.step()
    events.drop("raw/in/old.json", "more")
    (events.root / "raw/in/moved.json").unlink()
    looks.step()
    assert events.told()[2:] == [(DELETED, "raw/in/moved.json"), (CREATED, "raw/in/old.json")]
    looks.step()
    assert len(events.told()) == 4


def test_a_wider_rule_takes_nothing_from_the_one_before(events: Events) -> None:
    """What the first rule asked for is told, although the wider one, which is looked for now, is younger."""
    events.drop("raw/in/0.json")
    events.drop("raw/out/0.json")
    events.rule(s3_pattern(key=[{"prefix": "in/"}]))
    events.looks().step()
    events.drop("raw/in/1.json")
    events.drop("raw/out/1.json")
    time.sleep(0.05)
    events.workflow("w2")
    events.rule(s3_pattern(), name="wider", workflow="w2")
    time.sleep(0.05)
    events.drop("raw/out/2.json")
    looks = events.looks()
    looks.step()
    looks.step()
    assert events.keys() == ["in/1.json"]
    assert [key for _, key in events.told()] == ["raw/in/1.json", "raw/out/2.json"]


def test_a_prefix_need_not_be_a_folder(events: Events) -> None:
    events.rule(s3_pattern(key=[{"prefix": "in/2024-"}]))
    looks = events.looks()
    looks.step()
    for day in ("2023-12-31", "2024-01-01", "2024-02"):
        events.drop(f"raw/in/{day}/a.json")
    looks.step()
    assert [key for _, key in events.told()] == ["raw/in/2024-01-01/a.json", "raw/in/2024-02/a.json"]


def test_looks_page_by_page(events: Events, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glulam.events.looks._PAGE", 3)
    events.rule(s3_pattern())
    looks = events.looks()
    looks.step()
    for n in range(10):
        events.drop(f"raw/{n}.json")
    looks.step()
    assert len(events.told()) == 10
    for n in (0, 1, 2, 3, 4, 9):
        (events.root / f"raw/{n}.json").unlink()
    looks.step()
    assert [key for kind, key in events.told() if kind == DELETED] == [
        f"raw/{n}.json" for n in (0, 1, 2, 3, 4, 9)
    ]
    shutil.rmtree(events.root / "raw")
    looks.step()
    assert len(events.told()) == 20


def test_what_is_written_still_or_temporary_is_no_event(events: Events) -> None:
    events.rule(s3_pattern())
    looks = events.looks(settle_ms=700)
    looks.step()
    for name in ("a.json.tmp", ".hidden", ".staging/x.json", "b.part", "c.crdownload", "d.json~"):
        events.drop(f"raw/{name}")
    events.drop("raw/_SUCCESS")
    looks.step()
    assert events.told() == []
    time.sleep(0.8)
    looks.step()
    assert events.told() == [(CREATED, "raw/_SUCCESS")]
    (events.root / "raw/a.json.tmp").rename(events.root / "raw/a.json")
    looks.step()
    assert events.told()[1:] == [(CREATED, "raw/a.json")]


def test_two_who_look_tell_once(events: Events) -> None:
    events.rule(s3_pattern())
    events.looks().step()
    for n in range(300):
        events.drop(f"raw/{n % 7}/{n}.json")
    threads = [threading.Thread(target=events.looks().step) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(events.told()) == 300


def test_looks_at_an_s3(events: Events, s3_bucket: str, s3_env: str) -> None:
    client = s3_client(s3_env)
    events.rule(s3_pattern(s3_bucket, key=[{"prefix": "in/"}]))
    looks = Looks(database=events.database, store=S3Store(), account_id=PLACE.account_id, clock=utc_now, every_s=0,
                  settle=events.looks(settle_ms=60_000).settle)  # fmt: skip
    looks.step()
    client.put_object(Bucket=s3_bucket, Key="in/a.json", Body=b"x")
    looks.step()
    client.delete_object(Bucket=s3_bucket, Key="in/a.json")
    looks.step()
    assert events.told() == [(CREATED, f"{s3_bucket}/in/a.json"), (DELETED, f"{s3_bucket}/in/a.json")]


def _watching(events: Events, settle_ms: int = 200) -> DroppedFiles:
    return DroppedFiles(looks=events.looks(settle_ms=settle_ms), root=events.root)


def _keys(events: Events, kind: str = CREATED) -> set[str]:
    return {key.removeprefix("raw/") for found, key in events.told() if found == kind}


def test_files_that_are_dropped(events: Events) -> None:
    events.drop("raw/in/before.json")
    events.rule(s3_pattern(key=[{"prefix": "in/"}]))
    with running(_watching(events).run):
        time.sleep(1)
        events.drop("raw/in/a.json")
        events.drop("raw/in/new/folder/b.json")  # in folders that nobody watches yet
        events.drop("raw/out/c.json")
        events.drop("raw/in/d.json.tmp").rename(events.root / "raw/in/d.json")
        staged = events.drop("staged/x/e.json")
        staged.parent.rename(events.root / "raw/in/moved")
        within(
            10, lambda: _keys(events), {"in/a.json", "in/new/folder/b.json", "in/d.json", "in/moved/e.json"}
        )
        (events.root / "raw/in/a.json").unlink()
        within(10, lambda: _keys(events, DELETED), {"in/a.json"})
    assert len(events.told()) == 5


def test_a_file_counts_when_its_writer_is_done(events: Events) -> None:
    events.rule(s3_pattern())
    with running(_watching(events, settle_ms=600).run):
        time.sleep(1)
        with (events.root / "raw/slow.json").open("w") as file:
            for _ in range(12):
                file.write("x" * 10)
                file.flush()
                time.sleep(0.1)
                assert events.told() == []
        within(10, lambda: _keys(events), {"slow.json"})
        time.sleep(0.5)
    assert len(events.told()) == 1
    [(size,)] = events._rows("SELECT payload #>> '{object,size}' FROM outbox WHERE source = 'aws.s3'")
    assert size == "120"


def test_a_rule_that_comes_later_is_watched_too(events: Events) -> None:
    with running(_watching(events).run), running(events.looks(every_s=60).run):
        time.sleep(0.5)
        events.rule(s3_pattern("later", key=[{"prefix": "in/"}]))
        time.sleep(1)
        events.drop(
            "later/in/a.json"
        )  # a bucket that was not there: found by a look, which the new folder asks for
        within(10, events.told, [(CREATED, "later/in/a.json")])
        events.drop("later/in/b.json")
        within(10, lambda: len(events.told()), 2)
    assert {key for _, key in events.told()} == {"later/in/a.json", "later/in/b.json"}


def test_a_burst_of_files_with_a_look_beside(events: Events) -> None:
    """Everybody finds the same files; each is one event, and the workflow gets each once."""
    events.rule(s3_pattern(key=[{"suffix": ".json"}]))
    looks = events.looks(every_s=0.2, settle_ms=200)
    with running(_watching(events).run), running(looks.run), running(events.router.run):
        time.sleep(1)
        for n in range(
            2000
        ):  # moved in: a writer that is held up for longer than the settle time makes two versions
            (events.root / f"raw/{n % 13}").mkdir(exist_ok=True)
            events.drop("staged").rename(events.root / f"raw/{n % 13}/{n}.json")
        within(60, lambda: len(events.told()), 2000)
    assert len(set(events.told())) == 2000
    found = events.keys()
    assert len(found) == len(set(found)) == 2000


def test_of_a_queue(events: Events, s3_env: str) -> None:
    events.rule(s3_pattern())
    queue = new_queue(s3_env)
    reader = QueuedEvents(database=events.database, name=queue.arn, queue=partial(EventQueue, queue.arn))
    assert not reader.step()
    again = s3_message(s3_record("raw", "a b+c.json", size=3, eTag="e"))
    inside = {"Type": "Notification", "TopicArn": "arn:aws:sns:us-east-1:123456789012:t",
              "Message": json.dumps(s3_message(s3_record("raw", "by-sns.json", size=3, eTag="e")))}  # fmt: skip
    queue.send(again, again, bridge_event("raw", "bridged.json", size=4, etag="e"), inside, {"Event": "s3:TestEvent"},
               bridge_event("raw", "x", kind="Object Tags Added"), "hello")  # fmt: skip
    while reader.step():
        pass
    assert sorted(events.keys()) == ["a b+c.json", "bridged.json", "by-sns.json"]
    assert queue.counts() == (0, 1)  # what is no event comes again


def test_a_queue_that_comes_later(events: Events, s3_env: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glulam.events.queued._LOST_S", 0.1)
    queue = new_queue(s3_env)
    late = type(queue)(queue.endpoint, f"{queue.name}-late")
    reader = QueuedEvents(database=events.database, name=late.arn, queue=partial(EventQueue, late.arn))
    with running(reader.run):
        time.sleep(0.3)
        late.send(s3_message(s3_record("raw", "a.json", size=3)))
        within(10, events.told, [(CREATED, "raw/a.json")])


def test_a_link_out_of_the_lake_is_no_object(events: Events, tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text("x")
    events.rule(s3_pattern())
    with running(_watching(events).run):
        time.sleep(1)
        (events.root / "raw/link.json").symlink_to(tmp_path / "secret.json")
        events.drop("raw/a.json")
        within(10, lambda: _keys(events), {"a.json"})
        time.sleep(0.5)
    assert _keys(events) == {"a.json"}
