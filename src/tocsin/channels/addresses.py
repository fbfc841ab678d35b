"""Which addresses of the network may be asked: by default none but public ones.

An address in a configuration, or a name behind it, must not lead a daemon to the
services of its own machine or network. A name is resolved once; what was looked at is
what is connected to, so that a name cannot change its mind in between.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Resolver: TypeAlias = Callable[[str, int], Iterable[str]]

Address: TypeAlias = "ipaddress.IPv4Address | ipaddress.IPv6Address"
Network: TypeAlias = "ipaddress.IPv4Network | ipaddress.IPv6Network"

MOST = 3
"""Addresses of one name that are tried."""

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_LOW = 0xFFFF_FFFF


class AddressRefused(Exception):  # noqa: N818 - it says what happened
    """No address of a name may be asked."""


class NameUnknown(Exception):  # noqa: N818 - it says what happened
    """A name has no address, at least not now."""


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a name, in the order in which to try them.

    Raises:
        NameUnknown: It has none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        said = getattr(error, "strerror", None) or "it is no name"
        raise NameUnknown(f"{host!r} cannot be resolved: {said}") from None
    return list(dict.fromkeys(str(where[4][0]) for where in found))


def permitted(
    host: str, port: int, allowed: tuple[str, ...], resolver: Resolver = resolve
) -> list[str]:
    """Return the addresses of a name that may be asked, at most `MOST`.

    `allowed` names hosts and networks that may be, though they are not public.

    Raises:
        AddressRefused: It has addresses, and none of them may be asked.
        NameUnknown: It has none.
    """
    found = [address.partition("%")[0] for address in resolver(host, port)]
    if not found:
        raise NameUnknown(f"{host!r} has no address")
    if host.lower() in {name.lower() for name in allowed}:
        return found[:MOST]
    networks = [n for n in map(network, allowed) if n is not None]
    kept = [text for text in found if _may(ipaddress.ip_address(text), networks)]
    if not kept:
        said = "is" if found == [host] else f"is at {found[0]}, which is"
        raise AddressRefused(
            f"{host} {said} no public address; it can be permitted with 'allow'"
        )
    return kept[:MOST]


def network(text: str) -> Network | None:
    """Return the network that a text names, such as `10.0.0.0/8`; None for a host."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def public(address: Address) -> bool:
    """Return whether an address, and one inside it, belongs to the public network."""
    inner = _inner(address)
    if inner is not None and not public(inner):
        return False
    mapped = isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped
    fine = address.is_global and not address.is_multicast and not address.is_reserved
    return fine or bool(mapped) or (inner is not None and address in _NAT64)


def _inner(address: Address) -> ipaddress.IPv4Address | None:
    """Return the address of IPv4 that one of IPv6 leads to."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & _LOW)
    return (
        address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
    )


def _may(address: Address, networks: Iterable[Network]) -> bool:
    inner = _inner(address)
    known = any(
        a in n for a in (address, inner) if a is not None
        for n in networks if n.version == a.version
    )  # fmt: skip
    return known or public(address)
