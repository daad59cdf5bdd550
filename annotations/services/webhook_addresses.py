"""Where messages may be sent: in production over https, and never into our own network.

A receiver's name is looked up once for each message, every address it has is checked, and the
connection goes to one of those very addresses: a name that answers differently a moment later
leads nowhere else.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

from inference.errors import DomainError

PORTS = {"http": 80, "https": 443}
TRANSLATED = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16")))
"""Addresses that stand for IPv4 ones, private ones among them."""
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class ReceiverAddressError(DomainError):
    """Nothing may be sent there."""


@dataclass(frozen=True)
class Target:
    scheme: str
    host: str
    port: int
    path: str
    """With the query."""

    @property
    def named(self) -> str:
        """As the header Host says it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def read_target(url: str) -> Target:
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode()
    except ValueError as error:
        raise ReceiverAddressError("This is not an address on the web.") from error
    if parts.scheme not in PORTS or not host or any(not 32 < ord(c) < 127 for c in url):
        raise ReceiverAddressError(
            "Give the receiver's whole address, such as https://lab.example.org/moodeval."
        )
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ReceiverAddressError(
            "Leave names, passwords and “#” out of the address: the signature proves the sender."
        )
    if settings.PRODUCTION and parts.scheme != "https":
        raise ReceiverAddressError("Messages are sent encrypted only: begin with https://.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, PORTS[parts.scheme] if port is None else port, path)


def addresses_of(target: Target) -> list[str]:
    """In the order in which to try them; refused as a whole where one lies in a private network.

    Raises OSError where the name cannot be looked up.
    """
    found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if settings.PRODUCTION and not all(map(is_public, addresses)):
        raise ReceiverAddressError(
            f"{target.host} lies in a private network. Messages go to public addresses only."
        )
    return addresses


def is_public(address: str) -> bool:
    read: Address = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(read, ipaddress.IPv6Address):
        if any(read in network for network in TRANSLATED):
            return False
        read = read.ipv4_mapped or read
    return read.is_global and not (read.is_multicast or read.is_reserved or read.is_unspecified)


def check_receiver(url: str) -> None:
    """For whoever adds it: a name that cannot be looked up would get no message."""
    target = read_target(url)
    if not settings.PRODUCTION:
        return
    try:
        addresses_of(target)
    except OSError as error:
        raise ReceiverAddressError(f"There is no server named {target.host}.") from error
