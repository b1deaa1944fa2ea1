"""Queues on the same server as `s3server`: moto over HTTP. What a test puts into one is what AWS and MinIO would."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote_plus

import boto3

from glulam.model.clock import new_batch_id

ACCOUNT = "123456789012"


@dataclass(frozen=True)
class TestQueue:
    """One queue, made when its URL is first asked for."""

    __test__ = False
    endpoint: str
    name: str
    region: str = "us-east-1"

    @property
    def arn(self) -> str:
        return f"arn:aws:sqs:{self.region}:{ACCOUNT}:{self.name}"

    @cached_property
    def _sqs(self) -> Any:
        return boto3.client("sqs", endpoint_url=self.endpoint, region_name=self.region, aws_access_key_id="test",
                            aws_secret_access_key="test")  # fmt: skip

    @cached_property
    def url(self) -> str:
        return str(self._sqs.create_queue(QueueName=self.name)["QueueUrl"])

    def send(self, *bodies: Any) -> None:
        for body in bodies:
            self._sqs.send_message(
                QueueUrl=self.url, MessageBody=body if isinstance(body, str) else json.dumps(body)
            )

    def counts(self) -> tuple[int, int]:
        """Messages that can be received, and those that somebody has in hand."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self._sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return int(found[names[0]]), int(found[names[1]])

    def bodies(self) -> list[str]:
        found = self._sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10)
        return [m["Body"] for m in found.get("Messages", ())]


def new_queue(endpoint: str, kind: str = "events") -> TestQueue:
    queue = TestQueue(endpoint, f"{kind}-{new_batch_id()}")
    assert queue.url
    return queue


def s3_record(bucket: str, key: str, *, name: str = "ObjectCreated:Put", **about: Any) -> dict[str, Any]:
    """A record of a notification, as S3 sends it."""
    return {
        "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "us-east-1", "eventTime": "2026-01-02T03:04:05.678Z",
        "eventName": name, "requestParameters": {"sourceIPAddress": "192.0.2.1"},
        "s3": {
            "s3SchemaVersion": "1.0", "configurationId": "c", "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
            "object": {"key": quote_plus(key, safe="/"), "sequencer": "0055AED6DCD90281E5", **about},
        },
    }  # fmt: skip


def s3_message(*records: dict[str, Any]) -> dict[str, Any]:
    return {"Records": list(records)}


def bridge_event(bucket: str, key: str, *, kind: str = "Object Created", **about: Any) -> dict[str, Any]:
    """An event as EventBridge sends it for S3."""
    return {
        "version": "0", "id": new_batch_id(), "detail-type": kind, "source": "aws.s3", "account": ACCOUNT,
        "time": "2026-01-02T03:04:05Z", "region": "us-east-1", "resources": [f"arn:aws:s3:::{bucket}"],
        "detail": {
            "version": "0", "bucket": {"name": bucket}, "object": {"key": key, "sequencer": "00617F08299329D189", **about},
            "request-id": "N4N7GDK58NMKJ12R", "requester": ACCOUNT, "source-ip-address": "192.0.2.1", "reason": "PutObject",
        },
    }  # fmt: skip
