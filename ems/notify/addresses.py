"""Which addresses may be posted to: a URL that somebody typed must not lead into the network that EMS runs in.

A name is resolved once, every address it has is checked, and the connection goes to a checked address: a name that
resolves to another one a moment later (DNS rebinding) gains nothing.
"""

import ipaddress
import socket
from collections.abc import Callable, Sequence
from typing import Any

Resolve = Callable[[str, int], Sequence[Any]]
"""As :func:`socket.getaddrinfo`."""

MAX_ADDRESSES = 3
"""Addresses of one name that are tried, one after the other."""

NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""RFC 6052: the last 32 bits are an IPv4 address."""


class ForbiddenAddressError(Exception):
    """The name leads to an address that is not public; the message says so in words that may be shown."""


class UnknownHostError(Exception):
    """The name cannot be resolved."""


def resolve(host: str, port: int) -> Sequence[Any]:
    """Ask the system's resolver for addresses to connect to."""
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


def addresses_of(host: str, port: int, *, allow_private: bool, ask: Resolve = resolve) -> list[str]:
    """Return addresses of *host* that may be connected to, at most MAX_ADDRESSES.

    Raises:
        ForbiddenAddressError: One of its addresses is not public, and *allow_private* is not set.
        UnknownHostError: It has none, or cannot be resolved now.
    """
    try:
        answers = ask(host, port)
    except (OSError, UnicodeError) as error:  # a label that is too long is a UnicodeError
        raise UnknownHostError("the host's name cannot be resolved") from error
    found = list(dict.fromkeys(str(answer[4][0]) for answer in answers))
    if not found:
        raise UnknownHostError("the host's name has no address")
    if not allow_private and not all(map(is_public, found)):
        raise ForbiddenAddressError("the host has an address that is not public; EMS_WEBHOOK_ALLOW_PRIVATE allows it")
    return found[:MAX_ADDRESSES]


def is_public(text: str) -> bool:
    """Tell whether *text* is an address of the public internet, whatever it is wrapped in."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if address.teredo is not None or address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved
