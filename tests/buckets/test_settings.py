"""Tags, notification and lifecycle: stored, checked, and used."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glulam.buckets.filesystem import require_exact_names
from glulam.buckets.lifecycle import When, decide, original_of, rules_of
from glulam.model import s3_errors
from glulam.model.errors import GlulamError, InvalidConfig
from glulam.model.s3_errors import (
    InvalidTag,
    NoSuchKey,
    NoSuchLifecycleConfiguration,
    NoSuchTagSet,
)
from glulam.store.database import Database

if TYPE_CHECKING:
    from buckets.conftest import Client

AT = {"Bucket": "bucket"}
NOW = datetime(2024, 5, 10, 12, tzinfo=UTC)


def _tags(**tags: str) -> dict[str, Any]:
    return {"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}


def _rule(**more: Any) -> dict[str, Any]:
    return {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": ""}, **more}


def test_object_tags(client: Client, lake: Path) -> None:
    client.put("a", Tagging="x=1")
    assert client.get_object_tagging(**AT, Key="a") == _tags(x="1")
    client.put_object_tagging(**AT, Key="a", Tagging=_tags(y="2", z="3"))
    head = client.head_object(**AT, Key="a")
    assert head["TagCount"] == 2
    assert client.get_object_tagging(**AT, Key="a") == _tags(y="2", z="3")
    client.delete_object_tagging(**AT, Key="a")
    assert client.get_object_tagging(**AT, Key="a") == _tags()
    (lake / "bucket/by-hand").write_text("x")
    etag = client.head_object(**AT, Key="by-hand")["ETag"]
    client.put_object_tagging(**AT, Key="by-hand", Tagging=_tags(y="2"))
    assert client.get_object_tagging(**AT, Key="by-hand") == _tags(y="2")
    assert client.head_object(**AT, Key="by-hand")["ETag"] == etag
    with pytest.raises(NoSuchKey):
        client.put_object_tagging(**AT, Key="none", Tagging=_tags(y="2"))
    for wrong in (_tags(**{"aws:x": "1"}), _tags(x="a" * 257), _tags(**{f"k{n}": "" for n in range(11)}),
                  {"TagSet": [{"Key": "a", "Value": "1"}] * 2}, _tags(**{"": "1"})):  # fmt: skip
        with pytest.raises(InvalidTag):
            client.put_object_tagging(**AT, Key="a", Tagging=wrong)


def test_bucket_tags_and_words_that_are_always_the_same(client: Client) -> None:
    with pytest.raises(NoSuchTagSet):
        client.get_bucket_tagging(**AT)
    client.put_bucket_tagging(**AT, Tagging=_tags(team="data"))
    assert client.get_bucket_tagging(**AT) == _tags(team="data")
    client.delete_bucket_tagging(**AT)
    assert client.get_bucket_versioning(**AT) == {}
    assert client.get_bucket_acl(**AT)["Grants"][0]["Permission"] == "FULL_CONTROL"


def test_a_bucket_tells_event_rules_and_nobody_else(client: Client) -> None:
    assert client.get_bucket_notification_configuration(**AT) == {}
    told: dict[str, Any] = {"EventBridgeConfiguration": {}}
    client.put_bucket_notification_configuration(**AT, NotificationConfiguration=told)
    assert client.get_bucket_notification_configuration(**AT) == told
    for member, arn in (("QueueConfigurations", "QueueArn"), ("TopicConfigurations", "TopicArn"),
                        ("LambdaFunctionConfigurations", "LambdaFunctionArn")):  # fmt: skip
        configuration = {
            **told,
            member: [{arn: "arn:aws:x:us-east-1:123456789012:y", "Events": ["s3:ObjectCreated:*"]}],
        }
        with pytest.raises(s3_errors.NotImplemented, match="an event rule"):
            client.put_bucket_notification_configuration(**AT, NotificationConfiguration=configuration)
    assert client.get_bucket_notification_configuration(**AT) == told
    client.put_bucket_notification_configuration(**AT, NotificationConfiguration={})
    assert client.get_bucket_notification_configuration(**AT) == {}


def test_lifecycle_is_given_back(client: Client) -> None:
    with pytest.raises(NoSuchLifecycleConfiguration):
        client.get_bucket_lifecycle_configuration(**AT)
    date = datetime(2030, 1, 1, tzinfo=UTC)
    rules = [_rule(Expiration={"Date": date}, Transitions=[{"Days": 30, "StorageClass": "GLACIER"}])]
    client.put_bucket_lifecycle_configuration(**AT, LifecycleConfiguration={"Rules": rules})
    assert client.get_bucket_lifecycle_configuration(**AT)["Rules"] == rules
    client.delete_bucket_lifecycle(**AT)
    with pytest.raises(NoSuchLifecycleConfiguration):
        client.get_bucket_lifecycle_configuration(**AT)


@pytest.mark.parametrize(
    "rule",
    [
        _rule(),
        _rule(Expiration={"Days": 0}),
        _rule(Expiration={"Days": 1, "Date": NOW}),
        _rule(Expiration={"Date": NOW}),
        _rule(Transitions=[{"Days": 1, "StorageClass": "STANDARD"}]),
        _rule(NoncurrentVersionExpiration={"NoncurrentDays": 1}),
        _rule(Expiration={"Days": 1}, Status="On"),
    ],
)
def test_lifecycle_rules_that_are_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(GlulamError):
        rules_of({"Rules": [rule]})


def test_what_is_due() -> None:
    rules = rules_of({"Rules": [
        _rule(Filter={"Prefix": "logs/"}, Expiration={"Days": 30},
              Transitions=[{"Days": 5, "StorageClass": "GLACIER"}, {"Days": 2, "StorageClass": "STANDARD_IA"}]),
        _rule(ID="b", Filter={"And": {"Prefix": "", "Tags": [{"Key": "t", "Value": "1"}], "ObjectSizeGreaterThan": 10}},
              Expiration={"Days": 1}),
        _rule(ID="off", Status="Disabled", Expiration={"Days": 1}),
    ]})  # fmt: skip

    def due(key: str, age_days: float, size: int = 1, **tags: str) -> str | None:
        found = decide(rules, key, size, NOW - timedelta(days=age_days), tags, NOW)
        return None if found is None else found.target or "expires"

    assert due("logs/a", 1) is None
    assert due("logs/a", 2.6) == "_archive/STANDARD_IA/logs/a"
    assert due("logs/a", 6) == "_archive/GLACIER/logs/a"
    assert due("logs/a", 31) == "expires"
    assert due("_archive/STANDARD_IA/logs/a", 3) is None
    assert due("_archive/STANDARD_IA/logs/a", 6) == "_archive/GLACIER/logs/a"
    assert due("_archive/GLACIER/logs/a", 31) == "expires"
    assert due("other/a", 100) is None
    assert due("other/a", 2, size=11, t="1") == "expires"
    assert due("other/a", 2, size=10, t="1") is None


@given(age_s=st.integers(0, 10**7), days=st.integers(1, 90))
def test_nothing_is_due_too_early_or_a_day_too_late(age_s: int, days: int) -> None:
    due = When(days=days).is_due(NOW - timedelta(seconds=age_s), NOW)
    assert not due or age_s >= days * 86400
    assert due or age_s < (days + 1) * 86400


@given(key=st.text(max_size=30))
def test_an_archived_name_can_be_told(key: str) -> None:
    assert not key or original_of(f"_archive/GLACIER/{key}") == (key, "GLACIER")


def test_upkeep_expires_archives_and_aborts(client: Client, lake: Path, database: Database) -> None:
    for key in ("logs/old", "logs/older", "logs/new", "kept"):
        client.put(key, key.encode(), Metadata={"k": key}, Tagging="t=1")
    for key, days in (("logs/old", 10), ("logs/older", 40), ("kept", 40)):
        etag = client.head_object(**AT, Key=key)["ETag"]
        _make_older(client, lake, database, key, days)
        assert client.head_object(**AT, Key=key)["ETag"] == etag
    number = client.create_multipart_upload(**AT, Key="logs/upload")["UploadId"]
    client.upload_part(**AT, Key="logs/upload", UploadId=number, PartNumber=1, Body=b"x")
    with database.connection() as conn:
        conn.execute("UPDATE bucket_upload SET started_at = now() - interval '8 days'")
    rule = _rule(Filter={"Prefix": "logs/"}, Expiration={"Days": 30},
                 Transitions=[{"Days": 5, "StorageClass": "GLACIER"}],
                 AbortIncompleteMultipartUpload={"DaysAfterInitiation": 7})  # fmt: skip
    client.put_bucket_lifecycle_configuration(**AT, LifecycleConfiguration={"Rules": [rule]})
    upkeep = client.store.ageing()
    while upkeep.step():
        pass
    assert client.keys() == ["_archive/GLACIER/logs/old", "kept", "logs/new"]
    head = client.head_object(**AT, Key="_archive/GLACIER/logs/old")
    assert (head["Metadata"], head["StorageClass"], head["TagCount"]) == ({"k": "logs/old"}, "GLACIER", 1)
    assert client.read("_archive/GLACIER/logs/old") == b"logs/old"
    assert client.list_multipart_uploads(**AT)["Uploads"] == []
    assert os.listdir(lake / "bucket/.s3.tmp~") == []
    assert not upkeep.step()


def _make_older(client: Client, lake: Path, database: Database, key: str, days: int) -> None:
    path = lake / "bucket" / key
    then = time.time_ns() - days * 86_400 * 10**9
    with database.connection() as conn:
        conn.execute("UPDATE bucket_object SET mtime_ns = %s WHERE key = %s", (then, key.encode()))
    os.utime(path, ns=(then, then))


def test_upkeep_forgets_files_that_were_taken_away(client: Client, lake: Path, database: Database) -> None:
    for key in ("kept", "moved", "again"):
        client.put(key, b"1", Metadata={"k": "v"})
    client.put("again", b"2", Metadata={"k": "v"})
    (lake / "bucket/moved").rename(lake / "bucket/elsewhere")
    upkeep = client.store.ageing()
    while upkeep.step():
        pass
    with database.connection() as conn:
        rows = conn.execute("SELECT key FROM bucket_object ORDER BY key").fetchall()
    assert rows == [(b"again",), (b"kept",)]
    assert client.head_object(**AT, Key="again")["Metadata"] == {"k": "v"}


def test_a_file_system_that_takes_two_keys_for_one(tmp_path: Path) -> None:
    require_exact_names(str(tmp_path))
    with pytest.raises(InvalidConfig, match="case"):
        require_exact_names(str(tmp_path), exists=lambda path: Path(path.lower()).exists())
    with pytest.raises(InvalidConfig, match="accent"):
        require_exact_names(str(tmp_path), exists=lambda path: Path(normalize("NFC", path)).exists())
    assert list(tmp_path.iterdir()) == []
