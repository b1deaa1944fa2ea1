"""Where channels may connect to, and the sockets to there.

Public addresses always. This machine's and private ones when the settings say so: a channel must not become a way into a
network that its author cannot reach. Link-local addresses (a cloud's metadata service among them) only when they are named.
The connection goes to the address that was looked at, whatever the name means a moment later."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from glulam.model.addresses import Address, addresses_of, is_loopback, outside
from glulam.model.errors import NotDelivered
from glulam.settings import Settings

CONNECT_S = 5.0
WHOLE_S = 20.0
"""For everything, from the connection to the answer's last byte."""


@dataclass(frozen=True, kw_only=True)
class Reach:
    """Where channels may connect to."""

    allowed: tuple[str, ...] = ()
    """Networks, addresses and host names beside public ones."""
    private: bool = False
    """This machine's and private addresses as well."""

    @classmethod
    def of(cls, settings: Settings) -> Reach:
        """Private addresses are open by default only where nobody else can reach the server."""
        return cls.parse(settings.alert_hosts, private=is_loopback(settings.host))

    @classmethod
    def parse(cls, text: str, *, private: bool) -> Reach:
        """text: entries with commas between. private: what holds when it is empty."""
        allowed = tuple(entry.strip() for entry in text.split(",") if entry.strip())
        return cls(allowed=allowed, private=private and not allowed)

    def addresses(self, host: str, port: int) -> list[str]:
        """Those of a host, all of which may be connected to. Raises NotDelivered."""
        try:
            found = addresses_of(host, port)
        except (OSError, UnicodeError) as error:
            raise NotDelivered(f"{host}: its address was not found: {error}") from error
        for address in outside(host, found, self.allowed):
            if not self._is_open(address):
                raise NotDelivered(
                    f"{host} is at {address}, which is not public; GLULAM_ALERT_HOSTS can allow channels to go there"
                )
        return [str(address) for address in found]

    def _is_open(self, address: Address) -> bool:
        if address.is_global and not address.is_multicast:
            return True
        near = (address.is_private or address.is_loopback) and not (
            address.is_link_local or address.is_multicast or address.is_unspecified or address.is_reserved
        )
        return self.private and (near or address.is_loopback)

    def connect(self, host: str, port: int) -> socket.socket:
        """Raises NotDelivered."""
        failed: OSError | None = None
        for address in self.addresses(host, port):
            try:
                return socket.create_connection((address, port), timeout=CONNECT_S)
            except OSError as error:
                failed = error
        raise NotDelivered(f"{host}:{port} cannot be reached: {failed}") from failed


def over_tls(raw: socket.socket, host: str) -> ssl.SSLSocket:
    """The same connection, to be encrypted once its handshake is done, which demands a certificate for the host."""
    return ssl.create_default_context().wrap_socket(raw, server_hostname=host, do_handshake_on_connect=False)


@contextmanager
def within(seconds: float, current: Callable[[], socket.socket | None]) -> Iterator[None]:
    """Cuts the block's connection when it takes longer, and raises TimeoutError: a limit for each read alone is kept by whoever
    sends a byte now and then, for ever."""
    late = threading.Event()

    def cut() -> None:
        late.set()
        open_ = current()
        if open_ is not None:
            with suppress(OSError):  # it is closed already
                open_.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    except Exception as error:
        if not late.is_set():
            raise
        raise TimeoutError(f"not done within {seconds:.0f} seconds") from error
    finally:
        timer.cancel()
    if late.is_set():
        raise TimeoutError(f"not done within {seconds:.0f} seconds")
