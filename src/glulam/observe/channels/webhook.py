"""Any HTTP endpoint: the alert as JSON. With a secret, signed:

    X-Glulam-Signature: t=1735689600,v1=<hex of HMAC-SHA256 with the secret over b"1735689600." + body>

The time is that of the try, so that whoever gets it can refuse what somebody sends again later."""

from __future__ import annotations

import hmac
import time

import orjson

from glulam.observe.channel_kinds import WebhookChannel
from glulam.observe.channels.http import post
from glulam.observe.notification import Notification
from glulam.observe.reach import Reach


def send(channel: WebhookChannel, told: Notification, reach: Reach) -> str:
    body = orjson.dumps(told.as_json())
    headers = {**channel.headers, "Idempotency-Key": told.delivery_id}
    if channel.secret is not None:
        headers["X-Glulam-Signature"] = signature(channel.secret, body, int(time.time()))
    return str(post(channel.url, body, headers, reach))


def signature(secret: str, body: bytes, at: int) -> str:
    tag = hmac.digest(secret.encode(), f"{at}.".encode() + body, "sha256").hex()
    return f"t={at},v1={tag}"
