"""Where a host's name leads, and whether it may be gone to. A name is resolved once, and the connection goes to one of the
addresses found, not to the name: nothing that resolves differently a moment later is reached."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address. A name other than localhost is not looked up, and is no."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def addresses_of(host: str, port: int) -> list[Address]:
    """What the host's name stands for. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [
        ipaddress.ip_address(place[0].partition("%")[0]) for *_, place in found if isinstance(place[0], str)
    ]
    return list(dict.fromkeys(_plain(address) for address in addresses))


def outside(host: str, addresses: Sequence[Address], allowed: Sequence[str]) -> list[Address]:
    """Those of the addresses that are in none of the networks of `allowed`; none when the host is in it by its name."""
    networks = []
    for entry in allowed:
        try:
            networks.append(ipaddress.ip_network(entry, strict=False))
        except ValueError:
            if entry.lower() == host.lower():
                return []
    return [address for address in addresses if not any(address in network for network in networks)]


def _plain(address: Address) -> Address:
    """`::ffff:169.254.169.254` is 169.254.169.254."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
