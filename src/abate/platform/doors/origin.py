"""Whose a network address is, where what one sender may ask for is counted."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network

SITE = 64
"""Bits of an IPv6 address that name the network of one subscriber; the others its hosts choose as they like (RFC 4291, 6177)."""


def sender(address: str) -> str:
    """What is counted as one: an IPv4 address, also where it is written as IPv6, or the /64 of an IPv6 address. What is no
    address stays as it is.
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ip_network((found, SITE), strict=False))
