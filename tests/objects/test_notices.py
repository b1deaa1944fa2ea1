"""What S3, MinIO, EventBridge and SNS send, read as one value; and what is none of it, refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from glulam.model.errors import InvalidInput
from glulam.model.uri import S3Uri
from glulam.objects.keys import key_of, plain_place
from glulam.objects.notices import Change, Notice, parse_notices
from sqsserver import bridge_event, s3_message, s3_record

MINIO = {
    "EventName": "s3:ObjectCreated:Put", "Key": "raw/in/a%20b.json",
    "Records": [{
        "eventVersion": "2.0", "eventSource": "minio:s3", "awsRegion": "", "eventTime": "2026-01-02T03:04:05.678Z",
        "eventName": "s3:ObjectCreated:Put", "userIdentity": {"principalId": "minio"},
        "s3": {"s3SchemaVersion": "1.0", "configurationId": "Config", "bucket": {"name": "raw", "arn": "arn:aws:s3:::raw"},
               "object": {"key": "in%2Fa+b.json", "size": 7, "eTag": "e1", "contentType": "application/json",
                          "versionId": "v1", "sequencer": "17E0E0E0E0E0E0E0"}},
    }],
}  # fmt: skip


def _one(content: Any) -> Notice:
    (found,) = parse_notices(json.dumps(content))
    return found


def test_minio() -> None:
    assert _one(MINIO) == Notice(
        change=Change.CREATED, uri=S3Uri("raw", "in/a b.json"), etag="e1", size_bytes=7, version_id="v1",
        sequencer="17E0E0E0E0E0E0E0", reason="PutObject",
    )  # fmt: skip


def test_s3_and_eventbridge_say_the_same() -> None:
    about: dict[str, Any] = {"size": 7, "sequencer": "05"}
    by_s3 = _one(s3_message(s3_record("raw", "in/ü +&=%.json", eTag="e1", **about)))
    assert by_s3 == _one(bridge_event("raw", "in/ü +&=%.json", etag="e1", **about))
    assert by_s3.detail() == {
        "version": "0", "bucket": {"name": "raw"}, "reason": "PutObject",
        "object": {"key": "in/ü +&=%.json", "size": 7, "etag": "e1", "sequencer": "05"},
    }  # fmt: skip


def test_deletions_and_several_records() -> None:
    names = ("ObjectRemoved:Delete", "ObjectRemoved:DeleteMarkerCreated", "LifecycleExpiration:Delete")
    found = parse_notices(json.dumps(s3_message(*(s3_record("raw", "a", name=name) for name in names))))
    assert {notice.change for notice in found} == {Change.DELETED}
    assert found[0].detail()["deletion-type"] == "Permanently Deleted"
    assert _one(bridge_event("raw", "a", kind="Object Deleted")).change is Change.DELETED


def test_through_a_topic() -> None:
    inner = json.dumps(s3_message(s3_record("raw", "a")))
    assert _one({"Type": "Notification", "MessageId": "1", "Message": inner}).uri == S3Uri("raw", "a")


@pytest.mark.parametrize(
    "content",
    [
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "raw"}, bridge_event("raw", "a", kind="Object Tags Added"),
        s3_message(s3_record("raw", "a", name="ObjectTagging:Put")), {"Records": []},
    ],
)  # fmt: skip
def test_what_says_nothing_of_objects_that_come_or_go(content: Any) -> None:
    assert parse_notices(json.dumps(content)) == []


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "null", "[]", "{}", "1", '"x"', '{"Records": [{}]}', '{"Records": [1]}', "[" * 100_000,
        '{"Records": [{"eventName": "aws:kinesis"}]}', '{"Records": [{"eventName": "ObjectCreated:Put", "s3": {}}]}',
        '{"source": "aws.glue", "detail-type": "x", "detail": {}}', '{"Type": "Notification", "Message": "hello"}',
        '{"source": "aws.s3", "detail-type": "Object Created", "detail": {}}', "{" * 100_000,
        json.dumps(s3_message(s3_record("raw", "a", size="many"))), json.dumps(bridge_event("raw", "a\0b")),
        json.dumps(bridge_event("raw", "a\ud800")), json.dumps(bridge_event("", "a")), json.dumps(bridge_event("raw", "")),
    ],
    ids=lambda text: text[:16],  # what follows may hold ids of its own
)  # fmt: skip
def test_what_is_no_event_is_refused_with_what_it_was(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_notices(text)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "key", ["a", "in/a b.json", "a//b/", "./x", "x~", "_~x", "é" * 400, "f/" + "x" * 700 + "/y"]
)
def test_the_key_of_a_place(key: str) -> None:
    assert key_of(plain_place(key)) == key


@pytest.mark.parametrize("names", [("a.tmp~",), ("_~x+",), ("a", "_~bad")])
def test_no_key_is_written_like_that(names: tuple[str, ...]) -> None:
    assert key_of(names) is None
