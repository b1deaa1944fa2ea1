"""E-mail over SMTP: one message to all addresses, its Message-ID made of the delivery's id."""

from __future__ import annotations

import smtplib
import socket
import ssl
from contextlib import suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime

from glulam.model.errors import NotDelivered
from glulam.observe.channel_kinds import EmailChannel
from glulam.observe.notification import Notification
from glulam.observe.reach import WHOLE_S, Reach, over_tls, within

PORTS = {"starttls": 587, "tls": 465, "none": 25}
READ_S = 10.0


class _Smtp(smtplib.SMTP):
    """Connects where it may, to the address that was looked at."""

    def __init__(self, channel: EmailChannel, reach: Reach) -> None:
        self._channel, self._reach = channel, reach
        super().__init__(timeout=READ_S)
        self._host = channel.host  # the name that starttls expects in the certificate

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        made = self._reach.connect(host, port)
        made.settimeout(timeout)
        if self._channel.tls == "tls":
            made = over_tls(made, host)
            made.do_handshake()
        return made


def send(channel: EmailChannel, told: Notification, reach: Reach) -> str:
    """Raises NotDelivered. Some of several addresses refused: it is sent, and the answer names them."""
    smtp = _Smtp(channel, reach)
    port = channel.port or PORTS[channel.tls]
    try:
        with within(WHOLE_S, lambda: getattr(smtp, "sock", None)):
            refused = _talk(smtp, channel, port, message(channel, told))
    except (OSError, smtplib.SMTPException) as error:
        raise NotDelivered(f"{channel.host}:{port}: {type(error).__name__}: {_said(error)}") from error
    finally:
        smtp.close()
    return f"accepted for {len(channel.to) - len(refused)} of {len(channel.to)} addresses" + (
        f"; refused: {', '.join(refused)}" if refused else ""
    )


def message(channel: EmailChannel, told: Notification) -> EmailMessage:
    made = EmailMessage(policy=SMTP_POLICY)
    made["Subject"] = told.heading
    made["From"] = channel.from_
    made["To"] = ", ".join(channel.to)
    made["Date"] = format_datetime(datetime.now(UTC))
    made["Message-ID"] = f"<{told.delivery_id}@{channel.from_.rpartition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"
    made["X-Glulam-Alert"] = told.alert_id
    made.set_content(told.text)
    return made


def _talk(smtp: _Smtp, channel: EmailChannel, port: int, made: EmailMessage) -> list[str]:
    code, greeting = smtp.connect(channel.host, port)
    if code != 220:
        raise smtplib.SMTPConnectError(code, greeting)
    if channel.tls == "starttls":
        smtp.starttls(context=ssl.create_default_context())
    if channel.user is not None and channel.password is not None:
        smtp.login(channel.user, channel.password)
    refused = list(smtp.send_message(made, from_addr=channel.from_, to_addrs=list(channel.to)))
    with suppress(
        OSError, smtplib.SMTPException
    ):  # it is accepted; how the other side says goodbye changes nothing
        smtp.quit()
    return refused


def _said(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "; ".join(f"{who}: {code} {_text(why)}" for who, (code, why) in error.recipients.items())
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_text(error.smtp_error)}"
    return str(error)


def _text(answer: bytes | str) -> str:
    return answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
