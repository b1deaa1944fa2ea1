"""An HTTP proxy that stands before a server and misbehaves on request, as networks and servers do.

    with FaultProxy(endpoint) as proxy:
        proxy.add(Rule(fault=Fault.DROP_AFTER, method="PUT", path="/bucket/key", times=1))
        ... talk to proxy.url ...
        assert proxy.hits[0].fault is Fault.DROP_AFTER

A rule applies to the matching requests number `first` to `first + times - 1`, counted from 1; the first rule
that applies wins. Every request is logged in `requests` (method, path with query), so a test can see retries.
"""

from __future__ import annotations

import http.client
import re
import socket
import threading
from dataclasses import dataclass
from email.message import Message
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import urlsplit

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "expect"}


class Fault(Enum):
    ERROR_500 = auto()
    SLOW_DOWN_503 = auto()
    NOT_IMPLEMENTED_501 = auto()
    HANG = auto()
    """Say nothing until the client gives up; the server never sees the request."""
    SHORT_BODY = auto()
    """The answer's headers, half of its body, then a closed connection."""
    DROP_BEFORE = auto()
    """Close the connection; the server never sees the request."""
    DROP_AFTER = auto()
    """Close the connection after the server executed the request: the client cannot know the outcome."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    fault: Fault
    method: str = ".*"
    path: str = ".*"
    header: str | None = None
    """Only requests that carry this header."""
    first: int = 1
    times: int = 1_000_000


class FaultProxy:
    """Listens on a free local port while used as a context manager."""

    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream)
        if not parts.hostname or not parts.port:
            raise ValueError(f"expected http://host:port, found {upstream!r}")
        self.upstream = (parts.hostname, parts.port)
        self.requests: list[tuple[str, str]] = []
        self.hits: list[Rule] = []
        self._rules: list[tuple[Rule, list[int]]] = []
        self._lock = threading.Lock()
        self.closing = threading.Event()
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def add(self, *rules: Rule) -> None:
        with self._lock:
            self._rules += [(rule, [0]) for rule in rules]

    def clear(self) -> None:
        """Behave well from now on; forget what was seen."""
        with self._lock:
            self._rules, self.hits, self.requests = [], [], []

    def fault_for(self, method: str, path: str, headers: Message) -> Fault | None:
        with self._lock:
            self.requests.append((method, path))
            for rule, seen in self._rules:
                if not (re.fullmatch(rule.method, method) and re.search(rule.path, path)):
                    continue
                if rule.header is not None and rule.header not in headers:
                    continue
                seen[0] += 1
                if rule.first <= seen[0] < rule.first + rule.times:
                    self.hits.append(rule)
                    return rule.fault
        return None

    def __enter__(self) -> FaultProxy:
        serve = self._server.serve_forever
        threading.Thread(target=serve, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    proxy: FaultProxy
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer in one packet: two small ones would wait for each other's acknowledgement
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.proxy.fault_for(self.command, self.path, self.headers)
        match fault:
            case Fault.HANG:
                self.proxy.closing.wait(30)
                self._drop()
            case Fault.DROP_BEFORE:
                self._drop()
            case Fault.ERROR_500:
                self._error(500, "InternalError")
            case Fault.SLOW_DOWN_503:
                self._error(503, "SlowDown")
            case Fault.NOT_IMPLEMENTED_501:
                self._error(501, "NotImplemented")
            case _:
                self._forward(body, fault)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve

    def _forward(self, body: bytes, fault: Fault | None) -> None:
        connection = http.client.HTTPConnection(*self.proxy.upstream, timeout=30)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
        try:
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if fault is Fault.DROP_AFTER:
            self._drop()
            return
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP_BY_HOP and name.lower() != "content-length":
                self.send_header(name, value)
        # A HEAD answer has no body; its Content-Length is the object's.
        length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(content))
        if length is not None and answer.status not in (204, 304):
            self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if fault is Fault.SHORT_BODY else content)
        if fault is Fault.SHORT_BODY:
            self._drop()

    def _error(self, status: int, code: str) -> None:
        error = f"<Error><Code>{code}</Code><Message>told to fail</Message></Error>"
        text = f"<?xml version='1.0'?>{error}".encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def _drop(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return

    def handle_expect_100(self) -> bool:
        found = super().handle_expect_100()
        self.wfile.flush()
        return found

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""
