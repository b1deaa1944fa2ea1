"""A queue of notifications at SQS, or at what speaks like it: receive, delete, give back, put aside.

boto3 finds the place by the usual variables (AWS_ENDPOINT_URL_SQS, AWS_ENDPOINT_URL, AWS_REGION, credentials). A message is
hidden from others while it is worked on, and comes again unless it is deleted: at least once, whatever dies. Left to others:
what a message says (`notices.py`)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import boto3
import botocore.exceptions as boto
from botocore.config import Config

from glulam.model.errors import InvalidInput, StorageFailed
from glulam.objects.notices import Message

_BATCH = 10
"""Most messages of one request, SQS's limit."""


class EventQueue:
    """One queue. Safe to use from several threads."""

    def __init__(self, name: str) -> None:
        """`name`: its ARN (`arn:aws:sqs:region:account:name`) or URL. Raises InvalidInput, StorageFailed."""
        self.name = name
        arn = name.split(":")
        if not name.startswith(("http://", "https://")) and (len(arn) != 6 or arn[2] != "sqs" or not arn[5]):
            raise InvalidInput(f"queue {name!r}: expected arn:aws:sqs:region:account:name, or a URL")
        session = boto3.session.Session()
        region = None if "://" in name else arn[3] or None
        with self._asking("set up"):
            self._sqs: Any = session.client(
                "sqs", region_name=region or session.region_name or os.environ.get("AWS_REGION") or "us-east-1",
                config=Config(retries={"mode": "standard", "total_max_attempts": 4}, connect_timeout=10, read_timeout=40),
            )  # fmt: skip
        with self._asking("find"):
            self._url = name if "://" in name else str(
                self._sqs.get_queue_url(QueueName=arn[5], QueueOwnerAWSAccountId=arn[4])["QueueUrl"]
            )  # fmt: skip

    def receive(self, *, hidden_s: int, wait_s: int = 0) -> list[Message]:
        """Up to ten, hidden from others for `hidden_s`; none when none comes within `wait_s` (at most 20)."""
        with self._asking("receive from"):
            found = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=_BATCH,
                VisibilityTimeout=hidden_s,
                WaitTimeSeconds=wait_s,
            )
        return [
            Message(id=m["MessageId"], body=m["Body"], receipt=m["ReceiptHandle"])
            for m in found.get("Messages", ())
        ]

    def delete(self, messages: Sequence[Message]) -> None:
        """Done with. What cannot be deleted comes again, which who reads it must bear."""
        for some in _batches(messages):
            entries = [{"Id": str(n), "ReceiptHandle": m.receipt} for n, m in enumerate(some)]
            with self._asking("delete from"):
                self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)

    def give_back(self, messages: Sequence[Message]) -> None:
        """Let others see them at once."""
        for some in _batches(messages):
            entries = [
                {"Id": str(n), "ReceiptHandle": m.receipt, "VisibilityTimeout": 0} for n, m in enumerate(some)
            ]
            with self._asking("give back to"):
                self._sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)

    def put(self, bodies: Sequence[str]) -> None:
        for body in bodies:
            with self._asking("send to"):
                self._sqs.send_message(QueueUrl=self._url, MessageBody=body)

    @contextmanager
    def _asking(self, verb: str) -> Iterator[None]:
        try:
            yield
        except (boto.BotoCoreError, boto.ClientError, boto.HTTPClientError, ValueError) as error:
            raise StorageFailed(f"{verb} queue {self.name}: {error}") from error


def _batches(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    return (messages[at : at + _BATCH] for at in range(0, len(messages), _BATCH))
