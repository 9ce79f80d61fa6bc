"""Under what a key may be used."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv6Network, ip_address, ip_network

from abate.platform.parties.errors import AddressRefused, KeyExpired, PartyKeyMalformed

EVENTS = "events"
LOG = "log"
"""The scope of a verifier's key: leaves, and the openings it was given access to."""
SHARING = "sharing"
"""The scope of an authority's key: to ask for figures of groups, and to read what was granted."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Under what a key may be used: until when, and from which networks."""

    expires_at: datetime | None
    addresses: tuple[str, ...]

    def check(self, address: str | None, now: datetime) -> None:
        """Raises KeyExpired, AddressRefused. Without an address only the time is looked at."""
        if self.expires_at is not None and self.expires_at <= now:
            raise KeyExpired
        if address is None or not self.addresses:
            return
        try:
            came_from = ip_address(address)
        except ValueError:
            raise AddressRefused from None
        came_from = getattr(came_from, "ipv4_mapped", None) or came_from
        # Lists of before `network` wrote them are read as it writes them.
        if not any(came_from in ip_network(network(one)) for one in self.addresses):
            raise AddressRefused


def network(text: str) -> str:
    """A network as a key's list has it: one of IPv4 that is written as IPv6 (::ffff:0:0/96) as IPv4, which is how callers are
    compared. Raises ValueError."""
    found = ip_network(text.strip())
    if (
        isinstance(found, IPv6Network)
        and found.prefixlen >= 96
        and (old := found.network_address.ipv4_mapped)
    ):
        return f"{old}/{found.prefixlen - 96}"
    return str(found)


def check_scopes(scopes: Iterable[str]) -> list[str]:
    """Of a key that speaks for its party, as a list. Raises PartyKeyMalformed."""
    if not (found := list(scopes)) or set(found) - {EVENTS, LOG, SHARING}:
        raise PartyKeyMalformed("scopes")
    return found
