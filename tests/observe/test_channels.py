"""What each kind of channel says, to a real server of its kind."""

from __future__ import annotations

import email
import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.policy import default as modern
from pathlib import Path
from typing import Any

import boto3
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from moto.server import ThreadedMotoServer

from observe.conftest import Desk, Sink, answer, free_port, hook

KEY = "0123456789abcdef0123456789abcdef"


class Mailbox:
    """Takes mail, but not for `refused@`; may lose its temper."""

    def __init__(self) -> None:
        self.got: list[Message] = []
        self.users: list[bytes] = []
        self.encrypted: list[bool] = []
        self.temper: list[str] = []

    async def handle_RCPT(
        self, server: Any, session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        if address.startswith("refused@"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        if self.temper:
            return self.temper.pop()
        self.got.append(email.message_from_bytes(envelope.content or b"", policy=modern))  # type: ignore[arg-type]
        self.encrypted.append(session.ssl is not None)
        return "250 Message accepted"

    def authenticate(
        self, server: Any, session: Any, envelope: Any, mechanism: str, given: Any
    ) -> AuthResult:
        self.users.append(given.login)
        return AuthResult(success=given.password == b"right-password", handled=False)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For localhost, with its key, in one file."""
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]),
    )
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(7).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    plain = serialization.NoEncryption()
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@contextmanager
def smtp(mailbox: Mailbox, **more: Any) -> Iterator[int]:
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port(), **more)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def mail(port: int, **more: Any) -> dict[str, Any]:
    channel = {"type": "email", "host": "localhost", "port": port, "tls": "none", "from": "glulam@example.org",
               "to": ["ann@example.org"], **more}  # fmt: skip
    return {
        "channels": {"mail": channel},
        "rules": {"bad-file": {"event": "file.quarantined", "severity": "P1", "channels": ["mail"],
                               "dedupe": {"window": "0s"}, "title": "File {detail.file}", "message": "{detail.message}"}},
    }  # fmt: skip


def test_mail_is_sent_with_the_deliverys_id(desk: Desk) -> None:
    mailbox = Mailbox()
    with smtp(mailbox) as port:
        desk.apply(mail(port, to=["ann@example.org", "refused@example.org"]))
        mailbox.temper.append("451 later")
        desk.tell(detail={"file": "s3://raw/ü\r\nBcc: evil@example.org", "message": "ungültig\n.\nQUIT"})
        desk.work()
        assert mailbox.got == []
        assert "451" in (desk.deliveries()[0].answer or "")
        desk.clock.turn(minutes=1)
        desk.send()
    (got,), (delivery,) = mailbox.got, desk.deliveries()
    assert got["Subject"] == "[P1] File s3://raw/ü Bcc: evil@example.org"
    assert got["Bcc"] is None
    assert got["Message-ID"] == f"<{delivery.id}@example.org>"
    assert got.get_content().replace("\r\n", "\n").startswith("ungültig\n.\nQUIT\nrule bad-file, alert ")  # type: ignore[attr-defined]
    assert (delivery.state, delivery.answer) == (
        "SENT",
        "accepted for 1 of 2 addresses; refused: refused@example.org",
    )


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_mail_over_tls_with_a_password(
    desk: Desk, certificate: Path, monkeypatch: pytest.MonkeyPatch, tls: str
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    mailbox = Mailbox()
    how = {"ssl_context": context} if tls == "tls" else {"tls_context": context, "require_starttls": True}
    with smtp(mailbox, authenticator=mailbox.authenticate, auth_require_tls=tls != "tls", **how) as port:
        desk.apply(mail(port, tls=tls, user="glulam", password="right-password"))
        desk.tell()
        desk.work()
        assert "CERTIFICATE_VERIFY_FAILED" in (desk.deliveries()[0].answer or ""), "nobody vouches for it"
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        desk.clock.turn(minutes=1)
        desk.send()
        assert [d.state for d in desk.deliveries()] == ["SENT"], desk.deliveries()
        desk.apply(mail(port, tls=tls, user="glulam", password="wrong-password"))
        desk.tell()
        desk.work()
        assert "535" in (desk.deliveries()[1].answer or "")
    assert mailbox.encrypted == [tls == "starttls"], (
        "the server knows of its own TLS only; before it nothing was accepted"
    )
    assert set(mailbox.users) == {b"glulam"}


def test_slack_gets_text_that_calls_nobody(desk: Desk, sink: Sink) -> None:
    document = hook(sink, title="<!channel> {detail.file}")
    document["channels"]["hook"] = {"type": "slack", "url": f"{sink.url}/services/T0/B0/xyz"}
    desk.apply(document)
    desk.tell(detail={"file": "a & <https://evil.example|b>"})
    desk.work()
    (got,) = sink.got
    assert got.path == "/services/T0/B0/xyz"
    first, *_ = got.json["text"].split("\n")
    assert first == "*[P1] &lt;!channel&gt; a &amp; &lt;https://evil.example|b&gt;*"


def test_pagerduty_gets_an_incident_by_the_alerts_id(desk: Desk, sink: Sink) -> None:
    document = hook(sink)
    document["channels"]["hook"] = {
        "type": "pagerduty",
        "routing_key": "0123456789abcdef0123456789abcdef",
        "endpoint": sink.url,
    }
    sink.behaviours.append(answer(202, '{"status":"success","message":"Event processed"}'))
    desk.apply(document)
    desk.tell()
    desk.work()
    (alert,) = desk.alerts()
    (got,) = sink.got
    assert got.json["routing_key"] == KEY
    assert (got.json["event_action"], got.json["dedup_key"], got.json["client"]) == (
        "trigger",
        alert.id,
        "Glulam",
    )
    payload = got.json["payload"]
    assert (payload["severity"], payload["source"], payload["class"]) == (
        "error",
        "glulam",
        "file.quarantined",
    )
    assert payload["custom_details"]["event"]["detail"]["file"] == "s3://raw/x.json"
    assert desk.deliveries()[0].answer == '202 {"status":"success","message":"Event processed"}'


def test_the_log_gets_a_line_of_json(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.apply({"channels": {"log": {"type": "log", "severities": ["P2"]}}, "rules": {
        "slow": {"event": "Glue Job Run Status", "severity": "P2"}}})  # fmt: skip
    with caplog.at_level(logging.WARNING, "glulam.alerts"):
        desk.tell("Glue Job Run Status", {"jobName": "j"}, source="aws.glue")
        desk.work()
    (line,) = [r.getMessage() for r in caplog.records if r.name == "glulam.alerts"]
    assert line.startswith('alert {"delivery":')
    assert '"title":"slow: Glue Job Run Status"' in line


def test_sns_gets_a_message(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        sns, sqs = (
            boto3.client(n, endpoint_url=url, region_name="us-east-1", **keys) for n in ("sns", "sqs")
        )
        topic = sns.create_topic(Name="alerts")["TopicArn"]
        queue = sqs.create_queue(QueueName="q")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
        channel = {"type": "sns", "topic_arn": topic, "endpoint": url, "access_key_id": "test",
                   "secret_access_key": "test-secret-key"}  # fmt: skip
        desk.apply({"channels": {"topic": channel}, "rules": {"bad": {
            "event": "file.quarantined", "severity": "P0", "channels": ["topic"], "title": "Büro {detail.file}"}}})  # fmt: skip
        desk.tell()
        desk.work()
        (delivery,) = desk.deliveries()
        assert delivery.state == "SENT", delivery
        (message,) = sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"])["Messages"]
        assert message["Body"].startswith("[P0] Büro s3://raw/x.json\n\n")
        assert message["MessageAttributes"]["severity"]["StringValue"] == "P0"
        assert message["MessageAttributes"]["delivery"]["StringValue"] == delivery.id
        desk.apply({"channels": {"topic": {**channel, "topic_arn": topic + "-gone"}}})
        desk.clock.turn(minutes=10)
        desk.tell()
        desk.work()
        assert "NotFound" in (desk.deliveries()[1].answer or "")
    finally:
        server.stop()
