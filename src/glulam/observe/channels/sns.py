"""A topic of SNS, or of what speaks its protocol. Credentials are the channel's, else those of the sender's environment."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from glulam.model.errors import NotDelivered
from glulam.observe.channel_kinds import SnsChannel
from glulam.observe.notification import Notification
from glulam.observe.reach import CONNECT_S, Reach

MOST_SUBJECT = 99
_ONCE = Config(connect_timeout=CONNECT_S, read_timeout=10, retries={"total_max_attempts": 1})


def send(channel: SnsChannel, told: Notification, reach: Reach) -> str:
    if channel.endpoint is not None:
        parts = urlsplit(channel.endpoint)
        reach.addresses(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
    try:
        client = boto3.Session().client(
            "sns", region_name=channel.region, endpoint_url=channel.endpoint, config=_ONCE,
            aws_access_key_id=channel.access_key_id, aws_secret_access_key=channel.secret_access_key,
        )  # fmt: skip
        answer = client.publish(**publication(channel, told))
    except ClientError as error:
        raise NotDelivered(f"SNS answered {error}") from error
    except BotoCoreError as error:
        raise NotDelivered(f"SNS: {error}") from error
    return f"MessageId {answer['MessageId']}"


def publication(channel: SnsChannel, told: Notification) -> dict[str, Any]:
    """What Publish takes."""
    subject = told.heading.encode("ascii", "replace").decode()[:MOST_SUBJECT]
    values = {"severity": told.severity, "rule": told.rule, "action": told.action.lower(), "alert": told.alert_id,
              "delivery": told.delivery_id}  # fmt: skip
    given: dict[str, Any] = {
        "TopicArn": channel.topic_arn, "Subject": subject, "Message": f"{told.heading}\n\n{told.text}",
        "MessageAttributes": {k: {"DataType": "String", "StringValue": v} for k, v in values.items()},
    }  # fmt: skip
    if channel.topic_arn.endswith(".fifo"):
        given |= {"MessageDeduplicationId": told.delivery_id, "MessageGroupId": told.alert_id}
    return given
